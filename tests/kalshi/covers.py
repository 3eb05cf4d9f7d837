"""Which messages of which kinds of session a test drives; the page of the messages is made from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pytest

from fixgw.venues.kalshi.profile import VENUE

TO_VENUE, TO_CLIENT = "to the venue", "to the client"
WAYS = {"out": TO_VENUE, "in": TO_CLIENT}


@dataclass(frozen=True, slots=True, order=True)
class Spoken:
    """A message on a kind of session.

    Args:
        msg_type: MsgType(35).
        kind: the kind, as in the configuration.
        way: ``TO_VENUE`` or ``TO_CLIENT``.
    """

    msg_type: str
    kind: str
    way: str

    @classmethod
    def of(cls, words: str) -> Spoken:
        """Read ``D orders-nr``; a message that goes both ways needs a third word, ``out`` or ``in``."""
        msg_type, kind, *way = words.split()
        if way:
            return cls(msg_type, kind, WAYS[way[0]])
        profile = VENUE.profile.kinds[kind]
        if msg_type in profile.sends:
            return cls(msg_type, kind, TO_VENUE)
        if msg_type in profile.receives:
            return cls(msg_type, kind, TO_CLIENT)
        raise ValueError(f"{msg_type} is not spoken on {kind}, or goes both ways: add in or out")


def covers(*spoken: str, row: str = "") -> pytest.MarkDecorator:
    """Mark a test, or one row of it, with the messages that it drives.

    Args:
        spoken: see ``Spoken.of``.
        row: the row of the venue's table; by default what the test is called.
    """
    return pytest.mark.covers(*(Spoken.of(words) for words in spoken), row=row)


class Row(Protocol):
    """One row of a table of the venue's."""

    @property
    def what(self) -> str:
        """The row, in words; the id of its test."""
        ...

    @property
    def spoken(self) -> str:
        """The messages that it drives, separated by commas."""
        ...


@dataclass(frozen=True, slots=True)
class Words:
    """A row that its test spells out."""

    what: str
    spoken: str


def rows(table: Sequence[Row]) -> pytest.MarkDecorator:
    """Run a test once for each row, which it gets as the argument ``row``."""
    return pytest.mark.parametrize(
        "row", [pytest.param(row, id=row.what, marks=covers(*_words(row.spoken))) for row in table]
    )


def rows_by_kind(table: Sequence[Row], *kinds: str) -> pytest.MarkDecorator:
    """Run a test once for each kind of session and row, which it gets as ``kind`` and ``row``.

    Args:
        table: rows whose ``spoken`` names no kinds.
        kinds: the kinds.
    """
    return pytest.mark.parametrize(
        ("kind", "row"),
        [
            pytest.param(
                kind,
                row,
                id=f"{kind}: {row.what}",
                marks=covers(*(_on(kind, words) for words in _words(row.spoken))),
            )
            for kind in kinds
            for row in table
        ],
    )


def _on(kind: str, words: str) -> str:
    msg_type, *way = words.split()
    return " ".join((msg_type, kind, *way))


def _words(spoken: str) -> list[str]:
    return [part.strip() for part in spoken.split(",") if part.strip()]
