"""The ledger in the words of the REST API: docs.kalshi.com/api-reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from fixgw.clock import rfc3339
from fixgw.sim.holdings import Holding
from fixgw.sim.ledger import Ledger
from fixgw.sim.orders import ZERO, Accepted, Execution, Order, Side, State, Traded
from fixgw.sim.settlement import Result, SettledMarket

Plain: TypeAlias = dict[str, Any]

STATUSES = {
    State.OPEN: "resting",
    State.FILLED: "executed",
    State.CANCELLED: "canceled",
    State.EXPIRED: "canceled",
}
NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Account:
    """Whose data is shown, and up to which instant the replica has it, UTC nanoseconds."""

    name: str
    as_of_ns: int


def fills(ledger: Ledger, account: Account) -> Iterator[Plain]:
    """Yield the account's executions, newest first."""
    for event in reversed(ledger.executions):
        if isinstance(event, Traded) and _is_shown(event, account):
            yield fill(event)


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
        "count_fp": f"{event.qty:.2f}",
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


def orders(ledger: Ledger, account: Account) -> Iterator[Plain]:
    """Yield the account's orders as the replica has them, newest first; refused ones were never there."""
    history: dict[str, list[Execution]] = {}
    for event in ledger.executions:
        if _is_shown(event, account):
            history.setdefault(event.order.order_id, []).append(event)
    for order_id in reversed(ledger.orders):
        if order_id in history:
            yield order(ledger.orders[order_id], history[order_id])


def order(final: Order, history: list[Execution]) -> Plain:
    """Return one order as its events up to the replica's instant have left it."""
    seen = history[-1].order
    trades = [event for event in history if isinstance(event, Traded)]
    terms = seen.terms
    fees = {taker: sum((t.fee for t in trades if t.aggressor is taker), ZERO) for taker in (True, False)}
    return {
        "order_id": final.order_id,
        "user_id": terms.owner.account,
        "client_order_id": terms.cl_ord_id,
        "ticker": terms.symbol,
        **_direction(terms.side),
        "type": "limit",
        "status": STATUSES[seen.state],
        "yes_price_dollars": _dollars(terms.price),
        "no_price_dollars": _dollars(1 - terms.price),
        "initial_count_fp": f"{_asked(history):.2f}",
        "fill_count_fp": f"{seen.cum:.2f}",
        "remaining_count_fp": f"{seen.leaves:.2f}",
        "taker_fees_dollars": f"{fees[True]:f}",
        "maker_fees_dollars": f"{fees[False]:f}",
        "created_time": rfc3339(history[0].at_ns),
        "last_update_time": rfc3339(history[-1].at_ns),
        "subaccount_number": terms.owner.subaccount,
        "exchange_index": exchange_index(history[0]),
    }


def positions(ledger: Ledger, account: Account, subaccount: int) -> Iterator[Plain]:
    """Yield a subaccount's positions by market: what its trades and settlements left."""
    by_symbol: dict[str, list[Traded]] = {}
    for event in ledger.executions:
        if isinstance(event, Traded) and _is_shown(event, account, subaccount):
            by_symbol.setdefault(event.order.terms.symbol, []).append(event)
    paid = {market.symbol: market for market in ledger.settlements if market.at_ns <= account.as_of_ns}
    for symbol, trades in by_symbol.items():
        holding = Holding()  # made anew: the ledger's own may be ahead of what the replica has
        for trade in trades:
            holding.trade(trade.order.terms, trade.price, trade.qty, trade.fee)
        if symbol in paid:
            holding.pay(paid[symbol].price, ZERO, ZERO)
        yield {
            "ticker": symbol,
            "position_fp": f"{holding.position:.2f}",
            "fees_paid_dollars": f"{holding.fees:f}",
            "total_traded_dollars": f"{sum((t.order.terms.cost(t.price, t.qty) for t in trades), ZERO):f}",
            "market_exposure_dollars": f"{abs(holding.cost):f}",
            "realized_pnl_dollars": f"{holding.realised:f}",
            "last_updated_ts": rfc3339(trades[-1].at_ns),
            "exchange_index": exchange_index(trades[-1]),
        }


def settlements(ledger: Ledger, account: Account) -> Iterator[Plain]:
    """Yield the markets that paid the account, newest first."""
    for market in reversed(ledger.settlements):
        for one in market.payouts:
            if one.account == account.name and market.at_ns <= account.as_of_ns:
                yield _settlement(market, one.position, one.paid, one.fee)


def _settlement(market: SettledMarket, position: Decimal, paid: Decimal, fee: Decimal) -> Plain:
    plain: Plain = {
        "ticker": market.symbol,
        "event_ticker": market.symbol.rpartition("-")[0],
        "market_result": market.result.value,
        "yes_count_fp": f"{max(position, ZERO):.2f}",
        "no_count_fp": f"{max(-position, ZERO):.2f}",
        "revenue": int(paid * 100),
        "fee_cost": f"{fee:f}",
        "settled_time": rfc3339(market.at_ns),
        "exchange_index": 0,
    }
    if market.result is Result.SCALAR:
        plain["value"] = int(market.price * 100)
    return plain


def _is_shown(event: Execution, account: Account, subaccount: int | None = None) -> bool:
    owner = event.order.terms.owner
    return (
        owner.account == account.name
        and event.at_ns <= account.as_of_ns
        and subaccount in (None, owner.subaccount)
    )


def _direction(side: Side) -> Plain:
    bid = side is Side.BUY
    return {"outcome_side": "yes" if bid else "no", "book_side": "bid" if bid else "ask"}


def _dollars(price: Decimal) -> str:
    return f"{price:.4f}"


def _asked(history: list[Execution]) -> Decimal:
    first = next((event for event in history if isinstance(event, Accepted)), history[0])
    return first.order.terms.qty
