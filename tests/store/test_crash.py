"""A writing process that is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fixgw.records import Kind
from fixgw.store.tape import Tape

# It tells each number after its commit has returned, and never comes to an end by itself.
WRITER = """
import os, sys
from fixgw.store.tape import Tape
from tests.store.log import UTC_NS, Log
log, tape = Log(), Tape(sys.argv[1])
stored = tape.load()
log.next_out, log.next_in = stored.numbers.next_out, stored.numbers.next_in
while True:
    tape.commit([log.sent(size=50_000), log.received(), log.sent(size=log.next_out % 700)])
    os.write(1, b"%d\\n" % log.next_out)
    log.records.clear()
    if log.next_out % 50 == 1:
        tape.checkpoint({"next_out": b"%d" % log.next_out}, UTC_NS)
"""


@pytest.mark.parametrize("lines", [1, 40, 173])
def test_nothing_that_was_committed_is_lost_by_a_kill(tmp_path: Path, lines: int) -> None:
    told = next_in = 0
    for _ in range(2):  # the second process goes on with the tape of the first
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as writer:
            assert writer.stdout is not None
            for _ in range(lines):
                told = int(writer.stdout.readline())
            writer.kill()
            for line in writer.stdout:
                told = int(line)
        tape = Tape(tmp_path)
        stored = tape.load()
        assert stored.numbers.next_out >= told
        assert stored.numbers.next_out - told <= 2
        frames = list(tape.read(1, stored.numbers.next_out))
        assert [frame.msg_seq_num for frame in frames] == list(range(1, stored.numbers.next_out))
        received = [record.msg_seq_num for record in stored.unhandled]
        assert received == list(range(1, stored.numbers.next_in))
        assert stored.numbers.next_in > next_in
        next_in = stored.numbers.next_in
        assert all(record.kind in (Kind.FRAME, Kind.SYNC) for record in stored.since)
        tape.close()
