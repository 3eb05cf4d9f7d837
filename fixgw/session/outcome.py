"""What one call of a session asks of its driver."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from fixgw.records import Record
from fixgw.session.events import Event


class CloseCode(StrEnum):
    """Why a connection ends."""

    LOGOUT = "logout"  # the handshake is complete
    REFUSED = "logon refused"
    LOGON_TIMEOUT = "logon not answered"
    LOGOUT_TIMEOUT = "logout not answered"
    SILENT = "peer silent"
    TOO_LOW = "MsgSeqNum too low"
    GAP_TIMEOUT = "gap not filled"
    GAP = "gap on a session without retransmission"
    PROTOCOL = "protocol violation"
    FRAME_TOO_LONG = "frame too long"
    RESEND_LIMIT = "resend limit"
    LOST = "connection lost"
    STORE = "store failed"
    SLOW_HANDLER = "slow handler"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class CloseReason:
    """Why the driver is to close the connection, once the steps are out."""

    code: CloseCode
    text: str = ""


@dataclass(frozen=True, slots=True)
class Replay:
    """Read our frames ``begin`` to ``end``, both included, from the store; pass them to ``Session.replay``.

    Args:
        begin: first MsgSeqNum asked for.
        end: last MsgSeqNum to serve; never beyond what was sent when the request came.
        epoch: the epoch of the numbers; a replay stops when the session's epoch is another.
        connection: which of the session's connections asked; a replay stops when that one is gone.
    """

    begin: int
    end: int
    epoch: int
    connection: int


@dataclass(frozen=True, slots=True)
class Send:
    """An outbound frame that holds secrets: append ``record``, whose payload is masked, and write ``wire``.

    Every other outbound frame is a plain ``Record`` whose payload is what to write. So for a driver a
    ``Record`` means: append it, and when ``Flag.OUTBOUND`` is set write its payload; ``Send``: append
    ``record``, write ``wire``; ``Replay``: serve it.

    Args:
        record: what is kept.
        wire: what is sent.
    """

    record: Record
    wire: bytes = field(repr=False)


Step: TypeAlias = Record | Send | Replay


@dataclass(slots=True)
class Outcome:
    """The wishes of one call, in the order in which they are to be carried out.

    Args:
        steps: records to append (and, when a FRAME and outbound, to write), and replays to serve, in order.
        events: what happened, in order.
        close: when not None, close the connection after the steps are out.
    """

    steps: list[Step] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    close: CloseReason | None = None
