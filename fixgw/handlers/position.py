"""A position in one market: what it holds, what it cost, and what it has earned."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, NamedTuple

from fixgw.handlers.executions import TRADES, Identity

ZERO = Decimal(0)
COST_GRID = Decimal(
    "0.00000001"
)  # dollars; what a part of a position cost is a quotient, and kept so exactly
_WIDE = Context(prec=60)  # no sum of sane amounts is too long to be put on the grid


class Fill(NamedTuple):
    """One execution of one order, as far as it moves a position.

    Args:
        identity: counts once.
        symbol: Symbol(55).
        alloc_account: AllocAccount(79), the subaccount; empty where the venue names none.
        qty: contracts, negative when sold.
        price: LastPx(31), dollars.
        fees: dollars.
        cash: what it moved on the account by the venue's own words, fees included, dollars.
        venue_qty: the account's net position after it by the venue's own words; None when it does not say.
        trade: what else makes it that one and no other, whoever tells it; empty when the venue does not say.
    """

    identity: Identity
    symbol: str
    alloc_account: str
    qty: Decimal
    price: Decimal
    fees: Decimal = ZERO
    cash: Decimal = ZERO
    venue_qty: Decimal | None = None
    trade: str = ""


class Booked(NamedTuple):
    """What an execution did to its position, so that a correction can undo it.

    Args:
        fill: the execution.
        cost: by how much it changed the cost of what is held, dollars.
        realised: what it realised, dollars; what a market that had paid before paid for it is apart.
    """

    fill: Fill
    cost: Decimal
    realised: Decimal


class Settled(NamedTuple):
    """What one account was paid for its position in one market.

    Args:
        symbol: the market.
        price: what a YES contract paid, dollars.
        utc_ns: when, nanoseconds since 1970.
        fee: dollars.
        payout: dollars, after the fee.
        account: whose; each account of a market is paid once.
    """

    symbol: str
    price: Decimal
    utc_ns: int
    fee: Decimal
    payout: Decimal
    account: str = ""


@dataclass(frozen=True, slots=True)
class PositionSnapshot:
    """What can be seen of a position; money in dollars, quantities in contracts.

    Args:
        symbol: Symbol(55).
        alloc_account: AllocAccount(79), the subaccount; empty where the venue names none.
        qty: net YES contracts (negative: NO), by the executions that were told.
        avg_px: average YES price at which what is held was entered, to eight places; None when nothing is.
        bought_qty: contracts bought, all in all.
        sold_qty: contracts sold, all in all.
        fees: paid, all in all.
        realised_pnl: earned by what was closed or settled, at average cost, before fees.
        cash: what trades and settlements moved on the account, by the venue's own words, fees included.
        payout: the part of ``cash`` that settlements paid.
        venue_qty: the net position by the venue's own words, None when it has said nothing.
        agrees: false when the venue's figure is another one: executions are missing, or were made elsewhere.
        settl_price: what a YES contract paid, None while the market is open.
    """

    symbol: str
    alloc_account: str
    qty: Decimal
    avg_px: Decimal | None
    bought_qty: Decimal
    sold_qty: Decimal
    fees: Decimal
    realised_pnl: Decimal
    cash: Decimal
    payout: Decimal
    venue_qty: Decimal | None
    agrees: bool
    settl_price: Decimal | None


@dataclass(slots=True)
class Position:
    """The running account of one market; see ``PositionSnapshot``.

    Args:
        cost: of what is held: contracts times price, negative when NO is held; exact.
        venue_number: of the execution that ``venue_qty`` is from.
        settled_ns: when the market paid, nanoseconds since 1970.
        paid: the accounts that were paid.
    """

    symbol: str
    alloc_account: str = ""
    qty: Decimal = ZERO
    cost: Decimal = ZERO
    bought_qty: Decimal = ZERO
    sold_qty: Decimal = ZERO
    fees: Decimal = ZERO
    realised_pnl: Decimal = ZERO
    cash: Decimal = ZERO
    payout: Decimal = ZERO
    venue_qty: Decimal | None = None
    venue_number: int = -1
    settl_price: Decimal | None = None
    settled_ns: int = 0
    paid: tuple[str, ...] = ()

    @property
    def avg_px(self) -> Decimal | None:
        """Average YES price at which what is held was entered, to eight places; None when nothing is."""
        if not self.qty:
            return None
        exact = self.cost / self.qty
        rounded = exact.quantize(COST_GRID, ROUND_HALF_EVEN, _WIDE)
        return exact if exact == rounded else rounded  # without zeros that say nothing

    def snapshot(self) -> PositionSnapshot:
        """Return what can be seen of it now."""
        return PositionSnapshot(
            self.symbol,
            self.alloc_account,
            self.qty,
            self.avg_px,
            self.bought_qty,
            self.sold_qty,
            self.fees,
            self.realised_pnl,
            self.cash,
            self.payout,
            self.venue_qty,
            self.venue_qty is None or self.venue_qty == self.qty,
            self.settl_price,
        )

    def book(self, fill: Fill) -> Booked:
        """Take in an execution, and return what it did; one of a market that has paid is paid at once."""
        before = self.cost
        self.qty, self.cost, realised = traded(self.qty, self.cost, fill.qty, fill.price)
        self.realised_pnl += realised
        self._count(fill, 1)
        self._hear(fill)
        booked = Booked(fill, self.cost - before, realised)
        self._pay()
        return booked

    def undo(self, booked: Booked) -> None:
        """Take an execution back: the position is as it was before it, when no other one came between.

        When others did, what is held, what it cost and what was earned are right together; how the money is
        divided among the latter two follows from the order of the others.
        """
        self.qty -= booked.fill.qty
        self.cost -= booked.cost
        self.realised_pnl -= booked.realised
        if not self.qty:
            self.realised_pnl -= self.cost
            self.cost = ZERO
        self._count(booked.fill, -1)
        self._pay()

    def _count(self, fill: Fill, sign: int) -> None:
        self.fees += sign * fill.fees
        self.cash += sign * fill.cash
        if fill.qty > 0:
            self.bought_qty += sign * fill.qty
        else:
            self.sold_qty -= sign * fill.qty

    def _pay(self) -> None:
        """Close what is held in a market that has paid."""
        if self.settl_price is not None:
            self.qty, self.cost, realised = traded(self.qty, self.cost, -self.qty, self.settl_price)
            self.realised_pnl += realised

    def _hear(self, fill: Fill) -> None:
        """Note the venue's own figure, unless a later execution has told a newer one.

        Of an execution without an ExecID it was reckoned, and stands when nothing else came meanwhile.
        """
        exchange, number = fill.identity
        if exchange == TRADES and fill.venue_qty is not None:
            if self.venue_qty in (None, fill.venue_qty - fill.qty):
                self.venue_qty = fill.venue_qty
        elif fill.venue_qty is not None and (isinstance(number, str) or number >= self.venue_number):
            self.venue_qty = fill.venue_qty
            self.venue_number = number if isinstance(number, int) else -1

    def settle(self, settled: Settled) -> bool:
        """Close what is held at the settlement price, and book the payout; false for one that was booked."""
        if settled.account in self.paid:
            return False
        if self.settl_price is None:
            self.settl_price, self.settled_ns = settled.price, settled.utc_ns
            self._pay()
            self.venue_qty = None if self.venue_qty is None else ZERO
        self.paid += (settled.account,)
        self.fees += settled.fee
        self.cash += settled.payout
        self.payout += settled.payout
        return True

    def absorb(self, other: Position) -> None:
        """Add what a position without contracts has moved; only the sums are told apart no more."""
        self.bought_qty += other.bought_qty
        self.sold_qty += other.sold_qty
        self.fees += other.fees
        self.realised_pnl += other.realised_pnl
        self.cash += other.cash
        self.payout += other.payout

    def dump(self) -> dict[str, Any]:
        """Return it as plain values for a checkpoint, decimals as text."""
        return {name: _plain(getattr(self, name)) for name in _FIELDS}


_FIELDS = tuple(one.name for one in fields(Position))


def load_position(plain: dict[str, Any]) -> Position:
    """Return the position that ``Position.dump`` was asked for."""
    return Position(**{name: _value(name, value) for name, value in plain.items()})


def dump_booked(booked: Booked) -> list[Any]:
    """Return what an execution did as plain values for a checkpoint, decimals as text."""
    fill = booked.fill
    texts = (fill.qty, fill.price, fill.fees, fill.cash, booked.cost, booked.realised)
    return [*fill.identity, fill.symbol, fill.alloc_account, *map(str, texts)]


def load_booked(plain: list[Any]) -> Booked:
    """Return what ``dump_booked`` was given, without the venue's own figure: that is the position's."""
    exchange, number, symbol, alloc_account, *texts = plain
    qty, price, fees, cash, cost, realised = map(Decimal, texts)
    fill = Fill(Identity(exchange, number), symbol, alloc_account, qty, price, fees, cash)
    return Booked(fill, cost, realised)


def traded(held: Decimal, cost: Decimal, qty: Decimal, price: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """Return position and cost after a trade, and what it realised, at average cost.

    No cent is lost in the division: what a closed part is not charged with stays with the rest.

    Args:
        held: contracts before it, negative for NO.
        cost: of those, contracts times price.
        qty: contracts bought, negative when sold.
        price: YES price, dollars.
    """
    if not qty:
        return held, cost, ZERO
    if not held or (held > 0) is (qty > 0):
        return held + qty, cost + qty * price, ZERO
    if abs(qty) >= abs(held):
        opened = held + qty
        return opened, opened * price, held * price - cost
    released = (cost * -qty / held).quantize(COST_GRID, ROUND_HALF_EVEN, _WIDE)
    return held + qty, cost - released, -qty * price - released


_TEXTS = frozenset({"symbol", "alloc_account"})


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value


def _value(name: str, value: Any) -> Any:
    if name == "paid":
        return tuple(value)
    return Decimal(value) if isinstance(value, str) and name not in _TEXTS else value
