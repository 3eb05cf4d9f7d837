"""Sessions that their peers open: where they listen, and what can be wrong with that."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from fixgw.config.problems import Level, Problem
from fixgw.config.resolve import Resolved
from fixgw.config.sections import ListenSection
from fixgw.config.settings import Loaded
from fixgw.errors import ConfigError
from fixgw.transport.address import refuse_plain_remote
from fixgw.transport.listen import ListenSettings
from fixgw.transport.tls import parse_pin, server_context


def listen_settings(listen: ListenSection) -> ListenSettings:
    """Return what the transport has to know.

    Raises:
        ConfigError: the certificate or its key can not be used, or plain TCP would come from other machines.
    """
    tls = listen.tls
    if tls is None:
        refuse_plain_remote(listen.host, listen.allow_plain_remote)
    return ListenSettings(
        host=listen.host,
        port=listen.port,
        tls=None
        if tls is None
        else server_context(
            tls.certificate, tls.key_file, tls.client_ca, certificate_required=tls.certificate_required
        ),
        allow=listen.allow,
        allow_plain_remote=listen.allow_plain_remote,
    )


def listening(loaded: Loaded, session: Resolved) -> Iterator[Problem]:
    """An acceptor says where it listens, and says nothing that only an initiator can do."""
    section, path = session.section, session.path
    if not session.accepts:
        for name in ("listen", "peer_certificates"):
            if getattr(section, name):
                what = f"{name!r} is for a session that its peer opens"
                yield loaded.problem(what, (*path, name), "say role: acceptor, or remove it")
        return
    if session.profile.hosts:
        what = f"{section.venue} does not connect to its clients"
        yield loaded.problem(what, (*path, "role"), "say role: initiator, or venue: generic")
    elif session.kind.order_entry:
        what = f"a session that its peer opens keeps no order book, and {section.kind} wants one"
        yield loaded.problem(what, (*path, "kind"), "say kind: session")
    if section.listen is None:
        yield loaded.problem("nobody says where to listen", (*path, "listen"), "say listen: {port: 9880}")
    else:
        yield from _listen(loaded, session, section.listen)
        yield from _open_to_all(loaded, session, section.listen)


def _listen(loaded: Loaded, session: Resolved, listen: ListenSection) -> Iterator[Problem]:
    section, path = session.section, session.path
    try:
        listen_settings(listen)
    except ConfigError as error:
        what = f"{error.what}: {error.where}" if error.where else error.what
        yield loaded.problem(what, (*path, "listen", "tls"), error.remedy)
    if section.peer_certificates and (listen.tls is None or listen.tls.client_ca is None):
        what = "no peer is asked for a certificate"
        yield loaded.problem(what, (*path, "peer_certificates"), "say listen.tls.client_ca")
    for index, digest in enumerate(section.peer_certificates):
        try:
            parse_pin(digest)
        except ConfigError as error:
            yield loaded.problem(error.what, (*path, "peer_certificates", index), error.remedy)


def _open_to_all(loaded: Loaded, session: Resolved, listen: ListenSection) -> Iterator[Problem]:
    section, tls = session.section, listen.tls
    asked = section.username or section.password or section.peer_certificates or listen.allow
    certified = tls is not None and tls.client_ca is not None and tls.certificate_required
    try:
        refuse_plain_remote(listen.host, allowed=False)
    except ConfigError:
        if not asked and not certified:
            what = f"whoever reaches the port may open {section.name}: its CompIDs are all that is asked for"
            where = loaded.document.where((*session.path, "listen"))
            remedy = "say password, listen.tls.client_ca or listen.allow"
            yield Problem(what, where, remedy, Level.WARNING)


def one_port(loaded: Loaded, sessions: list[Resolved]) -> Iterator[Problem]:
    """Sessions that share a port say the same of it, and differ in their CompIDs."""
    served = [session for session in sessions if session.accepts and session.section.listen is not None]
    for first, second in combinations(served, 2):
        one, other = first.section.listen, second.section.listen
        assert one is not None
        assert other is not None
        if (one.host, one.port) != (other.host, other.port):
            continue
        if one != other:
            what = (
                f"{first.section.name} and {second.section.name} share a port, and say different things of it"
            )
            yield loaded.problem(what, (*second.path, "listen"), "say `listen` once, in defaults")
        if _identity(first) == _identity(second):
            what = f"a Logon for {first.section.name} could be one for {second.section.name}"
            yield loaded.problem(what, (*second.path, "target"), "give each session CompIDs of its own")


def _identity(session: Resolved) -> tuple[str, str | None, str]:
    return session.begin_string, session.section.sender, session.target_comp_id
