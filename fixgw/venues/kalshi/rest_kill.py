"""A kill while FIX is down: everything of the account is cancelled over REST.

Source: docs.kalshi.com/api-reference (DELETE /portfolio/events/orders).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from fixgw.safety.kill_steps import Killable, OrderStep

if TYPE_CHECKING:
    from fixgw.venues.kalshi.rest import KalshiRest


class CancelAllOverRest(OrderStep):
    """One request that cancels every open order of the account, those of other gateways and programs too.

    The venue may also cancel what is entered in the minute after it.

    Args:
        connect: makes a client of the account.
    """

    name = "cancel all over REST"
    always = True  # the book may be wrong
    once = True

    def __init__(self, connect: Callable[[], KalshiRest]) -> None:
        self._connect = connect

    async def run(self, session: Killable, seconds: float) -> str:
        """Send it; what became of the session's own orders is told at its next Logon."""
        async with asyncio.timeout(seconds), self._connect() as rest:
            await rest.cancel_all()
        return "accepted: the venue may also cancel what is entered within a minute"
