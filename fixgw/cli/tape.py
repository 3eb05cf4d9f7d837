"""``fixgw tape``: look through the tapes of sessions, and make a damaged one usable again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from fixgw.cli.render import Exit, fail, json_line, out, say, table, tell
from fixgw.errors import StoreError, StoreLocked
from fixgw.store.check import SegmentCheck, Span, TapeCheck, tapes_in
from fixgw.store.check import check as check_tape
from fixgw.store.repair import repair as repair_tape

app = typer.Typer(no_args_is_help=True, help="Look through the tapes of sessions; mend a damaged one.")

PathArgument = Annotated[Path, typer.Argument(help="a session's directory, or that of all sessions")]

_COLUMNS = ("segment", "bytes", "records", "epoch", "out", "in", "state")


@app.command()
def check(
    path: PathArgument,
    as_json: Annotated[bool, typer.Option("--json", help="a line of JSON for each tape")] = False,
) -> None:
    """Read every record of a tape, change nothing, and tell what is there and what is wrong.

    A gateway may be writing it meanwhile. Exit codes: 0 sound, 1 damaged, 2 it can not be read.
    """
    _for_each(path, lambda directory: _check(directory, as_json))


@app.command()
def repair(
    path: PathArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="change nothing, say what would be")] = False,
) -> None:
    """Cut off an unfinished write and take damage out of a tape; what is taken out is kept beside it.

    No gateway may have the tape. Exit codes: 0 nothing is wrong any more, 1 something is left, 2 it can not
    be read, 4 a gateway has it.
    """
    _for_each(path, lambda directory: _repair(directory, dry_run))


def _for_each(path: Path, act: Callable[[Path], Exit]) -> None:
    """Act on each tape at a path, and end with the worst of the codes."""
    try:
        directories = tapes_in(path)
    except StoreError as error:
        raise fail(str(error), Exit.USAGE) from None
    codes = []
    for directory in directories:
        try:
            codes.append(act(directory))
        except StoreError as error:
            tell(str(error))
            codes.append(Exit.REFUSED if isinstance(error, StoreLocked) else Exit.USAGE)
    if code := max(codes):
        raise typer.Exit(int(code))


def _check(directory: Path, as_json: bool) -> Exit:
    tape = check_tape(directory)
    if as_json:
        json_line(_as_data(tape))
    else:
        _show(tape)
    return Exit.GOOD if tape.sound else Exit.BAD


def _repair(directory: Path, dry_run: bool) -> Exit:
    try:
        made = repair_tape(directory, dry_run)
    except OSError as error:
        raise StoreError(f"{directory}: can not be repaired: {error.strerror} ({error.filename})") from error
    for sentence in made.done:
        out.print(f"{directory}: {'would do: ' if dry_run else ''}{sentence}", markup=False)
    for sentence in made.left:
        tell(f"stays: {sentence}", str(directory))
    if not made.done and not made.left:
        say(f"{directory}: nothing to repair")
    return Exit.BAD if made.left else Exit.GOOD


def _show(tape: TapeCheck) -> None:
    epoch, next_out, next_in = tape.numbers
    out.print(str(tape.path), markup=False)
    table("", _COLUMNS, [row for segment in tape.segments for row in _rows(segment)])
    handled = f"{tape.handled.msg_seq_num} of epoch {tape.handled.epoch}"
    if tape.segments:
        out.print(f"next out {next_out}, next in {next_in}, epoch {epoch}; handled up to {handled}")
    for fault in tape.faults:
        tell(f"{fault.file}: offset {fault.offset}: {fault.what}")
    if tape.more_faults:
        tell(f"and {tape.more_faults} more")
    if not tape.sound:
        mending = f", or `fixgw tape repair {tape.path}`" if any(f.mendable for f in tape.faults) else ""
        say(f"what to do: restore from a copy{mending}")


def _rows(segment: SegmentCheck) -> Iterator[tuple[object, ...]]:
    """Yield a row for each epoch in a segment; the first one tells of the segment too."""
    first: tuple[object, ...] = (segment.name, segment.bytes, segment.records)
    state = _state(segment)
    for span in segment.spans.values() or (Span(0),):
        ours, theirs = _range(span.first_out, span.last_out), _range(span.first_in, span.last_in)
        yield (*first, span.epoch or "", ours, theirs, state)
        first, state = ("", "", ""), ""


def _state(segment: SegmentCheck) -> str:
    states = ["compressed"] if segment.compressed else []
    if segment.torn_bytes:
        states.append(f"{segment.torn_bytes} bytes unfinished")
    if segment.damaged_bytes:
        states.append(f"{segment.damaged_bytes} bytes damaged")
    return ", ".join(states)


def _range(first: int, last: int) -> str:
    return f"{first}-{last}" if first else ""


def _as_data(tape: TapeCheck) -> dict[str, Any]:
    return {
        "path": str(tape.path),
        "sound": tape.sound,
        "numbers": tape.numbers._asdict(),
        "handled": tape.handled._asdict(),
        "segments": [asdict(segment) | {"spans": _spans(segment)} for segment in tape.segments],
        "faults": [fault._asdict() for fault in tape.faults],
        "more_faults": tape.more_faults,
    }


def _spans(segment: SegmentCheck) -> list[dict[str, Any]]:
    return [asdict(span) for span in segment.spans.values()]
