"""The record format, the scan and the binary search."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixgw.errors import StoreCorrupt, StoreError
from fixgw.records import Kind, Position, Record, SeqNums
from fixgw.store import header as header_module
from fixgw.store import segment as segment_module
from fixgw.store.chain import open_segment, segment_name
from fixgw.store.header import FILE_HEADER_SIZE, Header
from fixgw.store.memory import MemoryStore
from fixgw.store.segment import (
    HEADER_SIZE,
    MAGIC,
    MAX_PAYLOAD,
    Segment,
    pack,
    size_of,
)
from fixgw.store.tape import Tape
from tests.store.log import Log, originals
from tests.store.test_conformance import random_session

SEED = 0x1234ABCD
U32 = st.integers(0, 2**32 - 1)
RECORDS = st.builds(
    Record,
    kind=st.sampled_from(list(Kind)).map(int),
    flags=st.integers(0, 127),
    epoch=U32,
    msg_seq_num=U32,
    next_out=U32,
    next_in=U32,
    utc_ns=st.integers(0, 2**64 - 1),
    payload=st.binary(max_size=200) | st.just(MAGIC * 30),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / segment_name(1)


def written(path: Path, records: Sequence[Record], junk: bytes = b"") -> Segment:
    """Return a segment that holds the records, and then bytes that are none."""
    path.write_bytes(Header(SEED).encode() + b"".join(pack(record, SEED) for record in records) + junk)
    return Segment(path, os.open(path, os.O_RDONLY))


def scanned(segment: Segment, chunk: int = 64) -> list[Record]:
    return [record for _, record in segment.scan(FILE_HEADER_SIZE, segment.end(), chunk)]


@given(records=st.lists(RECORDS, max_size=12), chunk=st.sampled_from([1, 40, 64, 1 << 18]))
def test_what_is_packed_is_scanned(
    tmp_path_factory: pytest.TempPathFactory, records: list[Record], chunk: int
) -> None:
    segment = written(tmp_path_factory.mktemp("s") / "1", records)
    try:
        assert scanned(segment, chunk) == records
        assert [len(pack(record, SEED)) for record in records] == [size_of(record) for record in records]
    finally:
        segment.close()


def test_a_record_is_laid_out_as_documented() -> None:
    data = pack(Record(1, 33, 2, 3, 4, 5, 6, b"payload"), SEED)
    assert data[:4] == b"\xf1X\x01\x00"
    fields = (7, 2, 3, 4, 5)
    assert data[8:28] == b"".join(value.to_bytes(4, "little") for value in fields)
    assert data[28:36] == (6).to_bytes(8, "little")
    assert data[36:] == b"\x01\x00\x21\x00payload"


def test_every_flipped_bit_of_a_record_is_noticed(path: Path) -> None:
    record = Log().sent()
    data = pack(record, SEED)
    segment = written(path, [])
    for bit in range(len(data) * 8):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(Header(SEED).encode() + damaged)
        assert scanned(segment) == []
    segment.close()


def test_a_scan_stops_where_nothing_checks_and_resync_goes_on(path: Path) -> None:
    log = Log()
    first, second = [log.sent(), log.received()], [log.sent(), log.sent()]
    junk = MAGIC + b"junk" * 20 + MAGIC
    segment = written(path, first, junk + b"".join(pack(record, SEED) for record in second) + MAGIC[:2])
    assert scanned(segment) == first
    assert [r for _, r in segment.resync(FILE_HEADER_SIZE, segment.end())] == first + second
    assert [r for _, r in segment.resync(FILE_HEADER_SIZE + 1, segment.end())] == [first[1], *second]
    segment.close()


def test_a_record_of_another_tape_inside_a_payload_is_not_taken_for_one(path: Path) -> None:
    log = Log()
    inner = pack(Record(Kind.RESET, 0, 99, 0, 1, 1, 0, b""), SEED + 1)
    outer = Record(Kind.FRAME, 0, 1, 1, 1, 2, 0, b"96=" + inner * 5)
    segment = written(path, [outer, log.sent()])
    assert [r for _, r in segment.resync(FILE_HEADER_SIZE + 1, segment.end())] == [log.records[0]]
    segment.close()


def test_a_length_that_can_not_be_is_not_read(path: Path) -> None:
    data = bytearray(pack(Log().sent(), SEED))
    data[8:12] = (MAX_PAYLOAD + 1).to_bytes(4, "little")
    segment = written(path, [], bytes(data) + bytes(100))
    assert scanned(segment) == []
    segment.close()


def test_a_file_that_is_shorter_than_said_ends_the_scan(path: Path) -> None:
    log = Log()
    segment = written(path, [log.sent(), log.sent()])
    size = segment.end()
    os.truncate(path, size - 1)
    assert [r for _, r in segment.scan(FILE_HEADER_SIZE, size)] == log.records[:1]
    os.truncate(path, size - size_of(log.records[1]))
    assert [r for _, r in segment.scan(FILE_HEADER_SIZE, size)] == log.records[:1]
    assert list(segment.resync(size - 20, size)) == []
    segment.close()


def test_a_payload_over_the_limit_is_refused() -> None:
    with pytest.raises(StoreError, match="over the tape's limit"):
        pack(Record(1, 0, 1, 1, 1, 1, 0, bytes(MAX_PAYLOAD + 1)), SEED)


@pytest.mark.parametrize("damage", [0, 7, 9, 13, 20, 55])
def test_a_damaged_file_header_is_corruption(path: Path, damage: int) -> None:
    header = bytearray(Header(SEED).encode())
    header[damage] ^= 1
    path.write_bytes(header)
    with pytest.raises(StoreCorrupt, match=r"00000001\.tape: the file header at offset 0"):
        open_segment(path)


def test_another_version_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(header_module, "_MAGIC", b"fixgwtp9")
        path.write_bytes(Header(SEED).encode())
    with pytest.raises(StoreError, match="another version of the tape's format: b'fixgwtp9'"):
        open_segment(path)


def test_a_header_says_what_is_known_before_the_first_record(path: Path) -> None:
    header = Header(SEED, 7, 1 << 40, 1 << 60, SeqNums(3, 4, 5), Position(2, 9))
    path.write_bytes(header.encode())
    with open_segment(path) as segment:
        assert segment.header == header
        assert (segment.base, segment.start, segment.end()) == (1 << 40, (1 << 40) + 56, (1 << 40) + 56)


@pytest.fixture(params=["large windows", "small windows"])
def session(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Tape, list[Record]]]:
    """Return an open tape of ten thousand records in up to four epochs, and these."""
    if request.param == "small windows":
        monkeypatch.setattr(segment_module, "WINDOW", HEADER_SIZE)
    records = random_session(len(request.param), 10_000)
    tape = Tape(tmp_path)
    tape.load()
    for at in range(0, len(records), 100):
        tape.commit(records[at : at + 100])
    yield tape, records
    tape.close()


@pytest.mark.slow
def test_binary_search_equals_the_linear_scan(session: tuple[Tape, list[Record]]) -> None:
    tape, records = session
    top = max(record.next_out for record in records)
    edges = [*range(0, top + 50, 37), top - 1, top, top + 1]
    for begin, end in [*pairwise(edges), (1, top), (0, 2**31), *((n, n) for n in edges)]:
        assert list(tape.read(begin, end)) == originals(records, begin, end)


@given(
    moves=st.lists(
        st.one_of(
            st.just(("sent", 0)),
            st.just(("sent", 0)),
            st.just(("replay", 0)),
            st.just(("cursor", 0)),
            st.tuples(st.just("set"), st.integers(1, 12)),
            st.just(("reset", 0)),
        ),
        max_size=60,
    ),
    begin=st.integers(0, 15),
    length=st.integers(0, 15),
)
def test_whatever_a_person_does_to_the_numbers_both_stores_read_the_same(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[str, int]], begin: int, length: int
) -> None:
    log = Log()
    for move, argument in moves:
        if move == "sent":
            log.sent()
        elif move == "replay":
            log.replayed(1)
        elif move == "cursor":
            log.cursor(0, epoch=1)
        elif move == "set":
            log.set_numbers(argument, 1)
        else:
            log.reset()
    memory, tape = MemoryStore(), Tape(tmp_path_factory.mktemp("t"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segment_module, "WINDOW", HEADER_SIZE)
        for store in (memory, tape):
            store.load()
            store.commit(log.records)
        assert list(tape.read(begin, begin + length)) == list(memory.read(begin, begin + length))
        tape.close()
