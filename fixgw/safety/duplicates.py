"""Keeps back an order that a desk sends twice by mistake, or over and over in a loop."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

from fixgw.clock import Now
from fixgw.errors import LimitBreached
from fixgw.fix.message import Message
from fixgw.fix.tags import CL_ORD_ID, ORIG_CL_ORD_ID
from fixgw.handlers.base import SessionPort
from fixgw.safety.proposal import Proposal, proposal_of
from fixgw.safety.reading import alloc_account_of

RULE = "duplicate_window"  # the name of its setting, under which refusals are counted

# MsgType, the order that a replace changes, then subaccount, symbol, side, quantity and price.
_Likeness: TypeAlias = tuple[str, str, str, str, str, Decimal | None, Decimal | None]


class DuplicateGuard:
    """Refuses an order that is like one shortly before it; a ``handlers.passage.Guard``.

    Two orders are alike in subaccount, symbol, side, quantity and price; two replaces when they also change
    the same order. The same ClOrdID(11) again is no second order: the venue takes it once.

    Args:
        window: seconds.
        where: what holds its setting, for errors.
    """

    def __init__(self, window: float, where: str = "risk") -> None:
        self._window = window
        self._where = where
        self._port: SessionPort | None = None
        self._left: dict[_Likeness, tuple[float, str]] = {}  # oldest first: monotonic seconds, ClOrdID

    def bind(self, port: SessionPort) -> None:
        """Look up there what a replace changes."""
        self._port = port

    def admit(self, message: Message, now: Now) -> None:
        """Let an order leave that is like none before it.

        Raises:
            LimitBreached: one like it has just left.
        """
        order = proposal_of(message, self._port)
        if order is None:
            return
        self._forget(now.mono - self._window)
        likeness, cl_ord_id = _likeness(message, order), message.text(CL_ORD_ID) or ""
        before = self._left.get(likeness)
        if before is not None and before[1] != cl_ord_id:
            ago = now.mono - before[0]
            wrong = f"like order {before[1]} of {ago:.3f} s ago, and {self._window:g} s have to lie between"
            raise LimitBreached(RULE, wrong, self._where)

    def left(self, message: Message, msg_seq_num: int, now: Now) -> None:
        """Remember an order that leaves."""
        order = proposal_of(message, self._port)
        if order is not None:
            likeness = _likeness(message, order)
            self._left.pop(likeness, None)  # so that the newest stands last
            self._left[likeness] = now.mono, message.text(CL_ORD_ID) or ""

    def delay(self, message: Message, now: Now) -> float:
        """Return 0: a second order like the first one is not sent by waiting."""
        return 0.0

    def _forget(self, until: float) -> None:
        while self._left:
            oldest = next(iter(self._left))
            if self._left[oldest][0] > until:
                return
            del self._left[oldest]


def _likeness(message: Message, order: Proposal) -> _Likeness:
    original = message.text(ORIG_CL_ORD_ID) or ""
    account = alloc_account_of(message)
    return message.msg_type, original, account, order.symbol, order.side, order.qty, order.price
