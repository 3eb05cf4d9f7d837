"""The control socket, from both ends, with real sockets and real processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pwd
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fixgw.admin.client import AdminClient, NotReachableError, RefusedError
from fixgw.admin.commands import COMMANDS
from fixgw.admin.server import REQUEST_LIMIT, AdminServer
from fixgw.errors import ConfigError
from tests.engine.rig import Rig, joined

CLIENT = """
import sys
from pathlib import Path
from fixgw.admin.client import AdminClient
numbers = AdminClient(Path(sys.argv[1])).call("seqnum.show", session="us")
print(numbers["phase"], numbers["next_in"], numbers["next_out"])
"""
SERVER_THAT_DIES = """
import asyncio, os, sys
from pathlib import Path
from fixgw.admin.server import AdminServer

async def main():
    async with AdminServer(Path(sys.argv[1]), None):
        os._exit(0)

asyncio.run(main())
"""


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with joined(orders=False) as running:
        yield running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "admin.sock"


@pytest.fixture
async def server(rig: Rig, path: Path) -> AsyncIterator[AdminServer]:
    async with AdminServer(path, rig.gateway) as running:
        yield running


async def _call(path: Path, command: str, **arguments: Any) -> Any:
    return await asyncio.to_thread(AdminClient(path, timeout=10.0).call, command, **arguments)


async def _refused(path: Path, command: str, **arguments: Any) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        await _call(path, command, **arguments)
    return caught.value


async def _raw(path: Path, *lines: bytes) -> list[dict[str, Any]]:
    """Send lines over one connection and return the answers."""
    reader, writer = await asyncio.open_unix_connection(path)
    answers = []
    for line in lines:
        writer.write(line)
        answers.append(json.loads(await reader.readline()))
    writer.close()
    await writer.wait_closed()
    return answers


# -- commands --


@pytest.mark.usefixtures("server")
async def test_status_is_the_snapshot(rig: Rig, path: Path) -> None:
    status = await _call(path, "status")
    assert list(status["sessions"]) == ["us"]
    assert status["sessions"]["us"]["session"]["phase"] == "active"
    assert status["taken_utc_ns"] == rig.clock.now().utc_ns
    assert (await _call(path, "status", session="us"))["sessions"] == status["sessions"]


@pytest.mark.usefixtures("server")
async def test_numbers_are_shown(path: Path) -> None:
    assert await _call(path, "seqnum.show", session="us") == {
        "session": "us",
        "phase": "active",
        "epoch": 2,
        "next_in": 2,
        "next_out": 2,
        "state": "running",
        "why": "",
    }


@pytest.mark.usefixtures("server")
async def test_a_session_is_logged_out_and_on(rig: Rig, path: Path) -> None:
    out = await _call(path, "session.logout", session="us")
    assert (out["phase"], out["state"]) == ("closed", "stopped")
    await _call(path, "session.logon", session="us")
    await rig.gateway["us"].logged_on()
    assert (await _call(path, "seqnum.show", session="us"))["phase"] == "active"


@pytest.mark.usefixtures("server")
async def test_a_session_is_reconnected(rig: Rig, path: Path) -> None:
    await _call(path, "session.reconnect", session="us")
    await rig.gateway["us"].logged_on()
    assert (await _call(path, "status"))["sessions"]["us"]["connections"] == 2


@pytest.mark.usefixtures("server")
async def test_numbers_are_set_only_while_logged_out(path: Path) -> None:
    refused = await _refused(path, "seqnum.set", session="us", next_in=7, reason="test")
    assert (refused.kind, "log out first" in str(refused)) == ("refused", True)
    await _call(path, "session.logout", session="us")
    numbers = await _call(path, "seqnum.set", session="us", next_in=7, next_out=9, reason="agreed by phone")
    assert (numbers["next_in"], numbers["next_out"]) == (7, 9)
    numbers = await _call(path, "seqnum.set", session="us", next_out=3, reason="agreed by phone")
    assert (numbers["next_in"], numbers["next_out"]) == (7, 3)


@pytest.mark.usefixtures("server")
async def test_numbers_are_reset(path: Path) -> None:
    await _call(path, "session.logout", session="us")
    numbers = await _call(path, "seqnum.reset", session="us", reason="new day")
    assert (numbers["epoch"], numbers["next_in"], numbers["next_out"]) == (3, 1, 1)


@pytest.mark.usefixtures("server")
async def test_a_running_session_is_reset_in_one_go(rig: Rig, path: Path) -> None:
    await _call(path, "session.reset", session="us", reason="new day")
    await rig.gateway["us"].logged_on()
    numbers = await _call(path, "seqnum.show", session="us")
    assert (numbers["phase"], numbers["epoch"] > 2, numbers["next_out"]) == ("active", True, 2)


@pytest.mark.usefixtures("server")
async def test_what_changes_something_is_logged_with_the_asking_process(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await _call(path, "session.logout", session="us")
    await _call(path, "seqnum.reset", session="us", reason="new day")
    await _call(path, "status")
    audit = [record for record in caplog.records if record.message == "admin command"]
    assert [vars(record)["command"] for record in audit] == ["session.logout", "seqnum.reset"]
    assert vars(audit[1])["arguments"] == {"session": "us", "reason": "new day"}
    assert f"pid {os.getpid()}" in vars(audit[1])["who"]


@pytest.mark.usefixtures("server")
async def test_the_audit_names_what_the_system_knows(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(_uid: int) -> pwd.struct_passwd:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    await _call(path, "session.logon", session="us")
    monkeypatch.delattr(socket, "SO_PEERCRED")
    await _call(path, "session.logon", session="us")
    who = [vars(record)["who"] for record in caplog.records if record.message == "admin command"]
    assert who == [f"uid {os.geteuid()} (pid {os.getpid()})", "local administrator"]


# -- refusals --


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("command", "arguments", "what"),
    [
        ("staus", {}, "no command is named 'staus'; did you mean 'status'?"),
        ("xyz", {}, "there are: status, session.logon"),
        ("seqnum.show", {"session": "them"}, "no session is named 'them'; there are: us"),
        ("status", {"session": "uss"}, "no session is named 'uss'; did you mean 'us'?"),
        ("session.logout", {"session": "uss"}, "no session is named 'uss'"),
        ("session.logout", {}, "argument 'session' has to be a text"),
        ("session.logout", {"session": 1}, "argument 'session' has to be a text"),
        ("session.logout", {"session": ""}, "argument 'session' has to be a text"),
        ("session.logout", {"sesion": "us"}, "no argument is named 'sesion'; did you mean 'session'?"),
        ("seqnum.reset", {"session": "us"}, "argument 'reason' has to be a text"),
        ("seqnum.set", {"session": "us", "reason": "x"}, "neither next_in nor next_out"),
        (
            "seqnum.set",
            {"session": "us", "reason": "x", "next_in": 0},
            "next_in is 0: a MsgSeqNum is 1 or more",
        ),
        (
            "seqnum.set",
            {"session": "us", "reason": "x", "next_in": "7"},
            "'next_in' has to be a whole number",
        ),
        (
            "seqnum.set",
            {"session": "us", "reason": "x", "next_in": True},
            "'next_in' has to be a whole number",
        ),
        (
            "apply",
            {"session": "us", "run_id": "x", "source": "REST", "reports": "35=8"},
            "argument 'reports' has to be a list",
        ),
        (
            "apply",
            {"session": "us", "run_id": "x", "source": "REST", "reports": [[[37, "V1"]]]},
            "a report can not be read",
        ),
    ],
)
async def test_a_refusal_says_what_is_wrong(
    path: Path, command: str, arguments: dict[str, Any], what: str
) -> None:
    refused = await _refused(path, command, **arguments)
    assert what in str(refused)
    assert refused.kind == "refused"


@pytest.mark.usefixtures("server")
async def test_what_is_no_request_is_refused_and_the_connection_lives(path: Path) -> None:
    answers = await _raw(
        path,
        b"hello\n",
        b"[1]\n",
        b'{"command": "status", "arguments": []}\n',
        b"\xff\n",
        b'{"command": "status"}\n',
    )
    assert [answer["ok"] for answer in answers] == [False, False, False, False, True]
    assert [answer["error"]["what"].split(":")[0] for answer in answers[:3]] == [
        "the request is no JSON",
        "the request has to be an object with 'command' and 'arguments'",
        "'arguments' has to be an object",
    ]


@pytest.mark.usefixtures("server")
async def test_a_request_too_long_ends_the_connection(path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"x" * (REQUEST_LIMIT * 2) + b"\n")
    answer = json.loads(await reader.readline())
    assert answer["error"]["kind"] == "bad request"
    with suppress(ConnectionResetError):  # what it did not read may break the stream before its end is seen
        assert await reader.read() == b""
    writer.close()
    with suppress(ConnectionResetError, BrokenPipeError):
        await writer.wait_closed()


async def test_a_command_that_hangs_is_given_up(
    rig: Rig, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forever(_name: str) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(rig.gateway, "logout", forever)
    async with AdminServer(path, rig.gateway, command_limit=0.01):
        refused = await _refused(path, "session.logout", session="us")
    assert (refused.kind, str(refused)) == ("timeout", "the command took longer than 0.01 s")


@pytest.mark.usefixtures("server")
async def test_a_bug_is_told_as_one(
    rig: Rig, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rig.gateway, "snapshot", lambda: 1 / 0)
    refused = await _refused(path, "status")
    assert refused.kind == "internal"
    assert "ZeroDivisionError" in str(refused)
    assert "admin command failed" in caplog.text


async def test_a_silent_client_is_let_go(rig: Rig, path: Path) -> None:
    async with AdminServer(path, rig.gateway, idle_limit=0.01):
        reader, writer = await asyncio.open_unix_connection(path)
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


# -- the socket --


@pytest.mark.usefixtures("server")
async def test_only_the_owner_may_use_it(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_it_is_gone_afterwards_and_clients_with_it(rig: Rig, path: Path) -> None:
    async with AdminServer(path, rig.gateway):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b'{"command": "status"}\n')
        await reader.readline()
    assert await reader.read() == b""
    assert not path.exists()
    writer.close()
    await writer.wait_closed()


async def test_a_file_put_in_its_place_is_left_alone(rig: Rig, path: Path) -> None:
    async with AdminServer(path, rig.gateway):
        path.unlink()
        path.write_text("mine")
    assert path.read_text() == "mine"


async def test_a_socket_removed_by_another_is_no_error(rig: Rig, path: Path) -> None:
    async with AdminServer(path, rig.gateway):
        path.unlink()
    assert not path.exists()


async def test_the_socket_of_a_dead_process_is_replaced(rig: Rig, path: Path) -> None:
    dead = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVER_THAT_DIES, str(path))
    assert await dead.wait() == 0
    assert path.is_socket()
    async with AdminServer(path, rig.gateway):
        assert "us" in (await _call(path, "status"))["sessions"]


@pytest.mark.usefixtures("server")
async def test_a_live_socket_is_not_taken_over(rig: Rig, path: Path) -> None:
    with pytest.raises(ConfigError, match="another process listens") as caught:
        async with AdminServer(path, rig.gateway):
            pass
    assert caught.value.where == "admin.socket"
    assert "us" in (await _call(path, "status"))["sessions"]


async def test_a_file_is_not_taken_for_a_socket(rig: Rig, path: Path) -> None:
    path.parent.mkdir()
    path.write_text("mine")
    with pytest.raises(ConfigError, match="is no socket"):
        async with AdminServer(path, rig.gateway):
            pass
    assert path.read_text() == "mine"


async def test_a_path_below_a_file_is_refused(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match=r"can not stand at .*/file/admin\.sock: "):
        async with AdminServer(tmp_path / "file" / "admin.sock", rig.gateway):
            pass


async def test_a_path_that_is_too_long_is_refused(rig: Rig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can not stand at"):
        async with AdminServer(tmp_path / ("x" * 150), rig.gateway):
            pass


@pytest.mark.usefixtures("server")
async def test_another_process_is_answered(path: Path) -> None:
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", CLIENT, str(path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await client.communicate()
    assert (client.returncode, out.decode().split(), err) == (0, ["active", "2", "2"], b"")


# -- the client --


def test_no_gateway_is_said_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(NotReachableError, match="no gateway runs at") as caught:
        AdminClient(tmp_path / "none.sock").call("status")
    assert "fixgw run" in caught.value.remedy


def test_a_stale_socket_is_no_gateway(path: Path) -> None:
    subprocess.run([sys.executable, "-c", SERVER_THAT_DIES, str(path)], check=True)
    with pytest.raises(NotReachableError, match="no gateway runs at"):
        AdminClient(path).call("status")


def test_a_path_that_can_not_be_one_is_explained(tmp_path: Path) -> None:
    with pytest.raises(NotReachableError, match="can not be used"):
        AdminClient(tmp_path / "file" / ("x" * 200)).call("status")


def test_a_gateway_that_takes_nobody_is_said_to_hang(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as server, contextlib.ExitStack() as waiting:
        server.bind(str(path))
        server.listen(0)
        for _ in range(2):  # as many as the kernel lets wait
            client = waiting.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            with suppress(BlockingIOError):
                client.connect(str(path))
        with pytest.raises(NotReachableError, match="does not take connections"):
            AdminClient(path, timeout=0.1).call("status")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use every socket")
def test_the_socket_of_another_user_is_said_to_be_one(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        path.chmod(0)
        with pytest.raises(NotReachableError, match="belongs to another user"):
            AdminClient(path).call("status")


def _serve_once(path: Path, act: Callable[[socket.socket], None]) -> threading.Thread:
    """Accept one client in a thread and let ``act`` treat it."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def run() -> None:
        with server:
            client, _ = server.accept()
            with client:
                act(client)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (b"", "hung up before it answered"),
        (b'{"ok": tr', "hung up before it answered"),
        (b"HTTP/1.1 400\r\n", "is no fixgw gateway"),
        (b"[]\n", "is no fixgw gateway"),
        (b'{"ok": false}\n', "is no fixgw gateway"),
    ],
)
def test_what_answers_wrongly_is_no_gateway(tmp_path: Path, answer: bytes, what: str) -> None:
    def act(client: socket.socket) -> None:
        client.recv(65536)
        client.sendall(answer)

    thread = _serve_once(tmp_path / "s", act)
    with pytest.raises(NotReachableError, match=what):
        AdminClient(tmp_path / "s").call("status")
    thread.join()


def test_a_gateway_that_hangs_is_given_up(tmp_path: Path) -> None:
    done = threading.Event()

    def act(_client: socket.socket) -> None:
        done.wait(10)

    thread = _serve_once(tmp_path / "s", act)
    with pytest.raises(NotReachableError, match=r"did not answer within 0\.05 s"):
        AdminClient(tmp_path / "s", timeout=0.05).call("status")
    done.set()
    thread.join()


def test_a_gateway_that_resets_the_connection_has_hung_up(tmp_path: Path) -> None:
    thread = _serve_once(tmp_path / "s", lambda client: client.close())  # unread bytes make it a reset
    with pytest.raises(NotReachableError, match="hung up"):
        AdminClient(tmp_path / "s").call("status")
    thread.join()


def test_an_answer_in_many_parts_is_put_together(tmp_path: Path) -> None:
    result = {"text": "x" * 300_000}

    def act(client: socket.socket) -> None:
        client.recv(65536)
        client.sendall(json.dumps({"ok": True, "result": result}).encode() + b"\n")

    thread = _serve_once(tmp_path / "s", act)
    assert AdminClient(tmp_path / "s").call("status") == result
    thread.join()


def test_every_command_that_changes_something_names_a_session_or_a_reason() -> None:
    changing = [command for command in COMMANDS.values() if command.audited]
    assert all({"session", "reason"} & set(command.arguments) for command in changing)
