"""What really happened at the venue: written by the matching engine as it decides, never from messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fixgw.sim.orders import (
    ZERO,
    CancelRejected,
    EngineEvent,
    Execution,
    Order,
    Pending,
    Rejected,
    Side,
    Terms,
    Traded,
)
from fixgw.sim.settlement import Result, SettledMarket, payout


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one side of a trade did to an account.

    Args:
        position: net YES contracts after it (negative: NO).
        balance: change of cash by price and fee, dollars.
        payout: what netting YES against NO paid, dollars.
    """

    position: Decimal
    balance: Decimal
    payout: Decimal


class Ledger:
    """Orders, executions, refusals, positions and cash.

    Attributes:
        orders: every order by OrderID, refused ones included, in order of arrival.
        executions: every execution in order of ExecID.
        rejections: every refused order, cancel and replace, in order.
        positions: net YES contracts by (account, symbol).
        cash: dollars that trades and netting have moved, by account; starts at zero.
        fees: dollars of fees, all accounts together.
        settlements: every market that has paid, in order.
    """

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.executions: list[Execution] = []
        self.rejections: list[Rejected | CancelRejected] = []
        self.positions: dict[tuple[str, str], Decimal] = {}
        self.cash: dict[str, Decimal] = {}
        self.fees = ZERO
        self.settlements: list[SettledMarket] = []
        self._by_cl_ord_id: dict[tuple[str, str], Order] = {}
        self._named: dict[str, list[Order]] = {}
        self._refused: dict[str, Order] = {}

    def enter(self, order: Order, *, refused: bool = False) -> None:
        """Take in an order; the ClOrdID of a refused one stays free."""
        self.orders[order.order_id] = order
        if refused:
            self._refused.setdefault(order.terms.cl_ord_id, order)
        else:
            self.name(order, order.terms.cl_ord_id)

    def name(self, order: Order, cl_ord_id: str) -> None:
        """Take in one more ClOrdID of an order."""
        order.cl_ord_ids.append(cl_ord_id)
        self._by_cl_ord_id[order.terms.owner.session, cl_ord_id] = order
        self._named.setdefault(cl_ord_id, []).append(order)

    def find(self, session: str, cl_ord_id: str) -> Order | None:
        """Return the order that an accepted message of the session named so."""
        return self._by_cl_ord_id.get((session, cl_ord_id))

    def order(self, cl_ord_id: str) -> Order:
        """Return the one order with this id in its chain; an accepted one before refused ones.

        Raises:
            KeyError: no order, or more than one accepted order, has it.
        """
        found = self._named.get(cl_ord_id, [])
        if not found and cl_ord_id in self._refused:
            return self._refused[cl_ord_id]
        if len(found) != 1:
            raise KeyError(f"ClOrdID {cl_ord_id!r} is known for {len(found)} orders")
        return found[0]

    def settle(self, terms: Terms, price: Decimal, qty: Decimal, fee: Decimal) -> Settlement:
        """Book one side of a trade.

        Args:
            terms: of the order that traded.
            price: YES price, dollars.
            qty: contracts.
            fee: dollars.

        Returns:
            The account's new position and what the trade did to its cash. A buyer pays ``price`` a contract,
            a seller ``1 - price``; a YES that meets a NO of its account leaves with it and pays one dollar.
        """
        key = (terms.owner.account, terms.symbol)
        before = self.positions.get(key, ZERO)
        signed = qty if terms.side is Side.BUY else -qty
        netted = min(qty, max(ZERO, -before if terms.side is Side.BUY else before))
        balance = -terms.cost(price, qty) - fee
        self.positions[key] = before + signed
        self.cash[key[0]] = self.cash.get(key[0], ZERO) + balance + netted
        self.fees += fee
        return Settlement(before + signed, balance, netted)

    def pay(self, symbol: str, result: Result, price: Decimal, now_ns: int) -> SettledMarket:
        """Pay every position in a market out; none is left.

        Args:
            symbol: the market.
            result: yes, no or scalar.
            price: what a YES contract pays, dollars.
            now_ns: the instant, UTC nanoseconds.
        """
        held = [(key, qty) for key, qty in self.positions.items() if key[1] == symbol and qty]
        payouts = tuple(payout(account, qty, price) for (account, _), qty in held)
        for one in payouts:
            self.positions[one.account, symbol] = ZERO
            self.cash[one.account] = self.cash.get(one.account, ZERO) + one.paid
            self.fees += one.fee
        settled = SettledMarket(symbol, result, price, now_ns, payouts)
        self.settlements.append(settled)
        return settled

    def record(self, events: Iterable[EngineEvent]) -> None:
        """Append the events of one matching cycle."""
        for event in events:
            if isinstance(event, Rejected | CancelRejected):
                self.rejections.append(event)
            elif not isinstance(event, Pending):
                self.executions.append(event)

    def trades(self, cl_ord_id: str | None = None) -> Iterator[Traded]:
        """Yield the sides of trades, of one order or of all."""
        order_id = None if cl_ord_id is None else self.order(cl_ord_id).order_id
        for event in self.executions:
            if isinstance(event, Traded) and order_id in (None, event.order.order_id):
                yield event

    def dump(self) -> dict[str, Any]:
        """Return everything as plain JSON values; money and quantities as strings."""
        return {
            "orders": [_order(order) for order in self.orders.values()],
            "executions": [_execution(event) for event in self.executions],
            "rejections": [_rejection(event) for event in self.rejections],
            "positions": [
                {"account": account, "symbol": symbol, "yes": str(qty)}
                for (account, symbol), qty in self.positions.items()
            ],
            "cash": {account: str(amount) for account, amount in self.cash.items()},
            "fees": str(self.fees),
            "settlements": [_settlement(market) for market in self.settlements],
        }

    def to_json(self) -> str:
        """Return ``dump`` as JSON text."""
        return json.dumps(self.dump(), indent=1)


def _order(order: Order) -> dict[str, Any]:
    terms = order.terms
    return {
        "order_id": order.order_id,
        "cl_ord_ids": order.cl_ord_ids or [terms.cl_ord_id],
        "account": terms.owner.account,
        "session": terms.owner.session,
        "connection": terms.owner.connection,
        "symbol": terms.symbol,
        "side": terms.side.name,
        "qty": str(terms.qty),
        "price": str(terms.price),
        "time_in_force": terms.time_in_force.name,
        "cum": str(order.cum),
        "leaves": str(order.leaves),
        "avg_px": str(order.avg_px),
        "state": order.state.value,
    }


def _execution(event: Execution) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "kind": type(event).__name__,
        "exec_id": event.exec_id,
        "utc_ns": event.at_ns,
        "order_id": event.order.order_id,
        "cl_ord_id": event.order.terms.cl_ord_id,
        "cum": str(event.order.cum),
        "leaves": str(event.order.leaves),
    }
    if isinstance(event, Traded):
        entry |= {"price": str(event.price), "qty": str(event.qty), "match_id": event.match_id}
    return entry


def _settlement(market: SettledMarket) -> dict[str, Any]:
    return {
        "symbol": market.symbol,
        "result": market.result.value,
        "price": str(market.price),
        "utc_ns": market.at_ns,
        "payouts": [
            {"account": one.account, "yes": str(one.position), "paid": str(one.paid), "fee": str(one.fee)}
            for one in market.payouts
        ],
    }


def _rejection(event: Rejected | CancelRejected) -> dict[str, Any]:
    request = event.order.terms if isinstance(event, Rejected) else event.request
    return {
        "kind": type(event).__name__,
        "utc_ns": event.at_ns,
        "session": request.owner.session,
        "cl_ord_id": request.cl_ord_id,
        "reason": event.reason.name,
        "text": event.text,
    }
