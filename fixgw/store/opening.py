"""What is done to a tape before its writer goes on: leftovers of a crash are removed, a torn tail is cut."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from fixgw.errors import StoreCorrupt
from fixgw.store.archive import SUFFIX
from fixgw.store.chain import (
    Chain,
    Part,
    begin_segment,
    holds_records,
    number_of,
    segment_name,
    segment_paths,
)
from fixgw.store.checkpoint import Pointer
from fixgw.store.files import free_name, sync_directory
from fixgw.store.header import Header
from fixgw.store.recover import Tail
from fixgw.store.torn import cut


def read_pointer(directory: Path, notes: list[str]) -> Pointer | None:
    """Return where the last checkpoint is; None when nothing says so, with a note when that is a fault."""
    path = directory / "checkpoint"
    if not path.exists():
        return None
    pointer = Pointer.decode(path.read_bytes())
    if pointer is None:
        notes.append(f"{path} does not check: the whole tape was read")
    return pointer


def open_chain(directory: Path, pointer: Pointer | None, notes: list[str]) -> Chain:
    """Return the segments of a tape, the first of which is made when there is none.

    What a crash left of a file that was being made is removed.

    Raises:
        StoreCorrupt: a segment is missing, or does not belong here.
        StoreError: one can not be read.
        OSError: a file can not be made or removed.
    """
    for path in directory.glob("*.new"):
        path.unlink()
    chain = Chain.of(directory, archives=False)
    if pointer is not None and pointer.segment not in {segment_name(part.number) for part in chain.parts}:
        raise StoreCorrupt(
            f"{directory / pointer.segment}: missing at offset 0, but its checkpoint file is there: "
            "restore the segment, or move the whole directory away to begin anew"
        )
    paths = segment_paths(directory)
    archives = [path for path in paths if path.suffix == SUFFIX]
    if archives and not chain.parts:
        raise StoreCorrupt(f"{archives[-1]}: the segments after it are missing: restore them from a copy")
    for path in reversed(paths):
        if not chain.parts or number_of(path) > chain.last.number:
            _set_aside(path, notes)
    if not chain.parts:
        with begin_segment(directory, 1, Header(secrets.randbits(32))) as segment:
            os.fsync(segment.fd)
            chain.parts.append(Part.of(segment))
        sync_directory(directory)
    return chain


def _set_aside(path: Path, notes: list[str]) -> None:
    """Remove a segment whose header never was on the medium; records that were are kept beside the tape."""
    if not holds_records(path):
        path.unlink()
        return
    aside = free_name(path, ".torn")
    path.rename(aside)
    sync_directory(path.parent)
    notes.append(f"{path}: its header was not finished, so its records can not be read: kept in {aside.name}")


def cut_tail(chain: Chain, tail: Tail) -> str:
    """Cut a torn tail, and return the sentence that says so.

    Raises:
        OSError: a file can not be written.
    """
    path, within = chain.place(tail.offset)
    kept = ", ".join(cut(chain, tail.offset))
    return (
        f"{path}: an unfinished write was cut at offset {within}: {tail.size} bytes "
        f"with {tail.records} whole records, kept in {kept}"
    )
