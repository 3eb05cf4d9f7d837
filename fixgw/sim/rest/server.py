"""HTTPS on asyncio streams: bytes to requests and answers to bytes by h11, one answer at a time."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Self, TypeAlias

import h11

from fixgw.errors import ConfigError

log = logging.getLogger("fixgw.sim.rest")

MOST_BODY = 1 << 20  # bytes
READ_SIZE = 1 << 16


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request.

    Args:
        method: such as GET.
        target: path and query as sent.
        headers: by name in lower case.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """What follows the path."""
        return self.target.partition("?")[2]


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What goes back.

    Args:
        status: such as 200.
        body: the body.
        headers: beside its length.
        hang_up: close the connection in place of an answer, as a broken network does.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_up: bool = False


Answering: TypeAlias = Callable[[HttpRequest], Awaitable[HttpAnswer]]


class HttpServer:
    """Listens and answers.

    Args:
        answer: called for each request; what it raises becomes a 500.
        host: address to listen on.
        port: 0 picks a free one.
        tls: None for plain HTTP.
    """

    def __init__(
        self, answer: Answering, host: str, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self._answer = answer
        self._host, self._port, self._tls = host, port, tls
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}

    @property
    def port(self) -> int:
        """The port, once it listens."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> Self:
        """Listen.

        Raises:
            ConfigError: the address can not be listened on.
        """
        try:
            self._server = await asyncio.start_server(self._connected, self._host, self._port, ssl=self._tls)
        except OSError as error:
            raise ConfigError(
                f"{self._host}:{self._port} can not be listened on: {error.strerror}",
                remedy="choose another port, or end what uses it",
            ) from error
        return self

    async def close(self) -> None:
        """Stop listening and close every connection."""
        if self._server is None:
            return
        self._server.close()
        serving = list(self._connections.values())
        for writer, task in self._connections.items():
            writer.transport.abort()
            task.cancel()  # an answer may be late by any time
        await asyncio.gather(*serving, return_exceptions=True)
        await self._server.wait_closed()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections[writer] = task
        task.add_done_callback(lambda _: self._connections.pop(writer, None))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        try:
            while await self._one(connection, reader, writer):
                connection.start_next_cycle()
        except (h11.RemoteProtocolError, h11.LocalProtocolError, ConnectionError) as error:
            log.info("a connection ended", extra={"why": str(error)})
        finally:
            writer.close()

    async def _one(
        self, connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer one request; return whether another may follow."""
        request = await _receive(connection, reader)
        if request is None:
            return False
        try:
            answer = await self._answer(request)
        except Exception:
            log.exception("a request could not be answered", extra={"target": request.path})
            answer = HttpAnswer(500)
        if answer.hang_up:
            return False
        writer.write(_encode(connection, answer))
        await writer.drain()
        return connection.our_state is h11.DONE and connection.their_state is h11.DONE


async def _receive(connection: h11.Connection, reader: asyncio.StreamReader) -> HttpRequest | None:
    """Read one whole request; None when the client is gone."""
    request: HttpRequest | None = None
    size = 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(READ_SIZE))
        elif isinstance(event, h11.Request):
            headers = {name.decode("ascii").lower(): value.decode("latin-1") for name, value in event.headers}
            request = HttpRequest(event.method.decode("ascii"), event.target.decode("latin-1"), headers)
        elif isinstance(event, h11.Data):
            size += len(event.data)
            if size > MOST_BODY:
                raise h11.RemoteProtocolError("the body is too large")
        elif isinstance(event, h11.EndOfMessage):
            return request
        else:
            return None


def _encode(connection: h11.Connection, answer: HttpAnswer) -> bytes:
    headers = [*answer.headers.items(), ("Content-Length", str(len(answer.body)))]
    response = h11.Response(
        status_code=answer.status, headers=headers, reason=HTTPStatus(answer.status).phrase.encode()
    )
    parts = [connection.send(response)]
    if answer.body:
        parts.append(connection.send(h11.Data(data=answer.body)))
    parts.append(connection.send(h11.EndOfMessage()))
    return b"".join(part for part in parts if part)
