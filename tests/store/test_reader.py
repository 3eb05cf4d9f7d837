"""Reading beside the writer."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixgw.errors import StoreCorrupt, StoreError
from fixgw.records import Kind
from fixgw.store.header import FILE_HEADER_SIZE
from fixgw.store.reader import TapeReader, records
from fixgw.store.segment import pack
from fixgw.store.tape import Tape
from tests.store.log import Log

SEGMENT = "00000001.tape"


def test_a_reader_needs_no_lock_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    log, tape = Log(), Tape(tmp_path)
    tape.load()
    with TapeReader(tmp_path) as reader:
        assert list(reader.read()) == []
        for _ in range(3):
            batch = [log.sent(), log.received()]
            tape.commit(batch)
            assert list(reader.read()) == batch
        assert list(reader.read()) == []
    reader.close()
    tape.close()
    assert [r for r in records(tmp_path / SEGMENT) if r.kind != Kind.SYNC] == log.records


def test_a_reader_that_stops_half_way_goes_on_there(tmp_path: Path) -> None:
    log, tape = Log(), Tape(tmp_path)
    tape.load()
    tape.commit([log.sent(), log.sent()])
    with TapeReader(tmp_path) as reader:
        assert next(reader.read()) == log.records[0]
        assert list(reader.read()) == log.records[1:]
    tape.close()


def test_a_torn_tail_is_not_yet_and_is_never_cut(tmp_path: Path) -> None:
    log, tape = Log(), Tape(tmp_path)
    tape.load()
    tape.commit([log.sent()])
    path = tmp_path / SEGMENT
    with TapeReader(tmp_path) as reader:
        assert list(reader.read()) == log.records
        data = pack(log.sent(), reader._segment.seed)
        for byte in data[:-1]:
            with path.open("ab") as file:
                file.write(bytes([byte]))
            size = path.stat().st_size
            assert list(reader.read()) == []
            assert path.stat().st_size == size
        with path.open("ab") as file:
            file.write(data[-1:])
        assert list(reader.read()) == log.records[1:]
    assert [entry.name for entry in tmp_path.glob("*.torn")] == []
    tape._release()


def test_damage_before_a_synced_offset_is_told(tmp_path: Path) -> None:
    log, tape = Log(), Tape(tmp_path)
    tape.load()
    tape.commit([log.sent(), log.sent()])
    tape.close()
    data = bytearray((tmp_path / SEGMENT).read_bytes())
    data[FILE_HEADER_SIZE + 45] ^= 4
    (tmp_path / SEGMENT).write_bytes(data)
    with pytest.raises(StoreCorrupt, match="offset 56 does not check"):
        list(records(tmp_path))


def test_what_is_no_tape_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no tape can be read here: no segment; name a session's directory"):
        TapeReader(tmp_path)
    with pytest.raises(StoreError, match=r"missing: no such segment; it was moved or deleted"):
        TapeReader(tmp_path / "missing")
    (tmp_path / SEGMENT).write_bytes(b"short")
    with pytest.raises(StoreCorrupt, match="offset 0"):
        list(records(tmp_path))


def test_a_closed_reader_says_so(tmp_path: Path) -> None:
    log, tape = Log(), Tape(tmp_path)
    tape.load()
    tape.commit([log.sent()])
    reader = TapeReader(tmp_path)
    stored = tape.read(1, 1)
    assert next(stored) == log.records[0]
    segment = reader._segment
    reader.close()
    with pytest.raises(StoreError, match="it is closed"):
        list(segment.scan(FILE_HEADER_SIZE, FILE_HEADER_SIZE + 100))
    tape.close()
