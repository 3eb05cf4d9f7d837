"""Reading a tape beside its writer: no lock is taken, nothing is cut, and a torn tail is "not yet"."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fixgw.errors import StoreCorrupt, StoreError
from fixgw.records import Record
from fixgw.store.chain import Chain, Part, find_segment, number_of, open_segment, read_parts, segment_paths
from fixgw.store.recover import judge
from fixgw.store.segment import size_of


class TapeReader:
    """Reads a tape from its oldest segment, and what was added since when asked again, over all segments.

    Args:
        path: a session's directory; or one segment, which is read alone.

    Raises:
        StoreError: there is no tape.
        StoreCorrupt: the file is no tape.
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        self._directory = path if path.is_dir() else None
        self._segment = open_segment(_oldest(path) if path.is_dir() else path)
        self._offset = self._segment.start
        self._begins_ns = self._segment.header.utc_ns if self._segment.base else 0

    @property
    def begins_ns(self) -> int:
        """The instant from which the tape is there, UTC nanoseconds; 0 when nothing was deleted of it."""
        return self._begins_ns

    @property
    def unread(self) -> int:
        """How many bytes after the last record that was read are not whole, or not yet."""
        return max(self._segment.end() - self._offset, 0)

    def read(self) -> Iterator[Record]:
        """Yield the records that were not read yet, as far as the tape holds them whole.

        Raises:
            StoreCorrupt: what does not check was on the medium once.
            StoreError: a segment was deleted before it was read, or can not be read.
        """
        while True:
            following = self._following()  # asked first: when there is one, this segment has its last length
            end = self._segment.end()
            for offset, record in self._segment.scan(self._offset, end):
                self._offset = offset + size_of(record)
                yield record
            if following is None or self._offset < following.base:
                break
            self._turn_to(following)
        if self._offset < end or following is not None:
            self._judge()

    def close(self) -> None:
        """Close the file; idempotent."""
        self._segment.close()

    def __enter__(self) -> TapeReader:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _following(self) -> Part | None:
        """Return the segment after the present one, once it is there."""
        if self._directory is None:
            return None
        number = number_of(self._segment.path)
        there = find_segment(self._directory, number) is not None  # the oldest is deleted first
        following = find_segment(self._directory, number + 1)
        if following is not None:
            return next(iter(read_parts([following])), None)
        if there:
            return None
        raise StoreError(
            f"{self._segment.path}: the segment after it was deleted before it was read; "
            "begin again with the oldest one that is left"
        )

    def _turn_to(self, following: Part) -> None:
        before, self._segment = self._segment, open_segment(following.path)
        self._offset = self._segment.start
        if self._segment.header.previous != before.seed:
            raise StoreCorrupt(
                f"{following.path}: it does not continue {before.path.name}, and belongs to another tape"
            )
        before.close()

    def _judge(self) -> None:
        """Raise for what does not check, if it was on the medium once."""
        parts = [Part.of(self._segment)]
        if self._directory is not None:
            later = (path for path in segment_paths(self._directory) if number_of(path) > parts[0].number)
            parts += read_parts(list(later))
        chain = Chain(self._segment.path.parent, parts)
        judge(chain, self._offset, chain.end())


def records(path: str | Path) -> Iterator[Record]:
    """Yield every record of a tape, in order.

    Args:
        path: a session's directory, or a segment.

    Raises:
        StoreError: there is no tape.
        StoreCorrupt: what does not check was on the medium once.
    """
    with TapeReader(path) as reader:
        yield from reader.read()


def _oldest(directory: Path) -> Path:
    paths = segment_paths(directory)
    if not paths:
        raise StoreError(f"{directory}: no tape can be read here: no segment; name a session's directory")
    return paths[0]
