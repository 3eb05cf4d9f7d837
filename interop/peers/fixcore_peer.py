"""fixcore-engine, pure Python: FileStore, its own dictionaries, plain TCP (it has no TLS)."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from fixcore import Application, SessionID
from fixcore.message.message import Message
from fixcore.session.session_settings import SessionSettings
from fixcore.transport.acceptor import SocketAcceptor
from fixcore.transport.initiator import SocketInitiator

from interop.ledger import ID_TAG, Ledger, message_id
from interop.peers import harness

GUARD_SECONDS = 0.2
SETTINGS = """\
[DEFAULT]
ConnectionType={role}
HeartBtInt=30
ReconnectInterval=1
FileStorePath={directory}/store
UseDataDictionary=Y
TransportDataDictionary={transport}
AppDataDictionary={application}
{address}
[SESSION]
BeginString=FIXT.1.1
DefaultApplVerID=9
SenderCompID=PEER
TargetCompID=FIXGW
"""


class Counting(Application):
    """Counts what comes in."""

    def __init__(self) -> None:
        self.ledger = Ledger()

    def from_app(self, message: Message, session_id: SessionID) -> None:
        self.ledger.take(message.get_field(ID_TAG), message.header.get_or(43) == "Y")


class FixCore:
    """The engine; see ``harness.Engine``."""

    def __init__(self, task: harness.Task) -> None:
        address = (
            f"SocketAcceptHost=127.0.0.1\nSocketAcceptPort={task.port}"
            if task.accepts
            else f"SocketConnectHost=127.0.0.1\nSocketConnectPort={task.port}"
        )
        text = SETTINGS.format(
            role=task.role,
            directory=task.directory,
            transport=task.transport,
            application=task.application,
            address=address,
        )
        given = SessionSettings.from_string(text)
        self._application = Counting()
        self._accepts = task.accepts
        self._engine = (SocketAcceptor if task.accepts else SocketInitiator)(given, self._application)
        (self._session,) = self._engine.sessions.values()
        self._sent = 0
        self._sending: asyncio.Task[None] | None = None
        self._guard: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._engine.start()
        if not self._accepts:
            self._guard = asyncio.create_task(self._dial_on())

    async def _dial_on(self) -> None:
        """Start the initiator anew when an error of the socket has ended its task: nobody else would."""
        while True:
            await asyncio.sleep(GUARD_SECONDS)
            (task,) = self._engine._tasks.values() or (None,)
            if task is not None and task.done() and not task.cancelled() and task.exception() is not None:
                logging.error("fixcore dials no more: %r", task.exception())
                await self._engine.start()

    def send(self, first: int, count: int) -> None:
        self._sending = asyncio.create_task(self._send(first, count))

    async def _send(self, first: int, count: int) -> None:
        for number in range(first, first + count):
            while not self._session.is_logged_on:  # noqa: ASYNC110 -- the engine tells nobody
                await asyncio.sleep(0.01)
            with contextlib.suppress(OSError):  # it is numbered and kept, and goes when it is asked for
                await self._session.send_app(self._message(number))
            self._sent += 1

    def _message(self, number: int) -> Message:
        fields = {ID_TAG: message_id(number), 55: "TEST", 54: "1", 38: "10"}
        if self._accepts:
            fields |= {37: "O1", 17: f"E{number}", 150: "0", 39: "0", 151: "10", 14: "0", 6: "0"}
        else:
            fields |= {40: "2", 44: "0.55", 60: "20261120-12:00:00.000"}
        message = Message()
        message.header.set(35, "8" if self._accepts else "D")
        for tag, value in fields.items():
            message.set_field(tag, value)
        return message

    def skip(self, count: int) -> None:
        store = self._session._store
        store.set_next_sender_msg_seq_num(store.next_sender_msg_seq_num() + count)

    def rewind(self, count: int) -> None:
        store = self._session._store
        store.set_next_target_msg_seq_num(store.next_target_msg_seq_num() - count)

    async def reset_sequence(self, ahead: int) -> None:
        store = self._session._store
        new_seq_no = store.next_sender_msg_seq_num() + ahead
        message = Message()
        message.header.set(35, "4")
        message.set_field(123, "N")
        message.set_field(36, str(new_seq_no))
        await self._session._send_message(message, is_admin=True)
        store.set_next_sender_msg_seq_num(new_seq_no)

    async def logout(self) -> None:
        await (self._session.send_logout() if self._accepts else self._engine.logout())

    async def logon(self) -> None:
        if not self._accepts:
            await self._engine.start()

    def state(self) -> dict[str, object]:
        store = self._session._store
        return {
            **self._application.ledger.as_json(),
            "active": self._session.is_logged_on,
            "sent": self._sent,
            "next_out": store.next_sender_msg_seq_num(),
            "next_in": store.next_target_msg_seq_num(),
        }

    async def stop(self) -> None:
        await self._engine.stop()


async def main(task: harness.Task) -> None:
    """Start the engine and serve it."""
    engine = FixCore(task)
    await engine.start()
    await harness.serve(engine)


if __name__ == "__main__":
    asyncio.run(main(harness.task()))
