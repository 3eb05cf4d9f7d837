"""The ledger in the words of the REST API: docs.kalshi.com/api-reference."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from functools import partial
from typing import Any, TypeAlias

from fixgw.clock import rfc3339
from fixgw.sim.holdings import Holding
from fixgw.sim.ledger import Ledger
from fixgw.sim.orders import ZERO, Accepted, Execution, SelfTrade, Side, State, Traded
from fixgw.sim.settlement import Payout, Result, SettledMarket

Plain: TypeAlias = dict[str, Any]

STATUSES = {
    State.OPEN: "resting",
    State.FILLED: "executed",
    State.CANCELLED: "canceled",
    State.EXPIRED: "canceled",
}
SELF_TRADES = {SelfTrade.TAKER: "taker_at_cross", SelfTrade.MAKER: "maker"}
EVENT_TOTALS = {  # field of an event -> field of its markets
    "total_cost_dollars": "total_traded_dollars",
    "event_exposure_dollars": "market_exposure_dollars",
    "realized_pnl_dollars": "realized_pnl_dollars",
    "fees_paid_dollars": "fees_paid_dollars",
}
NS = 1_000_000_000
CENTS = 100


@dataclass(frozen=True, slots=True)
class Account:
    """Whose data is shown.

    Args:
        name: the account.
        as_of_ns: the instant up to which the replica has it, UTC nanoseconds.
        subaccount: the one that is asked for; None for all.
    """

    name: str
    as_of_ns: int
    subaccount: int | None = None

    def sees(self, event: Execution) -> bool:
        """Tell whether an execution is one of its own."""
        owner = event.order.terms.owner
        return owner.account == self.name and self.subaccount in (None, owner.subaccount)


class Written:
    """Rows that were written before: a list of many pages would write each of them many times."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[int, Plain]] = {}

    def row(self, name: str, version: int, write: Callable[[], Plain]) -> Plain:
        """Return a copy of a row.

        Args:
            name: of what it tells of.
            version: another one has to be written anew.
            write: writes it.
        """
        known = self._rows.get(name)
        if known is None or known[0] != version:
            known = self._rows[name] = (version, write())
        return dict(known[1])


def fills(
    ledger: Ledger, account: Account, written: Written, since_ns: int, until_ns: int
) -> Iterator[Plain]:
    """Yield the account's executions in a period, both ends included, newest first."""
    for event in reversed(_between(ledger.executions, since_ns, min(until_ns, account.as_of_ns))):
        if isinstance(event, Traded) and account.sees(event):
            yield written.row(event.exec_id, 0, partial(fill, event))


def fill(event: Traded) -> Plain:
    """Return one execution."""
    terms = event.order.terms
    return {
        "fill_id": event.match_id,
        "trade_id": event.match_id,
        "order_id": event.order.order_id,
        "ticker": terms.symbol,
        "market_ticker": terms.symbol,
        **_direction(terms.side),
        "count_fp": _count(event.qty),
        "yes_price_dollars": _dollars(event.price),
        "no_price_dollars": _dollars(1 - event.price),
        "is_taker": event.aggressor,
        "fee_cost": f"{event.fee:f}",
        "created_time": rfc3339(event.at_ns),
        "ts": event.at_ns // NS,
        "subaccount_number": terms.owner.subaccount,
        "exchange_index": exchange_index(event),
    }


def exchange_index(event: Execution) -> int:
    """Return the shard that made an execution: the third part of its ExecID."""
    parts = event.exec_id.split(";")
    return int(parts[2]) if len(parts) > 2 else 0


def orders(ledger: Ledger, account: Account, written: Written) -> Iterator[Plain]:
    """Yield the account's orders as the replica has them, newest first; refused ones were never there."""
    history: dict[str, list[Execution]] = {}
    for event in _between(ledger.executions, 0, account.as_of_ns):
        if account.sees(event):
            history.setdefault(event.order.order_id, []).append(event)
    for order_id in reversed(ledger.orders):
        if order_id in history:
            events = history[order_id]
            yield written.row(order_id, len(events), partial(order, events))


def order(history: Sequence[Execution]) -> Plain:
    """Return one order as its events have left it; a replace changes its terms and keeps its id."""
    seen = history[-1].order
    terms = seen.terms
    return {
        "order_id": seen.order_id,
        "user_id": terms.owner.account,
        "client_order_id": terms.cl_ord_id,
        "ticker": terms.symbol,
        **_direction(terms.side),
        "type": "limit",
        "status": STATUSES[seen.state],
        "yes_price_dollars": _dollars(terms.price),
        "no_price_dollars": _dollars(1 - terms.price),
        "initial_count_fp": _count(_asked(history)),
        "fill_count_fp": _count(seen.cum),
        "remaining_count_fp": _count(seen.leaves),
        **_costs(history),
        "expiration_time": None if terms.expire_ns is None else rfc3339(terms.expire_ns),
        "created_time": rfc3339(history[0].at_ns),
        "last_update_time": rfc3339(history[-1].at_ns),
        "self_trade_prevention_type": SELF_TRADES[terms.self_trade],
        "order_group_id": terms.order_group,
        "cancel_order_on_pause": terms.cancel_on_pause,
        "subaccount_number": terms.owner.subaccount,
        "exchange_index": exchange_index(history[0]),
    }


def _costs(history: Iterable[Execution]) -> Plain:
    """What an order's fills have cost, as taker and as maker."""
    trades = [event for event in history if isinstance(event, Traded)]
    costs: Plain = {}
    for name, taker in (("taker", True), ("maker", False)):
        mine = [one for one in trades if one.aggressor is taker]
        spent = sum((one.order.terms.cost(one.price, one.qty) for one in mine), ZERO)
        costs[f"{name}_fill_cost_dollars"] = f"{spent:f}"
        costs[f"{name}_fees_dollars"] = f"{sum((one.fee for one in mine), ZERO):f}"
    return costs


def positions(ledger: Ledger, account: Account) -> Iterator[Plain]:
    """Yield positions by market: what trades and settlements left, settled markets included."""
    paid = {market.symbol: market for market in ledger.settlements if market.at_ns <= account.as_of_ns}
    for symbol, trades in _trades_by_market(ledger, account).items():
        holding = _holding(trades)
        if symbol in paid:
            holding.pay(paid[symbol].price, ZERO, ZERO)
        perpetual = trades[-1].order.terms.perpetual
        yield {
            "ticker": symbol,
            "position_fp": _count(holding.position),
            "fees_paid_dollars": f"{holding.fees:f}",
            "total_traded_dollars": f"{sum((t.order.terms.cost(t.price, t.qty) for t in trades), ZERO):f}",
            "market_exposure_dollars": f"{ZERO if perpetual else _put_up(holding):f}",
            "realized_pnl_dollars": f"{holding.realised:f}",
            "last_updated_ts": rfc3339(trades[-1].at_ns),
            "exchange_index": exchange_index(trades[-1]),
        }


def event_positions(ledger: Ledger, account: Account) -> Iterator[Plain]:
    """Yield positions by event: its markets together."""
    of_event: dict[str, list[Plain]] = {}
    for row in positions(ledger, account):
        of_event.setdefault(event_of(row["ticker"]), []).append(row)
    shares = {
        symbol: sum((trade.qty for trade in trades), ZERO)
        for symbol, trades in _trades_by_market(ledger, account).items()
    }
    for event, rows in of_event.items():
        totals = {new: sum((Decimal(row[old]) for row in rows), ZERO) for new, old in EVENT_TOTALS.items()}
        yield {
            "event_ticker": event,
            "total_cost_shares_fp": _count(sum((shares[row["ticker"]] for row in rows), ZERO)),
            **{name: f"{total:f}" for name, total in totals.items()},
        }


def settlements(ledger: Ledger, account: Account) -> Iterator[Plain]:
    """Yield the markets that paid the account, newest first, its subaccounts together unless one is named."""
    traded = _trades_by_market(ledger, account)
    for market in reversed(ledger.settlements):
        mine = [
            one
            for one in market.payouts
            if one.account == account.name and account.subaccount in (None, one.subaccount)
        ]
        if mine and market.at_ns <= account.as_of_ns:
            yield _settlement(market, mine, traded[market.symbol])


def _settlement(market: SettledMarket, payouts: Sequence[Payout], trades: Sequence[Traded]) -> Plain:
    held = [
        _holding(trade for trade in trades if trade.order.terms.owner.subaccount == one.subaccount)
        for one in payouts
    ]
    yes, no = ([one for one in held if one.position * sign > 0] for sign in (1, -1))
    plain: Plain = {
        "ticker": market.symbol,
        "event_ticker": event_of(market.symbol),
        "market_result": market.result.value,
        "yes_count_fp": _count(sum((one.position for one in yes), ZERO)),
        "yes_total_cost_dollars": f"{sum(map(_put_up, yes), ZERO):f}",
        "no_count_fp": _count(-sum((one.position for one in no), ZERO)),
        "no_total_cost_dollars": f"{sum(map(_put_up, no), ZERO):f}",
        "revenue": cents(sum((one.paid for one in payouts), ZERO)),
        "fee_cost": f"{sum((one.fee for one in payouts), ZERO):f}",
        "settled_time": rfc3339(market.at_ns),
        "exchange_index": exchange_index(trades[-1]),
    }
    if market.result is Result.SCALAR:
        plain["value"] = cents(market.price)
    return plain


def _holding(trades: Iterable[Traded]) -> Holding:
    """Make a holding anew: the ledger's own may be ahead of what the replica has."""
    holding = Holding()
    for trade in trades:
        holding.trade(trade.order.terms, trade.price, trade.qty, trade.fee)
    return holding


def _put_up(holding: Holding) -> Decimal:
    """What was paid for what is open, dollars: a contract of NO costs what YES does not."""
    return holding.cost if holding.position > 0 else holding.cost - holding.position


def _trades_by_market(ledger: Ledger, account: Account) -> dict[str, list[Traded]]:
    by_market: dict[str, list[Traded]] = {}
    for event in _between(ledger.executions, 0, account.as_of_ns):
        if isinstance(event, Traded) and account.sees(event):
            by_market.setdefault(event.order.terms.symbol, []).append(event)
    return by_market


def _between(events: Sequence[Execution], since_ns: int, until_ns: int) -> Sequence[Execution]:
    """The events of a period, both ends included; the ledger has them in order of time."""
    first = bisect_left(events, since_ns, key=_instant)
    return events[first : bisect_right(events, until_ns, key=_instant)]


def _instant(event: Execution) -> int:
    return event.at_ns


def event_of(symbol: str) -> str:
    """Return the event that a market belongs to by its ticker."""
    return symbol.rpartition("-")[0]


def cents(dollars: Decimal) -> int:
    """Return whole cents, rounded down."""
    return int((dollars * CENTS).to_integral_value(ROUND_FLOOR))


def _direction(side: Side) -> Plain:
    bid = side is Side.BUY
    return {"outcome_side": "yes" if bid else "no", "book_side": "bid" if bid else "ask"}


def _dollars(price: Decimal) -> str:
    return f"{price:.4f}"


def _count(qty: Decimal) -> str:
    return f"{qty:.2f}"


def _asked(history: Sequence[Execution]) -> Decimal:
    first = next((event for event in history if isinstance(event, Accepted)), history[0])
    return first.order.terms.qty
