"""What a venue plugs into a session: the Logon signer and the policy for what may be sent again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LogonContext:
    """Everything that a Logon signature can cover, exactly as it will stand on the wire.

    Args:
        begin_string: BeginString(8).
        msg_type: MsgType(35), always ``A``.
        msg_seq_num: MsgSeqNum(34).
        sender_comp_id: SenderCompID(49).
        target_comp_id: TargetCompID(56).
        sending_time: the exact characters of SendingTime(52).
        heart_bt_int: HeartBtInt(108), seconds.
        utc_ns: the same instant as ``sending_time``, nanoseconds since 1970.
    """

    begin_string: str
    msg_type: str
    msg_seq_num: int
    sender_comp_id: str
    target_comp_id: str
    sending_time: str
    heart_bt_int: int
    utc_ns: int


class LogonSigner(Protocol):
    """Makes the fields of a Logon that prove who we are; a pure function of the context and a key."""

    @property
    def secret_tags(self) -> frozenset[int]:
        """Tags whose values never reach a log, a tape or an error."""
        ...

    def logon_fields(self, context: LogonContext) -> Sequence[tuple[int, str | bytes]]:
        """Return the fields in wire order, a length tag directly before its data tag; called once a Logon."""
        ...


class NoSigner:
    """For venues that know their clients by address and CompIDs alone."""

    secret_tags: frozenset[int] = frozenset()

    def logon_fields(self, context: LogonContext) -> Sequence[tuple[int, str | bytes]]:
        """Return nothing: there is nothing to prove."""
        return ()


class ResendPolicy(Protocol):
    """Decides whether an old application message may be sent again when the peer asks for its number."""

    def may_resend(self, msg_type: str, age_seconds: float, former_connection: bool) -> bool:
        """Return true to replay the message with PossDupFlag, false to fill its number.

        Args:
            msg_type: MsgType(35) of the stored message.
            age_seconds: time since it was first sent.
            former_connection: true when it was sent on a connection before the present one.
        """
        ...


class ResendEverything:
    """The policy of an acceptor: reports are facts, however old."""

    def may_resend(self, msg_type: str, age_seconds: float, former_connection: bool) -> bool:
        """Return true."""
        return True


@dataclass(frozen=True, slots=True)
class ResendFresh:
    """The policy of an order sender: an order of a former connection never executes late.

    Args:
        always: message types that are replayed whatever their age (cancels).
        max_age_seconds: the age up to which any other message of the present connection is replayed.
    """

    always: frozenset[str] = frozenset({"F", "q"})
    max_age_seconds: float = 5.0

    def may_resend(self, msg_type: str, age_seconds: float, former_connection: bool) -> bool:
        """Return true for cancels, and for messages of this connection that are young enough."""
        return msg_type in self.always or (not former_connection and age_seconds <= self.max_age_seconds)
