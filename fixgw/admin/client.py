"""The other end of the control socket: blocking, for commands and scripts."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

from fixgw.errors import FixError

_ANSWER_LIMIT = 64 * 1024 * 1024


class AdminError(FixError):
    """A command was not carried out, as far as is known.

    Args:
        what: the fault, a sentence.
        remedy: what a person can do about it.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what}\n  {self.remedy}" if self.remedy else self.what


class NotReachableError(AdminError):
    """Nobody answers on the socket, or not in time."""


class RefusedError(AdminError):
    """The gateway said no; ``kind`` is ``refused``, ``bad request``, ``timeout`` or ``internal``."""

    def __init__(self, what: str, kind: str) -> None:
        super().__init__(what)
        self.kind = kind


class AdminClient:
    """Asks a running gateway; each call has a connection of its own.

    Args:
        path: the gateway's control socket.
        timeout: seconds that connecting, sending and each wait for a part of the answer may take.
    """

    def __init__(self, path: Path, timeout: float = 35.0) -> None:
        self.path = path
        self.timeout = timeout

    def call(self, command: str, **arguments: str | int | list[Any] | dict[str, Any] | None) -> Any:
        """Carry out a command and return its result.

        Args:
            command: its name, such as ``seqnum.show``.
            arguments: those that are None are left out.

        Raises:
            NotReachableError: no gateway runs there, the socket is another user's, or no answer came in time.
            RefusedError: the gateway said no.
        """
        given = {name: value for name, value in arguments.items() if value is not None}
        line = json.dumps({"command": command, "arguments": given}).encode() + b"\n"
        with self._connected() as sock:
            try:
                sock.sendall(line)
                answer = self._read_line(sock)
            except TimeoutError as error:
                what = f"the gateway did not answer within {self.timeout:g} s"
                raise NotReachableError(what, "it may hang: look at its log") from error
            except OSError as error:
                raise NotReachableError(f"the gateway hung up: {error.strerror}", _LOOK) from error
        return _result(answer)

    def _connected(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(self.timeout)
        try:
            sock.connect(os.fspath(self.path))
        except OSError as error:
            sock.close()
            raise _unreachable(self.path, error) from error
        return sock

    def _read_line(self, sock: socket.socket) -> bytes:
        parts: list[bytes] = []
        size = 0
        while not (parts and parts[-1].endswith(b"\n")):
            part = sock.recv(65536)
            size += len(part)
            if not part or size > _ANSWER_LIMIT:
                raise NotReachableError("the gateway hung up before it answered", _LOOK)
            parts.append(part)
        return b"".join(parts)


_LOOK = "it may be stopping: look at its log"


def _unreachable(path: Path, error: OSError) -> NotReachableError:
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        remedy = "start it with `fixgw run`, or name its socket (admin.socket in its configuration)"
        return NotReachableError(f"no gateway runs at {path}", remedy)
    if isinstance(error, PermissionError):
        return NotReachableError(
            f"{path} belongs to another user", "run this as the user that runs the gateway"
        )
    if isinstance(error, BlockingIOError):  # what connect says when too many wait to be accepted
        return NotReachableError(
            f"the gateway at {path} does not take connections", "it may hang: look at its log"
        )
    return NotReachableError(
        f"{path} can not be used: {error.strerror or error}", "name the gateway's socket"
    )


def _result(line: bytes) -> Any:
    try:
        answer = json.loads(line)
        if answer["ok"]:
            return answer["result"]
        what, kind = answer["error"]["what"], answer["error"]["kind"]
    except (ValueError, KeyError, TypeError) as error:
        raise NotReachableError(
            "what answers there is no fixgw gateway", "name the gateway's socket"
        ) from error
    raise RefusedError(what, kind)
