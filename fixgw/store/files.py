"""What a tape does with its directory: private, and on the medium when it says so."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path


def make_directory(path: Path) -> None:
    """Make a directory and those above it that are missing, for this user only."""
    missing = [above for above in (path, *path.parents) if not above.exists()]
    for directory in reversed(missing):
        directory.mkdir(mode=0o700, exist_ok=True)


def sync_directory(path: Path) -> None:
    """Bring the names in a directory to the medium."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def replace(path: Path, content: bytes) -> None:
    """Give a file another content, at once and on the medium."""
    new = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    new.replace(path)
    sync_directory(path.parent)


def free_name(path: Path, suffix: str) -> Path:
    """Return ``path`` with a suffix, and with a number before that when a file of that name is there."""
    free = path.with_name(f"{path.name}{suffix}")
    for number in count(2):
        if not free.exists():
            break
        free = path.with_name(f"{path.name}.{number}{suffix}")
    return free


def copy_out(fd: int, start: int, end: int, path: Path) -> None:
    """Write the bytes of an open file from ``start`` to ``end`` into a new file, on the medium."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        for offset in range(start, end, 1 << 20):
            out.write(os.pread(fd, min(1 << 20, end - offset), offset))
        out.flush()
        os.fsync(out.fileno())
