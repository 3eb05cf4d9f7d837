"""What a session can be seen doing: one frozen object that metrics, JSON and tables render."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any

MAX_MSG_TYPES = 256  # a peer that invents MsgTypes does not grow our memory, nor a metric's labels
OTHER_TYPES = "other"

_SHOWABLE = re.compile(r"[!-~]{0,16}")


@dataclass(slots=True)
class Tally:
    """The counters behind a snapshot; they live as long as the session object.

    Args:
        received: messages received by MsgType.
        sent: messages sent by MsgType, replays not included.
        logons: Logon handshakes completed.
        gaps: gaps detected, lost ones included.
        resend_requests_in: ResendRequests received.
        resend_requests_out: ResendRequests sent.
        resent: messages sent again with PossDupFlag.
        filled: numbers filled in place of a message.
        rejects_in: Rejects received.
        rejects_out: Rejects and BusinessMessageRejects sent.
        recovered: application messages that came only when we asked for them again.
        redundant: duplicates ignored.
        garbled: runs of bytes that were no FIX message.
        last_received_utc_ns: when bytes came last, nanoseconds since 1970; 0: never.
        last_sent_utc_ns: when a message left last, nanoseconds since 1970; 0: never.
        clock_offset: the peer's SendingTime(52) minus our clock, seconds; None: not yet measured.
        heartbeat_rtt: round trip of our last TestRequest, seconds; None: not yet measured.
    """

    received: dict[str, int] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)
    logons: int = 0
    gaps: int = 0
    resend_requests_in: int = 0
    resend_requests_out: int = 0
    resent: int = 0
    filled: int = 0
    rejects_in: int = 0
    rejects_out: int = 0
    recovered: int = 0
    redundant: int = 0
    garbled: int = 0
    last_received_utc_ns: int = 0
    last_sent_utc_ns: int = 0
    clock_offset: float | None = None
    heartbeat_rtt: float | None = None


def count(counts: dict[str, int], msg_type: str) -> None:
    """Add one to the count of a MsgType; one that is too long or too odd to show counts as another."""
    if msg_type not in counts and (len(counts) >= MAX_MSG_TYPES or not _SHOWABLE.fullmatch(msg_type)):
        msg_type = OTHER_TYPES
    counts[msg_type] = counts.get(msg_type, 0) + 1


@dataclass(frozen=True, slots=True)
class SessionSnapshot:
    """A session at one instant; every value is JSON-able through ``to_dict``.

    Args:
        name: the session's name.
        role: ``initiator`` or ``acceptor``.
        phase: the value of its ``Phase``.
        sender_comp_id: ours.
        target_comp_id: the peer's.
        epoch: one higher at each reset.
        next_out: the next outbound MsgSeqNum.
        next_in: the next expected inbound MsgSeqNum.
        heart_bt_int: the interval agreed on, seconds; 0: none, or not logged on.
        gap_last: the highest missing number of an open gap, 0 when there is none.
        waiting: messages that wait behind it.
        tally: the counters, as ``Tally`` names them.
    """

    name: str
    role: str
    phase: str
    sender_comp_id: str
    target_comp_id: str
    epoch: int
    next_out: int
    next_in: int
    heart_bt_int: int
    gap_last: int
    waiting: int
    tally: Tally

    def to_dict(self) -> dict[str, Any]:
        """Return the snapshot as plain dicts, strings and numbers."""
        return asdict(self)
