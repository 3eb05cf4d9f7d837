"""Every frame that passed the venue's sessions, with what a judge of a client has to know about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from fixgw.records import Flag, Kind, Record
from fixgw.store.base import Store, Stored, Sync

REFUSED = "refused/"  # before the name of the session that a refused Logon asked for
REQUESTS = frozenset({"D", "F", "G", "q"})


@dataclass(frozen=True, slots=True)
class LoggedFrame:
    """A frame as it was on the wire (secrets of a Logon masked).

    Args:
        session: ``KalshiNR/<key id>``; of a refused Logon ``refused/KalshiNR/<key id>``.
        connection: number of the session's connection, from 1.
        outbound: sent by the venue.
        epoch: of the venue's numbers; goes up with each reset.
        msg_seq_num: MsgSeqNum(34); 0 for an answer of the venue that uses up no number.
        utc_ns: when.
        frame: the bytes.
    """

    session: str
    connection: int
    outbound: bool
    epoch: int
    msg_seq_num: int
    utc_ns: int
    frame: bytes

    def get(self, tag: int) -> str | None:
        """Return the first value of a tag."""
        return field_of(self.frame, tag)

    @property
    def msg_type(self) -> str:
        """MsgType(35)."""
        return self.get(35) or ""

    @property
    def poss_dup(self) -> bool:
        """PossDupFlag(43) is Y."""
        return self.get(43) == "Y"


@dataclass(frozen=True, slots=True)
class Mishap:
    """A fault that the venue was told to make.

    Args:
        fault: what happened, such as ``drop``.
        frame: the frame that it happened to, as it was before.
    """

    fault: str
    frame: LoggedFrame


class MessageLog:
    """The frames of all sessions, in the order in which they passed.

    Attributes:
        mishaps: the faults that happened on the way, in order.
    """

    def __init__(self) -> None:
        self._frames: list[LoggedFrame] = []
        self.mishaps: list[Mishap] = []

    def __iter__(self) -> Iterator[LoggedFrame]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, frame: LoggedFrame) -> None:
        """Append a frame."""
        self._frames.append(frame)

    def of(
        self, session: str | None = None, msg_type: str | None = None, *, outbound: bool | None = None
    ) -> list[LoggedFrame]:
        """Return the frames that match all that is given.

        Args:
            session: the session's name, or the API key id in it.
            msg_type: MsgType(35).
            outbound: true for what the venue sent, false for what it received.
        """
        return [
            frame
            for frame in self._frames
            if (session is None or session in (frame.session, frame.session.rpartition("/")[2]))
            and (msg_type is None or msg_type == frame.msg_type)
            and (outbound is None or outbound is frame.outbound)
        ]

    def reused_numbers(self) -> list[LoggedFrame]:
        """Return frames whose MsgSeqNum a frame of the same session, direction and epoch had before.

        A frame with PossDupFlag(43)=Y repeats its number by right. A Logon with ResetSeqNumFlag(141)=Y begins
        the epoch after the one in which it came; a refused one counts for nothing.
        """
        return self._repeated(_number_of)

    def duplicate_cl_ord_ids(self) -> list[LoggedFrame]:
        """Return requests whose ClOrdID(11) an earlier one of the session had, PossDup ones apart."""
        return self._repeated(_cl_ord_id_of)

    def _repeated(self, key_of: Callable[[LoggedFrame], tuple[object, ...] | None]) -> list[LoggedFrame]:
        seen: set[tuple[object, ...]] = set()
        repeated = []
        for frame in self._frames:
            key = key_of(frame)
            if key is None:
                continue
            if key in seen:
                repeated.append(frame)
            seen.add(key)
        return repeated


def field_of(frame: bytes, tag: int) -> str | None:
    """Return the first value of a tag in a frame; read from the bytes, by nobody's codec."""
    start = frame.find(b"\x01%d=" % tag)
    if start < 0:
        return None
    start = frame.index(b"=", start) + 1
    return frame[start : frame.index(b"\x01", start)].decode("latin-1")


def _number_of(frame: LoggedFrame) -> tuple[object, ...] | None:
    begins_epoch = frame.msg_type == "A" and frame.get(141) == "Y"
    if frame.poss_dup or not frame.msg_seq_num or begins_epoch or frame.session.startswith(REFUSED):
        return None
    return frame.session, frame.outbound, frame.epoch, frame.msg_seq_num


def _cl_ord_id_of(frame: LoggedFrame) -> tuple[object, ...] | None:
    if frame.outbound or frame.poss_dup or frame.msg_type not in REQUESTS:
        return None
    return frame.session, frame.get(11)


class LoggedStore:
    """A session's store that shows every frame to the message log.

    Args:
        store: does the work.
        log: sees the frames.
        session: the name in the log.
    """

    def __init__(self, store: Store, log: MessageLog, session: str) -> None:
        self._store = store
        self._log = log
        self._session = session
        self._connection = 0

    @property
    def sync_level(self) -> Sync:
        """As the store behind it."""
        return self._store.sync_level

    @property
    def full(self) -> bool:
        """As the store behind it."""
        return self._store.full

    @property
    def checkpoint_due(self) -> bool:
        """As the store behind it."""
        return self._store.checkpoint_due

    def load(self) -> Stored:
        """Open the store behind it."""
        return self._store.load()

    def commit(self, records: Sequence[Record]) -> None:
        """Append, then log the frames."""
        self._store.commit(records)
        for record in records:
            if record.kind == Kind.CONNECT:
                self._connection += 1
            elif record.kind == Kind.FRAME and not record.flags & Flag.GARBLED:
                self._log.add(self._frame(record))

    def read(self, begin: int, end: int) -> Iterator[Record]:
        """Read from the store behind it."""
        return self._store.read(begin, end)

    def checkpoint(self, books: Mapping[str, bytes], utc_ns: int) -> None:
        """Write a checkpoint to the store behind it."""
        self._store.checkpoint(books, utc_ns)

    def sync(self) -> None:
        """Sync the store behind it."""
        self._store.sync()

    def close(self) -> None:
        """Close the store behind it."""
        self._store.close()

    def _frame(self, record: Record) -> LoggedFrame:
        """What came in counts by the number that it bears, whether or not the venue took it."""
        outbound = bool(record.flags & Flag.OUTBOUND)
        frame = LoggedFrame(
            self._session,
            self._connection,
            outbound,
            record.epoch,
            record.msg_seq_num,
            record.utc_ns,
            record.payload,
        )
        borne = frame.get(34) or ""
        return frame if outbound or not borne.isdigit() else replace(frame, msg_seq_num=int(borne))
