"""Keeps a position within a limit, whatever becomes of the orders that are open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import TypeAlias

from fixgw.clock import Now
from fixgw.errors import LimitBreached
from fixgw.fix.message import Message
from fixgw.fix.tags import ALLOC_ACCOUNT, CL_ORD_ID, LEAVES_QTY, ORIG_CL_ORD_ID, SYMBOL
from fixgw.handlers.base import Book, Context
from fixgw.handlers.order import Order
from fixgw.handlers.passage import GuardedSession
from fixgw.safety.proposal import BUYERS, NEW_ORDER, REPLACE, Proposal, proposal_of

RULE = "max_position"  # the name of its setting, under which refusals are counted
PRIMARY = "0"  # AllocAccount(79) that says the same as none

_REPORT = "8"
_NOTHING = frozenset({b"0", b"0.0", b"0.00"})  # the usual ways to write LeavesQty(151) of a closed order

_Place: TypeAlias = tuple[str, str]  # Symbol(55), AllocAccount(79)


class PositionGuard(Book):
    """Refuses an order that could take a position beyond its limit; a ``handlers.passage.Guard``.

    It takes the worst case: the latest position that the venue told, every open order of the session on the
    same side filled, replaces in flight too, and the new order as well. Each subaccount has a position of its
    own. What makes an order smaller, or a position, always leaves.

    Only orders that the session's order book knows are counted: one that was sent with ``send`` in place of
    ``submit`` or ``place`` counts from its first report on.

    Args:
        limit: contracts, of YES as well as of NO.
        where: what holds its setting, for errors.
    """

    name = RULE

    def __init__(self, limit: Decimal, where: str = "risk") -> None:
        self._limit = limit
        self._where = where
        self._port: GuardedSession | None = None
        self._ids: dict[_Place, dict[str, None]] = {}  # ClOrdIDs of orders that may be open

    def bind(self, port: GuardedSession) -> None:
        """Look up orders and positions there."""
        self._port = port

    def admit(self, message: Message, now: Now) -> None:
        """Let an order leave that keeps the position within the limit, and whatever is no order.

        Raises:
            LimitBreached: filled with all others of its side it would not.
        """
        order = proposal_of(message, self._port)
        if order is None or self._port is None:
            return
        place = _place(message)
        added = self._added(order)
        if added is None:
            raise LimitBreached(RULE, "there is no OrderQty(38) to judge", self._where)
        if added > 0:
            net = self._port.positions.latest(*place)
            worst = (net if order.buys else -net) + self._open(place, buys=order.buys) + added
            if worst > self._limit:
                side = "long" if order.buys else "short"
                wrong = f"{worst.normalize():f} contracts of {order.symbol} {side} at worst"
                raise LimitBreached(RULE, f"{wrong}, and {self._limit} at most", self._where)
        self._note(place, message.text(CL_ORD_ID) or "")

    def delay(self, message: Message, now: Now) -> float:
        """Return 0: what waiting would change, nobody knows."""
        return 0.0

    # -- handlers.base.Book --

    def on_message(self, message: Message, context: Context) -> None:
        """Note an order that the venue tells of, and leave out one that is over."""
        if message.msg_type != _REPORT:
            return
        place = _place(message)
        known = self._ids.get(place)
        if known is not None:
            known.pop(message.text(ORIG_CL_ORD_ID) or "", None)
            known.pop(message.text(CL_ORD_ID) or "", None)
            if not known:
                del self._ids[place]
        if message.get(LEAVES_QTY) not in _NOTHING:
            self._note(place, message.text(CL_ORD_ID) or "")

    def on_sent(self, message: Message, msg_seq_num: int) -> None:
        """Note an order of ours that is read back from the store."""
        if message.msg_type in (NEW_ORDER, REPLACE):
            self._note(_place(message), message.text(CL_ORD_ID) or "")

    def dump(self) -> bytes:
        """Return where orders may be open."""
        return json.dumps([[*place, *ids] for place, ids in self._ids.items() if ids]).encode()

    def load(self, blob: bytes) -> None:
        """Take what ``dump`` returned."""
        self._ids = {(symbol, account): dict.fromkeys(ids) for symbol, account, *ids in json.loads(blob)}

    # -- reckoning --

    def _note(self, place: _Place, cl_ord_id: str) -> None:
        if cl_ord_id:
            self._ids.setdefault(place, {})[cl_ord_id] = None

    def _added(self, order: Proposal) -> Decimal | None:
        """Return by how much more the position could grow than without it; None if nobody can say."""
        if order.qty is None or order.order is None:
            return order.qty
        return order.qty - order.order.cum_qty - _worst_leaves(order.order)

    def _open(self, place: _Place, *, buys: bool) -> Decimal:
        orders = {id(order): order for order in self._orders(place)}  # an order has several ClOrdIDs
        return sum(
            (_worst_leaves(order) for order in orders.values() if (order.side in BUYERS) is buys), Decimal(0)
        )

    def _orders(self, place: _Place) -> Iterator[Order]:
        """Yield the orders that are open; what is over is forgotten, until a report tells of it again."""
        assert self._port is not None
        known = self._ids.get(place, {})
        for cl_ord_id in list(known):
            order = self._port.orders.get(cl_ord_id)
            if order is not None and order.open:
                yield order
            else:
                del known[cl_ord_id]


def _place(message: Message) -> _Place:
    account = message.text(ALLOC_ACCOUNT) or ""
    return message.text(SYMBOL) or "", "" if account == PRIMARY else account


def _worst_leaves(order: Order) -> Decimal:
    """Return the contracts that may still fill if every replace in flight is accepted that asks for more."""
    totals = [request.order_qty for request in order.pending.values() if request.order_qty is not None]
    return max([order.leaves_qty, *(total - order.cum_qty for total in totals)])
