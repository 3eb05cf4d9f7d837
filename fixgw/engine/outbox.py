"""What a turn has gathered: records for the store and frames for the peer, each put down in one go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter

from fixgw.engine.writer import Writer
from fixgw.observe.histogram import Histogram
from fixgw.records import Flag, Kind, Record, SeqNums
from fixgw.session.outcome import Replay, Send, Step
from fixgw.store.base import Store

OUTBOUND = int(Flag.OUTBOUND)


class Outbox:
    """Gathers during a turn; ``flush`` appends to the store, then writes to the stream.

    Args:
        store: where records go first.
        numbers: the session's numbers as they are written.
        writer: takes frames that can not leave at once.
        on_overrun: called when more waits there than is allowed.
    """

    def __init__(
        self, store: Store, numbers: SeqNums, writer: Writer, on_overrun: Callable[[], None]
    ) -> None:
        self.commits = Histogram()
        self._on_overrun = on_overrun
        self._bytes_out = 0
        self.records: list[Record] = []
        self._frames: list[bytes] = []
        self._numbers = numbers
        self._last: Record | None = None
        self._store = store
        self._writer = writer
        self._stream: asyncio.Transport | None = None
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def numbers(self) -> SeqNums:
        """The session's numbers as they are written."""
        last = self._last
        return self._numbers if last is None else SeqNums(last.epoch, last.next_out, last.next_in)

    @property
    def bytes_out(self) -> int:
        """Bytes handed to the stream or the writer, replays included."""
        return self._bytes_out + self._writer.bytes_replayed

    def attach(self, stream: asyncio.Transport) -> None:
        """Write to a new stream."""
        self._stream = stream
        self._writer.attach(stream)

    def detach(self) -> None:
        """The stream is gone; frames that had not left are dropped, their records are kept."""
        self._stream = None
        self._frames.clear()
        self._writer.detach()

    def send(self, record: Record) -> None:
        """Add one outbound frame."""
        self.records.append(record)
        self._frames.append(record.payload)

    def step(self, step: Step) -> None:
        """Add one step of an outcome."""
        if type(step) is Record:
            self.records.append(step)
            if step.flags & OUTBOUND:
                self._frames.append(step.payload)
        elif type(step) is Send:
            self.records.append(step.record)
            self._frames.append(step.wire)
        else:
            assert isinstance(step, Replay)
            self.flush()  # what was sent before the request leaves before the replay
            self._writer.push(step)

    def commit(self) -> None:
        """Append all gathered records in one write.

        Raises:
            StoreError: the records are still gathered; ``abandon`` gives them up.
        """
        started = perf_counter()
        self._store.commit(self.records)
        self._last = self.records[-1]
        self.records = []
        self.commits.record(perf_counter() - started)

    def flush(self) -> None:
        """Commit, then hand the frames to the stream, or to the writer while it works."""
        if self.records:
            self.commit()
        if self._frames:
            self._write()
        if self._waiters and not self._writer.depth:
            self.release()

    def abandon(self) -> list[int]:
        """Give up what could not be committed; return the MsgSeqNums that were never sent."""
        lost, self.records = self.records, []
        self._frames.clear()
        return [r.msg_seq_num for r in lost if r.kind == Kind.FRAME and r.flags & OUTBOUND]

    async def flushed(self) -> None:
        """Return once nothing is gathered and nothing waits, or the stream is gone."""
        if self.records or self._writer.depth:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            self._writer.when_done(self.release)
            await waiter

    def release(self) -> None:
        """Wake everyone in ``flushed``."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _write(self) -> None:
        frames = self._frames
        data = frames[0] if len(frames) == 1 else b"".join(frames)
        frames.clear()
        self._bytes_out += len(data)
        if self._stream is None:
            return
        if not self._writer.busy:
            self._stream.write(data)
            return
        self._writer.push(data)
        if self._writer.overrun:
            self._on_overrun()
