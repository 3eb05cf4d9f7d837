"""Makes a damaged tape usable again; what is taken out of it is kept in files beside it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from fixgw.records import Flag, Kind, Record
from fixgw.store.account import REPAIRED
from fixgw.store.archive import SUFFIX
from fixgw.store.chain import Part, open_segment
from fixgw.store.check import Hole, TapeCheck, check
from fixgw.store.files import copy_out, free_name, sync_directory
from fixgw.store.lock import hold
from fixgw.store.segment import HEADER_SIZE, MAX_PAYLOAD, pack_all
from fixgw.store.torn import cut

_CHUNK = 1 << 20


@dataclass(slots=True)
class Repair:
    """What was done to a tape, or would be.

    Args:
        path: its directory.
        done: a sentence for each change.
        left: a sentence for each fault that stays.
    """

    path: Path
    done: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def repair(directory: Path, dry_run: bool = False) -> Repair:
    """Cut an unfinished write, put notes in the place of damage, and forget a checkpoint that is not there.

    Args:
        directory: a session's directory.
        dry_run: change nothing, and say what would be done.

    Raises:
        StoreLocked: a gateway holds the tape; the text says which process.
        StoreError: it can not be read.
        OSError: a file can not be written.
    """
    lock = hold(directory / "lock", "stop that gateway first")
    try:
        found, made = check(directory), Repair(directory)
        for hole in found.holes:
            made.done += _mend(found, hole, dry_run)
        made.done += _cut_tail(found, dry_run)
        made.done += _forget_checkpoint(found, dry_run)
        after = found if dry_run else check(directory)
        stays = [fault for fault in after.faults if not (dry_run and fault.mendable)]
        made.left = [f"{fault.file}: offset {fault.offset}: {fault.what}" for fault in stays]
    finally:
        lock.release()
    return made


def _mend(found: TapeCheck, hole: Hole, dry_run: bool) -> list[str]:
    """Deal with a stretch that does not check; return the sentence that says so, if it can be dealt with."""
    size = hole.end - hole.start
    what = f"{hole.part.path.name}: {size} bytes that do not check at offset {hole.start - hole.part.base}"
    if hole.after is None and hole.part.number == found.chain.last.number:
        kept = [] if dry_run else cut(found.chain, hole.start)
        return [f"{what}: cut off{_kept(kept)}; {_lost(hole)}"]
    if size < HEADER_SIZE:
        return []  # bytes were put in or taken out there: no record fits in their place
    kept = [] if dry_run else _replace(hole)
    return [f"{what}: a note stands in their place{_kept(kept)}; {_lost(hole)}"]


def _cut_tail(found: TapeCheck, dry_run: bool) -> list[str]:
    if found.tail is None:
        return []
    path, within = found.chain.place(found.tail)
    kept = [] if dry_run else cut(found.chain, found.tail)
    return [f"{path.name}: an unfinished write at offset {within}: cut off{_kept(kept)}"]


def _forget_checkpoint(found: TapeCheck, dry_run: bool) -> list[str]:
    faults = [fault for fault in found.faults if fault.file == "checkpoint"]
    if faults and not dry_run:
        (found.path / "checkpoint").unlink()
        sync_directory(found.path)
    return [f"checkpoint: {fault.what}: removed; the next start reads the whole tape" for fault in faults]


def _replace(hole: Hole) -> list[str]:
    """Put notes in the place of a stretch; return the names of the files that keep what was there."""
    path, kept = _plain(hole.part)
    begin, end = hole.start - hole.part.base, hole.end - hole.part.base
    fd = os.open(path, os.O_RDWR)
    try:
        there = min(os.fstat(fd).st_size, end)
        if begin < there:
            aside = free_name(path.with_name(f"{path.name}.{begin}"), ".damaged")
            copy_out(fd, begin, there, aside)
            kept.append(aside.name)
        sync_directory(path.parent)
        os.lseek(fd, begin, os.SEEK_SET)
        with os.fdopen(os.dup(fd), "wb") as out:
            out.write(pack_all(_notes(hole, begin), hole.part.header.seed))
        os.fsync(fd)
    finally:
        os.close(fd)
    return kept


def _plain(part: Part) -> tuple[Path, list[str]]:
    """Return the file of a segment; an archive is unpacked as far as it goes, and kept under another name."""
    if part.path.suffix != SUFFIX:
        return part.path, []
    path = part.path.with_suffix("")
    if path.exists():
        return path, []
    new = path.with_name(path.name + ".new")
    with open_segment(part.path) as archive, new.open("wb") as out:
        new.chmod(0o600)
        at = 0
        while chunk := archive.read_bytes(_CHUNK, at):
            at += out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    new.replace(path)
    aside = free_name(part.path, ".damaged")
    part.path.rename(aside)
    return path, [aside.name]


def _notes(hole: Hole, offset: int) -> list[Record]:
    """Return records that take as many bytes as a stretch, and say so."""
    left, notes = hole.end - hole.start, []
    text = f"repair: {left} bytes at offset {offset} of the segment did not check".encode()
    while left:
        size = min(left, HEADER_SIZE + MAX_PAYLOAD)
        if 0 < left - size < HEADER_SIZE:
            size -= HEADER_SIZE
        room = size - HEADER_SIZE
        epoch, next_out, next_in = hole.before
        payload = text[:room].ljust(room)
        notes.append(Record(Kind.NOTE, REPAIRED, epoch, 0, next_out, next_in, hole.utc_ns, payload))
        left -= size
    return notes


def _kept(names: list[str]) -> str:
    return f", kept in {', '.join(names)}" if names else ""


def _lost(hole: Hole) -> str:
    """Return which numbers are not on the tape any more."""
    epoch, next_out, next_in = hole.before
    after = hole.after
    if after is None:
        return f"lost: what came after our number {next_out - 1} and theirs {next_in - 1} of epoch {epoch}"
    if after.epoch != epoch:
        return f"lost: the end of epoch {epoch}, from our number {next_out} and theirs {next_in} on"
    ours, theirs = after.next_out, after.next_in
    if after.kind == Kind.FRAME and not after.flags & Flag.POSS_DUP:
        ours -= bool(after.flags & Flag.OUTBOUND)
        theirs -= not after.flags & Flag.OUTBOUND
    lost = [
        f"{whose} {first} to {last - 1}" if first < last - 1 else f"{whose} {first}"
        for whose, first, last in (("our number", next_out, ours), ("their number", next_in, theirs))
        if first < last
    ]
    return f"lost: {' and '.join(lost)} of epoch {epoch}" if lost else "no number is lost"
