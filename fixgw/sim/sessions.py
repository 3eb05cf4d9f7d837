"""Configurations for trading against a simulator: what the demo, fixtures and examples start from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from fixgw.config.build import session_plan
from fixgw.config.check import check_resolved
from fixgw.config.load import Document
from fixgw.config.problems import raise_errors
from fixgw.config.resolve import Resolved, resolve_sessions
from fixgw.config.safety import Shared
from fixgw.config.settings import Loaded, settle
from fixgw.engine.settings import SessionPlan
from fixgw.errors import ConfigError
from fixgw.sim.jumploop import running_clock
from fixgw.sim.kinds import KINDS
from fixgw.sim.pki import Algorithm, ClientSpec
from fixgw.sim.venue import SimSettings, Simulator
from fixgw.transport.memory import MemoryNetwork

Sessions: TypeAlias = Mapping[str, tuple[str, str]]  # session name -> (kind, name of the client's key)

MEMORY_CLIENTS = (
    ClientSpec("alpha", Algorithm.ED25519, "alpha", "key-of-alpha"),
    ClientSpec("beta", Algorithm.ED25519, "beta", "key-of-beta"),
    ClientSpec("listener", Algorithm.ED25519, "alpha", "listener-of-alpha"),
)
NAMES = {kind.name: kind.target_comp_id for kind in KINDS}
ORDER_OPTIONS = {"use_dollars": True, "skip_pending_exec_reports": True, "enable_ioc_cancel_report": True}
OPTIONS: Mapping[str, dict[str, bool]] = {
    **{kind.name: ORDER_OPTIONS for kind in KINDS if kind.order_entry},
    "drop-copy": {"use_dollars": True},
    "rfq": {"use_dollars": True},
}
COMMON = {"cancel_on_disconnect": False, "reconnect": {"base_seconds": 0.2}}


def write_sessions(
    venue: Simulator,
    directory: Path,
    sessions: Sessions,
    *,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> Path:
    """Write ``sessions.yaml`` for a simulator that listens on TCP, and return its path.

    Args:
        venue: the simulator.
        directory: where the file, the tapes and the control socket go.
        sessions: session name -> (kind, name of the client's key at the simulator).
        settings: further settings by session name; those given here take the place of the usual ones.
    """
    further = settings or {}
    directory.mkdir(parents=True, exist_ok=True)
    tls = {"ca_file": str(venue.ca_path.resolve())}
    defaults = {
        "venue": venue.rules.venue,
        **COMMON,
        "connect": {"host": "127.0.0.1", "tls": tls},
        "store": {"kind": "tape", "path": str((directory / "tapes").resolve())},
    }
    lines = ["defaults:", *(f"  {name}: {json.dumps(value)}" for name, value in defaults.items())]
    if venue.offers_rest:
        lines.append(f"rest: {json.dumps({'url': venue.rest_url, 'ca_file': tls['ca_file']})}")
    lines += [f"admin: {json.dumps({'socket': str((directory / 'admin.sock').resolve())})}", "sessions:"]
    for name, (kind, key) in sessions.items():
        first, *others = {**_session(venue, name, kind, key), **further.get(name, {})}.items()
        lines.append(f"  - {first[0]}: {json.dumps(first[1])}")
        lines += [f"    {setting}: {json.dumps(value)}" for setting, value in others]
    file = directory / "sessions.yaml"
    file.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return file


def memory_settings(state: Path, **changes: Any) -> SimSettings:
    """Return what a simulator in memory is made of, by the clock of the running loop.

    With ``JumpLoop`` as the loop nothing is left to chance: what is done twice happens twice alike.

    Args:
        state: the directory of the client keys.
        changes: other settings of ``SimSettings``.
    """
    made: dict[str, Any] = {
        "network": MemoryNetwork(),
        "clients": MEMORY_CLIENTS,
        "clock": running_clock(),
        **changes,
    }
    return SimSettings(state, **made)


def memory_plans(
    venue: Simulator,
    sessions: Sessions,
    *,
    handlers: Mapping[str, object] | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[SessionPlan]:
    """Return plans of sessions with a simulator in memory: ``Gateway(plans, clock=venue.settings.clock)``.

    They are made as those of a ``sessions.yaml`` are, real signatures included, and keep their numbers in
    memory unless ``settings`` say otherwise. Lost connections are tried again without a random part.

    Args:
        venue: the simulator, running.
        sessions: session name -> (kind, name of the client's key at the simulator).
        handlers: handler objects by session name.
        settings: further settings by session name, as a ``sessions.yaml`` has them.

    Raises:
        ConfigError: the simulator is not in memory, or a setting can not be used.
    """
    network = venue.settings.network
    if network is None:
        raise ConfigError("the simulator listens on TCP", remedy="make it of memory_settings(...)")
    loaded, resolved = memory_sessions(venue, sessions, settings=settings)
    shared, given = Shared(loaded.settings), handlers or {}
    return [
        _in_memory(session_plan(one, given.get(one.section.name), shared), one, network) for one in resolved
    ]


def memory_sessions(
    venue: Simulator, sessions: Sessions, *, settings: Mapping[str, Mapping[str, Any]] | None = None
) -> tuple[Loaded, Sequence[Resolved]]:
    """Return the settings that ``memory_plans`` makes plans of, and the sessions in them.

    Args:
        venue: the simulator, running.
        sessions: session name -> (kind, name of the client's key at the simulator).
        settings: further settings by session name, as a ``sessions.yaml`` has them.

    Raises:
        ConfigError: a setting can not be used.
    """
    further = settings or {}
    connect, store = {"host": "127.0.0.1", "tls": False}, {"kind": "memory"}
    defaults = {"venue": venue.rules.venue, **COMMON, "connect": connect, "store": store}
    data = {
        "defaults": defaults,
        "sessions": [
            {**_session(venue, name, kind, key), **further.get(name, {})}
            for name, (kind, key) in sessions.items()
        ],
    }
    loaded = settle(Document("settings", venue.settings.state, data), {})
    resolution = resolve_sessions(loaded)
    raise_errors(check_resolved(loaded, resolution))
    return loaded, resolution.sessions


def _session(venue: Simulator, name: str, kind: str, key: str) -> dict[str, Any]:
    client = venue.keys[key]
    return {
        "name": name,
        "kind": kind,
        "sender": client.key_id,
        "key_file": str(client.path),
        "connect": {"port": venue.ports[kind]},
        "options": OPTIONS.get(kind, {}),
    }


def _in_memory(plan: SessionPlan, session: Resolved, network: MemoryNetwork) -> SessionPlan:
    """Join a plan to the network; no other process can have its identity there."""
    name = NAMES[session.kind.name]
    return replace(
        plan,
        connector=network.connector(name),
        host=name,
        identity_lock=None,
        retry=replace(plan.retry, jitter=lambda: 1.0),
    )
