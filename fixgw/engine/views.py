"""What there is to see of one session, gathered from its link."""

from __future__ import annotations

from fixgw.engine.link import Link
from fixgw.handlers.holdings import Holdings
from fixgw.observe.histogram import EMPTY, HistogramSnapshot
from fixgw.observe.snapshot import (
    HandlersView,
    OrdersView,
    PositionsView,
    SafetyView,
    SessionView,
    StoreView,
    SupervisorView,
)
from fixgw.safety.pauses import PauseGuard
from fixgw.safety.rate import RateGuard
from fixgw.store.base import Store


def session_view(
    link: Link,
    supervisor: SupervisorView,
    *,
    kind: str = "",
    required: bool = False,
    orders: OrdersView | None = None,
    positions: PositionsView | None = None,
    acks: HistogramSnapshot = EMPTY,
) -> SessionView:
    """Return the view of a session.

    Args:
        link: the session's link.
        supervisor: what keeps it connected.
        kind: the venue's kind of session.
        required: the gateway waits for its Logon.
        orders: the order book, None where no orders are sent.
        positions: what its executions made, None where none are told.
        acks: time from a submit to its first report.
    """
    stats = link.dispatcher.stats
    return SessionView(
        name=link.name,
        kind=kind,
        required=required,
        active=link.active,
        session=link.session.snapshot(),
        supervisor=supervisor,
        store=_store_view(link.store),
        handlers=HandlersView(
            stats.errors,
            dict(stats.slow_calls),
            stats.queue_high,
            link.holding,
            stats.malformed.total(),
        ),
        orders=orders,
        positions=positions,
        safety=_safety_view(link),
        connections=link.connections,
        bytes_in=link.bytes_in,
        bytes_out=link.outbox.bytes_out,
        queues=link.queue_depth,
        turns=link.turns.snapshot(),
        commits=link.outbox.commits.snapshot(),
        acks=acks,
        heartbeats=link.heartbeats.snapshot(),
    )


def positions_view(holdings: Holdings) -> PositionsView:
    """Return the view of positions."""
    return PositionsView(
        fees=holdings.fees,
        realised_pnl=holdings.realised_pnl,
        cash=holdings.cash,
        counted=holdings.counted,
        duplicates=holdings.duplicates,
        doubtful=holdings.doubtful,
        unmatched=holdings.unmatched,
        malformed=holdings.malformed,
        each=tuple(holdings.snapshot()),
    )


def served_view(link: Link, kind: str, host: str) -> SessionView:
    """Return the view of a session that its peer opens.

    Args:
        link: the session's link.
        kind: the kind of session.
        host: where its peer connects to, ``host:port``.
    """
    state = "running" if link.connected else "listening"
    return session_view(link, SupervisorView(state, host=host), kind=kind)


def _safety_view(link: Link) -> SafetyView:
    guards, mono = link.router.passage.guards, link.now().mono
    rates = [guard for guard in guards if isinstance(guard, RateGuard)]
    return SafetyView(
        refused=dict(link.refusals),
        throttled=sum(rate.refused_by_venue for rate in rates),
        tokens={name: level for rate in rates for name, level in rate.budget.levels(mono).items()},
        held=tuple(
            f"{hold.rule.reason} in {hold.symbol}" if hold.symbol else str(hold.rule.reason)
            for guard in guards
            if isinstance(guard, PauseGuard)
            for hold in guard.pauses.holds
        ),
    )


def _store_view(store: Store) -> StoreView:
    kind = type(store).__name__.lower().removesuffix("store")
    return StoreView(kind, store.sync_level.value, store.full, str(getattr(store, "path", "")))
