"""What really happened at the venue: written by the matching engine as it decides, never from messages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

from fixgw.sim.holdings import Holding, HoldingKey, Open, Settlement, collateral
from fixgw.sim.orders import (
    ZERO,
    CancelRejected,
    EngineEvent,
    Execution,
    Holder,
    Order,
    Pending,
    Rejected,
    Terms,
    Traded,
)
from fixgw.sim.settlement import GRID, Result, SettledMarket, payout


class Ledger:
    """Orders, executions, refusals, positions and cash.

    Attributes:
        orders: every order by OrderID, refused ones included, in order of arrival.
        executions: every execution in order of ExecID.
        rejections: every refused order, cancel and replace, in order.
        holdings: what each subaccount has in each market.
        settlements: every market that has paid, in order.
    """

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.executions: list[Execution] = []
        self.rejections: list[Rejected | CancelRejected] = []
        self.holdings: dict[HoldingKey, Holding] = {}
        self.settlements: list[SettledMarket] = []
        self._by_cl_ord_id: dict[tuple[str, str], Order] = {}
        self._named: dict[str, list[Order]] = {}
        self._refused: dict[str, Order] = {}
        self._purses: dict[Holder, Decimal] = {}
        self._freed: dict[Holder, Decimal] = {}

    @property
    def positions(self) -> dict[tuple[str, str], Decimal]:
        """Net YES contracts by (account, symbol), subaccounts together."""
        found: dict[tuple[str, str], Decimal] = {}
        for (account, _, symbol), holding in self.holdings.items():
            found[account, symbol] = found.get((account, symbol), ZERO) + holding.position
        return found

    @property
    def cash(self) -> dict[str, Decimal]:
        """Dollars that trades, netting and settlements have moved, by account; starts at zero."""
        found: dict[str, Decimal] = {}
        for (account, _), amount in self._purses.items():
            found[account] = found.get(account, ZERO) + amount
        return found

    @property
    def fees(self) -> Decimal:
        """Dollars of fees, all accounts together."""
        return sum((holding.fees for holding in self.holdings.values()), ZERO)

    def purse(self, holder: Holder) -> Decimal:
        """Return the dollars that trades, netting and settlements have moved for a holder."""
        return self._purses.get(holder, ZERO)

    def holding(self, account: str, subaccount: int, symbol: str) -> Holding:
        """Return what a subaccount has in a market; a new one when it has nothing."""
        return self.holdings.get(HoldingKey(account, subaccount, symbol)) or Holding()

    def tied_up(self, orders: Iterable[Open]) -> dict[HoldingKey, Decimal]:
        """Return the dollars that open orders tie up, by holding; the first of them close positions."""
        of_key: dict[HoldingKey, list[Open]] = {}
        for terms, leaves in orders:
            of_key.setdefault(HoldingKey.of(terms), []).append((terms, leaves))
        return {key: collateral(mine, self.holding(*key).position) for key, mine in of_key.items()}

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
            A perpetual future moves the profit or loss of what it closes, and nothing else.
        """
        key = HoldingKey.of(terms)
        holding = self.holdings.setdefault(key, Holding())
        settled = holding.trade(terms, price, qty, fee)
        freed = self._freed.pop(key.holder, ZERO)
        if freed:
            holding.cash += freed
            settled = replace(settled, balance=settled.balance + freed, ranged=freed)
        self._put(key.holder, settled.balance + settled.payout)
        return settled

    def free_next(self, holder: Holder, amount: Decimal) -> None:
        """Let the next trade of a holder free collateral across a group of markets.

        Args:
            holder: whose.
            amount: dollars.
        """
        self._freed[holder] = amount

    def _put(self, holder: Holder, amount: Decimal) -> None:
        self._purses[holder] = self._purses.get(holder, ZERO) + amount

    def pay(
        self,
        symbol: str,
        result: Result,
        price: Decimal,
        now_ns: int,
        precision: Callable[[str], Decimal] = lambda account: GRID,
    ) -> SettledMarket:
        """Pay every position in a market out; none is left.

        Args:
            symbol: the market.
            result: yes, no or scalar.
            price: what a YES contract pays, dollars.
            now_ns: the instant, UTC nanoseconds.
            precision: what the balance of an account is kept in, dollars.
        """
        payouts = []
        for key, holding in self.holdings.items():
            if key.symbol == symbol and holding.position:
                grid = precision(key.account)
                one = payout(key.account, holding.position, price, grid, key.subaccount)
                holding.pay(price, one.paid, one.fee)
                self._put(key.holder, one.paid)
                payouts.append(one)
        settled = SettledMarket(symbol, result, price, now_ns, tuple(payouts))
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
            "tied_up": [
                {**key._asdict(), "dollars": str(amount)}
                for key, amount in self.tied_up(
                    (order.terms, order.leaves) for order in self.orders.values() if order.leaves
                ).items()
            ],
            "holdings": [_holding(key, holding) for key, holding in self.holdings.items()],
            "cash": {account: str(amount) for account, amount in self.cash.items()},
            "fees": str(self.fees),
            "settlements": [_settlement(market) for market in self.settlements],
        }

    def to_json(self) -> str:
        """Return ``dump`` as JSON text."""
        return json.dumps(self.dump(), indent=1)


def _holding(key: HoldingKey, holding: Holding) -> dict[str, Any]:
    numbers = {field.name: str(getattr(holding, field.name)) for field in fields(holding)}
    return {**key._asdict(), **numbers}


def _order(order: Order) -> dict[str, Any]:
    terms = order.terms
    return {
        "order_id": order.order_id,
        "cl_ord_ids": order.cl_ord_ids or [terms.cl_ord_id],
        "account": terms.owner.account,
        "subaccount": terms.owner.subaccount,
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
