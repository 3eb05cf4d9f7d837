"""Price grids as the venue lists them over REST: docs.kalshi.com/api-reference (GET /markets)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fixgw.safety.grid import Grids

if TYPE_CHECKING:
    from fixgw.venues.kalshi.rest import KalshiRest


async def load_grids(rest: KalshiRest, grids: Grids, series: Sequence[str]) -> int:
    """Load the grid of every open market of some series, and return how many there were.

    Args:
        rest: asks the venue.
        grids: of the venue's markets; a market that is there already gets what the venue says now.
        series: series tickers, such as KXHIGHNY.

    Raises:
        RestError: the venue does not answer, or refuses; what came before stays loaded.
        ConfigError: the venue lists a range without a price in it.
    """
    loaded = 0
    for ticker in series:
        async for market in rest.markets(series_ticker=ticker, status="open"):
            if market.price_ranges:
                grids.put(market.symbol, market.price_ranges)
                loaded += 1
    return loaded
