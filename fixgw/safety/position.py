"""Keeps a position within a limit, whatever becomes of the orders that are open."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from fixgw.clock import Now
from fixgw.errors import LimitBreached
from fixgw.fix.message import Message
from fixgw.fix.tags import (
    BUSINESS_REJECT_REF_ID,
    CL_ORD_ID,
    EXEC_TYPE,
    LEAVES_QTY,
    ORIG_CL_ORD_ID,
    REF_SEQ_NUM,
    SYMBOL,
)
from fixgw.handlers.base import Book, Context
from fixgw.handlers.order import OPEN, Order
from fixgw.handlers.passage import GuardedSession
from fixgw.safety.proposal import BUYERS, NEW_ORDER, REPLACE, Proposal, proposal_of
from fixgw.safety.reading import alloc_account_of

RULE = "max_position"  # the name of its setting, under which refusals are counted

_REPORT = "8"
_REJECTED = b"8"  # ExecType(150)
_REFUSALS = frozenset({"9", "j"})
_NOTHING = frozenset({b"0", b"0.0", b"0.00"})  # the usual ways to write LeavesQty(151) of a closed order

_Place: TypeAlias = tuple[str, str]  # Symbol(55), AllocAccount(79)


class _Sent(NamedTuple):
    """An order or a replace that has left; it counts so until the venue answers or the order book has it.

    Args:
        buys: YES.
        added: contracts by which it may let the position grow.
        msg_seq_num: MsgSeqNum(34) that it was sent with, 0 once the session numbers from 1 again.
    """

    buys: bool
    added: Decimal
    msg_seq_num: int


class PositionGuard(Book):
    """Refuses an order that could take a position beyond its limit; a ``handlers.passage.Guard``.

    It takes the worst case: the latest position that the venue told, every open order of the session on the
    same side filled, replaces in flight too, and the new order as well. Each subaccount has a position of its
    own. What makes an order smaller, or a position, always leaves. What was sent with ``send``, past the
    order book, counts as well; a retry is the order that it repeats.

    Args:
        limit: contracts, of YES as well as of NO.
        where: what holds its setting, for errors.
    """

    name = RULE

    def __init__(self, limit: Decimal, where: str = "risk") -> None:
        self._limit = limit
        self._where = where
        self._port: GuardedSession | None = None
        # By ClOrdID what may be open; None for what the order book has to know.
        self._ids: dict[_Place, dict[str, _Sent | None]] = {}

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
        added = self._added(order, message)
        if added is None:
            raise LimitBreached(RULE, "there is no OrderQty(38) to judge", self._where)
        if added > 0:
            place = _place(message)
            net = self._port.positions.latest(*place)
            worst = (net if order.buys else -net) + self._open(place, buys=order.buys) + added
            if worst > self._limit:
                side = "long" if order.buys else "short"
                wrong = f"{worst.normalize():f} contracts of {order.symbol} {side} at worst"
                raise LimitBreached(RULE, f"{wrong}, and {self._limit} at most", self._where)

    def left(self, message: Message, msg_seq_num: int, now: Now) -> None:
        """Count an order that leaves."""
        order = proposal_of(message, self._port)
        if order is not None:
            added = self._added(order, message) or Decimal(0)
            place, cl_ord_id = _place(message), message.text(CL_ORD_ID) or ""
            self._note(place, cl_ord_id, _Sent(order.buys, max(added, Decimal(0)), msg_seq_num))

    def delay(self, message: Message, now: Now) -> float:
        """Return 0: what waiting would change, nobody knows."""
        return 0.0

    # -- handlers.base.Book --

    def on_message(self, message: Message, context: Context) -> None:
        """Note an order that the venue tells of, and leave out one that is over or was refused."""
        if message.msg_type == _REPORT and message.get(EXEC_TYPE) != _REJECTED:
            self._reported(message)
        elif message.msg_type == _REPORT or message.msg_type in _REFUSALS:  # of a retry alone, perhaps
            cl_ord_id = message.text(CL_ORD_ID) or message.text(BUSINESS_REJECT_REF_ID) or ""
            self._came_to_nothing(cl_ord_id, message.text(REF_SEQ_NUM) or "")

    def on_sent(self, message: Message, msg_seq_num: int) -> None:
        """Note an order of ours that is read back from the store, as the order book does."""
        if message.msg_type in (NEW_ORDER, REPLACE):
            self._note(_place(message), message.text(CL_ORD_ID) or "")

    def on_reject(self, reject: Message, ref_seq_num: int) -> None:
        """A Reject(3) of our message."""
        self._came_to_nothing("", str(ref_seq_num))

    def on_not_sent(self, msg_seq_num: int) -> None:
        """Our message never reached the venue."""
        self._came_to_nothing("", str(msg_seq_num))

    def on_reset(self, epoch: int, utc_ns: int) -> None:
        """Other messages will have the numbers of those that are not answered yet."""
        for known in self._ids.values():
            for cl_ord_id, sent in known.items():
                known[cl_ord_id] = None if sent is None else sent._replace(msg_seq_num=0)

    def dump(self) -> bytes:
        """Return where orders may be open."""
        return json.dumps([[*place, *ids] for place, ids in self._ids.items() if ids]).encode()

    def load(self, blob: bytes) -> None:
        """Take what ``dump`` returned."""
        self._ids = {(symbol, account): dict.fromkeys(ids) for symbol, account, *ids in json.loads(blob)}

    # -- reckoning --

    def _note(self, place: _Place, cl_ord_id: str, sent: _Sent | None = None) -> None:
        if cl_ord_id:
            self._ids.setdefault(place, {})[cl_ord_id] = sent

    def _reported(self, report: Message) -> None:
        place = _place(report)
        known = self._ids.get(place)
        if known is not None:
            known.pop(report.text(ORIG_CL_ORD_ID) or "", None)
            known.pop(report.text(CL_ORD_ID) or "", None)
            if not known:
                del self._ids[place]
        if report.get(LEAVES_QTY) not in _NOTHING:
            self._note(place, report.text(CL_ORD_ID) or "")

    def _came_to_nothing(self, cl_ord_id: str, msg_seq_num: str) -> None:
        """Forget what the venue refused or never had; of what the order book has, that knows better."""
        if self._port is None:  # what is read back from the store, the order book has
            return
        for known in self._ids.values():
            for name, sent in list(known.items()):
                named = sent is not None and (name == cl_ord_id or str(sent.msg_seq_num) == msg_seq_num)
                if named and self._port.orders.get(name) is None:
                    del known[name]

    def _added(self, proposed: Proposal, message: Message) -> Decimal | None:
        """Return by how much more the position could grow than without it; None if nobody can say."""
        assert self._port is not None
        qty, order = proposed.qty, proposed.order
        if qty is None:
            return None
        if message.msg_type == NEW_ORDER:
            cl_ord_id = message.text(CL_ORD_ID) or ""
            order = self._port.orders.get(cl_ord_id)
            sent = self._ids.get(_place(message), {}).get(cl_ord_id)
            if order is None:
                return qty if sent is None else qty - sent.added
            if not order.open:
                return qty
        return qty if order is None else qty - order.cum_qty - _worst_leaves(order)

    def _open(self, place: _Place, *, buys: bool) -> Decimal:
        """Return the contracts of a side that may still fill; what is over is forgotten."""
        assert self._port is not None
        known, find = self._ids.get(place, {}), self._port.orders.get
        counted: set[int] = set()  # an order has several ClOrdIDs
        worst = Decimal(0)
        for cl_ord_id, sent in list(known.items()):
            order = find(cl_ord_id)
            if order is not None and order.state in OPEN:
                if (order.side in BUYERS) is buys and id(order) not in counted:
                    counted.add(id(order))
                    worst += _worst_leaves(order)
            elif order is not None or sent is None:
                del known[cl_ord_id]
            elif sent.buys is buys:
                worst += sent.added
        return worst


def _place(message: Message) -> _Place:
    return message.text(SYMBOL) or "", alloc_account_of(message)


def _worst_leaves(order: Order) -> Decimal:
    """Return the contracts that may still fill if every replace in flight is accepted that asks for more."""
    if not order.pending:  # nearly all
        return order.leaves_qty
    totals = [request.order_qty for request in order.pending.values() if request.order_qty is not None]
    return max([order.leaves_qty, *(total - order.cum_qty for total in totals)])
