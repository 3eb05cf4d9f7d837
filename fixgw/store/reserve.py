"""A piece of the disk that is kept free for the worst hour: given back when the disk is full."""

from __future__ import annotations

import errno
import os
from pathlib import Path

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


class Reserve:
    """A preallocated file.

    Args:
        path: the file.
        size: how much it holds back, bytes.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size

    def take(self) -> bool:
        """Allocate it, when it is not there; return whether it is.

        Raises:
            OSError: for another reason than a full disk.
        """
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(fd, 0, self._size)
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            self.free()  # what it got so far
            return False
        finally:
            os.close(fd)
        return True

    def free(self) -> None:
        """Give its room back to the file system."""
        self._path.unlink(missing_ok=True)
