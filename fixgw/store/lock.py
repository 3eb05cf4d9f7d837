"""One holder at a time: a lock on a file, with a text that names the holder."""

from __future__ import annotations

import fcntl
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

from fixgw.errors import StoreError, StoreLocked


class Lock:
    """A held lock; it ends with ``release`` or with the process, however that ends.

    Args:
        path: the file.
        fd: its descriptor, locked.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd = fd

    def release(self) -> None:
        """Let go; idempotent. The file stays: without it two processes could hold two files of one name."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def hold(path: str | Path, remedy: str = "stop it first, or use another path") -> Lock:
    """Take the lock of a file, which is created when it is missing.

    Args:
        path: the lock file, in a directory that exists.
        remedy: what a person can do when another holds it.

    Raises:
        StoreLocked: another process, or another object of this one, holds it; the text says who.
        StoreError: the file can not be made, or its file system has no locks.
    """
    path = Path(path)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(
            f"{path}: the lock file can not be opened: {error.strerror}; "
            "make the directory writable for this user"
        ) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        holder = _holder().encode()
        os.ftruncate(fd, os.pwrite(fd, holder, 0))  # in this order it needs no room on a full disk
    except BlockingIOError as error:
        other = os.pread(fd, 1024, 0).decode("utf-8", "replace").strip() or "a process that is just starting"
        os.close(fd)
        raise StoreLocked(f"{path} is held by {other}; {remedy}") from error
    except OSError as error:
        os.close(fd)
        raise StoreError(
            f"{path}: can not be locked: {error.strerror}; use a local file system with room and flock"
        ) from error
    return Lock(path, fd)


def _holder() -> str:
    """Return who takes the lock, and when."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"pid {os.getpid()} on host {socket.gethostname()} since {now}"
