"""The checkpoint: what it holds, and the small file that points at the last one."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from fixgw.records import Position, Record, SeqNums
from fixgw.store.progress import Progress, Run


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The payload of a CHECKPOINT record: one line of JSON, then the books' blobs one after the other.

    Args:
        handled: up to where handlers have returned.
        runs: see ``Progress``.
        resume: see ``Progress``.
        ahead: see ``Progress``.
        synced: everything before this offset was on the medium when it was written.
        books: a blob for each book, by name.
    """

    handled: Position
    runs: tuple[Run, ...]
    resume: int
    ahead: int
    synced: int
    books: Mapping[str, bytes]

    @classmethod
    def of(cls, progress: Progress, books: Mapping[str, bytes], synced: int) -> Checkpoint:
        """Return the checkpoint of a tape's present state."""
        return cls(
            progress.handled, tuple(progress.runs), progress.resume, progress.ahead, synced, dict(books)
        )

    def progress(self, record: Record) -> Progress:
        """Return the state of the tape after the record that held this."""
        numbers = SeqNums(record.epoch, record.next_out, record.next_in)
        return Progress(numbers, self.handled, self.runs, self.resume, self.ahead)

    def encode(self) -> bytes:
        """Return the payload."""
        head = {
            "handled": self.handled,
            "runs": self.runs,
            "resume": self.resume,
            "ahead": self.ahead,
            "synced": self.synced,
            "books": {name: len(blob) for name, blob in self.books.items()},
        }
        return json.dumps(head, separators=(",", ":")).encode() + b"\n" + b"".join(self.books.values())

    @classmethod
    def decode(cls, payload: bytes) -> Checkpoint:
        """Return what ``encode`` was given."""
        line, _, blobs = payload.partition(b"\n")
        head = json.loads(line)
        books, at = {}, 0
        for name, size in head["books"].items():
            books[name] = blobs[at : at + size]
            at += size
        runs = tuple(Run(*run) for run in head["runs"])
        return cls(Position(*head["handled"]), runs, head["resume"], head["ahead"], head["synced"], books)


class Pointer(NamedTuple):
    """Where the last checkpoint lies; written only once that record is on the medium.

    Args:
        segment: the name of the file that holds it.
        offset: where the record begins on the tape.
        end: where it ends; everything before is on the medium.
        seed: the seed of the segment, so that a pointer never serves another tape.
    """

    segment: str
    offset: int
    end: int
    seed: int

    def encode(self) -> bytes:
        """Return the content of the file: a line of words, the last one their CRC."""
        words = f"{self.segment} {self.offset} {self.end} {self.seed:08x}".encode()
        return b"%b %08x\n" % (words, zlib.crc32(words))

    @classmethod
    def decode(cls, content: bytes) -> Pointer | None:
        """Return the pointer, or None when the content does not check."""
        words, _, crc = content.rstrip(b"\n").rpartition(b" ")
        if crc != b"%08x" % zlib.crc32(words) or words.count(b" ") != 3:
            return None
        segment, offset, end, seed = words.decode().split(" ")
        return cls(segment, int(offset), int(end), int(seed, 16))
