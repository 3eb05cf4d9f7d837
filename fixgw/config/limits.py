"""The limits that a desk sets itself: what the settings say becomes guards."""

from __future__ import annotations

from collections.abc import Iterator

from fixgw.config.model import Settings
from fixgw.config.problems import Problem, suggest
from fixgw.config.resolve import Resolved
from fixgw.config.settings import Loaded
from fixgw.handlers.passage import Guard
from fixgw.safety.checks import (
    DOLLAR,
    AllowedSymbols,
    MaxNotional,
    MaxOrderQty,
    PreTradeChecks,
    PriceBand,
    Rule,
)
from fixgw.safety.duplicates import DuplicateGuard
from fixgw.safety.grid import PRICED, GridGuard, Grids
from fixgw.safety.position import PositionGuard

IN_DOLLARS = "write dollars, such as 0.98 for 98 cents"


def limits(session: Resolved, grids: dict[str, Grids], settings: Settings | None) -> list[Guard]:
    """Return the guards that judge an order by itself and by those before it.

    Args:
        session: the session and its venue's facts.
        grids: of the gateway's venues; missing ones are added.
        settings: the whole file, for what it says of grids.
    """
    risk = [*_checks(session), *_position(session), *_duplicates(session)]
    return [*_grid_guard(session, grids, settings), *risk]


def grids_of_venues(loaded: Loaded, sessions: list[Resolved]) -> Iterator[Problem]:
    """The price grids are those of a venue that some session uses."""
    venues = {session.profile.name for session in sessions}
    for name in loaded.settings.grids:
        if name not in venues:
            yield loaded.problem(f"no session uses {name!r}", ("grids", name), suggest(name, venues))


def position_known(loaded: Loaded, session: Resolved) -> Iterator[Problem]:
    """A limit on positions is asked for where the session's orders are known."""
    sends = session.venue.sends(session.kind, session.options)
    orders = sends is None or "D" in sends
    if session.section.risk.max_position is not None and orders and not session.kind.order_entry:
        what = f"max_position needs the session's orders, and {session.kind.name} keeps none"
        yield loaded.problem(
            what, (*session.path, "risk", "max_position"), "use a kind of session for orders"
        )


def band_in_dollars(loaded: Loaded, session: Resolved) -> Iterator[Problem]:
    """A band of prices for contracts that pay one dollar does not lie beyond it, as one in cents would."""
    band = session.section.risk.price_band
    if band is None or not session.profile.event_contracts:
        return
    for name, bound in (("min", band.min), ("max", band.max)):
        if bound is not None and bound > DOLLAR:
            path = (*session.path, "risk", "price_band", name)
            yield loaded.problem(
                f"a price of {bound} dollars is beyond what a contract pays", path, IN_DOLLARS
            )


def _grid_guard(session: Resolved, known: dict[str, Grids], settings: Settings | None) -> list[Guard]:
    """The venue's grids, where prices are sent; more of them may be loaded while the session runs."""
    sends, venue = session.kind.sends, session.profile.name
    if sends.isdisjoint(PRICED) and not (session.kind.order_entry and not sends):
        return []
    if venue not in known:
        known[venue] = _grids(session, settings)
    return [GridGuard(known[venue])]


def _grids(session: Resolved, settings: Settings | None) -> Grids:
    grids = Grids(event=session.profile.event_contracts)
    written = settings.grids.get(session.profile.name, {}) if settings is not None else {}
    for symbol, ranges in written.items():
        grids.put(symbol, [part.range for part in ranges])
    return grids


def _checks(session: Resolved) -> list[Guard]:
    """The limits on single orders that the session asks for."""
    risk, rules = session.section.risk, list[Rule]()
    if risk.symbols:
        rules.append(AllowedSymbols(risk.symbols))
    if risk.max_order_qty is not None:
        rules.append(MaxOrderQty(risk.max_order_qty))
    if risk.price_band is not None:
        rules.append(PriceBand(risk.price_band.min, risk.price_band.max))
    if risk.max_notional is not None:
        rules.append(MaxNotional(risk.max_notional, event=session.profile.event_contracts))
    return [PreTradeChecks(rules, _where(session))] if rules else []


def _position(session: Resolved) -> list[Guard]:
    limit = session.section.risk.max_position
    return [PositionGuard(limit, _where(session))] if limit is not None and session.kind.order_entry else []


def _duplicates(session: Resolved) -> list[Guard]:
    window = session.section.risk.duplicate_window
    return [DuplicateGuard(window, _where(session))] if window is not None else []


def _where(session: Resolved) -> str:
    return f"sessions.{session.section.name}.risk"
