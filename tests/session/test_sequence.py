"""The table of verdicts as data, the waiting room and the gap."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixgw.fix.message import Message
from fixgw.session.sequence import VERDICTS, Gap, Kind, Relation, Verdict, WaitingRoom, judge, relate

TABLE = [
    # kind, number against 5, PossDup, verdict: the rows of the design, spelled out
    *[(Kind.RESET, number, dup, Verdict.SET_NUMBER) for number in (4, 5, 6) for dup in (False, True)],
    *[(Kind.LOGOUT, number, dup, Verdict.LOG_OUT) for number in (4, 5, 6) for dup in (False, True)],
    *[(Kind.RESEND_REQUEST, number, dup, Verdict.SERVE) for number in (4, 5, 6) for dup in (False, True)],
    (Kind.OTHER, 5, False, Verdict.ACCEPT),
    (Kind.OTHER, 5, True, Verdict.ACCEPT),
    (Kind.LOGON, 5, False, Verdict.ACCEPT),
    (Kind.LOGON, 5, True, Verdict.ACCEPT),
    (Kind.LOGON, 6, False, Verdict.ANSWER),
    (Kind.LOGON, 6, True, Verdict.ANSWER),
    (Kind.OTHER, 6, False, Verdict.WAIT),
    (Kind.OTHER, 6, True, Verdict.WAIT),
    (Kind.OTHER, 4, True, Verdict.IGNORE),
    (Kind.LOGON, 4, True, Verdict.IGNORE),
    (Kind.OTHER, 4, False, Verdict.TOO_LOW),
    (Kind.LOGON, 4, False, Verdict.TOO_LOW),
]


@pytest.mark.parametrize(("kind", "number", "poss_dup", "verdict"), TABLE)
def test_verdict(kind: Kind, number: int, poss_dup: bool, verdict: Verdict) -> None:
    assert judge(kind, number, 5, poss_dup) is verdict


def test_the_table_is_complete_and_nothing_else() -> None:
    assert len(VERDICTS) == len(Kind) * len(Relation) * 2 == len(TABLE)
    assert set(VERDICTS.values()) == set(Verdict)


@given(st.integers(0, 2**32), st.integers(1, 2**32))
def test_a_number_is_low_equal_or_high(number: int, expected: int) -> None:
    relation = relate(number, expected)
    assert (relation is Relation.LOW) is (number < expected)
    assert (relation is Relation.EQUAL) is (number == expected)


def sized(size: int) -> Message:
    message = Message("D")
    message.frame = b"x" * size
    return message


@given(st.lists(st.integers(1, 50), max_size=40))
def test_the_room_gives_back_each_number_once_and_lowest_first(numbers: list[int]) -> None:
    room = WaitingRoom(1000, 1 << 20)
    kept: dict[int, Message] = {}
    for number in numbers:
        message = sized(10)
        room.keep(number, message)
        kept.setdefault(number, message)
    out = []
    while len(room):
        number = room.first()
        out.append((number, room.pop()))
    assert out == sorted(kept.items())
    assert room.first() == 0
    assert room.turned_away == 0


def test_a_full_room_turns_the_newest_away_and_remembers_how_far_it_went() -> None:
    room = WaitingRoom(2, 1 << 20)
    for number in (5, 9, 12, 11):
        room.keep(number, sized(1))
    assert len(room) == 2
    assert room.turned_away == 12
    room.clear()
    assert (len(room), room.turned_away) == (0, 0)


def test_the_room_is_bounded_in_bytes_and_frees_what_left() -> None:
    room = WaitingRoom(100, 25)
    room.keep(5, sized(20))
    room.keep(6, sized(20))
    assert room.turned_away == 6
    room.keep(7, None)
    assert len(room) == 2
    room.pop()
    room.keep(8, sized(20))
    assert len(room) == 2
    assert room.turned_away == 6


def test_the_deadline_of_a_gap_moves_with_progress_and_only_then() -> None:
    gap = Gap(10.0)
    assert (gap.is_open, gap.deadline) == (False, inf)
    gap.open(5, 9, 100.0)
    assert (gap.is_open, gap.deadline) == (True, 110.0)
    gap.ask_again(110.0)
    gap.progress(5, 115.0)
    assert (gap.asked_again, gap.deadline) == (True, 120.0)
    gap.progress(6, 116.0)
    assert (gap.asked_again, gap.deadline, gap.last) == (False, 126.0, 9)
    gap.close()
    assert (gap.is_open, gap.deadline) == (False, inf)
