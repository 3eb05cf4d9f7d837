"""From settings to a gateway that runs."""

from __future__ import annotations

import asyncio
import shutil
import socket
import urllib.request
import uuid
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import fixgw
from fixgw.admin.client import AdminClient
from fixgw.clock import SystemClock
from fixgw.config.build import build, load, session_plan
from fixgw.config.check import check
from fixgw.config.problems import InvalidConfigError
from fixgw.config.resolve import resolve_sessions
from fixgw.config.settings import load_settings
from fixgw.engine.settings import SessionPlan
from fixgw.errors import ConfigError
from fixgw.handlers.base import Handler
from fixgw.session.hooks import ResendFresh
from fixgw.session.state import OnGap, OnMismatch, Role, SessionSettings
from fixgw.sim.pki import DEFAULT_CLIENTS, KeyRegistry, StateDirectory
from fixgw.store.base import Sync
from fixgw.store.memory import MemoryStore
from fixgw.store.tape import Tape, TapeSettings
from fixgw.transport.tcp import TcpConnector
from tests.config.conftest import Spoil

ROOT = Path(fixgw.__file__).parent.parent


def _plans(spoil: Spoil, changes: dict[str, Any] | None = None) -> list[SessionPlan]:
    loaded = spoil(changes)
    assert check(loaded) == []
    return [session_plan(session) for session in resolve_sessions(loaded).sessions]


def test_a_session_takes_the_venues_facts(spoil: Spoil) -> None:
    rt, nr, md = (plan.session for plan in _plans(spoil))
    assert (rt.name, rt.role, rt.sender_comp_id, rt.target_comp_id) == (
        "rt",
        Role.INITIATOR,
        "key-1",
        "KalshiRT",
    )
    assert (rt.begin_string, rt.default_appl_ver_id, rt.heart_bt_int) == ("FIXT.1.1", "9", 30)
    assert (rt.reset_on_logon, nr.reset_on_logon, md.reset_on_logon) == (False, True, True)
    assert (rt.retransmission, nr.retransmission) == (True, False)
    assert rt.accepted_sender_comp_ids == {"Kalshi", "KalshiRT"}
    assert (rt.logon_fields, nr.logon_fields, md.logon_fields) == (((8013, "N"),), ((8013, "Y"),), ())
    assert isinstance(rt.resend_policy, ResendFresh)


def test_a_session_takes_what_the_file_says(spoil: Spoil) -> None:
    changes = {
        "sessions.0.heartbeat": 10,
        "sessions.0.target": "THEM",
        "sessions.0.reset_on_logon": True,
        "sessions.0.on_mismatch": "reset",
        "sessions.1.on_gap": "reconnect",
        "sessions.1.cancel_on_disconnect": False,
        "sessions.0.options": {"use_dollars": True},
        "sessions.0.logon_fields": {20200: 48},
        "sessions.0.timing": {"logon_timeout": 3, "sending_time_window": 60},
        "sessions.0.reconnect": {"max_refusals": 2},
        "sessions.0.limits": {"queue_size": 5},
        "sessions.0.on_error": "stop",
        "sessions.0.required": False,
        "sessions.0.connect": {"connect_timeout": 4, "tls": {"server_name": "x"}},
    }
    rt, nr, _ = _plans(spoil, changes)
    assert (rt.session.heart_bt_int, rt.session.target_comp_id, rt.session.reset_on_logon) == (
        10,
        "THEM",
        True,
    )
    assert (rt.session.on_mismatch, nr.session.on_gap) == (OnMismatch.RESET, OnGap.RECONNECT)
    assert rt.session.logon_fields == ((8013, "N"), (21005, "Y"), (20200, "48"))
    assert (rt.session.logon_timeout, rt.session.sending_time_window) == (3, 60)
    assert (rt.retry.max_refusals, rt.link.queue_size, rt.link.stop_on_error) == (2, 5, True)
    assert (rt.required, nr.required) == (False, True)


def test_a_session_takes_what_the_file_says_about_numbers_and_versions(spoil: Spoil) -> None:
    changes = {
        "sessions.0.begin_string": "FIX.4.4",
        "sessions.0.time_precision": "us",
        "sessions.0.next_expected": True,
        "sessions.0.last_processed": True,
        "sessions.0.reset_on_logout": True,
        "sessions.0.reset_on_disconnect": True,
        "sessions.0.reject_garbled": True,
        "sessions.0.validate_checksum": False,
        "sessions.0.username": "me",
        "sessions.0.password": "${env:KEY_3}",
        "sessions.0.timing": {"strict_sending_time": True, "test_request_factor": 1.5, "dead_factor": 3},
        "sessions.0.limits": {
            "max_frame_size": 2_048,
            "waiting_messages": 7,
            "waiting_bytes": 70_000,
            "resend_chunk": 100,
            "max_resend": 8,
            "resend_limit": 9,
            "repeated_resend_limit": 2,
            "max_jump": 50,
        },
        "sessions.1.default_appl_ver_id": 8,
        "sessions.1.accepted_appl_ver_ids": [8, 9],
    }
    rt, nr, _ = (plan.session for plan in _plans(spoil, changes))
    assert (rt.begin_string, rt.default_appl_ver_id, rt.time_precision) == ("FIX.4.4", None, "us")
    assert (nr.begin_string, nr.default_appl_ver_id) == ("FIXT.1.1", "8")
    assert nr.accepted_appl_ver_ids == {"8", "9"}
    assert (rt.next_expected, rt.last_processed, rt.reject_garbled, rt.validate_checksum) == (
        True,
        True,
        True,
        False,
    )
    assert (rt.reset_on_logout, rt.reset_on_disconnect) == (True, True)
    assert (rt.strict_sending_time, rt.test_request_factor, rt.dead_factor) == (True, 1.5, 3)
    assert (rt.max_frame_size, rt.waiting_messages, rt.waiting_bytes) == (2_048, 7, 70_000)
    assert (rt.resend_chunk, rt.max_resend, rt.resend_limit) == (100, 8, 9)
    assert (rt.repeated_resend_limit, rt.max_jump) == (2, 50)
    assert rt.logon_fields[0] == (553, "me")
    assert rt.logon_fields[1][0] == 554


def test_a_session_takes_the_defaults_of_the_engine_when_nothing_is_said(spoil: Spoil) -> None:
    rt = _plans(spoil)[0].session
    plain = SessionSettings("rt", Role.INITIATOR, "key-1", "KalshiRT")
    venue = {"signer", "logon_fields", "accepted_sender_comp_ids", "resend_policy"}
    names = {field.name for field in fields(SessionSettings)} - venue
    assert {name: getattr(rt, name) for name in names} == {name: getattr(plain, name) for name in names}


def test_hours_become_a_timetable(spoil: Spoil) -> None:
    schedule = {
        "time_zone": "America/New_York",
        "windows": ["mon-fri 08:00-17:00"],
        "reset": True,
        "drain": 2,
    }
    changes = {"sessions.0.schedule": schedule, "sessions.1.reset_time": "17:05:00 America/Chicago"}
    rt, nr, md = (plan.timetable for plan in _plans(spoil, changes))
    assert rt is not None
    assert rt.hours is not None
    assert nr is not None
    assert nr.reset_times is not None
    assert (len(rt.hours.windows), rt.reset, rt.drain_seconds, rt.reset_times) == (5, True, 2.0, None)
    assert (nr.hours, nr.reset_times.windows[0].opens) == (None, 17 * 3600 + 300)
    assert md is None


def test_several_hosts_become_one_and_its_standbys(spoil: Spoil) -> None:
    rt = _plans(spoil, {"sessions.0.connect": {"hosts": ["127.0.0.1:1", "[::1]:2"]}})[0]
    assert (rt.host, [host.name for host in rt.standby]) == ("127.0.0.1:1", ["[::1]:2"])
    (standby,) = rt.standby
    assert isinstance(standby.connector, TcpConnector)
    assert (standby.connector.settings.host, standby.connector.settings.port) == ("::1", 2)


def test_stores_are_made_when_they_are_asked_for(spoil: Spoil, tmp_path: Path) -> None:
    rt, _, md = _plans(
        spoil,
        {
            "sessions.2.store": {"kind": "memory"},
            "sessions.0.store": {
                "path": "other",
                "sync": "always",
                "segment_bytes": 1 << 20,
                "roll_daily": False,
                "compress": False,
                "retention_days": 0,
            },
        },
    )
    tape = rt.store()
    assert isinstance(tape, Tape)
    assert tape._settings == TapeSettings(
        Sync.ALWAYS, segment_bytes=1 << 20, roll_daily=False, compress=False, retention_days=0
    )
    assert (tape.path, tape.sync_level) == (tmp_path / "other" / "rt", Sync.ALWAYS)
    assert isinstance(md.store(), MemoryStore)


def test_handlers_come_from_the_file_or_from_the_program(spoil: Spoil) -> None:
    changes = {"sessions.0.handlers": {"orders": "fixgw.handlers.base:Handler"}}
    rt, nr, _ = _plans(spoil, changes)
    assert type(rt.handler) is Handler
    assert nr.handler is None
    mine = Handler()
    assert session_plan(resolve_sessions(spoil(changes)).sessions[0], mine).handler is mine


def test_handlers_for_an_unknown_session_are_refused(spoil: Spoil) -> None:
    with pytest.raises(ConfigError, match="sessions that do not exist: nobody"):
        build(spoil(), handlers={"nobody": Handler()})


def test_every_error_of_the_checks_keeps_the_gateway_from_being_made(spoil: Spoil, tmp_path: Path) -> None:
    spoil({"sessions.0.heartbeat": 1, "sessions.1.cancel_on_disconnect": ...})
    with pytest.raises(InvalidConfigError) as caught:
        load(tmp_path / "sessions.yaml", environ={"KEY_3": "x"})
    assert [problem.where.split()[1] for problem in caught.value.problems] == [
        "sessions[0].heartbeat",
        "sessions[1].cancel_on_disconnect",
        "sessions[2].key",
    ]


async def test_nothing_is_served_that_was_not_asked_for(spoil: Spoil, tmp_path: Path) -> None:
    changes: dict[str, Any] = {}
    for index in range(3):
        changes[f"sessions.{index}.connect"] = {"host": "127.0.0.1", "port": 1}
        changes[f"sessions.{index}.sender"] = str(uuid.uuid4())
    async with build(spoil(changes), wait="none") as gateway:
        assert len(gateway.sessions) == 3
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"tape"}


async def test_metrics_and_administration_run_beside_the_sessions(spoil: Spoil, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        listen = f"127.0.0.1:{probe.getsockname()[1]}"
    with_services: dict[str, Any] = {"metrics": {"listen": listen}, "admin": {"socket": "run/admin.sock"}}
    for index in range(3):
        with_services[f"sessions.{index}.connect"] = {"host": "127.0.0.1", "port": 1}
        with_services[f"sessions.{index}.sender"] = str(uuid.uuid4())  # its lock is the whole machine's

    def scrape() -> str:
        with urllib.request.urlopen(f"http://{listen}/metrics", timeout=10) as answer:
            text: str = answer.read().decode()
        return text

    async with build(spoil(with_services), wait="none"):
        assert 'fixgw_session_up{session="md"} 0.0' in await asyncio.to_thread(scrape)
        status = await asyncio.to_thread(AdminClient(tmp_path / "run" / "admin.sock").call, "status")
    assert list(status["sessions"]) == ["rt", "nr", "md"]


def test_the_shipped_configuration_fits_the_simulator(tmp_path: Path) -> None:
    directory = StateDirectory(tmp_path / "var" / "sim", SystemClock().now().utc_ns)
    keys = directory.clients(DEFAULT_CLIENTS, KeyRegistry())
    shutil.copy(ROOT / "sessions.yaml", tmp_path)
    loaded = load_settings(tmp_path / "sessions.yaml", {})
    assert check(loaded) == []
    orders, drop_copy = (session_plan(session).session for session in resolve_sessions(loaded).sessions)
    assert (orders.sender_comp_id, drop_copy.sender_comp_id) == (keys["rsa"].key_id, keys["listener"].key_id)
