"""The page of the messages: which test drives which message on which kind of session, made from the tests.

``python -m tests.kalshi.table`` writes it.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fixgw.venues.kalshi.profile import VENUE
from tests.kalshi.covers import TO_CLIENT, TO_VENUE, Spoken
from tests.kalshi.test_round_trips import ALL

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "docs" / "reference" / "kalshi-messages.md"
NAMES = {cls.MSG_TYPE: cls.__name__ for cls in ALL}
ORDER = {msg_type: place for place, msg_type in enumerate(NAMES)}
KINDS = list(VENUE.profile.kinds)

HEAD = """\
# Kalshi's messages, and the tests that drive them

Made from the tests by `python -m tests.kalshi.table`; a test holds the two together.

Each test named here joins a real gateway to the simulated venue: in memory on one clock, or over TLS
(`test_over_tls.py`). It drives both to one row of the venue's tables, and looks at the frames on the wire and
at what the desk is told. Every text and every code of the tables is said, on demand where the pages do not
tell its cause. That every field of every message survives the way to a frame and back is shown by
`test_round_trips.py`, for each class of the list. The tests stand in [tests/kalshi](../../tests/kalshi).

Source of the tables: docs.kalshi.com/fix.

## Messages by kind of session

How many rows drive a message: `>` to the venue, `<` to the client. A dash: the kind of session does not have
it.
"""


@dataclass(frozen=True, slots=True)
class Driven:
    """A message and a test that drives it.

    Args:
        spoken: the message, its kind of session and its way.
        row: the row of the venue's table, in words.
        test: file and function.
    """

    spoken: Spoken
    row: str
    test: str


def expected() -> set[Spoken]:
    """Return every message that the venue's table of kinds of session has."""
    found: set[Spoken] = set()
    for kind in VENUE.profile.kinds.values():
        found |= {Spoken(msg_type, kind.name, TO_VENUE) for msg_type in kind.sends}
        found |= {Spoken(msg_type, kind.name, TO_CLIENT) for msg_type in kind.receives}
        both = "A015" + ("24" if kind.retransmission else "")
        found |= {Spoken(msg_type, kind.name, way) for msg_type in both for way in (TO_VENUE, TO_CLIENT)}
        found.add(Spoken("3", kind.name, TO_CLIENT))
    return found


def driven() -> list[Driven]:
    """Return what the tests of this folder drive, in the order of the page."""
    found: set[Driven] = set()
    for file in sorted(FOLDER.glob("test_*.py")):
        module = importlib.import_module(f"{__package__}.{file.stem}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("test_") and function.__module__ == module.__name__:
                found |= set(_of(f"{file.name}::{name}", name, getattr(function, "pytestmark", ())))
    return sorted(found, key=lambda one: (_place(one.spoken), one.row, one.test))


def _of(test: str, name: str, marks: Iterable[Any]) -> Iterator[Driven]:
    """Yield what a test function drives: by itself, and by each row that it is run with."""
    words = name.removeprefix("test_").replace("_", " ")
    for mark in marks:
        if mark.name == "covers":
            yield from (Driven(spoken, mark.kwargs["row"] or words, test) for spoken in mark.args)
        for case in mark.args[1] if mark.name == "parametrize" else ():
            for own in getattr(case, "marks", ()):
                row = own.kwargs["row"] or str(case.id).partition(": ")[2] or str(case.id)
                yield from (Driven(spoken, row, test) for spoken in own.args)


def page() -> str:
    """Return the page."""
    found = driven()
    sections = [_section(msg_type, list(own)) for msg_type, own in itertools.groupby(found, _msg_type)]
    return "\n".join([HEAD, *itertools.chain(_overview(found), *sections)])


def _overview(found: Sequence[Driven]) -> Iterator[str]:
    counts: dict[Spoken, int] = {}
    for one in found:
        counts[one.spoken] = counts.get(one.spoken, 0) + 1
    yield f"| Message | {' | '.join(KINDS)} |"
    yield "|---|" + "---|" * len(KINDS)
    for msg_type, name in NAMES.items():
        cells = [_cell(msg_type, kind, counts) for kind in KINDS]
        yield f"| `{msg_type}` {name} | {' | '.join(cells)} |"
    yield ""


def _cell(msg_type: str, kind: str, counts: Mapping[Spoken, int]) -> str:
    ways = ((TO_VENUE, ">"), (TO_CLIENT, "<"))
    told = [f"{sign} {counts[key]}" for way, sign in ways if (key := Spoken(msg_type, kind, way)) in counts]
    return ", ".join(told) or "-"


def _section(msg_type: str, found: Sequence[Driven]) -> Iterator[str]:
    yield f"## `{msg_type}` {NAMES[msg_type]}"
    yield ""
    yield "| Session kind | Direction | Row | Test |"
    yield "|---|---|---|---|"
    for one in found:
        row = one.row.replace("|", "\\|")
        yield f"| {one.spoken.kind} | {one.spoken.way} | {row} | `{one.test}` |"
    yield ""


def _msg_type(one: Driven) -> str:
    return one.spoken.msg_type


def _place(spoken: Spoken) -> tuple[int, int, str]:
    return ORDER[spoken.msg_type], KINDS.index(spoken.kind), spoken.way


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
