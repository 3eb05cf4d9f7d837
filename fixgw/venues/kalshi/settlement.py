"""Joins the pages of market settlements.

Source: docs.kalshi.com/fix/market-settlement.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from fixgw.errors import FieldError
from fixgw.fix.message import Message
from fixgw.handlers.arrivals import Arrivals
from fixgw.handlers.base import Client, Context
from fixgw.venues.kalshi.messages import MarketResult, MarketSettlementParty, MarketSettlementReport

CENTS = Decimal(100)
KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a market paid, all pages together.

    Args:
        symbol: the market.
        clearing_business_date: the day it was settled.
        market_result: yes, no or scalar.
        settl_price: what a YES contract paid before fees, dollars.
        parties: each account with its position, payout and fee.
    """

    symbol: str
    clearing_business_date: date
    market_result: MarketResult
    settl_price: Decimal
    parties: tuple[MarketSettlementParty, ...]


@dataclass(slots=True)
class _Pages:
    """The pages of one market that have come: report id -> page."""

    pages: dict[str, MarketSettlementReport] = field(default_factory=dict)
    last_seen: bool = False

    @property
    def complete(self) -> bool:
        """True when the last page has come, and as many as were announced."""
        announced = max(page.tot_num_market_settlement_reports or 1 for page in self.pages.values())
        return self.last_seen and len(self.pages) >= announced

    def joined(self) -> Settlement:
        """Return the settlement."""
        first = next(iter(self.pages.values()))
        return Settlement(
            first.symbol,
            first.clearing_business_date,
            first.market_result,
            first.settl_price / CENTS,
            tuple(party for page in self.pages.values() for party in page.market_settlement_parties),
        )


class Settlements(Client):
    """The settlements of one session.

    Pages that wait for others survive a restart. A settlement that was complete shortly before it may be told
    again.
    """

    name = "settlements"

    def __init__(self) -> None:
        super().__init__()
        self.malformed = 0
        self._open: dict[str, _Pages] = {}
        self._settled: Arrivals[Settlement] = Arrivals(KEPT)

    def __len__(self) -> int:
        return len(self._settled)

    @property
    def complete(self) -> list[Settlement]:
        """The settlements that have come, as far as they are kept, oldest first."""
        return self._settled.kept

    @property
    def incomplete(self) -> list[str]:
        """The markets of which pages are missing."""
        return list(self._open)

    def __aiter__(self) -> AsyncIterator[Settlement]:
        """Yield each settlement once it is complete, those kept from before first; never ends."""
        return aiter(self._settled)

    # -- handlers.base.Book --

    def on_message(self, message: Message, context: Context) -> None:
        """Take in a page."""
        if message.msg_type != MarketSettlementReport.MSG_TYPE:
            return
        try:
            self._take(MarketSettlementReport.view(message))
        except FieldError as fault:
            self.malformed += 1
            context.refuse(fault)

    def _take(self, page: MarketSettlementReport) -> None:
        page.check()
        market = self._open.setdefault(page.symbol, _Pages())
        market.pages[page.market_settlement_report_id] = page
        market.last_seen = market.last_seen or page.last_fragment is not False
        if market.complete:
            del self._open[page.symbol]
            self._settled.append(market.joined())

    def dump(self) -> bytes:
        """Return the pages that wait for others."""
        frames = [
            b"\x01".join(page.message.fields).decode("utf-8", "surrogateescape")
            for market in self._open.values()
            for page in market.pages.values()
        ]
        return json.dumps(frames).encode()

    def load(self, blob: bytes) -> None:
        """Take the pages of a checkpoint."""
        for text in json.loads(blob or b"[]"):
            fields = text.encode("utf-8", "surrogateescape").split(b"\x01")
            self._take(MarketSettlementReport.view(Message.of(fields)))
