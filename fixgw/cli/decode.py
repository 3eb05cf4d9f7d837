"""``fixgw decode``: tapes, logs and raw text into messages that can be read."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from fixgw.cli.dict import VenueOption, to_read_with
from fixgw.cli.render import fail, told
from fixgw.errors import ConfigError, StoreError
from fixgw.fix import pretty
from fixgw.fix.extract import Extractor, Found, examine, garbled
from fixgw.fix.pretty import Decoder, Template, View
from fixgw.fix.values import sending_time
from fixgw.records import Flag, Kind, Record
from fixgw.store.reader import TapeReader

POLL_SECONDS = 0.2
PIECE_SIZE = 64 << 10
BATCH_SIZE = 256  # records of a tape between two flushes
TAPE_SUFFIX = ".tape"

_TIME = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[T -](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?))?Z?")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which messages are shown.

    Args:
        types: MsgTypes or names of messages; empty for all.
        comp_id: SenderCompID(49) or TargetCompID(56); empty for all.
        since: the beginning of a UTCTimestamp, empty for the beginning.
        until: the beginning of a UTCTimestamp, itself included; empty for the end.
    """

    types: frozenset[str] = frozenset()
    comp_id: str = ""
    since: str = ""
    until: str = ""

    def passes(self, view: View) -> bool:
        """True if the message is to be shown."""
        return (
            (not self.types or view.name in self.types or view.value(35) in self.types)
            and (not self.comp_id or self.comp_id in (view.value(49), view.value(56)))
            and (not self.since or view.time >= self.since)
            and (not self.until or "" < view.time[: len(self.until)] <= self.until)
        )


def decode(
    source: Annotated[str, typer.Argument(metavar="[FILE|-]", help="a tape, a log, or - for stdin")] = "-",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="a line a field, with words")] = False,
    json_lines: Annotated[bool, typer.Option("--json", help="an object a line")] = False,
    template: Annotated[
        str | None, typer.Option("--format", "-f", help="such as '{time} {MsgSeqNum} {ClOrdID} {54:word}'")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-F", help="wait for more, as tail -F does")] = False,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="only this MsgType or name; repeatable")
    ] = None,
    session: Annotated[str, typer.Option("--session", help="only messages from or to this CompID")] = "",
    since: Annotated[str, typer.Option("--since", help="only from then on: 2026-11-20T14:30, UTC")] = "",
    until: Annotated[str, typer.Option("--until", help="only up to then, itself included")] = "",
    dictionary: Annotated[
        list[Path] | None, typer.Option("--dictionary", help="QuickFIX XML to read with too; repeatable")
    ] = None,
    venue_name: VenueOption = "kalshi",
) -> None:
    """Show the FIX messages in a tape (a session's directory or a segment), a log or any text.

    The separator is guessed; what stands before a message on its line is skipped. Secrets are masked.

    Exit codes: 0 something was shown, 1 nothing was, 2 an option or the file can not be used.
    """
    with told():
        decoder = Decoder(to_read_with(venue_name, dictionary or ()))
        render = _renderer(decoder, verbose, json_lines, template)
        chosen = Filter(frozenset(types or ()), session, _time(since, "--since"), _time(until, "--until"))
        found, shown = _show(_batches(source, decoder, follow), chosen, render)
    if not found:
        what, remedy = (
            "no FIX message was found",
            "a message begins with 8=FIX; name a tape, a log or text that holds some",
        )
    elif not shown:
        what, remedy = (
            f"none of the {found} messages passes",
            "look at --type, --session, --since and --until",
        )
    else:
        return
    raise fail(what, where="standard input" if source == "-" else source, remedy=remedy)


def _renderer(
    decoder: Decoder, verbose: bool, json_lines: bool, template: str | None
) -> Callable[[View], str]:
    if verbose + json_lines + (template is not None) > 1:
        raise ConfigError("--verbose, --json and --format exclude each other", remedy="choose one of them")
    if template is not None:
        made = Template(template, decoder)
        return lambda view: pretty.line(view) if view.garbled else made.render(view)
    if json_lines:
        return lambda view: json.dumps(pretty.as_object(view), separators=(",", ":"))
    return pretty.block if verbose else pretty.line


def _time(text: str, option: str) -> str:
    """Return a time in the form of UTCTimestamp, as far as it goes."""
    if not text:
        return ""
    parts = _TIME.fullmatch(text)
    if parts is None or not _is_day(*parts.groups()[:3]):
        raise ConfigError(f"{text!r} is no time", option, "write 2026-11-20 or 2026-11-20T14:30:00, in UTC")
    year, month, day, clock = parts.groups()
    return f"{year}{month}{day}" + (f"-{clock}" if clock else "")


def _is_day(year: str, month: str, day: str) -> bool:
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True


def _show(batches: Iterator[list[View]], chosen: Filter, render: Callable[[View], str]) -> tuple[int, int]:
    """Print what passes, batch by batch; return how many messages were there, and how many were shown."""
    found = shown = 0
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        for batch in batches:
            found += len(batch)
            for view in batch:
                if chosen.passes(view):
                    shown += 1
                    sys.stdout.write(render(view) + "\n")
            sys.stdout.flush()
    except BrokenPipeError:  # head has seen enough; nothing more is to be said, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:  # whoever followed has seen enough
        return 1, 1
    return found, shown


def _batches(source: str, decoder: Decoder, follow: bool) -> Iterator[list[View]]:
    if source == "-":
        return _of_text(_pieces(sys.stdin.buffer), decoder)
    path = Path(source)
    if path.is_dir() or (TAPE_SUFFIX in path.suffixes and path.exists()):
        return _of_tape(path, decoder, follow)
    try:
        file = path.open("rb")
    except OSError as error:
        remedy = "name a file, a session's directory, or - for stdin"
        raise ConfigError(f"it can not be read: {error.strerror}", source, remedy) from None
    return _of_text(_tail(path, file) if follow else _whole(file), decoder)


def _of_text(pieces: Iterator[bytes], decoder: Decoder) -> Iterator[list[View]]:
    """Yield the messages of a text; an empty piece says that another text begins."""
    extractor = Extractor()
    for piece in pieces:
        yield [decoder.view(found) for found in (extractor.feed(piece) if piece else extractor.finish())]
    yield [decoder.view(found) for found in extractor.finish()]


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    read = getattr(file, "read1", file.read)
    while piece := read(PIECE_SIZE):
        yield piece


def _whole(file: BinaryIO) -> Iterator[bytes]:
    with file:
        yield from _pieces(file)


def _tail(path: Path, file: BinaryIO) -> Iterator[bytes]:
    """Yield what a file holds and what is added to it, for ever, also when another one takes its place."""
    while True:
        with file:
            while not _replaced(path, file):
                yield from _pieces(file)
                time.sleep(POLL_SECONDS)
            yield from _pieces(file)  # what was added before it went
        yield b""
        file = path.open("rb")


def _replaced(path: Path, file: BinaryIO) -> bool:
    """True if another file is there by the name, or the same one was cut."""
    try:
        now = path.stat()
    except FileNotFoundError:  # between the two halves of a rotation
        return False
    opened = os.fstat(file.fileno())
    return (now.st_dev, now.st_ino) != (opened.st_dev, opened.st_ino) or now.st_size < file.tell()


def _of_tape(path: Path, decoder: Decoder, follow: bool) -> Iterator[list[View]]:
    try:
        opened = TapeReader(path)
    except StoreError as error:
        raise ConfigError(str(error)) from None
    with opened as reader:
        while True:
            records = reader.read()
            while batch := list(islice(records, BATCH_SIZE)):
                yield [_of_record(record, decoder) for record in batch if record.kind == Kind.FRAME]
            if not follow:
                return
            time.sleep(POLL_SECONDS)


def _of_record(record: Record, decoder: Decoder) -> View:
    found = _garbled(record) if record.flags & Flag.GARBLED else examine(record.payload)
    return decoder.view(found, sending_time(record.utc_ns, "us").decode(), _direction(record))


def _direction(record: Record) -> str:
    """Return the way that a frame took; what a reconciliation found took none."""
    if record.flags & Flag.RECONCILED:
        return "rec"
    return "out" if record.flags & Flag.OUTBOUND else "in"


def _garbled(record: Record) -> Found:
    return garbled(record.payload, "it was no whole FIX message when it came")
