"""What every store has to do: one suite, each store."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from fixgw.errors import StoreError
from fixgw.records import Flag, Kind, Position, Record, SeqNums
from fixgw.store.base import Store, Stored, Sync
from fixgw.store.memory import MemoryStore
from fixgw.store.tape import Tape, TapeSettings
from fixgw.store.unhandled import unhandled
from tests.store.log import UTC_NS, Log, handled_of, numbers_of, originals

Open = Callable[[], tuple[Store, Stored]]


@pytest.fixture(params=["memory", "tape"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterable[Open]:
    """Return what opens the store: the first time fresh, later with all that was committed."""
    memory, opened = MemoryStore(), list[Store]()

    def _open() -> tuple[Store, Stored]:
        for store in opened:
            store.close()
        store = memory if request.param == "memory" else Tape(tmp_path / "session")
        opened.append(store)
        return store, store.load()

    yield _open
    for store in opened:
        store.close()


def _own(records: Iterable[Record]) -> list[Record]:
    """Return the records without those that a tape writes for itself."""
    return [record for record in records if record.kind not in (Kind.SYNC, Kind.CHECKPOINT)]


def test_a_new_store_is_fresh_and_begins_at_one(reopen: Open) -> None:
    _, stored = reopen()
    assert stored.fresh
    assert stored.numbers == SeqNums(1, 1, 1)
    assert stored.handled == Position(1, 0)
    assert (list(stored.since), list(stored.unhandled), dict(stored.books)) == ([], [], {})


def test_what_was_committed_is_there_after_reopening(reopen: Open) -> None:
    store, _ = reopen()
    log = Log()
    log.add(Kind.CONNECT, payload=b"127.0.0.1:1 TLSv1.3")
    log.sent(Flag.ADMIN)
    log.received(Flag.ADMIN)
    store.commit(log.records)
    store.commit([log.sent()])
    store.commit([])
    _, stored = reopen()
    assert not stored.fresh
    assert stored.numbers == SeqNums(1, 3, 2)
    assert _own(stored.since) == log.records
    assert _own(stored.since) == log.records  # and again


def test_read_yields_originals_of_the_present_epoch_in_the_range(reopen: Open) -> None:
    store, _ = reopen()
    log = Log()
    for _ in range(5):
        log.sent()
    log.reset()
    for _ in range(9):
        log.sent()
        log.received()
        log.replayed(2)
    log.cursor(3, epoch=1)
    store.commit(log.records)
    for begin, end in [(1, 9), (3, 5), (9, 9), (5, 100), (0, 3), (10, 20), (6, 5)]:
        assert list(store.read(begin, end)) == originals(log.records, begin, end)
    store, _ = reopen()
    assert list(store.read(3, 5)) == originals(log.records, 3, 5)


def test_read_leaves_missing_numbers_out(reopen: Open) -> None:
    store, _ = reopen()
    log = Log()
    log.sent()
    log.set_numbers(next_out=10, next_in=1)
    log.sent()
    store.commit(log.records)
    assert numbers_of(store.read(1, 20)) == [1, 10]


def test_read_takes_the_later_frame_once_the_numbers_were_set_back(reopen: Open) -> None:
    store, _ = reopen()
    log = Log()
    for _ in range(8):
        log.sent()
    log.set_numbers(next_out=4, next_in=1)
    log.sent(size=7)
    log.sent(size=7)
    log.set_numbers(next_out=5, next_in=1)
    log.sent(size=9)
    store.commit(log.records)
    for _ in range(2):
        assert [(r.msg_seq_num, r.payload.count(b"x")) for r in store.read(2, 8)] == [
            (2, 0),
            (3, 0),
            (4, 7),
            (5, 9),
        ]
        assert numbers_of(store.read(5, 5)) == [5]
        store.checkpoint({}, UTC_NS)
        store, _ = reopen()
    log.set_numbers(next_out=1, next_in=1)
    store.commit([log.records[-1]])
    assert list(store.read(1, 100)) == []


def test_a_read_under_way_is_not_disturbed_by_commits(reopen: Open) -> None:
    store, _ = reopen()
    log = Log()
    for _ in range(4):
        log.sent()
    store.commit(log.records)
    reading = store.read(1, 4)
    first = next(reading)
    store.commit([log.replayed(1)])
    store.commit([log.sent()])
    assert numbers_of([first, *reading]) == [1, 2, 3, 4]


def test_the_latest_checkpoint_gives_the_books_and_where_to_begin(reopen: Open) -> None:
    store, _ = reopen()
    log = Log()
    store.commit([log.sent(), log.received()])
    store.checkpoint({"orders": b"one"}, UTC_NS)
    store.commit([log.received()])
    store.checkpoint({"orders": b"two \xf1X\x01\x00", "positions": b""}, UTC_NS)
    later = [log.sent(), log.received()]
    store.commit(later)
    for _ in range(2):
        store, stored = reopen()
        assert stored.books == {"orders": b"two \xf1X\x01\x00", "positions": b""}
        assert _own(stored.since) == later
        assert stored.numbers == SeqNums(1, 3, 4)


def test_unhandled_frames_are_found_before_the_checkpoint_too(reopen: Open) -> None:
    store, _ = reopen()
    log = Log()
    for _ in range(6):
        log.received()
        log.sent()
    log.cursor(2)
    store.commit(log.records)
    store.checkpoint({}, UTC_NS)
    store.commit([log.received()])
    _, stored = reopen()
    assert stored.handled == Position(1, 2)
    assert numbers_of(stored.unhandled) == [3, 4, 5, 6, 7]
    assert numbers_of(r for r in stored.since if r.kind == Kind.FRAME) == [7]


def test_a_cursor_of_an_earlier_epoch_moves_no_number(reopen: Open) -> None:
    store, _ = reopen()
    log = Log()
    log.received()
    log.received()
    log.reset()
    log.received()
    log.cursor(1, epoch=1)
    store.commit(log.records)
    _, stored = reopen()
    assert stored.numbers == SeqNums(2, 1, 2)
    assert stored.handled == Position(1, 1)
    assert [(r.epoch, r.msg_seq_num) for r in stored.unhandled] == [(1, 2), (2, 1)]


def test_a_cursor_never_goes_back(reopen: Open) -> None:
    store, _ = reopen()
    log = Log()
    for _ in range(3):
        log.received()
    log.cursor(3)
    log.cursor(1)
    store.commit(log.records)
    _, stored = reopen()
    assert stored.handled == Position(1, 3)
    assert list(stored.unhandled) == []


def random_session(seed: int, count: int) -> list[Record]:
    """Return a session's records: everything that can happen, but numbers set back."""
    chance, log = random.Random(seed), Log()
    handled = 0
    for _ in range(count):
        what = chance.random()
        if what < 0.4:
            log.sent(chance.choice([0, 0, 0, Flag.ADMIN]), chance.randrange(300))
        elif what < 0.8:
            log.received(chance.choice([0, 0, 0, Flag.ADMIN]))
        elif what < 0.85:
            log.early(log.next_in + chance.randrange(1, 5))
        elif what < 0.9 and log.next_out > 1:
            log.replayed(chance.randrange(1, log.next_out))
        elif what < 0.92 and log.next_in > 1:
            log.low(chance.randrange(1, log.next_in))
        elif what < 0.94:
            log.filled(log.next_in + chance.randrange(1, 4))
        elif what < 0.99:
            handled = max(handled, chance.randrange(max(1, log.next_in - 40), log.next_in + 1) - 1)
            log.cursor(handled)
        elif chance.random() < 0.1 and log.epoch < 4:
            log.reset()
            handled = 0
        else:
            log.add(chance.choice([Kind.CONNECT, Kind.DROP, Kind.NOTE]), payload=b"\xf1X\x01\x00" * 3)
    return log.records


@pytest.mark.parametrize("seed", range(6))
def test_any_session_with_checkpoints_and_restarts_is_known_in_full(reopen: Open, seed: int) -> None:
    records = random_session(seed, 600)
    chance = random.Random(seed)
    store, _ = reopen()
    at = 0
    while at < len(records):
        size = chance.randrange(1, 40)
        store.commit(records[at : at + size])
        at += size
        if chance.random() < 0.3:
            store.checkpoint({"book": b"%d" % at}, UTC_NS)
        if chance.random() < 0.2:
            store, stored = reopen()
            done = records[:at]
            last = [r for r in done if r.kind != Kind.CURSOR][-1]
            assert stored.numbers == SeqNums(last.epoch, last.next_out, last.next_in)
            assert stored.handled == handled_of(done)
            assert list(stored.unhandled) == unhandled(done, handled_of(done))
            begin = chance.randrange(1, 200)
            assert list(store.read(begin, begin + 50)) == originals(done, begin, begin + 50)


def test_a_closed_store_refuses(reopen: Open) -> None:
    store, _ = reopen()
    log = Log()
    store.commit([log.sent()])
    store.close()
    store.close()
    store.sync()
    for call in (
        lambda: store.commit([log.sent()]),
        lambda: store.checkpoint({}, UTC_NS),
        lambda: list(store.read(1, 1)),
    ):
        with pytest.raises(StoreError, match="not open"):
            call()


def test_a_store_is_loaded_once(reopen: Open) -> None:
    store, _ = reopen()
    with pytest.raises(StoreError, match="open already"):
        store.load()
    store.commit([Log().sent()])  # and was not harmed


def test_the_sync_level_is_what_was_asked_for(tmp_path: Path) -> None:
    assert MemoryStore().sync_level is Tape(tmp_path).sync_level is Sync.OS
    assert MemoryStore(Sync.ALWAYS).sync_level is Sync.ALWAYS
    assert Tape(tmp_path, TapeSettings(sync=Sync.BATCH)).sync_level is Sync.BATCH


def test_a_new_store_has_room_and_owes_no_checkpoint(reopen: Open) -> None:
    store, _ = reopen()
    assert not store.full
    assert not store.checkpoint_due
