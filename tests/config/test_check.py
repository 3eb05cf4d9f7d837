"""Clashes between sessions, with the venue's facts, and with this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from fixgw.config.check import check
from fixgw.config.problems import Level, Problem
from tests.config.conftest import Spoil, new_pem


def _one(problems: list[Problem], path: str) -> Problem:
    assert [problem.where.split(" ", 1)[1] for problem in problems] == [path], problems
    return problems[0]


def test_a_good_configuration_has_no_problem(spoil: Spoil) -> None:
    assert check(spoil()) == []


PIN = "sha256/" + "A" * 43 + "="


@pytest.mark.parametrize(
    "changes",
    [
        {"sessions.0.connect": {"host": "127.0.0.1", "port": 9999, "tls": False}},
        {"sessions.0.connect": {"host": "localhost", "tls": {"ca_file": "ca.pem", "pins": [PIN, "ab" * 32]}}},
        {"sessions.0.connect": {"host": "fix.demo.kalshi.co", "port": 8230}},
        {"sessions.0.connect": {"host": "10.0.0.1", "tls": False, "allow_plain_remote": True}},
        {"sessions.0.options": {"use_dollars": True, "message_retention_period": 48}},
        {"sessions.0.handlers": {"orders": "fixgw.handlers.base:Handler"}},
        {"sessions.1.on_gap": "reconnect", "sessions.1.cancel_on_disconnect": False},
        {
            "venue_overrides": {"kalshi": {"kinds": {"orders-rt": {"port": 7}}}},
            "sessions.0.connect": {"port": 7},
        },
        {"venue_overrides": {"kalshi": {"heart_bt_int_min": 1}}, "sessions.0.heartbeat": 2},
        {"sessions.2.cancel_on_disconnect": False},
        {"sessions.0.connect": {"hosts": ["127.0.0.1:1", "[::1]:2", "fix.demo.kalshi.co:8230"]}},
        {"sessions.0.username": "me", "sessions.0.password": "${env:KEY_3}"},
        {"sessions.0.next_expected": True, "sessions.0.limits": {"resend_chunk": 500}},
        {"metrics": {"listen": "127.0.0.1:9464"}, "admin": {"socket": "admin.sock"}},
    ],
)
def test_what_fits_is_accepted(spoil: Spoil, changes: dict[str, Any]) -> None:
    assert check(spoil(changes)) == []


CASES: list[tuple[dict[str, Any], str, str, str]] = [
    ({"sessions.0.venue": "kalsi"}, "sessions[0].venue", "venue 'kalsi' is not known", "use one of: "),
    (
        {"sessions.0.kind": "order-rt"},
        "sessions[0].kind",
        "kalshi has no kind of session 'order-rt'",
        "orders-rt",
    ),
    ({"sessions.0.environment": "dmeo"}, "sessions[0].environment", "no environment 'dmeo'", "'demo'?"),
    ({"sessions.0.environment": None}, "sessions[0].connect.host", "nobody says where", "demo or production"),
    (
        {"sessions.0.connect": {"port": 8229}},
        "sessions[0].connect.port",
        "port 8229 does not serve orders-rt (KalshiRT)",
        "8230",
    ),
    (
        {"sessions.0.connect": {"host": "marketdata.fix.demo.kalshi.co"}},
        "sessions[0].connect.host",
        "does not serve orders-rt",
        "fix.demo.kalshi.co",
    ),
    (
        {"sessions.0.connect": {"host": "mm.fix.elections.kalshi.com"}},
        "sessions[0].connect.host",
        "is production, and environment says demo",
        "correct environment",
    ),
    ({"sessions.0.sender": None}, "sessions[0].sender", "'sender' is missing", "SenderCompID(49)"),
    (
        {"venue_overrides": {"kalshi": {"kinds": {"orders-rt": {"target_comp_id": ""}}}}},
        "sessions[0].target",
        "'target' is missing",
        "TargetCompID(56)",
    ),
    ({"sessions.0.key_file": "none.pem"}, "sessions[0].key_file", "does not exist", "correct the path"),
    ({"sessions.0.key_file": "ca.pem"}, "sessions[0].key_file", "can be read by other users", "chmod 600"),
    (
        {"sessions.0.key_file": "ca.pem", "sessions.0.allow_readable_key": True},
        "sessions[0].key_file",
        "",
        "",
    ),
    ({"sessions.0.key": "${env:KEY_3}"}, "sessions[0].key_file", "exclude each other", "keep one"),
    ({"sessions.2.key": None}, "sessions[2].key", "", ""),
    (
        {"sessions.0.connect": {"tls": {"pins": [PIN, "sha256/x"]}}},
        "sessions[0].connect.tls.pins[1]",
        "is not a SHA-256 digest",
        "sha256/BASE64",
    ),
    (
        {"sessions.0.connect": {"tls": {"ca_file": "none.pem"}}},
        "sessions[0].connect.tls.ca_file",
        "the CA file can not be used",
        "PEM certificates",
    ),
    (
        {"sessions.0.connect": {"host": "10.0.0.1", "tls": False}},
        "sessions[0].connect.tls",
        "unencrypted",
        "allow_plain_remote",
    ),
    (
        {"sessions.0.store": {"path": None}},
        "sessions[0].store.path",
        "nobody says where the tape",
        "directory",
    ),
    ({"sessions.0.store": {"path": "ca.pem"}}, "sessions[0].store.path", "can not be written", "chown"),
    (
        {"sessions.0.cancel_on_disconnect": ...},
        "sessions[0].cancel_on_disconnect",
        "nobody says whether they die with the connection",
        "true or false",
    ),
    (
        {"sessions.2.cancel_on_disconnect": True},
        "sessions[2].cancel_on_disconnect",
        "does not apply to",
        "leave it",
    ),
    ({"sessions.0.on_gap": "reconnect"}, "sessions[0].on_gap", "no meaning on orders-rt", "remove"),
    (
        {"sessions.0.connect": {"hosts": ["127.0.0.1:1"], "port": 1}},
        "sessions[0].connect.hosts",
        "in place of host and port",
        "keep hosts",
    ),
    (
        {"sessions.0.connect": {"hosts": ["127.0.0.1:1", "fix.demo.kalshi.co:8229"]}},
        "sessions[0].connect.hosts[1]",
        "port 8229 does not serve orders-rt",
        "8230",
    ),
    (
        {"sessions.0.connect": {"hosts": ["127.0.0.1:1", "10.0.0.1:2"], "tls": False}},
        "sessions[0].connect.tls",
        "unencrypted",
        "allow_plain_remote",
    ),
    ({"sessions.1.next_expected": True}, "sessions[1].next_expected", "nothing is sent again", "remove"),
    (
        {"sessions.1.limits": {"resend_chunk": 5}},
        "sessions[1].limits.resend_chunk",
        "no meaning on orders-nr",
        "remove",
    ),
    (
        {"sessions.0.begin_string": "FIX.4.2", "sessions.0.next_expected": True},
        "sessions[0].next_expected",
        "FIX.4.2 has no NextExpectedMsgSeqNum(789)",
        "begins with FIX.4.4",
    ),
    (
        {"sessions.0.begin_string": "FIX.4.4", "sessions.0.default_appl_ver_id": "9"},
        "sessions[0].default_appl_ver_id",
        "FIX.4.4 has no DefaultApplVerID(1137)",
        "FIXT.1.1",
    ),
    (
        {"sessions.0.begin_string": "FIX.4.4", "sessions.0.accepted_appl_ver_ids": ["9"]},
        "sessions[0].accepted_appl_ver_ids",
        "FIX.4.4 has no DefaultApplVerID(1137)",
        "FIXT.1.1",
    ),
    (
        {"sessions.0.limits": {"max_resend": 10, "resend_limit": 5}},
        "sessions[0].limits.max_resend",
        "raise no alarm",
        "at most resend_limit",
    ),
    (
        {"sessions.0.username": "me", "sessions.0.logon_fields": {553: "you"}},
        "sessions[0].username",
        "in logon_fields too",
        "take 553 out",
    ),
    ({"sessions.0.heartbeat": 3}, "sessions[0].heartbeat", "below what kalshi accepts", "4 or more"),
    (
        {"sessions.0.timing": {"dead_factor": 1.1}},
        "sessions[0].timing.dead_factor",
        "leaves no time",
        "test_request_factor",
    ),
    (
        {"sessions.0.options": {"use_dolars": 1}},
        "sessions[0].options.use_dolars",
        "no Logon option",
        "use_dollars",
    ),
    (
        {"sessions.0.options": {"use_dollars": True, "listener_session": True}},
        "sessions[0].options.listener_session",
        "needs skip_pending",
        "skip_pending_exec_reports: true",
    ),
    (
        {"sessions.0.options": {"cancel_orders_on_disconnect": True}},
        "sessions[0].options.cancel_orders_on_disconnect",
        "has a setting of its own",
        "cancel_on_disconnect beside",
    ),
    (
        {"sessions.0.handlers": {"order": "a:B"}},
        "sessions[0].handlers.order",
        "no handler 'order'",
        "'orders'?",
    ),
    (
        {"sessions.0.handlers": {"orders": "no_such:B"}},
        "sessions[0].handlers.orders",
        "imported",
        "PYTHONPATH",
    ),
    ({"sessions.0.handlers": {"orders": "json:B"}}, "sessions[0].handlers.orders", "no class 'B'", "colon"),
    ({"sessions.1.name": "rt", "sessions.1.store": {"path": "b"}}, "sessions[1].name", "two sessions", "own"),
    ({"sessions.1.sender": "key-1"}, "sessions[1].sender", "rt and nr use the same sender", "another key"),
    ({"sessions.1.key": "${file:one.pem}"}, "sessions[1].key", "the same private key", "its own private key"),
    (
        {"sessions.1.key": ..., "sessions.1.key_file": "one.pem"},
        "sessions[1].key_file",
        "the same private key",
        "its own",
    ),
    ({"sessions.1.store": {"path": "tape/rt"}}, "sessions[1].store.path", "tapes in one place", "directory"),
    ({"metrics": {"listen": "localhost:99999"}}, "metrics.listen", "no such port", "65535"),
    ({"admin": {"socket": "/tmp/" + "x" * 100}}, "admin.socket", "longer than 104 bytes", "/run/fixgw"),
    (
        {"venue_overrides": {"kalsi": {"heart_bt_int": 5}}},
        "venue_overrides.kalsi",
        "no session uses",
        "'kalshi'?",
    ),
]


@pytest.mark.parametrize(("changes", "path", "what", "remedy"), CASES, ids=[case[1] for case in CASES])
def test_a_clash_is_an_error_with_place_and_remedy(
    spoil: Spoil, changes: dict[str, Any], path: str, what: str, remedy: str
) -> None:
    problem = _one(check(spoil(changes)), path)
    assert problem.level is Level.ERROR
    assert what in problem.what
    assert remedy in problem.remedy
    assert problem.remedy
    assert problem.where.partition(" ")[0].rpartition(":")[2].isdigit()


def test_an_override_of_an_unknown_fact_is_placed(spoil: Spoil) -> None:
    loaded = spoil({"venue_overrides": {"kalshi": {"kinds": {"orders-rt": {"prot": 1}}}}})
    (problem,) = check(loaded)
    assert problem.what == "prot is no fact of a venue"
    assert problem.where.endswith(" venue_overrides.kalshi.kinds.orders-rt.prot")
    assert "did you mean port?" in problem.remedy


def test_a_tape_under_a_directory_of_another_user_is_an_error(spoil: Spoil, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    loaded = spoil({"sessions.0.store": {"path": "closed/tape"}})
    closed.chmod(0o500)
    try:
        problems = check(loaded)
    finally:
        closed.chmod(0o700)
    if os.geteuid() == 0:  # root may write everywhere
        assert problems == []
    else:
        assert _one(problems, "sessions[0].store.path").what.endswith("can not be written")


def test_a_key_by_reference_is_held_to_the_same_permissions(spoil: Spoil, tmp_path: Path) -> None:
    loaded = spoil()
    (tmp_path / "two.pem").chmod(0o644)
    assert "can be read by other users" in _one(check(loaded), "sessions[1].key").what


def test_one_key_serves_one_session_whatever_the_kind_and_host(spoil: Spoil) -> None:
    problem = _one(check(spoil({"sessions.2.sender": "key-1"})), "sessions[2].sender")
    assert "one connection a key" in problem.remedy


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"sessions.1.on_gap": "reconnect"}, "cancel every open order"),
        ({"sessions.0.store": {"kind": "memory"}}, "keeps its numbers in memory"),
    ],
)
def test_what_is_risky_but_possible_is_a_warning(spoil: Spoil, changes: dict[str, Any], what: str) -> None:
    (problem,) = check(spoil(changes))
    assert problem.level is Level.WARNING
    assert what in problem.what


def test_a_memory_store_where_nothing_is_resent_is_fine(spoil: Spoil) -> None:
    assert check(spoil({"sessions.2.store": {"kind": "memory"}})) == []


def test_a_key_of_the_wrong_type_is_an_error(spoil: Spoil, tmp_path: Path) -> None:
    loaded = spoil()
    (tmp_path / "one.pem").write_bytes(b"-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n")
    problem = _one(check(loaded), "sessions[0].key_file")
    assert "hunter2" not in str(problem)
    (tmp_path / "one.pem").write_bytes(new_pem())
    assert check(loaded) == []
