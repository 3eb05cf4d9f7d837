"""From a configuration to a client of the venue's REST API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixgw.config.build import session_plan
from fixgw.config.check import check
from fixgw.config.problems import InvalidConfigError
from fixgw.config.resolve import resolve_sessions
from fixgw.config.rest_client import over_rest, rest_client
from fixgw.config.safety import Shared
from fixgw.config.settings import Loaded, load_settings
from fixgw.errors import ConfigError
from fixgw.sim.sessions import write_sessions
from fixgw.sim.venue import SimSettings, Simulator
from fixgw.venues.kalshi.rest import KalshiRest
from tests.config.conftest import Spoil

DEMO = "https://external-api.demo.kalshi.co"
OWN = {"api_key_id": "reader", "key_file": "two.pem"}
NO_ENVIRONMENT = {"defaults.environment": ..., "defaults.connect": {"host": "127.0.0.1", "port": 8228}}


def client(loaded: Loaded) -> KalshiRest:
    return rest_client(loaded.settings.rest, resolve_sessions(loaded).sessions)


async def test_what_is_written_for_a_simulator_is_enough_to_ask_it(tmp_path: Path) -> None:
    async with Simulator(SimSettings(tmp_path / "venue")) as venue:
        file = write_sessions(venue, tmp_path / "desk", {"orders": ("orders-rt", "rsa")})
        async with client(load_settings(file)) as rest:
            assert (await rest.limits()).usage_tier == "prestige"


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({}, f"{DEMO}, key-1"),
        ({"defaults.environment": "production"}, "https://external-api.kalshi.com, key-1"),
        ({"sessions.0.kind": "drop-copy", "sessions.0.cancel_on_disconnect": ...}, f"{DEMO}, key-2"),
        ({"rest": {"url": "https://localhost:8243/"}}, "https://localhost:8243, key-1"),
        ({"rest": {"url": "http://127.0.0.1:8243"}}, "http://127.0.0.1:8243, key-1"),
        ({"rest": {"url": "http://[::1]:8243"}}, "http://[::1]:8243, key-1"),
        ({"rest": OWN}, f"{DEMO}, reader"),
        ({"rest": {"api_key_id": "reader", "key": "${file:two.pem}"}}, f"{DEMO}, reader"),
        ({"rest": {"api_key_id": "reader", "key": "${env:KEY_3}"}}, f"{DEMO}, reader"),
    ],
    ids=[
        "default",
        "production",
        "orders before others",
        "url",
        "here",
        "here, version 6",
        "key file",
        "file",
        "variable",
    ],
)
def test_it_is_known_whom_to_ask_and_as_whom(spoil: Spoil, changes: dict[str, Any], asked: str) -> None:
    loaded = spoil(changes)
    assert repr(client(loaded)) == f"KalshiRest({asked})"
    assert check(loaded) == []


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"rest": {"api_key_id": "reader"}}, "'api_key_id' stands without its key"),
        ({"rest": {"key_file": "two.pem"}}, "a key stands without its id"),
        ({"rest": {**OWN, "key": "${file:one.pem}"}}, "'key' and 'key_file' exclude each other"),
        ({"rest": {**OWN, "key_file": "none.pem"}}, "does not exist"),
        (
            {"rest": {**OWN, "key_file": "ca.pem", "allow_readable_key": True}},
            "the signature needs a private key",
        ),
        ({"rest": {"ca_file": "one.pem"}}, "the certificates can not be read"),
        ({"rest": {}, **NO_ENVIRONMENT}, "it is not known where the venue is asked over REST"),
        ({"kill_switch": {"over_rest": True}, **NO_ENVIRONMENT}, "it is not known where the venue is asked"),
    ],
    ids=["no key", "no id", "two keys", "no file", "no private key", "no certificate", "no url", "a kill"],
)
def test_what_is_not_enough_is_told(spoil: Spoil, changes: dict[str, Any], what: str) -> None:
    problems = [problem for problem in check(spoil(changes)) if what in problem.what]
    assert [("rest" in problem.where, bool(problem.remedy)) for problem in problems] == [(True, True)]


def test_a_kill_over_rest_clears_one_account(spoil: Spoil) -> None:
    problems = check(spoil({"kill_switch": {"over_rest": True}, "sessions.1.account": "desk-b"}))
    assert [problem.remedy for problem in problems] == ["run a gateway for each account"]


@pytest.mark.parametrize(
    "url",
    [
        "external-api.kalshi.com",
        "https://",
        "ftp://x",
        "https://x/trade-api/v2",
        "https://x?limit=1",
        "https://x:65536",
        "https://a b",
        "https://[::1",
        "https://name:word@x",
        "http://external-api.kalshi.com",
    ],
)
def test_what_is_no_address_for_an_account_is_told(spoil: Spoil, url: str) -> None:
    with pytest.raises(InvalidConfigError, match=r"rest\.url"):
        spoil({"rest": {"url": url}})


def test_a_file_without_a_session_at_the_venue_can_not_ask(spoil: Spoil) -> None:
    plain = {"heartbeat": 30, "target": "PEER", "kind": "session", "venue": "generic"}
    loaded = spoil({f"sessions.{index}.{name}": value for index in range(3) for name, value in plain.items()})
    with pytest.raises(ConfigError, match="no session is with a venue that has a REST API"):
        client(loaded)


def test_a_kill_asks_over_rest_for_the_sessions_of_the_venue_alone(spoil: Spoil) -> None:
    loaded = spoil({"kill_switch": {"over_rest": True}, "sessions.1.venue": "generic"})
    sessions = resolve_sessions(loaded).sessions
    shared = Shared(loaded.settings, over_rest=over_rest(loaded, sessions))
    steps = {
        session.section.name: [step.name for step in session_plan(session, shared=shared).offline_kill_steps]
        for session in sessions
        if session.kind.order_entry
    }
    assert steps["rt"] == ["cancel all over REST"]
    assert steps.get("nr", []) == []


def test_a_kill_stays_away_from_rest_unless_it_is_asked_for(spoil: Spoil) -> None:
    loaded = spoil()
    assert over_rest(loaded, resolve_sessions(loaded).sessions) is None
