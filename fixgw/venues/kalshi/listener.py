"""Hears what every session of the account does: a listener session, which reads only.

Source: docs.kalshi.com/fix/listener-sessions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from fixgw.fix.message import Message
from fixgw.handlers.arrivals import Arrivals
from fixgw.handlers.base import Client, Context
from fixgw.handlers.meanings import Meanings
from fixgw.handlers.orderbook import OrderBook
from fixgw.venues.kalshi.messages import ExecutionReport

KEPT = 10_000


class AccountBook(OrderBook):
    """The orders of an account, whichever session sent them: to look at, not to change.

    What an immediate order leaves is seen to be dead only when the session asked for
    ``enable_ioc_cancel_report``.
    """


class Listener(Client):
    """The activity of an account, as a session with ``listener_session`` hears it.

    What was told since the last checkpoint before a restart may be told again; ExecIDs tell.

    Args:
        meanings: what the venue's texts and codes mean.

    Attributes:
        orders: every order that was heard of; those that are open in ``orders.open``.
        breaks: how often something may have passed unheard: numbers that began anew, or a gap that nobody can
            fill. After one, what is open has to be looked up elsewhere.
    """

    name = "listener"

    def __init__(self, meanings: Meanings) -> None:
        super().__init__()
        self.orders = AccountBook(meanings=meanings)
        self.breaks = 0
        self._reports: Arrivals[ExecutionReport] = Arrivals(KEPT)

    def __len__(self) -> int:
        """Return how many reports have come."""
        return len(self._reports)

    def __aiter__(self) -> AsyncIterator[ExecutionReport]:
        """Yield each report of the account as it comes, those kept from before first; never ends."""
        return aiter(self._reports)

    # -- handlers.base.Book --

    def on_message(self, message: Message, context: Context) -> None:
        """Take in what happened to an order of the account."""
        self.orders.on_message(message, context)
        if message.msg_type == ExecutionReport.MSG_TYPE:
            self._reports.append(ExecutionReport.view(message))

    def on_gap(self, first: int, last: int) -> None:
        """Reports are lost."""
        self.breaks += 1

    def on_reset(self, epoch: int, utc_ns: int) -> None:
        """What happened between two connections was not told."""
        self.breaks += 1

    def dump(self) -> bytes:
        """Return the orders for a checkpoint."""
        return self.orders.dump()

    def load(self, blob: bytes) -> None:
        """Take the orders of a checkpoint."""
        self.orders.load(blob)
