"""The ledger in the words of the REST API: docs.kalshi.com/api-reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from fixgw.sim.ledger import Ledger
from fixgw.sim.orders import Accepted, Execution, Order, Side, State, Traded
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
        "subaccount_number": 0,
        "exchange_index": 0,
    }


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
    fees = {
        taker: sum((t.fee for t in trades if t.aggressor is taker), Decimal(0)) for taker in (True, False)
    }
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
        "subaccount_number": 0,
        "exchange_index": 0,
    }


def positions(ledger: Ledger, account: Account) -> Iterator[Plain]:
    """Yield the account's positions by market: what its trades and settlements left."""
    by_symbol: dict[str, list[Traded]] = {}
    for event in ledger.executions:
        if isinstance(event, Traded) and _is_shown(event, account):
            by_symbol.setdefault(event.order.terms.symbol, []).append(event)
    paid = {market.symbol for market in ledger.settlements if market.at_ns <= account.as_of_ns}
    for symbol, trades in by_symbol.items():
        held = Decimal(0) if symbol in paid else trades[-1].position
        traded = sum((trade.order.terms.cost(trade.price, trade.qty) for trade in trades), Decimal(0))
        yield {
            "ticker": symbol,
            "position_fp": f"{held:.2f}",
            "fees_paid_dollars": f"{sum((trade.fee for trade in trades), Decimal(0)):f}",
            "total_traded_dollars": f"{traded:f}",
            "market_exposure_dollars": "0.0000",
            "realized_pnl_dollars": "0.0000",
            "last_updated_ts": rfc3339(trades[-1].at_ns),
            "exchange_index": 0,
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
        "yes_count_fp": f"{max(position, Decimal(0)):.2f}",
        "no_count_fp": f"{max(-position, Decimal(0)):.2f}",
        "revenue": int(paid * 100),
        "fee_cost": f"{fee:f}",
        "settled_time": rfc3339(market.at_ns),
        "exchange_index": 0,
    }
    if market.result is Result.SCALAR:
        plain["value"] = int(market.price * 100)
    return plain


def rfc3339(utc_ns: int) -> str:
    """Return an instant in microseconds, as the venue writes it."""
    seconds, rest = divmod(utc_ns, NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


def _is_shown(event: Execution, account: Account) -> bool:
    return event.order.terms.owner.account == account.name and event.at_ns <= account.as_of_ns


def _direction(side: Side) -> Plain:
    bid = side is Side.BUY
    return {"outcome_side": "yes" if bid else "no", "book_side": "bid" if bid else "ask"}


def _dollars(price: Decimal) -> str:
    return f"{price:.4f}"


def _asked(history: list[Execution]) -> Decimal:
    first = next((event for event in history if isinstance(event, Accepted)), history[0])
    return first.order.terms.qty
