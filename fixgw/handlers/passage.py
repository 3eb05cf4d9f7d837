"""What an application message passes on its way out of and into a session: guards, and the venue's edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from fixgw.clock import Now
from fixgw.fix.message import Message
from fixgw.handlers.base import SessionPort
from fixgw.handlers.positions import Positions


class Guard(Protocol):
    """Decides whether an outbound application message may leave; asked before a MsgSeqNum is used.

    A guard that has to hear what the venue says is a ``Book`` as well, and is told as one.
    """

    def admit(self, message: Message, now: Now) -> None:
        """Let a message leave; other guards may still refuse it, so nothing is counted yet.

        Args:
            message: as the desk sees it: prices in dollars.
            now: the instant.

        Raises:
            LocalError: it must not leave; the text says which rule and what to do.
        """
        ...

    def delay(self, message: Message, now: Now) -> float:
        """Return the seconds after which ``admit`` would let it leave; 0 when waiting changes nothing."""
        ...


@runtime_checkable
class CountingGuard(Guard, Protocol):
    """A guard that counts what leaves: what another guard refuses in the end has used up nothing."""

    def left(self, message: Message, msg_seq_num: int, now: Now) -> None:
        """Count a message that every guard has let leave.

        Args:
            message: as the desk sees it.
            msg_seq_num: MsgSeqNum(34) that it was given.
            now: the instant at which ``admit`` let it leave.
        """
        ...


class GuardedSession(SessionPort, Protocol):
    """The session of a guard: the port, and what its executions made."""

    @property
    def positions(self) -> Positions:
        """The positions that the session's executions made.

        Raises:
            LocalError: no executions are told on it.
        """
        ...


@runtime_checkable
class SessionGuard(Guard, Protocol):
    """A guard that looks at the session whose messages it judges."""

    def bind(self, port: GuardedSession) -> None:
        """Look at this session from now on."""
        ...


class Edge(Protocol):
    """Translates between the desk's units and the wire's; the tape holds what was on the wire."""

    def inward(self, message: Message) -> Message:
        """Return a received message as the desk sees it; what can not be translated stays as it is."""
        ...

    def outward(self, message: Message) -> Message:
        """Return a message as the venue wants it.

        Raises:
            LocalError: a value can not be put in the wire's unit.
        """
        ...


@dataclass(frozen=True, slots=True)
class Passage:
    """What the messages of one session pass.

    Args:
        guards: asked in this order about every message that leaves.
        edge: translates units; None where the wire's are the desk's.
    """

    guards: Sequence[Guard] = ()
    edge: Edge | None = None

    def delay(self, message: Message, now: Now) -> float:
        """Return the seconds after which every guard would let a message leave; 0 for now."""
        return max((guard.delay(message, now) for guard in self.guards), default=0.0)


OPEN = Passage()
