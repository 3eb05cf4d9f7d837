"""Prometheus metrics, made from the snapshot at each scrape; nothing is counted twice.

Labels come from the configuration and the protocol, so their number is bounded: no order ids, and of the
markets those with the largest positions.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path
from typing import TypeAlias

from prometheus_client import CollectorRegistry, start_http_server, write_to_textfile
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from fixgw.errors import ConfigError
from fixgw.handlers.position import PositionSnapshot
from fixgw.observe.histogram import BOUNDS, HistogramSnapshot
from fixgw.observe.reconciliation import ReconciliationView
from fixgw.observe.snapshot import GatewaySnapshot, OrdersView, PositionsView, SessionView
from fixgw.session.state import Phase

_SCRAPE_TIMEOUT = 5.0  # seconds that a scrape waits for the event loop
_ADMIN_TYPES = frozenset("012345A")

Sample: TypeAlias = tuple[tuple[str, ...], float]  # label values beside the session, and the value


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of a session.

    Args:
        family: counter or gauge.
        name: without ``fixgw_`` and ``_total``.
        help: a sentence.
        labels: label names beside ``session``.
        samples: reads them from a view.
    """

    family: type[CounterMetricFamily] | type[GaugeMetricFamily]
    name: str
    help: str
    labels: tuple[str, ...]
    samples: Callable[[SessionView], Iterable[Sample]]


def _one(read: Callable[[SessionView], float | None]) -> Callable[[SessionView], Iterable[Sample]]:
    def samples(view: SessionView) -> Iterable[Sample]:
        value = read(view)
        return [((), float(value))] if value is not None else []

    return samples


def _book(read: Callable[[OrdersView], int]) -> Callable[[SessionView], Iterable[Sample]]:
    return lambda view: [] if view.orders is None else [((), float(read(view.orders)))]


def _both(
    inbound: Callable[[SessionView], float], outbound: Callable[[SessionView], float]
) -> Callable[[SessionView], Iterable[Sample]]:
    return lambda view: [(("in",), float(inbound(view))), (("out",), float(outbound(view)))]


def _phases(view: SessionView) -> Iterable[Sample]:
    return [((phase.value,), float(phase.value == view.session.phase)) for phase in Phase]


def _messages(view: SessionView) -> Iterable[Sample]:
    for direction, counts in (("in", view.session.tally.received), ("out", view.session.tally.sent)):
        for msg_type, count in counts.items():
            yield (direction, msg_type, "admin" if msg_type in _ADMIN_TYPES else "application"), float(count)


def _queues(view: SessionView) -> Iterable[Sample]:
    return [((queue,), float(depth)) for queue, depth in view.queues.items()]


def _refused(view: SessionView) -> Iterable[Sample]:
    return [((rule,), float(count)) for rule, count in view.safety.refused.items()]


def _tokens(view: SessionView) -> Iterable[Sample]:
    return [((bucket,), level) for bucket, level in view.safety.tokens.items()]


def _slow_calls(view: SessionView) -> Iterable[Sample]:
    return [((method,), float(count)) for method, count in view.handlers.slow_calls.items()]


def _last_received(view: SessionView) -> float | None:
    stamp = view.session.tally.last_received_utc_ns
    return stamp / 1e9 if stamp else None


C, G = CounterMetricFamily, GaugeMetricFamily

ROWS: tuple[Row, ...] = (
    Row(G, "session_up", "1 while application messages may be sent.", (), _one(lambda v: v.active)),
    Row(G, "session_required", "1 when the gateway can not do without it.", (), _one(lambda v: v.required)),
    Row(G, "session_phase", "1 for the phase that the session is in.", ("phase",), _phases),
    Row(C, "messages", "Messages by MsgType.", ("direction", "msg_type", "class"), _messages),
    Row(C, "bytes", "Bytes on the wire.", ("direction",), _both(lambda v: v.bytes_in, lambda v: v.bytes_out)),
    Row(
        G,
        "next_seqnum",
        "The MsgSeqNum that comes next.",
        ("direction",),
        _both(lambda v: v.session.next_in, lambda v: v.session.next_out),
    ),
    Row(C, "gaps", "Gaps in the numbers received.", (), _one(lambda v: v.session.tally.gaps)),
    Row(
        C,
        "resend_requests",
        "ResendRequests.",
        ("direction",),
        _both(lambda v: v.session.tally.resend_requests_in, lambda v: v.session.tally.resend_requests_out),
    ),
    Row(C, "resent", "Messages sent again.", (), _one(lambda v: v.session.tally.resent)),
    Row(
        C,
        "recovered",
        "Messages that came only when asked for again.",
        (),
        _one(lambda v: v.session.tally.recovered),
    ),
    Row(C, "filled", "Numbers filled in place of a message.", (), _one(lambda v: v.session.tally.filled)),
    Row(
        C,
        "rejects",
        "Reject(3); outbound also BusinessMessageReject(j).",
        ("direction",),
        _both(lambda v: v.session.tally.rejects_in, lambda v: v.session.tally.rejects_out),
    ),
    Row(C, "duplicates", "Duplicates ignored.", (), _one(lambda v: v.session.tally.redundant)),
    Row(C, "garbled", "Runs of bytes that were no FIX.", (), _one(lambda v: v.session.tally.garbled)),
    Row(C, "logons", "Logon handshakes completed.", (), _one(lambda v: v.session.tally.logons)),
    Row(
        C,
        "reconnects",
        "Connections after the first.",
        (),
        _one(lambda v: max(v.connections - 1, 0)),
    ),
    Row(G, "logon_refusals", "Refused Logons in a row.", (), _one(lambda v: v.supervisor.refusals)),
    Row(G, "stopped", "1 when it dials no more.", (), _one(lambda v: v.supervisor.state == "stopped")),
    Row(G, "last_received_timestamp_seconds", "When bytes came last.", (), _one(_last_received)),
    Row(
        G,
        "clock_offset_seconds",
        "The peer's SendingTime minus our clock.",
        (),
        _one(lambda v: v.session.tally.clock_offset),
    ),
    Row(G, "queue_depth", "What waits.", ("queue",), _queues),
    Row(G, "queue_high", "Most events that waited for handlers.", (), _one(lambda v: v.handlers.queue_high)),
    Row(G, "reading_held", "1 while handlers are too far behind.", (), _one(lambda v: v.handlers.held)),
    Row(C, "handler_errors", "Handler calls that raised.", (), _one(lambda v: v.handlers.errors)),
    Row(C, "handler_slow_calls", "Handler calls over 1 ms.", ("method",), _slow_calls),
    Row(C, "malformed_messages", "Refused as unreadable.", (), _one(lambda v: v.handlers.malformed)),
    Row(G, "store_full", "1 when the disk was found full.", (), _one(lambda v: v.store.full)),
    Row(G, "orders_open", "Open orders.", (), _book(lambda o: o.open)),
    Row(G, "orders_in_flight", "Requests without answer.", (), _book(lambda o: o.in_flight)),
    Row(
        C,
        "outcome_unknown",
        "Requests whose outcome is unknown.",
        (),
        _book(lambda o: o.outcome_unknown),
    ),
    Row(
        C,
        "not_sent",
        "Requests proved never to have left.",
        (),
        _book(lambda o: o.not_sent),
    ),
    Row(C, "orders_rejected", "Requests refused.", (), _book(lambda o: o.rejected)),
    Row(C, "refused", "Messages that were kept back.", ("rule",), _refused),
    Row(C, "throttled", "Messages refused for the rate.", (), _one(lambda v: v.safety.throttled)),
    Row(G, "rate_tokens", "Tokens left in a bucket.", ("bucket",), _tokens),
    Row(G, "venue_holds", "Pauses of the venue.", (), _one(lambda v: len(v.safety.held))),
)

DURATIONS: tuple[tuple[str, str, Callable[[SessionView], HistogramSnapshot]], ...] = (
    ("turn", "A turn that began with received bytes.", lambda v: v.turns),
    ("commit", "An append to the store.", lambda v: v.commits),
    ("ack", "From a submit to its first report.", lambda v: v.acks),
    ("heartbeat_rtt", "From a TestRequest to its Heartbeat.", lambda v: v.heartbeats),
)


SYMBOLS = 100  # markets with metrics of their own in each account: those with the largest positions

EACH: tuple[tuple[str, str, Callable[[PositionSnapshot], Decimal]], ...] = (
    ("position_contracts", "Net YES contracts held in a market, negative for NO.", lambda p: p.qty),
    ("position_fees_dollars", "Fees paid in a market.", lambda p: p.fees),
    ("position_realised_pnl_dollars", "Earned in a market, before fees.", lambda p: p.realised_pnl),
)

TOTALS: tuple[tuple[str, str, Callable[[PositionsView], Decimal | int]], ...] = (
    ("fees_dollars", "Fees paid, all markets together.", lambda v: v.fees),
    ("realised_pnl_dollars", "Earned before fees, all markets together.", lambda v: v.realised_pnl),
    ("executions_counted", "Executions and settlements that moved positions.", lambda v: v.counted),
    ("executions_doubtful", "Executions too old to tell whether they counted.", lambda v: v.doubtful),
    (
        "positions_differing",
        "Positions of which the venue says another figure.",
        lambda v: sum(not one.agrees for one in v.each),
    ),
    (
        "positions_left_out",
        "Positions without metrics of their own.",
        lambda v: max(len(v.each) - SYMBOLS, 0),
    ),
)


RECONCILIATION: tuple[
    tuple[str, str, str, Callable[[ReconciliationView], Iterable[tuple[str, float]]]], ...
] = (
    ("end_timestamp_seconds", "When the last run was done.", "", lambda r: [("", r.ended_utc_ns / 1e9)]),
    (
        "judged_until_timestamp_seconds",
        "Up to when executions were judged.",
        "",
        lambda r: [("", r.judged_until_utc_ns / 1e9)],
    ),
    ("exit_code", "0 clean, 1 breaks, 2 unproven or failed.", "", lambda r: [("", r.exit_code)]),
    ("verdict", "1 for what the last run came to.", "verdict", lambda r: [(r.verdict, 1)]),
    ("breaks", "Differences by kind.", "kind", lambda r: r.breaks.items()),
    ("matched_executions", "Executions that both sides have.", "", lambda r: [("", r.matched)]),
    ("pending_executions", "Executions too young to be judged.", "", lambda r: [("", r.pending)]),
    ("applied_executions", "Executions that were given to the books.", "", lambda r: [("", r.applied)]),
    (
        "unproven_seconds",
        "For how long nothing shows that no execution is missing.",
        "session",
        lambda r: r.unproven_seconds.items(),
    ),
)


class ReconciliationCollector(Collector):
    """Renders what one run came to.

    Args:
        told: what it came to.
    """

    def __init__(self, told: ReconciliationView) -> None:
        self._told = told

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of the run."""
        for name, text, label, read in RECONCILIATION:
            labels = [label] if label else []
            family = GaugeMetricFamily(f"fixgw_reconciliation_{name}", text, labels=labels)
            for value, number in read(self._told):
                family.add_metric([value] if label else [], float(number))
            yield family


def write_reconciliation(path: Path, told: ReconciliationView) -> None:
    """Write what a run came to for a node exporter's textfile collector, the whole file at once.

    Raises:
        ConfigError: the file can not be written.
    """
    made = CollectorRegistry(auto_describe=False)
    made.register(ReconciliationCollector(told))
    try:
        write_to_textfile(str(path), made)
    except OSError as error:
        raise ConfigError(
            f"the metrics can not be written: {error.strerror}", str(path), "name a file that can be replaced"
        ) from error


class SnapshotCollector(Collector):
    """Renders a fresh snapshot at every scrape.

    Args:
        take: returns the snapshot.
    """

    def __init__(self, take: Callable[[], GatewaySnapshot]) -> None:
        self._take = take
        self._version = version("fixgw")

    def describe(self) -> Iterable[Metric]:
        """Return nothing: registering must not take a snapshot."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of every session."""
        taken = self._take()
        views = taken.sessions.values()
        build = GaugeMetricFamily("fixgw_build_info", "The version that runs.", labels=["version"])
        build.add_metric([self._version], 1.0)
        yield build
        kill = GaugeMetricFamily("fixgw_killed", "1 while the kill switch is on.")
        kill.add_metric([], float(taken.kill is not None))
        yield kill
        for row in ROWS:
            family = row.family(f"fixgw_{row.name}", row.help, labels=["session", *row.labels])
            for view in views:
                for labels, value in row.samples(view):
                    family.add_metric([view.name, *labels], value)
            yield family
        for name, text, read in DURATIONS:
            yield _histogram(f"fixgw_{name}_seconds", text, ((view.name, read(view)) for view in views))
        yield from _positions(taken.positions)
        if taken.reconciliation is not None:
            yield from ReconciliationCollector(taken.reconciliation).collect()


def _positions(venues: Mapping[str, PositionsView]) -> Iterator[Metric]:
    for name, text, total in TOTALS:
        family = GaugeMetricFamily(f"fixgw_{name}", text, labels=["venue"])
        for venue, view in venues.items():
            family.add_metric([venue], float(total(view)))
        yield family
    largest = {
        venue: sorted(view.each, key=lambda one: -abs(one.qty))[:SYMBOLS] for venue, view in venues.items()
    }
    for name, text, read in EACH:
        family = GaugeMetricFamily(f"fixgw_{name}", text, labels=["venue", "symbol", "subaccount"])
        for venue, positions in largest.items():
            for one in positions:
                family.add_metric([venue, one.symbol, one.alloc_account], float(read(one)))
        yield family


def _histogram(name: str, text: str, taken: Iterable[tuple[str, HistogramSnapshot]]) -> Metric:
    family = HistogramMetricFamily(name, text, labels=["session"])
    edges = [*map(str, BOUNDS), "+Inf"]
    for session, state in taken:
        buckets = list(zip(edges, map(float, accumulate(state.counts)), strict=True))
        family.add_metric([session], buckets, sum_value=state.total)
    return family


def registry(take: Callable[[], GatewaySnapshot]) -> CollectorRegistry:
    """Return a registry of its own that holds the gateway's metrics and nothing of the process."""
    made = CollectorRegistry(auto_describe=False)
    made.register(SnapshotCollector(take))
    return made


@asynccontextmanager
async def serve(listen: str, take: Callable[[], GatewaySnapshot]) -> AsyncIterator[int]:
    """Offer ``/metrics`` for as long as the context lasts; yields the port in use.

    Scrapes are answered by a thread; the snapshot itself is taken on the event loop.

    Args:
        listen: ``host:port``; port 0 takes any free one.
        take: returns the snapshot; called on the event loop.

    Raises:
        ConfigError: the address can not be bound.
    """
    loop = asyncio.get_running_loop()
    host, _, port = listen.rpartition(":")
    try:
        server, thread = start_http_server(
            int(port), host.strip("[]"), registry(lambda: _on_loop(loop, take))
        )
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"the metrics can not be offered on {listen}: {error}",
            "metrics.listen",
            "choose a free port of this machine",
        ) from error
    try:
        yield server.server_port
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        await asyncio.to_thread(thread.join)


def _on_loop(loop: asyncio.AbstractEventLoop, take: Callable[[], GatewaySnapshot]) -> GatewaySnapshot:
    """Take the snapshot on the loop, from another thread."""
    taken: concurrent.futures.Future[GatewaySnapshot] = concurrent.futures.Future()

    def fill() -> None:
        try:
            taken.set_result(take())
        except Exception as error:
            taken.set_exception(error)

    loop.call_soon_threadsafe(fill)
    return taken.result(_SCRAPE_TIMEOUT)
