"""Keeps back what a kind of session does not send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fixgw.clock import Now
from fixgw.errors import NotAllowed
from fixgw.fix.message import Message


class SessionKindGuard:
    """Refuses a message that the venue would refuse on this kind of session; a ``handlers.passage.Guard``.

    Args:
        kind: the kind of session, as an error names it.
        sends: MsgTypes that it may send.
        senders: MsgType -> the kinds that do send it, for the remedy.
    """

    def __init__(
        self, kind: str, sends: frozenset[str], senders: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self._kind = kind
        self._sends = sends
        self._senders = senders or {}

    def admit(self, message: Message, now: Now) -> None:
        """Let a message of the kind leave.

        Raises:
            NotAllowed: this kind of session does not send it.
        """
        if message.msg_type not in self._sends:
            self._refuse(message.msg_type)

    def delay(self, message: Message, now: Now) -> float:
        """Return 0: waiting makes no other session of it."""
        return 0.0

    def _refuse(self, msg_type: str) -> None:
        kinds = self._senders.get(msg_type)
        remedy = f"use a session of kind {' or '.join(kinds)}" if kinds else "the venue knows no such request"
        raise NotAllowed(f"35={msg_type} is not sent on {self._kind}: {remedy}")
