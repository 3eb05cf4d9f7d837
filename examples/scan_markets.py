"""Scan the whole market over REST: what each contract implies, and what it costs to cross its spread.

    python examples/scan_markets.py

The price of YES is the probability that the market implies; the middle of the spread is the usual estimate.
Your edge is what you believe less what you pay.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from decimal import Decimal
from pathlib import Path

from fixgw.sim.venue import MarketSpec, SimSettings, Simulator
from fixgw.venues.kalshi.rest import KalshiRest
from fixgw.venues.kalshi.rest_exchange import Market
from fixgw.venues.kalshi.signer import Credentials

QUOTES = {  # bid and offer of YES, dollars
    "HIGHNY-26DEC31-B40": ("0.31", "0.34"),
    "HIGHNY-26DEC31-B45": ("0.55", "0.56"),
    "KXFED-26DEC-T4.00": ("0.07", "0.12"),
}
UNQUOTED = "KXFED-26DEC-T4.25"


def implied(market: Market) -> Decimal | None:
    """Return the probability that the spread implies; None where a side is empty."""
    if market.yes_bid is None or market.yes_ask is None:
        return None
    return (market.yes_bid + market.yes_ask) / 2


def edge(belief: Decimal, market: Market) -> Decimal | None:
    """Return what one YES contract bought now is worth beyond its price, dollars before fees."""
    return None if market.yes_ask is None else belief - market.yes_ask


def line(market: Market) -> str:
    """Return one row of the scan."""
    probability = implied(market)
    if probability is None or market.yes_bid is None or market.yes_ask is None:
        return f"{market.symbol:20} no price on both sides"
    return f"{market.symbol:20} {probability:7.1%}  spread {market.yes_ask - market.yes_bid:.4f}"


async def scan(rest: KalshiRest) -> list[Market]:
    """Return the open markets, widest spread last; those without a price come first."""
    markets = [market async for market in rest.markets(status="open")]
    return sorted(markets, key=lambda one: (one.yes_ask or Decimal(0)) - (one.yes_bid or Decimal(0)))


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        listed = [MarketSpec(symbol) for symbol in (*QUOTES, UNQUOTED)]
        async with Simulator(SimSettings(Path(directory) / "venue", markets=listed)) as venue:
            for symbol, (bid, offer) in QUOTES.items():
                venue.make_market(symbol, Decimal(bid), Decimal(offer), Decimal(100))
            key = venue.keys["rsa"]
            credentials = Credentials(key.key_id, key.path.read_bytes())
            trust = ssl.create_default_context(cafile=str(venue.ca_path))
            async with KalshiRest(venue.rest_url, credentials, trust=trust) as rest:
                markets = await scan(rest)
                for market in markets:
                    print(line(market))
                widest = markets[-1]
                print(f"at 15% you have {edge(Decimal('0.15'), widest)} dollars in {widest.symbol}")


if __name__ == "__main__":
    asyncio.run(main())
