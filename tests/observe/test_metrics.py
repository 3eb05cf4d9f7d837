"""Prometheus metrics."""

from __future__ import annotations

import asyncio
import socket
import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from fixgw.errors import ConfigError
from fixgw.observe.metrics import DURATIONS, EACH, ROWS, TOTALS, registry, serve
from fixgw.observe.snapshot import GatewaySnapshot
from fixgw.session.state import Phase

BOUNDED = {
    *("session", "phase", "direction", "msg_type", "class", "queue", "method", "version", "le"),
    *("rule", "bucket", "venue", "symbol", "subaccount"),
}


@pytest.fixture
def metrics(snapshot: GatewaySnapshot) -> CollectorRegistry:
    return registry(lambda: snapshot)


def _get(metrics: CollectorRegistry, name: str, **labels: str) -> float | None:
    return metrics.get_sample_value(f"fixgw_{name}", {"session": "trading", **labels})


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("session_up", {}, 1),
        ("session_required", {}, 1),
        ("messages_total", {"direction": "in", "msg_type": "8", "class": "application"}, 20),
        ("messages_total", {"direction": "in", "msg_type": "0", "class": "admin"}, 3),
        ("messages_total", {"direction": "out", "msg_type": "F", "class": "application"}, 2),
        ("bytes_total", {"direction": "in"}, 1000),
        ("bytes_total", {"direction": "out"}, 2000),
        ("next_seqnum", {"direction": "in"}, 25),
        ("next_seqnum", {"direction": "out"}, 14),
        ("gaps_total", {}, 1),
        ("resend_requests_total", {"direction": "in"}, 4),
        ("resend_requests_total", {"direction": "out"}, 5),
        ("resent_total", {}, 6),
        ("filled_total", {}, 7),
        ("rejects_total", {"direction": "in"}, 8),
        ("rejects_total", {"direction": "out"}, 9),
        ("duplicates_total", {}, 10),
        ("garbled_total", {}, 11),
        ("logons_total", {}, 2),
        ("reconnects_total", {}, 2),
        ("last_received_timestamp_seconds", {}, 1_791_556_199),
        ("clock_offset_seconds", {}, 0.25),
        ("queue_depth", {"queue": "handlers"}, 7),
        ("queue_high", {}, 40),
        ("reading_held", {}, 1),
        ("handler_errors_total", {}, 2),
        ("handler_slow_calls_total", {"method": "on_execution_report"}, 3),
        ("store_full", {}, 1),
        ("orders_open", {}, 5),
        ("orders_in_flight", {}, 1),
        ("outcome_unknown_total", {}, 2),
        ("not_sent_total", {}, 3),
        ("orders_rejected_total", {}, 4),
        ("refused_total", {"rule": "max_order_qty"}, 3),
        ("refused_total", {"rule": "rate"}, 2),
        ("throttled_total", {}, 1),
        ("rate_tokens", {"bucket": "write"}, 1234.5),
        ("venue_holds", {}, 1),
        ("stopped", {}, 0),
        ("logon_refusals", {}, 0),
    ],
)
def test_values_come_from_the_snapshot(
    metrics: CollectorRegistry, name: str, labels: dict[str, str], value: float
) -> None:
    assert _get(metrics, name, **labels) == value


def test_the_kill_switch_is_shown(metrics: CollectorRegistry) -> None:
    assert metrics.get_sample_value("fixgw_killed") == 1


def test_exactly_one_phase_is_on(metrics: CollectorRegistry) -> None:
    phases = {phase.value: _get(metrics, "session_phase", phase=phase.value) for phase in Phase}
    assert [name for name, value in phases.items() if value == 1] == ["active"]
    assert set(phases.values()) == {0, 1}


def test_what_is_not_known_is_left_out(metrics: CollectorRegistry) -> None:
    for name in ("clock_offset_seconds", "last_received_timestamp_seconds", "orders_open"):
        assert metrics.get_sample_value(f"fixgw_{name}", {"session": "quiet"}) is None
    assert metrics.get_sample_value("fixgw_reconnects_total", {"session": "quiet"}) == 0


def test_durations_are_cumulative_histograms(metrics: CollectorRegistry) -> None:
    assert _get(metrics, "turn_seconds_bucket", le="1e-05") == 0
    assert _get(metrics, "turn_seconds_bucket", le="2.5e-05") == 1
    assert _get(metrics, "turn_seconds_bucket", le="0.0005") == 2
    assert _get(metrics, "turn_seconds_count") == 2
    assert _get(metrics, "turn_seconds_sum") == pytest.approx(0.00042)
    assert _get(metrics, "ack_seconds_bucket", le="10.0") == 1
    assert _get(metrics, "ack_seconds_bucket", le="+Inf") == 2


def test_names_are_unique_and_labels_bounded(metrics: CollectorRegistry) -> None:
    families = list(metrics.collect())
    names = [family.name for family in families]
    assert len(names) == len(set(names)) == len(ROWS) + len(DURATIONS) + len(EACH) + len(TOTALS) + 2
    labels = {label for family in families for sample in family.samples for label in sample.labels}
    assert labels <= BOUNDED


def test_a_snapshot_is_taken_per_scrape_and_never_at_registration(snapshot: GatewaySnapshot) -> None:
    taken = []

    def take() -> GatewaySnapshot:
        taken.append(snapshot)
        return snapshot

    made = registry(take)
    assert taken == []
    list(made.collect())
    list(made.collect())
    assert len(taken) == 2


def _scrape(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
    return text


async def test_the_endpoint_serves_what_prometheus_reads(snapshot: GatewaySnapshot) -> None:
    loop = asyncio.get_running_loop()

    def take() -> GatewaySnapshot:
        assert asyncio.get_running_loop() is loop  # never from the scraping thread
        return snapshot

    async with serve("127.0.0.1:0", take) as port:
        text = await asyncio.to_thread(_scrape, port)
    families = {family.name for family in text_string_to_metric_families(text)}
    assert {"fixgw_session_up", "fixgw_messages", "fixgw_turn_seconds", "fixgw_build_info"} <= families
    assert not any(name.startswith(("python_", "process_")) for name in families)


async def test_a_snapshot_that_fails_fails_the_scrape_and_not_the_loop() -> None:
    def take() -> GatewaySnapshot:
        raise LookupError("no snapshot")

    async with serve("127.0.0.1:0", take) as port:
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            await asyncio.to_thread(_scrape, port)


async def test_the_port_is_free_again_afterwards(snapshot: GatewaySnapshot) -> None:
    async with serve("127.0.0.1:0", lambda: snapshot) as port:
        pass
    async with serve(f"127.0.0.1:{port}", lambda: snapshot) as again:
        assert again == port


async def test_a_port_in_use_is_a_configuration_error(snapshot: GatewaySnapshot) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"can not be offered on {listen}"):
            async with serve(listen, lambda: snapshot):
                pass
