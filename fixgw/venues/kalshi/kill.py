"""What a kill can do at Kalshi beside cancels: trigger order groups, and take quotes back.

Source: docs.kalshi.com/fix/order-groups, docs.kalshi.com/fix/rfq-messages.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from fixgw.errors import FixError, RateLimited
from fixgw.fix.tags import ALLOC_ACCOUNT, SECONDARY_CL_ORD_ID
from fixgw.handlers.order import Order
from fixgw.safety.kill_steps import Killable, OrderStep, still_open
from fixgw.venues.kalshi.groups import OrderGroup, OrderGroups
from fixgw.venues.kalshi.quotes import ENDED, QuoteHandle
from fixgw.venues.kalshi.rfq_maker import RfqMaker


class TriggerGroups(OrderStep):
    """A trigger for the order group of each open order: the venue cancels all orders of a group at once.

    A triggered group takes no orders until the desk resets it.
    """

    name = "trigger order groups"
    always = False
    once = False

    async def run(self, session: Killable, seconds: float) -> str:
        """Trigger them in turn, then wait for the end of their orders."""
        members = [order for order in still_open(session) if _group_of(order) is not None]
        groups = sorted({group for order in members if (group := _group_of(order)) is not None})
        client = session.client(OrderGroups)
        failed: list[str] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for order_group_id, alloc_account in groups:
                    try:
                        await client.trigger(OrderGroup(order_group_id, 0, alloc_account), timeout=seconds)
                    except FixError as error:
                        failed.append(f"{order_group_id}: {error}")
                await asyncio.gather(*(order.closed() for order in members))
        not_done = f", {len(failed)} failed: {failed[0]}" if failed else ""
        return f"{len(groups) - len(failed)} groups triggered{not_done}"


class CancelQuotes:
    """A QuoteCancel(Z) for each quote of a maker that has not ended, as fast as the rate limit allows."""

    name = "cancel quotes"
    always = True
    once = False

    def left(self, session: Killable) -> tuple[str, ...]:
        """Return the QuoteIDs of the quotes that have not ended."""
        return tuple(quote.quote_id for quote in _standing(session.client(RfqMaker)))

    async def run(self, session: Killable, seconds: float) -> str:
        """Send them all, and wait for the answers."""
        maker = session.client(RfqMaker)
        quotes = _standing(maker)
        cancels = (_cancel(maker, quote, seconds) for quote in quotes)
        results = await asyncio.gather(*cancels, return_exceptions=True)
        failed = [error for error in results if isinstance(error, FixError)]
        not_done = f", {len(failed)} failed: {failed[0]}" if failed else ""
        return f"{len(quotes) - len(failed)} quotes cancelled{not_done}"


def _standing(maker: RfqMaker) -> list[QuoteHandle]:
    return [quote for quote in maker.quotes if quote.state not in ENDED]


async def _cancel(maker: RfqMaker, quote: QuoteHandle, seconds: float) -> None:
    while quote.state not in ENDED:
        try:
            await maker.cancel(quote, timeout=seconds)
        except RateLimited as error:
            await asyncio.sleep(error.retry_in)
        else:
            return


def _group_of(order: Order) -> tuple[str, str] | None:
    """Return the id of the order's group and its subaccount, None when it is in none that is known."""
    group = order.sent.text(SECONDARY_CL_ORD_ID) if order.sent is not None else None
    if order.sent is None or group is None:
        return None
    return group, order.sent.text(ALLOC_ACCOUNT) or "0"
