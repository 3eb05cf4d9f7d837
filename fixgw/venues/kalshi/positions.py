"""Positions at Kalshi: ExecIDs that can be ordered, and markets that pay.

Source: docs.kalshi.com/fix/order-entry and /fix/market-settlement.
"""

from __future__ import annotations

from fixgw.errors import FieldError
from fixgw.fix.message import Message
from fixgw.fix.tags import SENDING_TIME
from fixgw.fix.values import decode_utc_timestamp
from fixgw.handlers.base import Context
from fixgw.handlers.executions import Identity
from fixgw.handlers.position import ZERO, Settled
from fixgw.handlers.positions import Positions
from fixgw.venues.kalshi.exec_id import EXEC_ID
from fixgw.venues.kalshi.messages import MarketSettlementReport
from fixgw.venues.kalshi.settlement import CENTS

EVENTS = 10**19  # more than any event number
NANOS = 1_000_000_000


class KalshiPositions(Positions):
    """Positions by ExecutionReports and MarketSettlementReports (UMS); each page is booked as it comes."""

    def __init__(self) -> None:
        super().__init__(identify, flat_untold=True, primary="0")

    def on_message(self, message: Message, context: Context) -> None:
        """Take in an ExecutionReport, or a page of a settlement."""
        if message.msg_type != MarketSettlementReport.MSG_TYPE:
            super().on_message(message, context)
            return
        try:
            self.settle(settled_by(message))
        except FieldError as fault:
            self.malformed += 1
            context.refuse(fault)


def identify(exec_id: str) -> Identity | None:
    """Return what makes an execution unique; None for ``-1;-1``."""
    found = EXEC_ID.fullmatch(exec_id)
    if found is None:
        return None
    clock, event, exchange = found.groups("0")
    return Identity(exchange, int(clock) * EVENTS + int(event))


def settled_by(message: Message) -> Settled:
    """Return what a page of a settlement says, all its accounts together.

    Raises:
        FieldError: it can not be read.
    """
    page = MarketSettlementReport.view(message)
    page.check()
    parties = page.market_settlement_parties
    changes = (change for party in parties for change in party.collateral_amount_changes)
    return Settled(
        page.symbol,
        page.settl_price / CENTS,
        int(decode_utc_timestamp(SENDING_TIME, message.index.get(SENDING_TIME, b"")).timestamp()) * NANOS,
        sum((fee.misc_fee_amt for party in parties for fee in party.misc_fees), ZERO),
        sum((change.collateral_amount_change for change in changes), ZERO),
        parties[0].market_settlement_party_id if parties else "",
    )
