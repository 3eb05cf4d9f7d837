"""Plain settings of an acceptor: where it listens, for whom, and what strangers may cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Protocol

from fixgw.engine.settings import LinkSettings
from fixgw.engine.timetable import Timetable
from fixgw.errors import ConfigError
from fixgw.fix.message import Message
from fixgw.fix.schema import TypedMessage
from fixgw.session.state import SessionSettings
from fixgw.session.verdict import Verdict
from fixgw.store.base import Store
from fixgw.transport.base import Peer
from fixgw.transport.listen import ListenSettings


class Authenticator(Protocol):
    """Judges the credentials of a Logon before anything of its session is touched."""

    async def authenticate(self, logon: Message, peer: Peer) -> Verdict:
        """Say whether the peer is who its Logon says.

        What it raises counts as a refusal without a word. The time it takes is part of the Logon's deadline.

        Args:
            logon: the Logon of a session that is not logged on, or of a newcomer.
            peer: its address, and the certificate that it showed in the TLS handshake.
        """
        ...


@dataclass(frozen=True, slots=True)
class AcceptorLimits:
    """What strangers may cost before they have logged on.

    Args:
        logon_timeout: seconds from the accept to a Logon that is complete and judged, TLS included.
        max_logon_size: the longest first frame, bytes.
        max_pending: connections that may be without a Logon at once; the surplus is closed at the accept.
            Each takes about 3 KiB of memory, with TLS 300 KiB.
        max_pending_per_address: as ``max_pending``, of one IPv4 address or one IPv6 network of 64 bits.
        max_sessions: sessions at once, those that newcomers have opened included.

    Raises:
        ConfigError: a limit is not positive, so that nobody could log on.
    """

    logon_timeout: float = 10.0
    max_logon_size: int = 8_192
    max_pending: int = 256
    max_pending_per_address: int = 16
    max_sessions: int = 1_000

    def __post_init__(self) -> None:
        for limit in fields(self):
            if not getattr(self, limit.name) > 0:
                raise ConfigError(
                    f"with {limit.name} {getattr(self, limit.name)} nobody could log on",
                    "the limits of the acceptor",
                    "give it a positive value",
                )


@dataclass(frozen=True, slots=True)
class AcceptorSession:
    """Everything an acceptor needs to serve one session.

    Args:
        session: the settings of the FIX session, with the role of an acceptor.
        store: makes its store; called once, at start.
        messages: the typed messages of its dialect.
        handler: the user's handler object, or None.
        link: limits.
        kind: the kind of session, for whoever looks at it.
        timetable: when it is served, and when its numbers go back to 1.
    """

    session: SessionSettings
    store: Callable[[], Store]
    messages: Sequence[type[TypedMessage]] = ()
    handler: object | None = None
    link: LinkSettings = field(default_factory=LinkSettings)
    kind: str = ""
    timetable: Timetable | None = None


@dataclass(frozen=True, slots=True)
class AcceptorPlan:
    """Sessions that share one port.

    Args:
        listen: where.
        sessions: found by BeginString(8), SenderCompID(49) and TargetCompID(56) of a Logon.
        authenticator: judges credentials; None accepts whoever names a session.
        newcomer: makes the session of an identity that none has, from its Logon, once the authenticator has
            accepted that; None, or a session that is None: such a Logon is closed without a word.
        limits: what strangers may cost.
    """

    listen: ListenSettings
    sessions: Sequence[AcceptorSession]
    authenticator: Authenticator | None = None
    newcomer: Callable[[Message], AcceptorSession | None] | None = None
    limits: AcceptorLimits = field(default_factory=AcceptorLimits)
