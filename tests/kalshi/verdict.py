"""Holds what two desks believe after a day of random operations against the venue's own books."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fixgw.handlers.order import Ending, OrderSnapshot
from fixgw.sim.compare import differences, position_differences
from fixgw.sim.orders import State
from fixgw.sim.quotes import QuoteState as House
from fixgw.venues.kalshi.asks import RequestState
from fixgw.venues.kalshi.quotes import QuoteState
from tests.kalshi.floor import DESKS, Floor

# What the venue knows a quote to be -> what its maker may believe.
QUOTES: Mapping[House, frozenset[QuoteState]] = {
    House.PENDING: frozenset({QuoteState.PENDING}),
    House.EXECUTED: frozenset({QuoteState.CONFIRMED, QuoteState.OVER}),
    House.OVER: frozenset({QuoteState.CANCELED, QuoteState.REPLACED, QuoteState.VOID, QuoteState.OVER}),
}
# One that the venue never took may have been refused unheard, or been lost and then replaced.
NEVER_TAKEN = frozenset(
    {QuoteState.REJECTED, QuoteState.NOT_SENT, QuoteState.CANCELED, QuoteState.REPLACED, QuoteState.OVER}
)


def faults(floor: Floor) -> list[str]:
    """Return a sentence for everything in which a desk and the venue disagree."""
    checks = (_orders, _endings, _positions, _groups, _requests, _acceptances, _quotes)
    return [fault for check in checks for fault in check(floor)]


def _orders(floor: Floor) -> Iterator[str]:
    """Each order on the session that it belongs to; fills of quotes are told where the desk sends orders.

    What a quote should have traded and was refused is no order to either side.
    """
    found = [*_orders_of_traders(floor), *_orders_of_quotes(floor)]
    refused = {
        f"{order.terms.cl_ord_id}: the venue has it, the client does not know it"
        for order in floor.venue.ledger.orders.values()
        if order.state is State.REJECTED and order.terms.cl_ord_id in _quoted(floor)
    }
    yield from (fault for fault in found if fault not in refused)


def _quoted(floor: Floor) -> set[str]:
    return {*floor.creator.acceptances, *(quote.quote_id for quote in floor.maker.quotes)}


def _orders_of_traders(floor: Floor) -> Iterator[str]:
    ledger = floor.venue.ledger
    owners = {order.order_id: order.terms.owner.session for order in ledger.orders.values()}
    for trader in floor.traders.values():
        own = [order.snapshot() for order in trader.sent]
        heard = [order.snapshot() for order in trader.heard.values()]
        known = [*own, *(one for one in heard if owners[one.order_id] == trader.name)]
        yield from differences(ledger, trader.name, known, refusals_lost=True)


def _orders_of_quotes(floor: Floor) -> Iterator[str]:
    ledger = floor.venue.ledger
    owners = {order.order_id: order.terms.owner.session for order in ledger.orders.values()}
    quoted: list[OrderSnapshot] = [
        one
        for one in (order.snapshot() for order in floor.traders["nr"].heard.values())
        if owners[one.order_id] == floor.names["maker"]
    ]
    yield from differences(ledger, floor.names["maker"], quoted)


def _endings(floor: Floor) -> Iterator[str]:
    for trader in floor.traders.values():
        for order in trader.sent:
            if order.ending in (None, Ending.UNKNOWN):
                yield f"{order.cl_ord_id}: nobody knows what became of it"
        yield from (f"{one} is of unknown outcome" for one in trader.handle.orders.doubtful)
        if trader.handle.in_flight:
            yield f"{trader.name}: {trader.handle.in_flight} requests in flight"


def _positions(floor: Floor) -> Iterator[str]:
    for account in DESKS:
        held = floor.gateways[account].positions
        yield from position_differences(floor.venue.ledger, account, held.snapshot())
        yield from (
            f"{one.symbol}: the venue's own figure is another one"
            for one in held.snapshot()
            if not one.agrees
        )
        if held.doubtful or held.malformed:
            yield f"{account}: {held.doubtful} executions too old, {held.malformed} not readable"


def _groups(floor: Floor) -> Iterator[str]:
    """A group that was made and never answered for is known to the venue alone."""
    there = floor.venue.engine.groups
    for trader in floor.traders.values():
        account = next(name for name, names in DESKS.items() if trader.handle.name in names)
        limits = {group.group_id: group.limit for group in there if group.holder.account == account}
        for group in trader.groups:
            limit = limits.get(group.made.order_group_id)
            if group.limit != limit:
                yield f"group {group.made.order_group_id}: limit is {group.limit}, the venue says {limit}"


def _requests(floor: Floor) -> Iterator[str]:
    """Of one that executed its creator hears by the reports alone."""
    rfqs = floor.venue.app.rfq.rfqs
    house = {one.ask.quote_req_id: one for one in rfqs.requests.values()}
    executed = {one.request.ask.quote_req_id for one in rfqs.quotes.values() if one.state is House.EXECUTED}
    for name, handle in floor.creator.requests.items():
        if name in executed:
            continue
        is_open = name in house and house[name].open
        if is_open is not (handle.state is RequestState.OPEN):
            yield f"request {name} is {handle.state}, the venue says {'open' if is_open else 'closed'}"


def _acceptances(floor: Floor) -> Iterator[str]:
    for name, taken in floor.creator.acceptances.items():
        order = floor.venue.ledger.find(floor.names["rt"], name)
        told = taken.report.cum_qty if taken.report is not None else 0
        if told != (order.cum if order is not None else 0):
            yield f"acceptance {name}: {told} contracts, the ledger says {order}"


def _quotes(floor: Floor) -> Iterator[str]:
    house = floor.venue.app.rfq.rfqs.quotes
    for quote in floor.maker.quotes:
        known = house.get(quote.quote_id)
        there = NEVER_TAKEN if known is None else QUOTES[known.state]
        if quote.state not in there:
            yield f"quote {quote.quote_id} is {quote.state}, the venue says {known and known.state.value}"
