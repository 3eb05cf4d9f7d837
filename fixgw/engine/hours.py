"""What a connected session does when its time has come: reset its numbers, or leave."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from fixgw.engine.link import Link
from fixgw.engine.numbers import reset_in_session
from fixgw.engine.timetable import Timekeeper

log = logging.getLogger("fixgw.hours")

# A timer runs on the monotonic clock and a schedule on the other, which may be set meanwhile.
LOOK_AGAIN_SECONDS = 3600.0


async def keep_hours(link: Link, keeper: Timekeeper, settled: Callable[[], Awaitable[None]]) -> None:
    """Reset a session's numbers whenever it is time, and return once its hours are over and it logs out.

    Args:
        link: the session's link; nothing happens before it is logged on.
        keeper: knows the hours.
        settled: waits until nothing is in flight and handlers have caught up.
    """
    await link.became_active()
    while not keeper.period_over:
        if keeper.reset_due and link.session.active:
            _reset_numbers(link)
        await asyncio.sleep(min(keeper.seconds_to_change, LOOK_AGAIN_SECONDS))
    log.info("its hours are over: logging out", extra={"session": link.name})
    link.draining = True
    with suppress(TimeoutError):  # what is in flight then has an unknown outcome, as after any end
        async with asyncio.timeout(keeper.timetable.drain_seconds):
            await settled()
    link.logout()


async def keep_serving(link: Link, keeper: Timekeeper) -> None:
    """Keep the hours of a session that its peer opens, connection after connection; runs until cancelled."""
    while True:
        await keep_hours(link, keeper, link.dispatcher.drain)
        if link.connected:
            await link.ended()
        link.draining = False


def begin_period(link: Link, keeper: Timekeeper) -> None:
    """Let the first Logon of a peer in a new period find the numbers at 1."""
    if keeper.reset_due and link.vacate():
        link.turn(link.session.reset(link.now()))


def _reset_numbers(link: Link) -> None:
    try:
        reset_in_session(link)
    except Exception as error:  # whatever a signer raises: the next Logon begins anew, or tells why not
        log.error("numbers not reset", exc_info=error, extra={"session": link.name})
        link.logout()
