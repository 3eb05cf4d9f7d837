"""Price grids that are asked for over REST when a gateway starts, as the settings say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from fixgw.config.resolve import Resolved
from fixgw.config.rest_client import VENUES, rest_client
from fixgw.config.settings import Loaded
from fixgw.engine.gateway import Gateway, Service
from fixgw.errors import FixError
from fixgw.safety.grid import Grids
from fixgw.venues.kalshi.rest_grids import load_grids

PATIENCE = 30.0  # seconds; a gateway does not wait longer for what it can do without

log = logging.getLogger("fixgw.rest")


def grids_over_rest(
    loaded: Loaded, sessions: Sequence[Resolved], grids: Mapping[str, Grids]
) -> list[Service]:
    """Return what loads them, nothing when no series is named.

    Without an answer the gateway runs all the same: what a grid would refuse, the venue refuses.

    Args:
        loaded: the settings.
        sessions: every session of the file.
        grids: of the gateway's venues, by name; complete once its sessions run.
    """
    section = loaded.settings.rest
    if section is None or not section.grids:
        return []

    @asynccontextmanager
    async def service(gateway: Gateway) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(PATIENCE), rest_client(section, sessions) as rest:
                for name in VENUES & grids.keys():
                    count = await load_grids(rest, grids[name], section.grids)
                    log.info("price grids loaded", extra={"markets": count})
        except (FixError, TimeoutError) as error:
            why = str(error) or f"no answer within {PATIENCE:g} s"
            log.warning("price grids are not known: prices go out as given", extra={"error": why})
        yield

    return [service]
