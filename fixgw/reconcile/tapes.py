"""A session's tape as a feed: what the gateway's books were given, read beside the gateway that writes it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fixgw.errors import StoreError
from fixgw.reconcile.feeds import TOLERANCE_NS
from fixgw.reconcile.model import Execution, Period, Proof, SessionTimeline, Subject, subtract
from fixgw.reconcile.reports import ReadReport, Told, execution_of
from fixgw.reconcile.timeline import Timeline
from fixgw.reconcile.witnesses import Witness
from fixgw.records import Flag, Kind, Record
from fixgw.store.reader import TapeReader

SLICE = 2_000  # records between two turns of the event loop
BEGINNING_NS = 0
LOGON_FIELDS = re.compile(rb"\x01(49|56|21005)=([^\x01]*)(?=\x01)")
# as plain numbers: every record is held against them
OUTBOUND, ADMIN, WAITING = int(Flag.OUTBOUND), int(Flag.ADMIN), int(Flag.WAITING)
REFUSED = int(Flag.ADMIN | Flag.POSS_DUP)  # inbound: it waited, and was given up
UNHEARD = int(Flag.GARBLED | Flag.ADMIN)
RECONCILED = int(Flag.RECONCILED)
EXECUTIONS = frozenset({Subject.EXECUTIONS})


@dataclass(frozen=True, slots=True)
class TapeSource:
    """Which tape to read, and what it has to be.

    Args:
        session: the session's name.
        directory: its tape.
        sender_comp_id: whose tape it has to be; empty when that is not known.
        target_comp_id: the counterparty that it has to be with; empty when that is not known.
        retransmission: the session asks for what it misses.
        in_dollars: prices are in dollars whatever the Logons say; otherwise, where they say so.
    """

    session: str
    directory: Path
    sender_comp_id: str = ""
    target_comp_id: str = ""
    retransmission: bool = False
    in_dollars: bool = False


class TapeFeed:
    """The executions on one tape, in the order in which books were given them.

    Args:
        source: the tape.
        now_ns: the present instant, UTC nanoseconds: up to there the tape is read.
        ours: it is what the gateway's books were given; otherwise, a listener's witness.
        witnesses: shown every record, for the comparisons that follow.
        read: reads an execution out of a frame.
    """

    def __init__(
        self,
        source: TapeSource,
        now_ns: int,
        *,
        ours: bool = True,
        witnesses: Sequence[Witness] = (),
        read: ReadReport = execution_of,
    ) -> None:
        self.name = f"tape of {source.session}"
        self.ours = ours
        self._source = source
        self._now_ns = now_ns
        self._read = read
        self._witnesses = list(witnesses)
        self._timeline = Timeline(source.session, retransmission=source.retransmission)
        self._begins_ns = BEGINNING_NS
        session = source.session if ours else ""  # a listener hears what was meant for another session
        self._told = Told(self.name, session, source.in_dollars, whole=not ours)
        self._notes: list[str] = []
        self._waiting: dict[int, Record] = {}

    async def executions(self, period: Period) -> AsyncIterator[Execution]:
        """Yield executions, oldest first but for what was sent again later; see ``feeds.Feed``.

        Raises:
            StoreError: there is no tape, it is damaged, or it is another session's.
        """
        count = 0
        with TapeReader(self._source.directory) as reader:
            if reader.begins_ns:  # by our clock; executions have the venue's
                self._begins_ns = reader.begins_ns + TOLERANCE_NS
            for record in reader.read():
                count += 1
                if count % SLICE == 0:
                    await asyncio.sleep(0)
                for execution in self._executions_of(record):
                    if execution.utc_ns in period:
                        yield execution
            if reader.unread:
                self._notes.append(
                    f"the last {reader.unread} bytes were not read: a write goes on, or broke off"
                )

    def proves(self) -> Sequence[Proof]:
        """A tape shows what was received; a listener's, only while it was connected."""
        source = self._source
        if self.ours:
            covered = Period(self._begins_ns, self._now_ns)
            return (Proof(self.name, covered, EXECUTIONS, frozenset({source.session})),)
        heard = _heard(self._timeline.result())
        return tuple(Proof(self.name, stretch, EXECUTIONS) for stretch in heard)

    def timeline(self) -> SessionTimeline | None:
        """Return when the session was connected, as far as the tape was read."""
        return self._timeline.result()

    def notes(self) -> Sequence[str]:
        """Return what a person should know of the tape."""
        return self._notes

    def _executions_of(self, record: Record) -> Iterator[Execution]:
        self._timeline.take(record)
        for witness in self._witnesses:
            witness.take(record)
        if record.kind != Kind.FRAME:
            if record.kind in (Kind.CONNECT, Kind.DROP, Kind.RESET, Kind.NUMBERS):
                self._waiting.clear()
            return
        if record.flags & OUTBOUND:
            if record.flags & ADMIN:
                self._note_logon(record)
            return
        yield from self._inbound(record)

    def _inbound(self, record: Record) -> Iterator[Execution]:
        """What waits behind a gap counts once the numbers have passed it, as for the books."""
        flags = record.flags
        if flags & WAITING:
            self._waiting[record.msg_seq_num] = record
        elif flags & REFUSED == REFUSED:
            self._waiting.pop(record.msg_seq_num, None)
        elif not flags & UNHEARD:
            yield from self._execution(record)
        if self._waiting:
            for number in sorted(n for n in self._waiting if n < record.next_in):
                yield from self._execution(self._waiting.pop(number))

    def _execution(self, record: Record) -> Iterator[Execution]:
        told = self._told
        if record.flags & RECONCILED:  # put together: what it does not say is not known
            told = replace(told, flat_untold=False)
        found = self._read(record.payload, told)
        if found is not None:
            yield found

    def _note_logon(self, record: Record) -> None:
        """Hold the identity of a Logon against what is expected, and read its unit of price."""
        if b"\x0135=A\x01" not in record.payload[:64]:
            return
        fields = dict(LOGON_FIELDS.findall(record.payload))
        source = self._source
        for tag, expected in ((b"49", source.sender_comp_id), (b"56", source.target_comp_id)):
            found = fields.get(tag, b"").decode("ascii", "replace")
            if expected and found != expected:
                raise StoreError(
                    f"{source.directory}: this is the tape of {found}, and {source.session} is {expected}: "
                    "name the directory of this session, or give a new key a directory of its own"
                )
        self._told = replace(self._told, in_dollars=source.in_dollars or fields.get(b"21005") == b"Y")


def _heard(timeline: SessionTimeline) -> Sequence[Period]:
    """Return what a session has heard: all of its time but for what it is known to have lost.

    Whoever asks for what it missed has heard what came while it was away, too. A report is written later than
    its execution was made, and by another clock: the edges prove nothing.
    """
    if not timeline.connected:
        return ()
    whole = Period(timeline.connected[0].begin_ns, timeline.connected[-1].end_ns)
    return subtract(whole.widened(-TOLERANCE_NS), [lost.widened(TOLERANCE_NS) for lost in timeline.lost])
