"""The vocabulary of the matching engine: what is asked of it, what it keeps, and what has happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import NamedTuple, TypeAlias

ZERO = Decimal(0)


class Side(StrEnum):
    """Side(54); buying is bidding for YES, selling is offering YES."""

    BUY = "1"
    SELL = "2"

    @property
    def opposite(self) -> Side:
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class TimeInForce(StrEnum):
    """TimeInForce(59)."""

    DAY = "0"
    GTC = "1"
    IOC = "3"
    FOK = "4"
    GTD = "6"


class SelfTrade(StrEnum):
    """SelfTradePreventionType(2964): which of two orders of one account gives way."""

    TAKER = "1"
    MAKER = "2"


class OrdRejReason(IntEnum):
    """OrdRejReason(103), as far as this venue uses it."""

    UNKNOWN_SYMBOL = 1
    EXCHANGE_CLOSED = 2
    EXCEEDS_LIMIT = 3
    TOO_LATE = 4
    DUPLICATE_ORDER = 6
    STALE_ORDER = 8
    UNSUPPORTED = 11
    INCORRECT_QUANTITY = 13
    UNKNOWN_ACCOUNT = 15
    OTHER = 99


class CxlRejReason(IntEnum):
    """CxlRejReason(102), as far as this venue uses it."""

    TOO_LATE = 0
    UNKNOWN_ORDER = 1
    BROKER = 2
    DUPLICATE_CL_ORD_ID = 6
    INVALID_PRICE_INCREMENT = 18
    OTHER = 99


class ResponseTo(StrEnum):
    """CxlRejResponseTo(434)."""

    CANCEL = "1"
    REPLACE = "2"


class Cause(StrEnum):
    """Why an order was cancelled; the value is Text(58), empty for a cancel that somebody asked for."""

    REQUEST = ""
    IOC = "IMMEDIATE_OR_CANCELLED"
    FOK = "FOK_INSUFFICIENT_VOLUME"
    POST_ONLY = "POST_ONLY_CROSS"
    TAKER = "TAKER_CANCEL_FOR_SELF_TRADE_PREVENTION"
    MAKER = "MAKER_CANCEL_FOR_SELF_TRADE_PREVENTION"
    REDUCE_ONLY = "REDUCE_ONLY"
    MAX_COST = "MAX_EXECUTION_COST_EXCEEDED"
    EXPIRY = "OrderExpiryCancel"
    CLOSE = "CloseCancel"
    ORDER_GROUP = "ORDER_GROUP_CANCEL"
    SELF_CROSS = "SELF_CROSS_ATTEMPT"
    SELF_CROSS_FILLED = "SELF_CROSS_ATTEMPT_PARTIALLY_FILLED"
    BOUNDS = "SETTLEMENT_BOUNDS_CANCEL"
    QUOTE_VOID = "QUOTE_NOT_CONFIRMED"

    @property
    def is_expiry(self) -> bool:
        """True for the causes that UseExpiredOrdStatus(21012) turns into Expired."""
        return self in (Cause.EXPIRY, Cause.CLOSE)


class Fate(Enum):
    """What the matching cycle that took an order in did to it."""

    RESTS = "rests"
    TRADES = "trades"  # in whole or in part, whatever became of the rest
    DIES = "dies"  # cancelled without a trade


class State(Enum):
    """What has become of an order."""

    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"


class Holder(NamedTuple):
    """Whose money and positions they are: an account, and its AllocAccount(79)."""

    account: str
    subaccount: int


@dataclass(frozen=True, slots=True)
class Owner:
    """Who stands behind an order.

    Args:
        account: whose positions it changes.
        session: the FIX session that it came in on; ClOrdIDs are unique within it.
        connection: the number of the connection of that session, from 1.
        subaccount: AllocAccount(79), 0 for the primary one.
    """

    account: str
    session: str
    connection: int = 1
    subaccount: int = 0

    @property
    def holder(self) -> Holder:
        """Whose positions it changes; two orders of one holder never trade with each other."""
        return Holder(self.account, self.subaccount)


@dataclass(frozen=True, slots=True)
class Named:
    """For whom and where a message says that it is; None where it says nothing.

    Args:
        subaccount: AllocAccount(79).
        customer: PartyID(448) of the one party with PartyRole(452) 24.
        operator: SenderSubID(50).
        exchange_index: ExDestination(100), unless that leaves it to the venue.
    """

    subaccount: int | None = None
    customer: str | None = None
    operator: str | None = None
    exchange_index: int | None = None


NOBODY_NAMED = Named()


@dataclass(frozen=True, slots=True)
class Terms:
    """What an order says, as sent or as last replaced.

    Args:
        cl_ord_id: ClOrdID(11).
        owner: who entered it.
        symbol: Symbol(55).
        side: Side(54).
        qty: OrderQty(38), contracts, total over its life.
        price: Price(44) of YES, dollars.
        time_in_force: TimeInForce(59).
        expire_ns: when it expires, UTC nanoseconds; None for never.
        post_only: ExecInst(18) 6.
        reduce_only: ExecInst(18) E.
        self_trade: SelfTradePreventionType(2964).
        max_cost: MaxExecutionCost(21009), dollars.
        cancel_on_pause: CancelOrderOnPause(21006).
        order_group: SecondaryClOrdID(526), the order group that it joins.
        quote: QuoteID(117), the RFQ quote that it accepts.
        echo: fields that every report repeats as they came, such as AllocAccount(79).
        named: what it names beside the market.
        perpetual: its market is one of contracts that never pay out.
    """

    cl_ord_id: str
    owner: Owner
    symbol: str
    side: Side
    qty: Decimal
    price: Decimal
    time_in_force: TimeInForce = TimeInForce.GTC
    expire_ns: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    self_trade: SelfTrade = SelfTrade.TAKER
    max_cost: Decimal | None = None
    cancel_on_pause: bool = False
    order_group: str | None = None
    quote: str | None = None
    echo: tuple[tuple[int, str], ...] = ()
    named: Named = NOBODY_NAMED
    perpetual: bool = False

    def cost(self, price: Decimal, qty: Decimal) -> Decimal:
        """Return the dollars that ``qty`` contracts at the YES price take: a seller of YES pays for NO.

        A perpetual future is bought for nothing: what it ties up is not published.
        """
        if self.perpetual:
            return ZERO
        return qty * (price if self.side is Side.BUY else 1 - price)


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """What OrderCancelRequest(F) asks for; ``order_id`` is an optional check."""

    cl_ord_id: str
    orig_cl_ord_id: str
    owner: Owner
    symbol: str
    side: Side
    order_id: str | None = None
    named: Named = NOBODY_NAMED


@dataclass(frozen=True, slots=True)
class ReplaceRequest:
    """What OrderCancelReplaceRequest(G) asks for.

    Args:
        qty: the new total quantity.
        price: the new price; None leaves it.
        time_in_force: None, together with ``expire_ns`` None, leaves the expiry.
    """

    cl_ord_id: str
    orig_cl_ord_id: str
    owner: Owner
    symbol: str
    side: Side
    qty: Decimal
    price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    expire_ns: int | None = None
    order_id: str | None = None
    named: Named = NOBODY_NAMED


@dataclass(slots=True)
class Order:
    """An order over its life; only the matching engine writes it.

    Args:
        order_id: OrderID(37), the same over replaces.
        terms: what it says now.
        cl_ord_ids: the ids of every accepted message about it, oldest first.
        cum: contracts executed.
        paid: sum of price times quantity over the executions, YES dollars.
        state: what has become of it.
        rounding: rounding fees that are not paid back yet, dollars.
    """

    order_id: str
    terms: Terms
    cl_ord_ids: list[str] = field(default_factory=list)
    cum: Decimal = ZERO
    paid: Decimal = ZERO
    state: State = State.OPEN
    rounding: Decimal = ZERO

    @property
    def leaves(self) -> Decimal:
        """Contracts that may still execute."""
        return self.terms.qty - self.cum if self.state is State.OPEN else ZERO

    @property
    def avg_px(self) -> Decimal:
        """Mean YES price of the executions, dollars; zero before the first."""
        return self.paid / self.cum if self.cum else ZERO

    def snapshot(self) -> Snapshot:
        """Return the present state as a value."""
        return Snapshot(self.order_id, self.terms, self.cum, self.leaves, self.avg_px, self.state)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An order at the moment of an event."""

    order_id: str
    terms: Terms
    cum: Decimal
    leaves: Decimal
    avg_px: Decimal
    state: State


@dataclass(frozen=True, slots=True)
class Pending:
    """A request was received and is being worked on; no execution, so no ExecID.

    Args:
        order: the order, before the request takes effect.
        request: None for a new order.
        at_ns: UTC nanoseconds.
    """

    order: Snapshot
    request: CancelRequest | ReplaceRequest | None
    at_ns: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """An order was taken.

    Args:
        exec_id: ``clock;event``, with ``;index`` where the exchange index is not 0.
        fate: what came of it in the same matching cycle; the venue may report it by that alone.
    """

    exec_id: str
    at_ns: int
    order: Snapshot
    fate: Fate


@dataclass(frozen=True, slots=True)
class Traded:
    """One side of a trade.

    Args:
        price: the resting order's price of YES, dollars.
        qty: contracts.
        match_id: the same for both sides.
        aggressor: this order came second.
        position: the account's net YES contracts after it (negative: NO).
        fee: dollars.
        balance: change of the account's cash by price and fee, dollars.
        payout: what netting YES against NO paid, dollars.
        ranged: the part of ``balance`` that netting across a group of markets freed, dollars.
    """

    exec_id: str
    at_ns: int
    order: Snapshot
    price: Decimal
    qty: Decimal
    match_id: str
    aggressor: bool
    position: Decimal
    fee: Decimal
    balance: Decimal
    payout: Decimal
    ranged: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What was left of an order is gone.

    Args:
        cause: why.
        cl_ord_id: id of the message that asked for it, else the order's own.
        orig_cl_ord_id: the order's id before.
        on_entry: it never rested: it was cancelled in the matching cycle that took it in.
        operator: SenderSubID(50) of the message that asked for it.
    """

    exec_id: str
    at_ns: int
    order: Snapshot
    cause: Cause
    cl_ord_id: str
    orig_cl_ord_id: str
    on_entry: bool = False
    operator: str | None = None


@dataclass(frozen=True, slots=True)
class Replaced:
    """An order has new terms; ``orig_cl_ord_id`` is its id before, ``operator`` as for ``Cancelled``."""

    exec_id: str
    at_ns: int
    order: Snapshot
    orig_cl_ord_id: str
    operator: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A new order was refused."""

    at_ns: int
    order: Snapshot
    reason: OrdRejReason
    text: str


@dataclass(frozen=True, slots=True)
class CancelRejected:
    """A cancel or replace was refused; the order, if there is one, is unchanged.

    Args:
        order: the order that was meant, None when no such order is known.
    """

    at_ns: int
    request: CancelRequest | ReplaceRequest
    order: Snapshot | None
    reason: CxlRejReason
    text: str

    @property
    def response_to(self) -> ResponseTo:
        """Which of the two requests was refused."""
        return ResponseTo.CANCEL if isinstance(self.request, CancelRequest) else ResponseTo.REPLACE


Execution: TypeAlias = Accepted | Traded | Cancelled | Replaced
EngineEvent: TypeAlias = Pending | Execution | Rejected | CancelRejected
