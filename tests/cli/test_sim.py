"""``fixgw sim``: a venue in a process of its own."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path

import pytest

from tests.cli.conftest import PATIENCE, fixgw, lines, process, running_sim

pytestmark = pytest.mark.slow


def test_it_says_on_one_line_what_a_client_has_to_know(tmp_path: Path) -> None:
    with running_sim(tmp_path / "venue") as (running, ready):
        assert list(ready) == ["host", "ports", "rest", "ca", "keys"]
        assert list(ready["ports"]) == [
            "KalshiNR",
            "KalshiDC",
            "KalshiRT",
            "KalshiPT",
            "KalshiRFQ",
            "KalshiMD",
        ]
        assert len(set(ready["ports"].values())) == 6
        for port in ready["ports"].values():
            socket.create_connection((ready["host"], port), timeout=PATIENCE).close()
        assert [key["name"] for key in ready["keys"]] == ["rsa", "ed25519", "listener"]
        assert {Path(key["private_key"]).stat().st_mode & 0o777 for key in ready["keys"]} == {0o600}
        assert Path(ready["ca"]).read_text().startswith("-----BEGIN CERTIFICATE-----")
        running.send_signal(signal.SIGTERM)
        out, err = running.communicate(timeout=PATIENCE)
    ledger = tmp_path / "venue" / "ledger.json"
    assert (running.returncode, out) == (0, "")  # the one line was all
    assert err.strip() == f"stopped; what happened is in {ledger}"
    orders = json.loads(ledger.read_text())["orders"]
    assert len(orders) == 4  # the house quotes both sides of two markets


def test_the_ports_follow_a_base_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = process("sim", "--base-port", str(port), "--state-dir", tmp_path / "venue")
    assert (done.returncode, done.stdout) == (2, "")
    first, remedy = done.stderr.splitlines()
    assert first.startswith(f"can not listen on 127.0.0.1:{port}: ")
    assert first.endswith("Address already in use")
    assert remedy.strip() == "choose a free port and an address of this machine"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "the public key of desk can not be read: No such file or directory"),
        ("no key", "the public key of desk does not parse"),
    ],
)
def test_a_public_key_that_is_none(tmp_path: Path, content: str | None, what: str) -> None:
    key = tmp_path / "key.pub"
    if content is not None:
        key.write_text(content)
    done = process(
        "sim", "--base-port", "0", "--state-dir", tmp_path, "--key-id", "desk", "--public-key", key
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == what


def test_key_ids_and_public_keys_come_in_pairs(tmp_path: Path) -> None:
    result = fixgw("sim", "--state-dir", tmp_path, "--key-id", "desk")
    assert result.exit_code == 2
    assert lines(result) == [
        "there are 1 key ids and 0 public keys",
        "--key-id, --public-key",
        "give one --public-key for each --key-id, in the same order",
    ]


def test_perpetual_futures_have_their_own_kinds_of_session(tmp_path: Path) -> None:
    with running_sim(tmp_path / "venue", "--product", "margin") as (running, ready):
        assert list(ready["ports"]) == ["KalshiNR", "KalshiDC", "KalshiRT", "KalshiMD"]
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=PATIENCE)
    orders = json.loads((tmp_path / "venue" / "ledger.json").read_text())["orders"]
    assert {(order["symbol"], order["price"]) for order in orders} == {
        (symbol, price) for symbol in ("BTC-PERP", "ETH-PERP") for price in ("19.45", "19.55")
    }


def test_a_scenario_is_played(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(
        """\
venue: {clients: [{name: desk, algorithm: ed25519, account: alpha}]}
house: [{symbol: HIGHNY-26DEC31, bid: 0.40, offer: 0.60, size: 5}]
events: [{at: 10ms, trading: paused}]
"""
    )
    with running_sim(tmp_path / "venue", "--scenario", scenario) as (running, ready):
        assert [key["name"] for key in ready["keys"]] == ["desk"]
        assert running.stderr is not None
        told = json.loads(running.stderr.readline())
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=PATIENCE)
    assert (told["logger"], told["event"], told["at_seconds"]) == ("fixgw.sim", "trading", 0.01)
    orders = json.loads((tmp_path / "venue" / "ledger.json").read_text())["orders"]
    assert len(orders) == 2  # those of the file, and no others


def test_a_mistake_in_a_scenario(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("events:\n  - {at: 1s, close_market: NONE}\n")
    result = fixgw("sim", "--state-dir", tmp_path, "--scenario", scenario)
    assert result.exit_code == 2
    assert lines(result) == [
        "there is no market 'NONE'",
        f"{scenario}:2 events[0].close_market",
        "use one of: HIGHNY-26DEC31, KXFED-26DEC-T4.00",
    ]


def test_the_schema_of_a_scenario_has_what_the_simulator_can_be_told() -> None:
    schema = json.loads(fixgw("config", "scenario").stdout)
    assert {"markets", "clients", "quirks"} <= set(schema["properties"]["venue"]["properties"])
    assert "state" not in schema["properties"]["venue"]["properties"]
    failure = schema["$defs"]["FailNext"]["properties"]["failure"]
    assert failure["enum"] == ["internal_error", "unavailable", "applied"]
    fault = schema["$defs"]["FaultRule"]["properties"]["fault"]
    assert "gap" in fault["enum"]


def test_a_port_beyond_the_last(tmp_path: Path) -> None:
    result = fixgw("sim", "--base-port", "70000", "--state-dir", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--base-port" in result.stderr
