"""Which received messages are delivered again."""

from __future__ import annotations

from fixgw.records import Flag, Kind, Position
from fixgw.store.unhandled import unhandled
from tests.store.log import Log, numbers_of

NOTHING = Position(1, 0)


def test_frames_after_the_cursor_in_order() -> None:
    log = Log()
    for _ in range(4):
        log.received()
    assert numbers_of(unhandled(log.records, Position(1, 2))) == [3, 4]


def test_admin_garbled_and_outbound_frames_are_not_delivered() -> None:
    log = Log()
    log.received(Flag.ADMIN)
    log.sent()
    log.add(Kind.FRAME, Flag.GARBLED)
    log.received()
    assert numbers_of(unhandled(log.records, NOTHING)) == [2]


def test_what_a_reconciliation_found_has_a_cursor_of_its_own() -> None:
    log = Log()
    log.received()
    log.add(Kind.FRAME, Flag.RECONCILED)
    handled = log.add(Kind.CURSOR, Flag.RECONCILED, 1)
    later = log.add(Kind.FRAME, Flag.RECONCILED)
    log.received()
    log.add(Kind.CURSOR, 0, 2)
    assert unhandled(log.records, Position(1, 2)) == [later]
    assert unhandled([*log.records, handled], Position(1, 2)) == []


def test_a_low_duplicate_is_ignored_and_a_resent_gap_is_not() -> None:
    log = Log()
    log.received()
    log.received(Flag.POSS_DUP)
    log.low(1)
    log.filled(5)
    log.low(4)
    assert [r.payload for r in unhandled(log.records, NOTHING)] == [
        log.records[0].payload,
        log.records[1].payload,
    ]


def test_an_early_frame_counts_once_the_numbers_passed_it() -> None:
    log = Log()
    log.received()
    early = [log.early(4), log.early(3), log.early(4)]
    assert numbers_of(unhandled(log.records, NOTHING)) == [1]
    log.next_in = 5
    log.add(Kind.FRAME, Flag.POSS_DUP, 2)
    found = unhandled(log.records, NOTHING)
    assert numbers_of(found) == [1, 2, 3, 4]
    assert found[2:] == [early[1], early[0]]


def test_an_early_frame_that_was_refused_in_the_end_is_not_delivered() -> None:
    log = Log()
    log.received()
    log.early(3)
    log.early(4)
    log.add(Kind.FRAME, Flag.ADMIN | Flag.POSS_DUP, 3)
    log.next_in = 5
    log.add(Kind.FRAME, 0, 2)
    assert numbers_of(unhandled(log.records, NOTHING)) == [1, 2, 4]


def test_an_early_frame_that_never_had_its_turn_does_not_outlive_the_epoch() -> None:
    log = Log()
    log.received()
    log.early(3)
    log.reset()
    for _ in range(4):
        log.received()
    positions = [(r.epoch, r.msg_seq_num) for r in unhandled(log.records, NOTHING)]
    assert positions == [(1, 1), (2, 1), (2, 2), (2, 3), (2, 4)]
    assert unhandled(log.records, NOTHING)[3].payload == log.records[-2].payload


def test_an_early_frame_is_given_up_with_its_connection() -> None:
    for kind in (Kind.DROP, Kind.CONNECT):
        log = Log()
        log.early(3)
        log.add(kind)
        log.filled(4)
        assert unhandled(log.records, NOTHING) == []


def test_a_message_that_revealed_a_lasting_gap_is_delivered() -> None:
    log = Log()
    log.received()
    log.next_in = 6
    log.add(Kind.FRAME, 0, 5)
    assert numbers_of(unhandled(log.records, NOTHING)) == [1, 5]


def test_a_position_is_delivered_once_though_the_numbers_were_set_back() -> None:
    log = Log()
    log.received()
    log.received()
    log.set_numbers(next_out=1, next_in=2)
    log.received()
    assert numbers_of(unhandled(log.records, NOTHING)) == [1, 2]


def test_the_cursor_of_an_ended_epoch_leaves_the_next_one_whole() -> None:
    log = Log()
    log.received()
    log.received()
    log.reset()
    log.received()
    log.cursor(1, epoch=1)
    assert [(r.epoch, r.msg_seq_num) for r in unhandled(log.records, Position(1, 1))] == [(1, 2), (2, 1)]
