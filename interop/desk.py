"""The fixgw end: one session, as initiator in a gateway or behind an acceptor, with a tape."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from fixgw.engine.acceptor import Acceptor
from fixgw.engine.acceptor_settings import AcceptorPlan, AcceptorSession
from fixgw.engine.gateway import Gateway
from fixgw.engine.handle import SessionHandle
from fixgw.engine.link import Link
from fixgw.engine.numbers import set_numbers
from fixgw.engine.settings import RetrySettings, SessionPlan
from fixgw.errors import NotLoggedOn
from fixgw.fix.message import Message
from fixgw.fix.schema import TypedMessage
from fixgw.handlers.base import Context, Handler
from fixgw.messages.order_entry import ExecType, ExecutionReport, NewOrderSingle, OrdStatus, Side
from fixgw.session.snapshot import SessionSnapshot
from fixgw.session.state import Role, SessionSettings
from fixgw.store.tape import Tape
from fixgw.transport.listen import ListenSettings
from fixgw.transport.tcp import TcpConnector, TcpSettings
from fixgw.transport.tls import TlsSettings, server_context
from interop.ledger import ID_TAG, Ledger, message_id

BURST = 100  # messages between two pauses that let the peer's come in
GAP_TIMEOUT = 2.0  # seconds; a peer that loses a ResendRequest is asked again after it
NAME = "interop"


class Counting(Handler):
    """Counts application messages, and what else was not expected."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.rejects: list[str] = []

    def on_message(self, message: Message, ctx: Context) -> None:
        if message.msg_type == "j":
            self.rejects.append(repr(message))
        else:
            self.ledger.take(message.text(ID_TAG) or "", ctx.poss_dup)

    def on_reject(self, reject: Message, ref_seq_num: int) -> None:
        self.rejects.append(repr(reject))


class Desk(ABC):
    """What a scenario does with the fixgw end.

    Args:
        handler: counts what comes in.
    """

    def __init__(self, handler: Counting) -> None:
        self._handler = handler
        self._sent = 0

    @property
    @abstractmethod
    def link(self) -> Link:
        """The session."""

    @property
    def ledger(self) -> Ledger:
        """What came in."""
        return self._handler.ledger

    @property
    def rejects(self) -> list[str]:
        """Reject(3) and BusinessMessageReject(j) that came in."""
        return self._handler.rejects

    @property
    def snapshot(self) -> SessionSnapshot:
        """Numbers and counts of the session."""
        return self.link.session.snapshot()

    @abstractmethod
    def message(self, number: int) -> TypedMessage:
        """Return the message of a number."""

    @abstractmethod
    async def logout(self) -> None:
        """Log out and wait until the connection has ended."""

    @abstractmethod
    def logon(self) -> None:
        """Log on again, or allow it."""

    async def send(self, count: int) -> None:
        """Send so many messages, over disconnections too."""
        for number in self._numbers(count):
            while True:
                try:
                    self.link.send(self.message(number))
                    break
                except NotLoggedOn:
                    await self.link.became_active()
            if number % BURST == 0:
                await self.link.flushed()
                await asyncio.sleep(0)

    def _numbers(self, count: int) -> Iterator[int]:
        first, self._sent = self._sent + 1, self._sent + count
        return iter(range(first, first + count))

    def shift(self, next_in: int, next_out: int) -> None:
        """Change the numbers of the logged out session by so much, up or down."""
        session = self.link.session
        set_numbers(self.link, session.next_in + next_in, session.next_out + next_out, "interop: force a gap")


class Initiator(Desk):
    """fixgw dials and sends orders."""

    def __init__(self, handler: Counting, handle: SessionHandle) -> None:
        super().__init__(handler)
        self._handle = handle

    @property
    def link(self) -> Link:
        """The session."""
        return self._handle.link

    def message(self, number: int) -> TypedMessage:
        """Return a NewOrderSingle."""
        return NewOrderSingle(
            cl_ord_id=message_id(number),
            symbol="TEST",
            side=Side.BUY,
            transact_time=datetime.now(UTC),
            order_qty=Decimal(10),
            price=Decimal("0.55"),
        )

    async def logout(self) -> None:
        """Log out and wait until the connection has ended."""
        await self._handle.stop()

    def logon(self) -> None:
        """Dial again."""
        self._handle.start()


class Server(Desk):
    """fixgw listens and sends reports."""

    def __init__(self, handler: Counting, acceptor: Acceptor) -> None:
        super().__init__(handler)
        self._acceptor = acceptor

    @property
    def link(self) -> Link:
        """The session."""
        return self._acceptor[NAME]

    def message(self, number: int) -> TypedMessage:
        """Return an ExecutionReport."""
        return ExecutionReport(
            order_id="O1",
            cl_ord_id=message_id(number),
            exec_id=f"E{number}",
            exec_type=ExecType.NEW,
            ord_status=OrdStatus.NEW,
            symbol="TEST",
            side=Side.BUY,
            order_qty=Decimal(10),
            leaves_qty=Decimal(10),
            cum_qty=Decimal(0),
            avg_px=Decimal(0),
        )

    async def logout(self) -> None:
        """Log out and wait until the connection has ended."""
        self.link.logout()
        await self.link.ended()

    def logon(self) -> None:
        """The peer comes by itself."""


def _settings(role: Role) -> SessionSettings:
    return SessionSettings(
        name=NAME, role=role, sender_comp_id="FIXGW", target_comp_id="PEER", gap_timeout=GAP_TIMEOUT
    )


@asynccontextmanager
async def initiator(directory: Path, port: int, pki: Path | None) -> AsyncIterator[Desk]:
    """Dial a peer; with TLS, and its certificate verified, if there is a ``pki``."""
    handler = Counting()
    tls = None if pki is None else TlsSettings(server_name="localhost", ca_file=pki / "ca.pem")
    plan = SessionPlan(
        session=_settings(Role.INITIATOR),
        connector=TcpConnector(TcpSettings(host="127.0.0.1", port=port, tls=tls)),
        store=lambda: Tape(directory / "tape"),
        handler=handler,
        retry=RetrySettings(base_seconds=0.2, cap_seconds=0.5),
    )
    async with Gateway([plan]) as gateway:
        yield Initiator(handler, gateway[NAME])


@asynccontextmanager
async def server(directory: Path, port: int, pki: Path | None) -> AsyncIterator[Desk]:
    """Listen for a peer; with TLS, and a certificate demanded of it, if there is a ``pki``."""
    handler = Counting()
    context = None if pki is None else server_context(pki / "cert.pem", pki / "key.pem", pki / "ca.pem")
    session = AcceptorSession(
        _settings(Role.ACCEPTOR), store=lambda: Tape(directory / "tape"), handler=handler
    )
    async with Acceptor(AcceptorPlan(ListenSettings(port=port, tls=context), [session])) as acceptor:
        yield Server(handler, acceptor)
