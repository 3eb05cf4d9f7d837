"""What users plug in, and what a book or a handler may ask of the session it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from fixgw.clock import Now
from fixgw.errors import FieldError, NotLoggedOn
from fixgw.fix.message import Message, SimplefixMessage
from fixgw.fix.schema import TypedMessage

if TYPE_CHECKING:
    from fixgw.handlers.orders import Orders

Sendable: TypeAlias = Message | TypedMessage | SimplefixMessage


class SessionPort(Protocol):
    """The side of a link that books, clients and handlers send through."""

    @property
    def name(self) -> str:
        """The session's name in the configuration."""
        ...

    @property
    def active(self) -> bool:
        """True while application messages may be sent."""
        ...

    @property
    def epoch(self) -> int:
        """The epoch of the numbers in use."""
        ...

    @property
    def orders(self) -> Orders:
        """The session's orders.

        Raises:
            LocalError: no orders are sent on this session.
        """
        ...

    def now(self) -> Now:
        """The instant, by the clock of the session."""
        ...

    def send(self, message: Sendable, *, urgent: bool = False) -> int:
        """Number, commit and write one application message.

        Args:
            message: the message; header fields that the session owns are filled in.
            urgent: may use the store's reserve on a full disk (cancels).

        Returns:
            The MsgSeqNum(34) that it was given. Inside a turn the bytes leave when the turn ends.

        Raises:
            NotLoggedOn: the session is not ACTIVE; no number was used.
            StoreFull: the disk is full; no number was used.
            StoreError: it could not be written, so it did not leave, and the connection ends. Inside a turn
                that shows only at the end of it: books learn that it was not sent.
            EncodeError: a value can not be put on the wire; no number was used.
        """
        ...

    def delay(self, message: Message) -> float:
        """Return the seconds after which the session's guards would let a message leave; 0 for now."""
        ...

    async def flushed(self) -> None:
        """Return once all that was sent is committed and handed to the transport, or the link is gone."""
        ...


@dataclass(slots=True)  # not frozen: one is made for each message, and a frozen one takes three times as long
class Context:
    """What a handler learns about a message beside the message.

    Args:
        session: the session that it came on; ``session.send`` joins the running turn.
        msg_seq_num: MsgSeqNum(34).
        poss_dup: the peer sent it again. On a session with retransmission, so comes a message that was being
            handled when the process was killed.
        redelivered: delivered again from the tape after a restart.
        reconciled: it never came on the wire: a reconciliation found that it was missed.
        fault: why a book of the library's could not read it; the peer is told.
    """

    session: SessionPort
    msg_seq_num: int
    poss_dup: bool = False
    redelivered: bool = False
    reconciled: bool = False
    fault: FieldError | None = None

    @property
    def orders(self) -> Orders:
        """The session's orders: ``ctx.orders.place(...)`` sends one in the running turn.

        Raises:
            LocalError: no orders are sent on this session.
        """
        return self.session.orders

    def refuse(self, fault: FieldError) -> None:
        """Say that the message can not be read: the session answers with Reject(3), once for all books.

        Other books, and the handler, see the message all the same.
        """
        self.fault = self.fault or fault


class Book:
    """A library-owned account of a session's traffic, settled before any user handler is called.

    A book overrides what concerns it. All methods are plain functions on the event loop; none may raise for
    what a peer sent.

    Attributes:
        name: under which a checkpoint keeps its state.
    """

    name: str

    def on_message(self, message: Message, context: Context) -> None:
        """Take in one inbound application message; refuse what can not be read with ``context.refuse``."""

    def knows(self, message: Message) -> bool:
        """Tell whether what an inbound message reports was taken in before."""
        return False

    def on_sent(self, message: Message, msg_seq_num: int) -> None:
        """Rebuild only: one of our own application messages, read back from the store."""

    def on_reject(self, reject: Message, ref_seq_num: int) -> None:
        """Take in a Reject(3) of our message ``ref_seq_num`` of the present epoch."""

    def on_gap(self, first: int, last: int) -> None:
        """Inbound messages ``first`` to ``last`` are lost: the session has no retransmission."""

    def on_not_sent(self, msg_seq_num: int) -> None:
        """Our message never reached the peer: never written, or asked for again and gap-filled."""

    def on_logon(self) -> None:
        """The session is up: what has to be asked for anew can be sent."""

    def on_disconnect(self) -> None:
        """The link is gone: whatever was sent and not answered has an unknown outcome."""

    def on_reset(self, epoch: int, utc_ns: int) -> None:
        """The numbers went back to 1 at that instant: nothing of the former epoch can be asked for again."""

    def dump(self) -> bytes:
        """Return the state for a checkpoint."""
        return b""

    def load(self, blob: bytes) -> None:
        """Take the state of a checkpoint."""


class Client(Book):
    """A book that asks the venue for things as well: queries, subscriptions, quotes."""

    def __init__(self) -> None:
        self._port: SessionPort | None = None

    def bind(self, port: SessionPort) -> None:
        """Send through this session from now on."""
        self._port = port

    @property
    def port(self) -> SessionPort:
        """The session.

        Raises:
            NotLoggedOn: it belongs to none yet.
        """
        if self._port is None:
            raise NotLoggedOn(f"{type(self).__name__} belongs to no session yet")
        return self._port


class Handler:
    """The base of user handlers: override what you care about, plain or ``async def``.

    Beside these, a handler may define ``on_<message>`` for any message class of the venue's dialect
    (``on_execution_report(self, report, ctx)``), and ``on_message(self, message, ctx)`` for the rest.
    A method that raises ``Reject`` answers with Reject(3) or BusinessMessageReject(j).
    """

    def on_logon(self, ctx: Context) -> Any:
        """The session is up."""

    def on_logout(self, text: str) -> Any:
        """The session was logged out, with the peer's Text(58)."""

    def on_disconnect(self, reason: str) -> Any:
        """The connection is gone."""

    def on_gap(self, first: int, last: int) -> Any:
        """Inbound messages ``first`` to ``last`` are lost on a session without retransmission."""

    def on_reject(self, reject: Message, ref_seq_num: int) -> Any:
        """The peer refused our message ``ref_seq_num`` with Reject(3)."""

    def before_send(self, message: Message) -> None:
        """Stamp an outbound application message, or refuse it by raising."""
