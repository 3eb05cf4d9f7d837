"""What does not check at the end of a tape is cut off, and kept in files beside it."""

from __future__ import annotations

import os
from pathlib import Path

from fixgw.store.chain import Chain
from fixgw.store.files import copy_out, free_name, sync_directory


def cut(chain: Chain, offset: int) -> list[str]:
    """Let a tape end at an offset; return the names of the files that keep what lay after it.

    Whole segments go first, the last one before the others, so that a crash on the way leaves a tape that can
    be cut again.

    Args:
        chain: the tape; it ends there too afterwards.
        offset: where a record ends or the first one of a segment would begin.

    Raises:
        OSError: a file can not be written.
    """
    kept = []
    while chain.last.base > offset:
        path = chain.parts.pop().path
        aside = free_name(path, ".torn")
        path.rename(aside)
        sync_directory(chain.directory)
        kept.append(aside.name)
    kept += _cut_file(chain.last.path, offset - chain.last.base)
    return kept[::-1]


def _cut_file(path: Path, offset: int) -> list[str]:
    fd = os.open(path, os.O_RDWR)
    try:
        size = os.fstat(fd).st_size
        if size <= offset:
            return []
        aside = free_name(path.with_name(f"{path.name}.{offset}"), ".torn")
        copy_out(fd, offset, size, aside)
        sync_directory(path.parent)
        os.ftruncate(fd, offset)
        os.fsync(fd)
    finally:
        os.close(fd)
    return [aside.name]
