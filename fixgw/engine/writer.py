"""Takes over, in order, while bytes can not leave at once: paused transport, replay, or a store to sync."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import TypeAlias

from fixgw.records import Record
from fixgw.session.events import NotResent
from fixgw.session.outcome import Replay
from fixgw.store.base import Store

SLICE_FRAMES = 64
SLICE_SECONDS = 0.005

Replayed: TypeAlias = Iterator[Record | NotResent]


class Writer:
    """The tail of a link: empty and out of the way unless something waits.

    Args:
        store: replayed frames are committed to it, and synced before bytes leave when its level says so.
        open_replay: returns the frames of a replay; they end when the epoch or the connection changes.
        on_not_resent: called for each of our messages whose number was filled.
        on_failure: called with what went wrong while the writer worked.
        limit: bytes that may wait before ``overrun`` is true.
    """

    def __init__(
        self,
        store: Store,
        open_replay: Callable[[Replay], Replayed],
        on_not_resent: Callable[[NotResent], None],
        on_failure: Callable[[Exception], None],
        *,
        sync_always: bool,
        limit: int,
    ) -> None:
        self._store = store
        self._open_replay = open_replay
        self._on_not_resent = on_not_resent
        self._on_failure = on_failure
        self._sync_always = sync_always
        self._limit = limit
        self._waiting: deque[bytes | Replay] = deque()
        self._at_work = False
        self._bytes = 0
        self.bytes_replayed = 0
        self._stream: asyncio.WriteTransport | None = None
        self._writable = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._when_done: list[Callable[[], None]] = []
        self.busy = False

    @property
    def depth(self) -> int:
        """How many chunks and replays have not left: those that wait and the one that is being worked on."""
        return len(self._waiting) + self._at_work

    @property
    def overrun(self) -> bool:
        """True when the peer takes bytes so slowly that more wait here than is allowed."""
        return self._bytes > self._limit

    def attach(self, stream: asyncio.WriteTransport) -> None:
        """Serve a new connection."""
        self._stream = stream
        self._writable.set()
        self.busy = self._sync_always

    def detach(self) -> None:
        """Forget the connection and all that waited for it: the peer asks again for what it misses."""
        self._stream = None
        self._when_done.clear()
        self._waiting.clear()
        self._at_work = False
        self._bytes = 0
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def pause(self) -> None:
        """The transport takes no more for now."""
        self._writable.clear()
        self.busy = True

    def resume(self) -> None:
        """The transport takes bytes again."""
        self._writable.set()
        if self._task is None:
            self.busy = self._sync_always

    def push(self, item: bytes | Replay) -> None:
        """Put a chunk or a replay behind everything that waits."""
        self._waiting.append(item)
        self.busy = True
        if isinstance(item, bytes):
            self._bytes += len(item)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="fixgw writer")

    def when_done(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once nothing waits any more."""
        self._when_done.append(callback)

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._writable.wait()
                item = self._waiting.popleft()
                self._at_work = True
                if isinstance(item, Replay):
                    await self._serve(item)
                else:
                    await self._pass_on(item)
                self._at_work = False
        except Exception as error:  # a store that fails, above all
            self._at_work = False
            self._on_failure(error)
        self._task = None
        self.busy = self._sync_always or not self._writable.is_set()
        callbacks, self._when_done = self._when_done, []
        for callback in callbacks:
            callback()

    async def _pass_on(self, chunk: bytes) -> None:
        """Write one chunk, with all that follows it in one go when the store has to sync first."""
        self._bytes -= len(chunk)
        if self._sync_always:
            chunk += self._take_chunks()  # one fdatasync covers whatever was committed before it began
            await asyncio.get_running_loop().run_in_executor(None, self._store.sync)
        if self._stream is not None:
            self._stream.write(chunk)

    def _take_chunks(self) -> bytes:
        chunks = []
        while self._waiting and isinstance(self._waiting[0], bytes):
            chunks.append(self._waiting.popleft())
        joined = b"".join(chunk for chunk in chunks if isinstance(chunk, bytes))
        self._bytes -= len(joined)
        return joined

    async def _serve(self, plan: Replay) -> None:
        """Pull the replay in slices and wait for the transport between them, so that memory stays flat."""
        replayed = self._open_replay(plan)
        complete = False
        while self._stream is not None and not complete:
            records, complete = self._slice(replayed)
            if records:
                self._store.commit(records)
                if self._sync_always:
                    await asyncio.get_running_loop().run_in_executor(None, self._store.sync)
                frames = b"".join(record.payload for record in records)
                self.bytes_replayed += len(frames)
                self._stream.write(frames)
            await asyncio.sleep(0)
            await self._writable.wait()

    def _slice(self, replayed: Replayed) -> tuple[list[Record], bool]:
        """Return the next records, and whether they are the last."""
        records: list[Record] = []
        stop = perf_counter() + SLICE_SECONDS
        for item in replayed:
            if isinstance(item, NotResent):
                self._on_not_resent(item)
            else:
                records.append(item)
            if len(records) >= SLICE_FRAMES or perf_counter() > stop:
                return records, False
        return records, True
