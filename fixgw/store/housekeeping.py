"""What becomes of segments that nobody can ask for: compressed, kept for a while, deleted; off the loop."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from fixgw.errors import StoreError
from fixgw.store.archive import MAX_SIZE, SUFFIX, compress
from fixgw.store.chain import Chain, Part
from fixgw.store.files import sync_directory

log = logging.getLogger("fixgw.store")

DAY_NS = 86_400 * 10**9
_NICE = 19


class Housekeeper:
    """Works through old segments in a thread of its own, one pass at a time.

    Args:
        directory: the tape.
        compressing: whether segments are compressed.
        retention_days: after how many days they are deleted; 0: never.
    """

    def __init__(self, directory: Path, compressing: bool, retention_days: int) -> None:
        self._directory = directory
        self._compressing = compressing
        self._retention_ns = retention_days * DAY_NS
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, floor: int, utc_ns: int) -> None:
        """Begin a pass and return; while one is at work nothing happens, as another will come.

        Args:
            floor: nothing before this offset of the tape can be asked for, and all of that is on the medium.
            utc_ns: the present time.
        """
        if not (self._compressing or self._retention_ns) or (self._thread and self._thread.is_alive()):
            return
        self._stopping.clear()
        self._thread = threading.Thread(
            target=self._work, args=(floor, utc_ns), name="fixgw tape", daemon=True
        )
        self._thread.start()

    def wait(self) -> None:
        """Return once the pass at work, if any, is at its end."""
        if self._thread is not None:
            self._thread.join()

    def stop(self) -> None:
        """End the pass at work within a moment; what it was compressing stays as it is."""
        self._stopping.set()
        self.wait()

    def _work(self, floor: int, utc_ns: int) -> None:
        try:
            with suppress(OSError):  # not every system knows the priority of one thread
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
            older = utc_ns - self._retention_ns if self._retention_ns else 0
            tidy(self._directory, floor, older, self._compressing, self._stopping.is_set)
        except (OSError, StoreError) as error:  # the tape itself is as it was
            log.warning("old segments kept", extra={"tape": str(self._directory), "error": str(error)})


def tidy(
    directory: Path, floor: int, older_than_ns: int, compressing: bool, stopped: Callable[[], bool]
) -> None:
    """Delete or compress the segments that end before an offset, oldest first.

    Args:
        directory: the tape.
        floor: nothing before this offset of the tape can be asked for, and all of that is on the medium.
        older_than_ns: a segment whose last record is older than this UTC time is deleted.
        compressing: whether the others are compressed.
        stopped: asked now and then; the work ends when it says so.

    Raises:
        OSError: a file can not be written or deleted.
        StoreError: the segments can not be read.
    """
    for part, following in pairwise(Chain.of(directory).parts):
        if following.base > floor or stopped():
            return
        _remove_twin(part)
        if following.header.utc_ns < older_than_ns:
            part.path.unlink()
            sync_directory(directory)  # so that never one in the middle is missing
        elif compressing and part.path.suffix != SUFFIX and following.base - part.base <= MAX_SIZE:
            compress(part.path, stopped)


def _remove_twin(part: Part) -> None:
    """Remove the archive that a crash left beside the segment that it was made of."""
    if part.path.suffix != SUFFIX:
        part.path.with_name(part.path.name + SUFFIX).unlink(missing_ok=True)
