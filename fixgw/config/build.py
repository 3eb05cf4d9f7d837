"""From a configuration to a gateway: what was checked becomes plans."""

from __future__ import annotations

import getpass
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from fixgw.admin.server import AdminServer
from fixgw.clock import Clock
from fixgw.config.check import check_resolved, connector_settings, identity_of
from fixgw.config.dictionaries import make_check
from fixgw.config.handlers import make_handler
from fixgw.config.kill import kill_settings
from fixgw.config.listening import listen_settings
from fixgw.config.model import SessionSection
from fixgw.config.problems import raise_errors
from fixgw.config.resolve import Resolved, resolve_sessions
from fixgw.config.rest_client import has_rest, over_rest
from fixgw.config.rest_grids import grids_over_rest
from fixgw.config.safety import Shared, passage_of
from fixgw.config.sections import ListenSection, Section
from fixgw.config.settings import Loaded, load_settings
from fixgw.engine.acceptor_settings import AcceptorLimits, AcceptorPlan, AcceptorSession
from fixgw.engine.credentials import Credentials, CredentialTable
from fixgw.engine.gateway import Gateway, Service, Wait
from fixgw.engine.hosts import Host
from fixgw.engine.settings import LinkSettings, RetrySettings, SessionPlan
from fixgw.engine.timetable import Timetable
from fixgw.errors import ConfigError
from fixgw.observe import metrics
from fixgw.session.hooks import ResendEverything
from fixgw.session.state import OnGap, OnMismatch, Role, SessionSettings
from fixgw.store.base import Store
from fixgw.store.memory import MemoryStore
from fixgw.store.tape import Tape, TapeSettings
from fixgw.transport.tcp import TcpConnector
from fixgw.transport.tls import parse_pin

# Settings of a session that its FIX session takes as they are written.
_AS_WRITTEN = (
    "reset_on_logout",
    "reset_on_disconnect",
    "next_expected",
    "last_processed",
    "reject_garbled",
    "validate_checksum",
)


def load(
    path: str | Path,
    *,
    environ: Mapping[str, str] | None = None,
    wait: Wait = "required",
    timeout: float = 30.0,
    handlers: Mapping[str, object] | None = None,
    clock: Clock | None = None,
) -> Gateway:
    """Return a gateway for a configuration file; enter it with ``async with``.

    Args:
        path: the YAML file.
        environ: the environment variables for references; the process's own by default.
        wait: which sessions have to be logged on before ``async with`` goes on.
        timeout: seconds to wait for them.
        handlers: handler objects by session name, in place of what the file names.
        clock: the only source of time; the system's by default.

    Raises:
        ConfigError: with every fault that was found, each with file, line and path.
    """
    return build(load_settings(path, environ), wait=wait, timeout=timeout, handlers=handlers, clock=clock)


def build(
    loaded: Loaded,
    *,
    wait: Wait = "required",
    timeout: float = 30.0,
    handlers: Mapping[str, object] | None = None,
    clock: Clock | None = None,
) -> Gateway:
    """Return a gateway for settings that were read; arguments and errors as for ``load``."""
    resolution = resolve_sessions(loaded)
    raise_errors(check_resolved(loaded, resolution))
    given = dict(handlers or {})
    made = [(session, given.pop(session.section.name, None)) for session in resolution.sessions]
    shared = Shared(loaded.settings, over_rest=over_rest(loaded, resolution.sessions))
    plans = [session_plan(session, handler, shared) for session, handler in made if not session.accepts]
    acceptors = acceptor_plans([(session, handler) for session, handler in made if session.accepts])
    if given:
        raise ConfigError(
            f"handlers were given for sessions that do not exist: {', '.join(sorted(given))}",
            remedy="use the names of the configuration",
        )
    return Gateway(
        plans,
        clock=clock,
        wait=wait,
        timeout=timeout,
        services=[*_services(loaded), *grids_over_rest(loaded, resolution.sessions, shared.grids)],
        acceptors=acceptors,
        kill=kill_settings(loaded),
    )


def session_plan(
    session: Resolved, handler: object | None = None, shared: Shared | None = None
) -> SessionPlan:
    """Return the plan of one checked session.

    Args:
        session: the session and its venue's facts.
        handler: the handler object, in place of what the file names.
        shared: what it has in common with other sessions; nothing by default.

    Raises:
        ConfigError: the key can not be used, or the handler can not be made.
    """
    section, profile = session.section, session.profile
    common = shared or Shared()
    first, *standby = (
        Host(str(address), TcpConnector(connector_settings(session, address)))
        for address in session.addresses
    )
    return SessionPlan(
        session=_session_settings(session),
        connector=first.connector,
        host=first.name,
        standby=standby,
        store=lambda: _store(session),
        kind=section.kind,
        messages=session.venue.messages,
        handler=handler or _written_handler(session),
        orders=session.kind.order_entry and not session.listens,
        listens=session.listens,
        positions=session.venue.positions(session.kind),
        account=session.account,
        clients=session.clients,
        passage=lambda: passage_of(session, common),
        traffic=profile.traffic,
        kill_steps=session.venue.kill_steps(
            session.kind, session.options, cancel_on_disconnect=section.cancel_on_disconnect is True
        ),
        offline_kill_steps=(common.over_rest,) if common.over_rest is not None and has_rest(session) else (),
        required=section.required,
        judge_logout=profile.judge_logout,
        unknown_outcome_texts=profile.unknown_outcome_texts,
        remainders_told=remainders_told(session),
        replaces_by_order_id=session.options.get(profile.order_id_option) is True,
        meanings=profile.meanings,
        identity_lock=_identity_lock(session),
        link=_link_settings(session),
        retry=RetrySettings(**section.reconnect.model_dump()),
        timetable=_timetable(section),
    )


def acceptor_plans(sessions: Sequence[tuple[Resolved, object | None]]) -> list[AcceptorPlan]:
    """Return the plans of checked sessions that their peers open, one for each port.

    Args:
        sessions: each with its handler object, or None for what the file names.

    Raises:
        ConfigError: a certificate or its key can not be used, or a handler can not be made.
    """
    ports: dict[ListenSection, list[tuple[Resolved, object | None]]] = {}
    for session, handler in sessions:
        assert session.section.listen is not None
        ports.setdefault(session.section.listen, []).append((session, handler))
    return [
        AcceptorPlan(
            listen_settings(listen),
            [_served(session, handler) for session, handler in together],
            authenticator=_authenticator([session for session, _ in together]),
            limits=AcceptorLimits(**_part_of(AcceptorLimits, listen)),
        )
        for listen, together in ports.items()
    ]


def _served(session: Resolved, handler: object | None) -> AcceptorSession:
    return AcceptorSession(
        _session_settings(session),
        lambda: _store(session),
        messages=session.venue.messages,
        handler=handler or _written_handler(session),
        link=_link_settings(session),
        kind=session.section.kind,
        timetable=_timetable(session.section),
    )


def _authenticator(sessions: Sequence[Resolved]) -> CredentialTable | None:
    """Return what judges the Logons, None when nothing is asked for on that port."""
    rows = {}
    for session in sessions:
        section = session.section
        credentials = Credentials(
            section.username,
            section.password.reveal() if section.password is not None else None,
            frozenset(parse_pin(digest).hex() for digest in section.peer_certificates),
        )
        rows[(session.begin_string, session.target_comp_id, section.sender or "")] = credentials
    return CredentialTable(rows) if set(rows.values()) != {Credentials()} else None


def _written_handler(session: Resolved) -> object | None:
    written = session.section.handlers.get(session.kind.handler)
    return make_handler(written) if written is not None else None


def _session_settings(session: Resolved) -> SessionSettings:
    section, kind, profile = session.section, session.kind, session.profile
    return SessionSettings(
        name=section.name,
        role=Role(section.role),
        sender_comp_id=section.sender or "",
        target_comp_id=session.target_comp_id,
        begin_string=session.begin_string,
        default_appl_ver_id=session.default_appl_ver_id,
        accepted_appl_ver_ids=_accepted_versions(session),
        heart_bt_int=session.heart_bt_int,
        signer=session.venue.signer(session.read_key()),
        logon_fields=tuple(session.logon_fields()),
        reset_on_logon=kind.must_reset or section.reset_on_logon,
        retransmission=kind.retransmission,
        on_gap=section.on_gap or OnGap.CONTINUE,
        accepted_sender_comp_ids=profile.accepted_sender_comp_ids | {session.target_comp_id},
        time_precision=cast(Any, section.time_precision or profile.time_precision),
        resend_policy=ResendEverything() if session.accepts else session.venue.resend_policy(kind),
        check=make_check(session),
        on_mismatch=_on_mismatch(session),
        **{name: getattr(section, name) for name in _AS_WRITTEN},
        **_part_of(SessionSettings, section.limits),
        **section.timing.model_dump(),
    )


def _on_mismatch(session: Resolved) -> OnMismatch:
    """Numbers that begin anew with each Logon have nothing to stop for."""
    anew = session.kind.must_reset or session.section.reset_on_logon
    return OnMismatch.RESET if anew else session.section.on_mismatch


def _accepted_versions(session: Resolved) -> frozenset[str]:
    """Return the versions that a peer's Logon may name; messages of others could not be checked."""
    section = session.section
    if section.accepted_appl_ver_ids or section.dictionary is None or session.default_appl_ver_id is None:
        return frozenset(section.accepted_appl_ver_ids)
    return frozenset({session.default_appl_ver_id})


def _part_of(record: type, section: Section) -> dict[str, Any]:
    """Return the settings of a section that are fields of a dataclass."""
    names = {field.name for field in fields(record)}
    return {name: value for name, value in section.model_dump().items() if name in names}


def remainders_told(session: Resolved) -> bool:
    """Tell whether the venue reports to a session what an immediate order leaves as cancelled."""
    option = session.profile.remainders_option
    return not option or session.options.get(option) is True


def _timetable(section: SessionSection) -> Timetable | None:
    schedule = section.schedule
    if schedule is None:
        return Timetable(reset_times=section.reset_time) if section.reset_time is not None else None
    return Timetable(schedule.hours, schedule.reset, section.reset_time, schedule.drain)


def _store(session: Resolved) -> Store:
    path = session.store_path
    return (
        MemoryStore()
        if path is None
        else Tape(path, TapeSettings(**_part_of(TapeSettings, session.section.store)))
    )


def _identity_lock(session: Resolved) -> Path:
    """One connection per API key: a file that stands for the key, for every gateway of this machine."""
    directory = Path(tempfile.gettempdir()) / f"fixgw-{getpass.getuser()}"
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        what = f"the directory {directory} for the locks of API keys can not be made: {error.strerror}"
        raise ConfigError(what, remedy="make it, owned by this user, or set TMPDIR") from error
    return directory / f"{'.'.join(quote(part, safe='') for part in identity_of(session)[:4])}.lock"


def _link_settings(session: Resolved) -> LinkSettings:
    section = session.section
    return LinkSettings(stop_on_error=section.on_error == "stop", **_part_of(LinkSettings, section.limits))


def _services(loaded: Loaded) -> list[Service]:
    """What runs beside the sessions, as far as the file asks for it."""
    services: list[Service] = []
    settings = loaded.settings
    if settings.metrics is not None:
        listen = settings.metrics.listen
        services.append(lambda gateway: metrics.serve(listen, gateway.snapshot))
    if settings.admin is not None:
        socket = settings.admin.socket
        services.append(lambda gateway: AdminServer(socket, gateway))
    return services
