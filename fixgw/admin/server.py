"""The control socket of a running gateway: mode 0600, one JSON request a line, one JSON answer a line.

Request: ``{"command": "seqnum.show", "arguments": {"session": "orders"}}``.
Answer: ``{"ok": true, "result": ...}`` or ``{"ok": false, "error": {"kind": ..., "what": ...}}``.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import pwd
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from fixgw.admin.commands import Controls, Request, check_arguments, find_command
from fixgw.errors import ConfigError, FixError, LocalError

log = logging.getLogger("fixgw.admin")

REQUEST_LIMIT = 64 * 1024  # bytes of one line
IDLE_LIMIT = 60.0  # seconds that a client may be silent
COMMAND_LIMIT = 30.0  # seconds that a command may take


class AdminServer:
    """Answers administrators for as long as its ``async with`` lasts.

    Args:
        path: where the socket is to stand; a stale one is removed, its directory is made when it is missing.
        controls: the gateway.
        idle_limit: seconds after which a silent client is let go.
        command_limit: seconds after which a command is given up.
    """

    def __init__(
        self,
        path: Path,
        controls: Controls,
        *,
        idle_limit: float = IDLE_LIMIT,
        command_limit: float = COMMAND_LIMIT,
    ) -> None:
        self._path = path
        self._controls = controls
        self._idle_limit = idle_limit
        self._command_limit = command_limit
        self._clients: set[asyncio.Task[None]] = set()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Begin to listen.

        Raises:
            ConfigError: the socket can not stand there, or another process listens on it.
        """
        async with AsyncExitStack() as stack:
            sock = stack.enter_context(_bound(self._path))
            server = await asyncio.start_unix_server(self._serve_client, sock=sock, limit=REQUEST_LIMIT)
            stack.push_async_callback(self._let_go)
            stack.callback(server.close)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *details: object) -> None:
        """Listen no more, let every client go, and remove the socket."""
        await self._stack.aclose()

    async def _let_go(self) -> None:
        clients = list(self._clients)
        for task in clients:
            task.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    async def _serve_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client until it leaves, is silent for too long, or sends what is no line."""
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            log.debug("administrator left")
        finally:
            self._clients.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        who = _peer(writer.get_extra_info("socket"))
        line: bytes | None = b""
        while line is not None:
            line = await self._read_line(reader)
            if line == b"":
                return
            answer = _TOO_LONG if line is None else await self._answer(line, who)
            writer.write(json.dumps(answer, allow_nan=False).encode() + b"\n")
            async with asyncio.timeout(self._idle_limit):
                await writer.drain()

    async def _read_line(self, reader: asyncio.StreamReader) -> bytes | None:
        """Return one request, empty when the client has left, None when it is too long."""
        async with asyncio.timeout(self._idle_limit):
            try:
                return await reader.readline()
            except ValueError:
                return None

    async def _answer(self, line: bytes, who: str) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self._command_limit):
                return {"ok": True, "result": await self._run(line, who)}
        except TimeoutError:
            return _failure("timeout", f"the command took longer than {self._command_limit:g} s")
        except FixError as error:
            return _failure("refused", str(error))
        except Exception as error:
            log.exception("admin command failed")
            return _failure("internal", f"{type(error).__name__}: {error}")

    async def _run(self, line: bytes, who: str) -> Any:
        try:
            request = json.loads(line)
        except ValueError as error:
            raise LocalError(f"the request is no JSON: {error}") from error
        if not isinstance(request, dict):
            raise LocalError("the request has to be an object with 'command' and 'arguments'")
        name = request.get("command")
        command = find_command(name)
        arguments = check_arguments(command, request.get("arguments", {}))
        if command.audited:
            log.warning("admin command", extra={"command": name, "arguments": _shown(arguments), "who": who})
        return await command.run(Request(self._controls, arguments, who))


def _shown(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments for the log, of a list how long it is."""
    return {
        name: f"{len(value)} of them" if isinstance(value, list) else value
        for name, value in arguments.items()
    }


def _failure(kind: str, what: str) -> dict[str, Any]:
    return {"ok": False, "error": {"kind": kind, "what": what}}


_TOO_LONG = _failure("bad request", f"a request is longer than {REQUEST_LIMIT} bytes")


def _peer(sock: socket.socket) -> str:
    """Return who is at the other end, as far as the system tells."""
    if not hasattr(socket, "SO_PEERCRED"):
        return "local administrator"
    pid, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"uid {uid}"
    return f"{name} (pid {pid})"


@contextmanager
def _bound(path: Path) -> Iterator[socket.socket]:
    """Bind a socket that only its owner can use, and remove it afterwards if it is still ours."""
    _make_room(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    former = os.umask(0o177)  # so that there is no instant at which others may connect
    try:
        sock.bind(os.fspath(path))
    except OSError as error:
        sock.close()
        raise _no_place(path, error) from error
    finally:
        os.umask(former)
    ours = path.stat()
    try:
        yield sock
    finally:
        sock.close()
        with suppress(FileNotFoundError):
            if os.path.samestat(path.stat(), ours):
                path.unlink()


def _make_room(path: Path) -> None:
    """Make the directory, and remove the socket of a process that is gone.

    Raises:
        ConfigError: no socket can stand there.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_stale(path)
    except OSError as error:
        raise _no_place(path, error) from error


def _no_place(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"the control socket can not stand at {path}: {error.strerror or error}",
        "admin.socket",
        "choose a short path in a directory of your own",
    )


def _remove_stale(path: Path) -> None:
    """Remove the socket of a process that is gone.

    Raises:
        ConfigError: it is no socket, or somebody listens on it.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigError(f"{path} is no socket", "admin.socket", "remove it, or choose another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        refused = probe.connect_ex(os.fspath(path))
    if refused in (errno.ECONNREFUSED, errno.ENOENT):
        path.unlink(missing_ok=True)
        return
    raise ConfigError(
        f"another process listens on {path}", "admin.socket", "stop it, or give this one a socket of its own"
    )
