"""Reading a tape beside its writer: no lock is taken, nothing is cut, and a torn tail is "not yet"."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from fixgw.errors import StoreError
from fixgw.records import Record
from fixgw.store.recover import judge
from fixgw.store.segment import FILE_HEADER_SIZE, Segment, segment_name, size_of


class TapeReader:
    """Reads a tape from its beginning, and what was added since when asked again.

    Args:
        path: a session's directory, or a segment.

    Raises:
        StoreError: there is no tape.
        StoreCorrupt: the file is no tape.
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        if path.is_dir():
            path /= segment_name(1)
        try:
            fd = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise StoreError(
                f"{path}: no tape can be read here: {error.strerror}; name a session's directory or a segment"
            ) from error
        try:
            self._segment = Segment(path, fd)
        except StoreError:
            os.close(fd)
            raise
        self._offset = FILE_HEADER_SIZE

    def read(self) -> Iterator[Record]:
        """Yield the records that were not read yet, as far as the tape holds them whole.

        Raises:
            StoreCorrupt: what does not check was on the medium once.
        """
        size = self._segment.size()
        for offset, record in self._segment.scan(self._offset, size):
            self._offset = offset + size_of(record)
            yield record
        if self._offset < size:
            judge(self._segment, self._offset, size)

    def close(self) -> None:
        """Close the file; idempotent."""
        self._segment.close()

    def __enter__(self) -> TapeReader:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


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
