"""Stores that do what disks do: wait, fill up, fail."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from fixgw.errors import StoreError, StoreFull
from fixgw.records import Flag, Kind, Record
from fixgw.store.base import Sync
from fixgw.store.memory import MemoryStore
from tests.engine.orders import types


class SyncingStore(MemoryStore):
    """Its ``sync`` waits until a test lets it, and notes in which thread it ran and what was committed."""

    def __init__(self, level: Sync) -> None:
        super().__init__(level)
        self.gate = threading.Event()
        self.gate.set()
        self.began = threading.Event()
        self.threads: list[str] = []
        self.synced = 0
        self.error: Exception | None = None

    def sync(self) -> None:
        """Bring what is committed now to the medium."""
        committed = len(self.records)
        self.threads.append(threading.current_thread().name)
        self.began.set()
        assert self.gate.wait(10)
        if self.error is not None:
            raise self.error
        self.synced = committed


class FailingStore(MemoryStore):
    """Fails to commit what a test names: the MsgTypes of outbound frames, or every commit."""

    def __init__(self) -> None:
        super().__init__()
        self.refused = ""
        self.failing = False
        self.error: StoreError = StoreFull("no room is left")

    def commit(self, records: Sequence[Record]) -> None:
        """Commit, or fail."""
        frames = [r for r in records if r.kind == Kind.FRAME and r.flags & Flag.OUTBOUND]
        if self.failing or any(types(frame.payload) in self.refused for frame in frames):
            raise self.error
        super().commit(records)


def outbound(store: MemoryStore) -> str:
    """Return the MsgTypes of all outbound frames, as committed."""
    frames = [r for r in store.records if r.kind == Kind.FRAME and r.flags & Flag.OUTBOUND]
    return "".join(types(frame.payload) for frame in frames)
