"""From a configuration to a reconciliation: which tapes are read, and whom the venue is asked as."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from fixgw.config.build import remainders_told
from fixgw.config.resolve import Resolved
from fixgw.errors import ConfigError
from fixgw.handlers.orderbook import OrderBook
from fixgw.reconcile.checks import Check
from fixgw.reconcile.feeds import Feed
from fixgw.reconcile.kalshi import RestFeed
from fixgw.reconcile.orders_check import OrdersCheck
from fixgw.reconcile.positions_check import PositionsCheck
from fixgw.reconcile.settlements_check import SettlementsCheck
from fixgw.reconcile.tapes import TapeFeed, TapeSource
from fixgw.reconcile.witnesses import LastOrders, NamedOrders, SettledMarkets, Witness
from fixgw.venues.kalshi.messages import ExecutionReport, MarketSettlementReport
from fixgw.venues.kalshi.rest import KalshiRest

LISTENER = "listener_session"
DOLLARS = "use_dollars"


@dataclass(slots=True)
class Sources:
    """What a reconciliation is made of; arguments of ``Reconciler``.

    Args:
        feeds: the tapes, then what the venue says, the best first.
        checks: what is compared after the executions.
        named: the ClOrdIDs on each tape that is compared, by session.
        last: the order book at the end of each.
        cents: the tags whose prices are in cents on each.
        settled: the settlements on the tapes that have them.
    """

    feeds: list[Feed] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    named: dict[str, NamedOrders] = field(default_factory=dict)
    last: dict[str, LastOrders] = field(default_factory=dict)
    cents: dict[str, Sequence[int]] = field(default_factory=dict)
    settled: list[SettledMarkets] = field(default_factory=list)

    def add_tape(self, session: Resolved, now_ns: int) -> None:
        """Read a session's tape: as the gateway's own, or as a listener's witness.

        Args:
            session: one that has a tape.
            now_ns: the present instant, UTC nanoseconds.
        """
        listener = bool(session.section.options.get(LISTENER))
        witnesses: list[Witness] = []
        if not listener and session.kind.order_entry:
            name = session.section.name
            named, last = self.named.setdefault(name, NamedOrders()), last_orders(session)
            self.last[name], self.cents[name] = last, cents_of(session)
            witnesses += [named, last]
        if _hears_settlements(session):
            self.settled.append(SettledMarkets())
            witnesses.append(self.settled[-1])
        self.feeds.append(TapeFeed(source_of(session), now_ns, ours=not listener, witnesses=witnesses))

    def add_rest(self, rest: KalshiRest, *, up_to_now: bool) -> None:
        """Ask the venue over REST: fills, orders, settlements, and what is held if the period ends now.

        Args:
            rest: asks as the account.
            up_to_now: the period ends now; the venue does not tell what was held at an earlier instant.
        """
        self.feeds.append(RestFeed(rest))
        self.checks.append(OrdersCheck(rest, self.named, self.last))
        if up_to_now:
            self.checks.append(PositionsCheck(rest))
        if self.settled:
            self.checks.append(SettlementsCheck(rest, self.settled))


def last_orders(session: Resolved) -> LastOrders:
    """Return what rebuilds the orders of a session as its gateway does."""
    profile = session.profile
    make = partial(
        OrderBook,
        profile.unknown_outcome_texts,
        profile.meanings,
        remainders_told=remainders_told(session),
    )
    return LastOrders(make, session.venue.edge(session.kind, session.options))


def cents_of(session: Resolved) -> Sequence[int]:
    """Return the tags of an ExecutionReport whose prices are in cents on a session's wire."""
    cents = session.profile.cents
    if cents is None or session.options.get(cents.unless) is True:
        return ()
    return cents.receives.get(ExecutionReport.MSG_TYPE, ())


def source_of(session: Resolved) -> TapeSource:
    """Return which tape a session has, and what it has to be.

    Raises:
        ConfigError: it has none.
    """
    path = session.store_path
    if path is None:
        raise ConfigError(
            f"session {session.section.name} has no tape", "store", "say `store: {kind: tape, path: ...}`"
        )
    return TapeSource(
        session.section.name,
        path,
        sender_comp_id=session.section.sender or "",
        target_comp_id=session.target_comp_id,
        retransmission=session.kind.retransmission,
        in_dollars=DOLLARS not in session.profile.logon_options,
    )


def chosen(sessions: Iterable[Resolved], names: Sequence[str]) -> list[Resolved]:
    """Return the sessions whose tapes are compared: those that see executions, or those that are named.

    Raises:
        ConfigError: a name is no such session, none is left, or they are of several accounts.
    """
    seeing = {one.section.name: one for one in sessions if one.kind.order_entry and not one.accepts}
    for name in names:
        if name not in seeing:
            raise ConfigError(
                f"{name} is no session that sees executions",
                remedy=f"use one of: {', '.join(seeing) or 'none'}",
            )
    if not seeing:
        raise ConfigError("no session sees executions", remedy="have one of a kind that sends orders")
    found = [one for name, one in seeing.items() if name in names or not names]
    if len({one.account for one in found}) > 1:
        told = ", ".join(f"{one.section.name} ({one.account})" for one in found)
        raise ConfigError(
            f"the venue is asked as one account, and the sessions are of several: {told}",
            "--session",
            "name those of one account, and run it once for each",
        )
    return found


def _hears_settlements(session: Resolved) -> bool:
    if MarketSettlementReport.MSG_TYPE not in session.kind.receives:
        return False
    asked = session.section.options.get("receive_settlement_reports")
    return asked is True if session.kind.order_entry else asked is not False
