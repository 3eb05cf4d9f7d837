"""One holder at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fixgw.errors import StoreError, StoreLocked
from fixgw.store.lock import hold
from fixgw.store.tape import Tape

HOLDER = """
import sys
from fixgw.store.tape import Tape
tape = Tape(sys.argv[1])
tape.load()
print("held", flush=True)
sys.stdin.read()
"""


def test_another_process_is_named_with_pid_host_and_start(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreLocked) as caught:
            Tape(tmp_path).load()
        text = rf"lock is held by pid {holder.pid} on host {re.escape(socket.gethostname())} since 20\d\d-"
        assert re.search(text, str(caught.value))
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        tape = Tape(tmp_path)  # the lock ends with the process, however that ends
        tape.load()
        tape.close()


def test_two_holders_in_one_process_exclude_each_other(tmp_path: Path) -> None:
    lock = hold(tmp_path / "key.lock")
    with pytest.raises(StoreLocked, match=f"held by pid {os.getpid()} "):
        hold(str(tmp_path / "key.lock"))
    lock.release()
    lock.release()
    hold(tmp_path / "key.lock").release()
    assert (tmp_path / "key.lock").stat().st_mode & 0o777 == 0o600


def test_a_holder_that_has_not_said_who_it_is(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX)
    with pytest.raises(StoreLocked, match="held by a process that is just starting"):
        hold(tmp_path / "lock")
    os.close(fd)


def test_a_lock_file_that_can_not_be_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"missing/lock: .*No such file.*make the directory writable"):
        hold(tmp_path / "missing" / "lock")


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StoreError, match="can not be locked: No locks available; use a local file system"):
        hold(tmp_path / "lock")
