"""What a session tells its driver; an application message is its own event, the ``Message`` as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from fixgw.fix.message import Message


@dataclass(frozen=True, slots=True)
class LoggedOn:
    """The Logon handshake is complete; application messages may flow.

    Args:
        logon: the peer's Logon.
        reset: both numbers went back to 1 with it.
    """

    logon: Message
    reset: bool


@dataclass(frozen=True, slots=True)
class LogonReceived:
    """Acceptor: a Logon awaits a verdict (call ``Session.admit``)."""

    logon: Message


@dataclass(frozen=True, slots=True)
class LogonRefused:
    """The peer answered our Logon with a Logout or a Reject.

    Args:
        text: Text(58) as received.
        reason: SessionRejectReason(373) when it was a Reject, else None.
        clock_offset: SendingTime(52) of that Reject minus our clock, seconds; None when it can not be read.
    """

    text: str
    reason: int | None = None
    clock_offset: float | None = None


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """The session ended with a Logout.

    Args:
        text: Text(58) of the peer's Logout, empty when there was none.
        by_us: true when our side sent the first Logout.
    """

    text: str
    by_us: bool


@dataclass(frozen=True, slots=True)
class NumbersReset:
    """Both directions went back to 1 and the epoch went up."""

    epoch: int


@dataclass(frozen=True, slots=True)
class RejectReceived:
    """The peer refused a message of ours with Reject(3).

    Args:
        reject: the Reject.
        ref_seq_num: RefSeqNum(45), the MsgSeqNum of the refused message.
    """

    reject: Message
    ref_seq_num: int


@dataclass(frozen=True, slots=True)
class GapDetected:
    """Inbound numbers are missing and were asked for; ``first`` to ``last``, both included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class GapLost:
    """Inbound numbers are missing and can not be asked for; ``first`` to ``last``, both included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class NotResent:
    """The peer asked for a message of ours and its number was filled in place of sending it again.

    Args:
        message: the message as it was sent first.
        msg_seq_num: its MsgSeqNum(34).
    """

    message: Message
    msg_seq_num: int


@dataclass(frozen=True, slots=True)
class GarbledReceived:
    """Bytes that were no FIX message were skipped.

    Args:
        reason: which check failed.
        excerpt: the first bytes, for the log.
        size: how many bytes were skipped.
    """

    reason: str
    excerpt: bytes
    size: int


@dataclass(frozen=True, slots=True)
class NumberTooLow:
    """The two sides disagree on a number and only a person, or a reset, can settle it.

    Args:
        expected: the number that the complaining side expects.
        received: the number that it got.
        by_peer: true when the peer complained about ours.
    """

    expected: int
    received: int
    by_peer: bool


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """SendingTime(52) of the peer minus our clock, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class HeartbeatRoundTrip:
    """Time from our TestRequest to its Heartbeat, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that a person should look at."""

    text: str


Event: TypeAlias = (
    Message
    | LoggedOn
    | LogonReceived
    | LogonRefused
    | LoggedOut
    | NumbersReset
    | RejectReceived
    | GapDetected
    | GapLost
    | NotResent
    | GarbledReceived
    | NumberTooLow
    | ClockOffset
    | HeartbeatRoundTrip
    | Alarm
)
