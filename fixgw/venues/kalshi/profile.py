"""Kalshi as the engine sees it: ``VENUE``, made of ``profile.toml``, the signer and the typed messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from fixgw.fix.schema import TypedMessage
from fixgw.handlers.base import Client
from fixgw.handlers.positions import Positions
from fixgw.safety.kill_steps import KillStep
from fixgw.session.hooks import LogonSigner
from fixgw.venues.base import KindProfile
from fixgw.venues.facts import FactsVenue, read_facts
from fixgw.venues.kalshi.dropcopy import DropCopy
from fixgw.venues.kalshi.groups import OrderGroups
from fixgw.venues.kalshi.kill import CancelQuotes, TriggerGroups
from fixgw.venues.kalshi.listener import Listener
from fixgw.venues.kalshi.market_data import MarketData
from fixgw.venues.kalshi.messages import (
    MESSAGES,
    EventResendRequest,
    ExecutionReport,
    MarketDataRequest,
    MarketSettlementReport,
    OrderGroupRequest,
    Quote,
    QuoteCancel,
    QuoteRequest,
)
from fixgw.venues.kalshi.positions import KalshiPositions
from fixgw.venues.kalshi.recovery import Recovery
from fixgw.venues.kalshi.rfq_creator import RfqCreator
from fixgw.venues.kalshi.rfq_maker import RfqMaker
from fixgw.venues.kalshi.settlement import Settlements
from fixgw.venues.kalshi.signer import KalshiSigner
from fixgw.venues.kalshi.units import CentsEdge


class KalshiVenue(FactsVenue):
    """Kalshi's sessions for event contracts; implements ``venues.base.Venue``.

    Args:
        overrides: changes to ``profile.toml``; see ``FactsVenue``.

    Raises:
        ConfigError: a fact is unknown, missing, or has the wrong type.
    """

    messages: Sequence[type[TypedMessage]] = MESSAGES
    _facts: Sequence[str] = ("profile.toml",)
    _subaccounts = True  # order groups belong to one

    def __init__(self, overrides: Mapping[str, Any] | None = None) -> None:
        super().__init__(read_facts("fixgw.venues.kalshi", *self._facts), overrides)

    def with_overrides(self, overrides: Mapping[str, Any]) -> Self:
        """Return Kalshi with changed facts; see the class."""
        return type(self)(overrides)

    def clients(self, kind: KindProfile) -> Sequence[Client]:
        """Return what the kind's messages allow: queries, order groups, settlements, books, quotes."""
        clients: list[Client] = []
        if kind.order_entry and not kind.sends:
            clients.append(Listener(self.profile.meanings))
        copy = DropCopy(self.profile.meanings) if EventResendRequest.MSG_TYPE in kind.sends else None
        if copy is not None:
            clients.append(copy)
        if kind.order_entry and kind.sends:
            texts, replays = self.profile.unknown_outcome_texts, kind.retransmission
            clients.append(Recovery(copy, texts, replays=replays))
        if OrderGroupRequest.MSG_TYPE in kind.sends:
            clients.append(OrderGroups(self.profile.meanings, subaccounts=self._subaccounts))
        if MarketSettlementReport.MSG_TYPE in kind.receives:
            clients.append(Settlements())
        if MarketDataRequest.MSG_TYPE in kind.sends:
            clients.append(MarketData(self.profile.meanings))
        if Quote.MSG_TYPE in kind.sends:
            clients.append(RfqMaker(self.profile.meanings))
        if QuoteRequest.MSG_TYPE in kind.sends:
            clients.append(RfqCreator(self.profile.meanings))
        return clients

    def positions(self, kind: KindProfile) -> Callable[[], Positions] | None:
        """Return what makes positions of executions and settlements."""
        told = {ExecutionReport.MSG_TYPE, MarketSettlementReport.MSG_TYPE}
        return None if kind.receives.isdisjoint(told) else KalshiPositions

    def edge(self, kind: KindProfile, options: Mapping[str, Any]) -> CentsEdge | None:
        """Return what makes dollars of the session's cents; None where it has none."""
        cents = self.profile.cents
        if cents is None or options.get(cents.unless) is True:
            return None
        sends = {name: tags for name, tags in cents.sends.items() if name in kind.sends}
        receives = {name: tags for name, tags in cents.receives.items() if name in kind.receives}
        return CentsEdge(sends, receives) if sends or receives else None

    def kill_steps(
        self, kind: KindProfile, options: Mapping[str, Any], *, cancel_on_disconnect: bool
    ) -> Sequence[KillStep]:
        """Return the steps for orders; a market maker's session takes its quotes back."""
        if QuoteCancel.MSG_TYPE in kind.sends:
            return (CancelQuotes(),)
        return super().kill_steps(kind, options, cancel_on_disconnect=cancel_on_disconnect)

    def further_kill_steps(self, kind: KindProfile) -> Sequence[KillStep]:
        """Return a trigger of the order groups that the open orders are in."""
        return (TriggerGroups(),) if OrderGroupRequest.MSG_TYPE in kind.sends else ()

    def signer(self, key: bytes) -> LogonSigner:
        """Return the Logon signer for a key in PEM form; see ``KalshiSigner``."""
        return KalshiSigner(key)


VENUE = KalshiVenue()
