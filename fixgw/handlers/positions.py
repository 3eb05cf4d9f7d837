"""The positions that one session tells of, from its ExecutionReports."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fixgw.errors import FieldError
from fixgw.fix import tags
from fixgw.fix.fieldtypes import DECIMAL
from fixgw.fix.message import Message
from fixgw.fix.schema import field
from fixgw.fix.values import malformed
from fixgw.handlers.account import Account
from fixgw.handlers.amounts import cash_of, fees_of, trade_of
from fixgw.handlers.base import Book, Context
from fixgw.handlers.executions import NO_EXEC_IDS, Identity, by_text, by_trade
from fixgw.handlers.holdings import Holdings
from fixgw.handlers.position import ZERO, Fill, Settled
from fixgw.messages.order_entry import ExecutionReport, Side

TRADE, TRADE_CORRECT, TRADE_CANCEL = b"F", b"G", b"H"  # ExecType(150)
MOVES = frozenset({TRADE, TRADE_CORRECT, TRADE_CANCEL})
BOUGHT = frozenset({Side.BUY, Side.BUY_MINUS})
SOLD = frozenset({Side.SELL, Side.SELL_PLUS, Side.SELL_SHORT, Side.SELL_SHORT_EXEMPT})
LIMIT = Decimal(10) ** 12  # no quantity, price or amount of a sane report reaches it; sums below are exact


class TradeReport(ExecutionReport, msg_type="8"):
    """ExecutionReport(8) of a trade, with the position after it where the venue tells."""

    last_qty: Decimal = field(tags.LAST_QTY, DECIMAL)
    last_px: Decimal = field(tags.LAST_PX, DECIMAL)
    long_qty: Decimal | None = field(tags.LONG_QTY, DECIMAL, default=None)
    short_qty: Decimal | None = field(tags.SHORT_QTY, DECIMAL, default=None)


class Positions(Holdings, Book):
    """Follows what one session's executions did to its account; prices are taken to be dollars.

    What it counts, it tells the ``Account`` of the gateway, if there is one.

    Args:
        identify: returns what makes an execution unique; None for an ExecID(17) that identifies none.
        flat_untold: a trade with neither LongQty(704) nor ShortQty(705) says that the position is zero; else
            it says nothing.
        primary: the AllocAccount(79) that says the same as none.
    """

    name = "positions"

    def __init__(
        self,
        identify: Callable[[str], Identity | None] = by_text,
        *,
        flat_untold: bool = False,
        primary: str = "",
    ) -> None:
        super().__init__()
        self._identify = identify
        self._primary = primary
        self._untold = ZERO if flat_untold else None
        self._account: Account | None = None

    def join(self, account: Account) -> None:
        """Tell an account of everything from now on, before anything is loaded."""
        self._account = account

    def latest(self, symbol: str, alloc_account: str = "") -> Decimal:
        """Return the net YES contracts (negative: NO) in a market, by the best that is known.

        The venue's own figure goes before the sum of executions, and what all sessions of the gateway tell
        before what this one does.

        Args:
            symbol: Symbol(55).
            alloc_account: AllocAccount(79), the subaccount.
        """
        told = self if self._account is None else self._account
        position = told.get(symbol, "" if alloc_account == self._primary else alloc_account)
        if position is None:
            return ZERO
        return position.qty if position.venue_qty is None else position.venue_qty

    # -- handlers.base.Book --

    def knows(self, message: Message) -> bool:
        """Tell whether the trade that an ExecutionReport tells of was counted before."""
        if message.msg_type != "8" or message.index.get(tags.EXEC_TYPE) != TRADE:
            return False
        identity, trade = self._identities(message)
        return self.counts(identity) or (trade != "" and self.counts(by_trade(trade)))

    def on_message(self, message: Message, context: Context) -> None:
        """Take in an ExecutionReport of a trade, or of one that was corrected or busted."""
        if message.msg_type != "8":
            return
        exec_type = message.index.get(tags.EXEC_TYPE)
        if exec_type not in MOVES:
            return
        try:
            self._executed(message, exec_type, missed=context.reconciled)
        except FieldError as fault:
            self.malformed += 1
            context.refuse(fault)

    def settle(self, settled: Settled) -> bool:
        """Take in a settlement, and tell the account; see ``Holdings.settle``."""
        if self._account is not None:
            self._account.settle(settled)
        return super().settle(settled)

    def dump(self) -> bytes:
        """Return the positions for a checkpoint, and those of the account where they are others."""
        plain = {"session": self.state()}
        account = self._account.state() if self._account is not None else plain["session"]
        if account != plain["session"]:
            plain["account"] = account
        return json.dumps(plain, separators=(",", ":")).encode()

    def load(self, blob: bytes) -> None:
        """Take the positions of a checkpoint."""
        plain: dict[str, Any] = json.loads(blob)
        self.restore(plain["session"])
        if self._account is not None:
            self._account.offer(plain.get("account", plain["session"]))

    # -- reading --

    def _executed(self, message: Message, exec_type: bytes, *, missed: bool) -> None:
        report = TradeReport.view(message)
        busted = exec_type == TRADE_CANCEL
        alloc_account = report.alloc_account
        identity, trade = self._identities(message)
        fill = Fill(
            identity,
            report.symbol,
            "" if alloc_account is None or alloc_account == self._primary else alloc_account,
            ZERO if busted else _signed(report),
            ZERO if busted else _sane(tags.LAST_PX, report.last_px),
            _sane(tags.MISC_FEE_AMT, fees_of(message)),
            _sane(tags.COLLATERAL_AMOUNT_CHANGE, cash_of(message)),
            self._venue_qty(report, missed=missed),
            trade,
        )
        if exec_type == TRADE:
            if self.book(fill, missed=missed) and self._account is not None:
                self._account.book(fill, missed=missed)
            return
        reference = self._identity(report.exec_ref_id or "", tags.EXEC_REF_ID)
        if self.correct(reference, fill) and self._account is not None:
            self._account.correct(reference, fill)

    def _identities(self, message: Message) -> tuple[Identity, str]:
        """Return by what an execution is known, and its trade where that is something else."""
        index = message.index
        trade, exec_id = trade_of(message), (index.get(tags.EXEC_ID) or b"").decode("latin-1")
        if trade and exec_id in NO_EXEC_IDS:
            return by_trade(trade), ""
        return self._identity(exec_id, tags.EXEC_ID), trade

    def _identity(self, exec_id: str, tag: int) -> Identity:
        identity = self._identify(exec_id)
        if identity is None or not exec_id:
            raise malformed(tag, exec_id.encode(), "the ExecID of an execution")
        return identity

    def _venue_qty(self, report: TradeReport, *, missed: bool) -> Decimal | None:
        long_qty, short_qty = report.long_qty, report.short_qty
        if long_qty is None and short_qty is None:
            return None if missed else self._untold
        return (long_qty or ZERO) - (short_qty or ZERO)


def _signed(report: TradeReport) -> Decimal:
    qty = report.last_qty
    if not ZERO < qty < LIMIT:
        raise malformed(tags.LAST_QTY, str(qty).encode(), "a quantity that was traded")
    if report.side in BOUGHT:
        return qty
    if report.side in SOLD:
        return -qty
    raise malformed(tags.SIDE, str(report.side).encode(), "a side that buys or sells")


def _sane(tag: int, amount: Decimal) -> Decimal:
    if abs(amount) >= LIMIT:
        raise malformed(tag, str(amount).encode(), "an amount that can be reckoned with")
    return amount
