"""What no single setting shows: clashes between sessions, with the venue's facts, and with this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import combinations
from pathlib import Path
from typing import TypeAlias

from fixgw.config.dictionaries import make_check
from fixgw.config.handlers import find_handler
from fixgw.config.limits import band_in_dollars, grids_of_venues, position_known
from fixgw.config.listening import listening, one_port
from fixgw.config.load import SettingPath
from fixgw.config.pauses import maintenance
from fixgw.config.problems import Level, Problem, suggest
from fixgw.config.rates import one_budget, rate_limit
from fixgw.config.resolve import CANCEL_OPTION, Address, Resolution, Resolved, resolve_sessions
from fixgw.config.rest_client import rest_known
from fixgw.config.settings import Loaded
from fixgw.errors import ConfigError
from fixgw.fix.tags import PASSWORD, USERNAME
from fixgw.session.state import OnGap
from fixgw.transport.tcp import TcpConnector, TcpSettings
from fixgw.transport.tls import TlsSettings, parse_pin

SessionRule: TypeAlias = Callable[[Loaded, Resolved], Iterator[Problem]]
FileRule: TypeAlias = Callable[[Loaded, list[Resolved]], Iterator[Problem]]

_SOCKET_PATH_LIMIT = 104  # bytes of sun_path on the narrowest system


def check(loaded: Loaded) -> list[Problem]:
    """Return every problem that can be found without a connection, each once, errors and warnings."""
    resolution = resolve_sessions(loaded)
    return check_resolved(loaded, resolution)


def check_resolved(loaded: Loaded, resolution: Resolution) -> list[Problem]:
    """Like ``check``, for sessions that were resolved already."""
    problems = list(resolution.problems)
    for session in resolution.sessions:
        for session_rule in SESSION_RULES:
            problems += session_rule(loaded, session)
    for file_rule in FILE_RULES:
        problems += file_rule(loaded, resolution.sessions)
    return list(dict.fromkeys(problems))


def connector_settings(session: Resolved, address: Address) -> TcpSettings:
    """Return what the transport has to know to dial one of the session's addresses."""
    connect = session.section.connect
    tls = None
    if connect.tls is not None:
        tls = TlsSettings(
            server_name=connect.tls.server_name, ca_file=connect.tls.ca_file, pins=connect.tls.pins
        )
    return TcpSettings(
        host=address.host,
        port=address.port,
        tls=tls,
        connect_timeout=connect.connect_timeout,
        allow_plain_remote=connect.allow_plain_remote,
    )


def _address(loaded: Loaded, session: Resolved) -> Iterator[Problem]:
    """Host and port are known, and where they are the venue's they fit kind and environment."""
    if session.accepts:
        return
    section, hosts, connect = session.section, session.profile.hosts, (*session.path, "connect")
    if section.connect.hosts and (section.connect.host or section.connect.port):
        what = "'hosts' stands in place of host and port"
        yield loaded.problem(what, (*connect, "hosts"), "keep hosts, or host and port")
    elif section.environment is not None and section.environment not in hosts:
        what = f"{section.venue} has no environment {section.environment!r}"
        remedy = suggest(section.environment, hosts) if hosts else "leave it out, and say connect.host"
        yield loaded.problem(what, (*session.path, "environment"), remedy)
    elif not session.addresses[0].host:
        remedy = (
            f"say environment: {' or '.join(sorted(hosts))}, or connect.host" if hosts else "say connect.host"
        )
        yield loaded.problem("nobody says where to connect", (*connect, "host"), remedy)
    elif not session.addresses[0].port:
        yield loaded.problem("nobody says which port to connect to", (*connect, "port"), "say connect.port")
    for index, address in enumerate(session.addresses):
        part: SettingPath = ("hosts", index) if section.connect.hosts else ()
        for environment, roles in hosts.items():
            if address.host in roles.values():
                yield from _venue_address(loaded, session, address, environment, part)


def _venue_address(
    loaded: Loaded, session: Resolved, address: Address, environment: str, part: SettingPath
) -> Iterator[Problem]:
    """An address of the venue serves the kind; ``part`` is its place among several below ``connect``."""
    section, kind, connect = session.section, session.kind, (*session.path, "connect")
    if address.port != kind.port:
        what = f"port {address.port} does not serve {kind.name} ({kind.target_comp_id})"
        yield loaded.problem(what, (*connect, *(part or ("port",))), f"leave port out, or say {kind.port}")
    host = session.profile.hosts[environment].get(kind.host, "")
    if address.host != host:
        what = f"{address.host} does not serve {kind.name}"
        remedy = f"leave host out, or say {host}" if host else f"{environment} has no {kind.name}"
        yield loaded.problem(what, (*connect, *(part or ("host",))), remedy)
    if section.environment not in (None, environment):
        what = f"{address.host} is {environment}, and environment says {section.environment}"
        remedy = "leave host out, or correct environment"
        yield loaded.problem(what, (*connect, *(part or ("host",))), remedy)


def _identity(loaded: Loaded, session: Resolved) -> Iterator[Problem]:
    """Both CompIDs are there, and the key is one that the venue takes."""
    section = session.section
    if not section.sender:
        yield loaded.problem("'sender' is missing", (*session.path, "sender"), "say SenderCompID(49)")
    if not session.target_comp_id:
        yield loaded.problem("'target' is missing", (*session.path, "target"), "say TargetCompID(56)")
    name = "key" if section.key_file is None else "key_file"
    if section.key is not None and section.key_file is not None:
        yield loaded.problem("'key' and 'key_file' exclude each other", (*session.path, name), "keep one")
        return
    try:
        session.venue.signer(session.read_key())
    except ConfigError as error:
        yield loaded.problem(error.what, (*session.path, name), error.remedy)


def _transport(loaded: Loaded, session: Resolved) -> Iterator[Problem]:
    """Pins and CA file can be used, and plain TCP stays on this machine."""
    if session.accepts:
        return
    tls, path = session.section.connect.tls, (*session.path, "connect", "tls")
    for index, pin in enumerate(tls.pins if tls else ()):
        try:
            parse_pin(pin)
        except ConfigError as error:
            yield loaded.problem(error.what, (*path, "pins", index), error.remedy)
            return
    try:
        for address in session.addresses:
            if address.host:
                TcpConnector(connector_settings(session, address))
    except ConfigError as error:
        what = f"{error.what}: {error.where}" if error.where else error.what
        yield loaded.problem(what, (*path, "ca_file") if tls else path, error.remedy)


def _store(loaded: Loaded, session: Resolved) -> Iterator[Problem]:
    """A tape has a directory that this process may write."""
    store, path = session.section.store, (*session.path, "store", "path")
    if store.kind == "memory":
        if session.kind.retransmission:
            what = (
                f"{session.section.name} keeps its numbers in memory: after a restart nothing can be resent"
            )
            remedy = "use kind: tape, unless this is a test"
            yield Problem(what, loaded.document.where((*path[:-1], "kind")), remedy, Level.WARNING)
    elif store.path is None:
        yield loaded.problem("nobody says where the tape is kept", path, "say store.path, a directory")
    else:
        ground = _existing(store.path)
        if not _writable(ground):
            yield loaded.problem(
                f"{ground} can not be written", path, "choose another directory, or chown it"
            )


def _writable(ground: Path) -> bool:
    return ground.is_dir() and os.access(ground, os.W_OK | os.X_OK)


def _existing(path: Path) -> Path:
    """Return the nearest part of a path that exists."""
    return next(part for part in (path, *path.parents) if part.exists())


def _behaviour(loaded: Loaded, session: Resolved) -> Iterator[Problem]:
    """What happens to orders when a connection ends is said, not assumed."""
    section, kind, path = session.section, session.kind, session.path
    carries = session.may_cancel and kind.order_entry and not session.listens
    if carries and section.cancel_on_disconnect is None:
        remedy = "say true or false; true also cancels on a clean Logout"
        what = f"{kind.name} carries orders, and nobody says whether they die with the connection"
        yield loaded.problem(what, (*path, "cancel_on_disconnect"), remedy)
    if section.on_gap is not None and kind.retransmission:
        yield loaded.problem(
            f"on_gap has no meaning on {kind.name}, which asks for what is missing",
            (*path, "on_gap"),
            "remove it",
        )
    elif section.on_gap is OnGap.RECONNECT and section.cancel_on_disconnect:
        what = (
            "a single lost report will cancel every open order: on_gap: reconnect with cancel_on_disconnect"
        )
        where = loaded.document.where((*path, "on_gap"))
        yield Problem(what, where, "use on_gap: continue unless that is meant", Level.WARNING)
    if session.heart_bt_int < session.profile.heart_bt_int_min:
        what = f"heartbeat {session.heart_bt_int} s is below what {section.venue} accepts"
        remedy = f"say {session.profile.heart_bt_int_min} or more"
        yield loaded.problem(what, (*path, "heartbeat"), remedy)
    if section.timing.dead_factor <= section.timing.test_request_factor:
        what = "dead_factor leaves no time between TestRequest and the end"
        remedy = "make it greater than test_request_factor"
        yield loaded.problem(what, (*path, "timing", "dead_factor"), remedy)


def _numbers(loaded: Loaded, session: Resolved) -> Iterator[Problem]:
    """What is said about numbers and versions has a meaning on this session."""
    section, limits, path = session.section, session.section.limits, session.path
    asks = {"next_expected": section.next_expected, "limits.resend_chunk": limits.resend_chunk}
    for name in [name for name, said in asks.items() if said and not session.kind.retransmission]:
        what = f"{name} has no meaning on {session.kind.name}, where nothing is sent again"
        yield loaded.problem(what, (*path, *name.split(".")), "remove it")
    if section.next_expected and session.begin_string < "FIX.4.4":
        what = f"{session.begin_string} has no NextExpectedMsgSeqNum(789)"
        yield loaded.problem(what, (*path, "next_expected"), "remove it: it begins with FIX.4.4")
    for name in ("default_appl_ver_id", "accepted_appl_ver_ids"):
        if getattr(section, name) and session.default_appl_ver_id is None:
            what = f"{session.begin_string} has no DefaultApplVerID(1137)"
            yield loaded.problem(what, (*path, name), "remove it, or say begin_string: FIXT.1.1")
    if limits.max_resend > limits.resend_limit:
        what = "a resend that stops the session would raise no alarm before"
        yield loaded.problem(what, (*path, "limits", "max_resend"), "make it at most resend_limit")


def _user(loaded: Loaded, session: Resolved) -> Iterator[Problem]:
    """User and password are said once."""
    for name, tag in (("username", USERNAME), ("password", PASSWORD)):
        if getattr(session.section, name) is not None and tag in session.section.logon_fields:
            what = f"{name} stands in logon_fields too"
            yield loaded.problem(what, (*session.path, name), f"keep it, and take {tag} out of logon_fields")


def _options(loaded: Loaded, session: Resolved) -> Iterator[Problem]:
    """The venue knows the options and takes them together."""
    path = (*session.path, "options")
    if CANCEL_OPTION in session.section.options:
        remedy = "say cancel_on_disconnect beside options"
        yield loaded.problem(f"{CANCEL_OPTION} has a setting of its own", (*path, CANCEL_OPTION), remedy)
        return
    try:
        session.logon_fields()
    except ConfigError as error:
        about_cancel = CANCEL_OPTION in error.what
        where = (*session.path, "cancel_on_disconnect") if about_cancel else _option_path(session, error)
        yield loaded.problem(error.what.replace(CANCEL_OPTION, "cancel_on_disconnect"), where, error.remedy)


def _option_path(session: Resolved, error: ConfigError) -> SettingPath:
    path = (*session.path, "options")
    named = [name for name in session.section.options if name in error.what]
    return (*path, named[0]) if named else path


def _handlers(loaded: Loaded, session: Resolved) -> Iterator[Problem]:
    """The handlers are for this kind of session and can be imported."""
    for name, target in session.section.handlers.items():
        path = (*session.path, "handlers", name)
        if name != session.kind.handler:
            what = f"{session.kind.name} has no handler {name!r}"
            yield loaded.problem(what, path, suggest(name, [session.kind.handler]))
            continue
        try:
            find_handler(target)
        except ConfigError as error:
            yield loaded.problem(error.what, path, error.remedy)


def _unique_names(loaded: Loaded, sessions: list[Resolved]) -> Iterator[Problem]:
    for first, second in combinations(sessions, 2):
        if first.section.name == second.section.name:
            what = f"two sessions are named {second.section.name!r}"
            yield loaded.problem(what, (*second.path, "name"), "give each session a name of its own")


def _unique_identities(loaded: Loaded, sessions: list[Resolved]) -> Iterator[Problem]:
    """A signed session has a key of its own; an unsigned one a pair of CompIDs at its address."""
    for first, second in combinations(sessions, 2):
        if first.accepts or second.accepts:
            continue  # told by one_port
        if identity_of(first) == identity_of(second):
            what = f"{first.section.name} and {second.section.name} use the same sender"
            remedy = "give the second session a sender of its own: a venue carries one connection each"
            if second.section.key is not None or second.section.key_file is not None:
                remedy = "make another key for the second session: a venue carries one connection a key"
            yield loaded.problem(what, (*second.path, "sender"), remedy)
        elif first.section.sender != second.section.sender and _same_key(first, second):
            what = f"{first.section.name} and {second.section.name} use the same private key"
            name = "key" if second.section.key_file is None else "key_file"
            yield loaded.problem(what, (*second.path, name), "give each API key id its own private key")


def identity_of(session: Resolved) -> tuple[str, ...]:
    """Return what no two connections may share."""
    section = session.section
    if section.key is not None or section.key_file is not None:
        return (section.venue, section.sender or "")
    return (section.venue, section.sender or "", session.target_comp_id, *map(str, session.addresses))


def _same_key(first: Resolved, second: Resolved) -> bool:
    with suppress(ConfigError):  # told by another rule
        key = first.read_key()
        return key != b"" and key == second.read_key()
    return False


def _separate_stores(loaded: Loaded, sessions: list[Resolved]) -> Iterator[Problem]:
    for first, second in combinations(sessions, 2):
        one, other = first.store_path, second.store_path
        if one and other and _overlap(one.resolve(), other.resolve()):
            what = (
                f"{first.section.name} and {second.section.name} would keep their tapes in one place: {other}"
            )
            path = (*second.path, "store", "path")
            yield loaded.problem(what, path, "give one of them another name or directory")


def _overlap(one: Path, other: Path) -> bool:
    return one == other or one in other.parents or other in one.parents


def _services(loaded: Loaded, _sessions: list[Resolved]) -> Iterator[Problem]:
    """The metrics' port is one, and the control socket's path is not too long for the system."""
    settings = loaded.settings
    if settings.metrics and int(settings.metrics.listen.rpartition(":")[2]) > 65535:
        yield loaded.problem("no such port", ("metrics", "listen"), "say host:port with a port up to 65535")
    if settings.admin and len(os.fsencode(settings.admin.socket)) > _SOCKET_PATH_LIMIT:
        what = f"the socket's path is longer than {_SOCKET_PATH_LIMIT} bytes: {settings.admin.socket}"
        yield loaded.problem(what, ("admin", "socket"), "choose a shorter one, such as /run/fixgw/admin.sock")
    elif settings.admin and not _writable(ground := _existing(settings.admin.socket.parent)):
        what = f"{ground} can not be written"
        yield loaded.problem(what, ("admin", "socket"), "choose a directory of your own")


def _dictionary(loaded: Loaded, session: Resolved) -> Iterator[Problem]:
    """The dictionaries can be read, and fit each other and the version."""
    try:
        make_check(session)
    except ConfigError as error:
        what = f"{error.what} ({error.where})" if error.where else error.what
        yield loaded.problem(what, (*session.path, "dictionary"), error.remedy)


SESSION_RULES: Iterable[SessionRule] = (
    _address,
    _identity,
    _transport,
    _store,
    _behaviour,
    _numbers,
    _user,
    _options,
    _handlers,
    _dictionary,
    listening,
    rate_limit,
    position_known,
    band_in_dollars,
    maintenance,
)
FILE_RULES: Iterable[FileRule] = (
    _unique_names,
    _unique_identities,
    one_port,
    one_budget,
    grids_of_venues,
    rest_known,
    _separate_stores,
    _services,
)
