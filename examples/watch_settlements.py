"""Be told what each market paid.

    python examples/watch_settlements.py

Settlements come on KalshiPT, in pages for accounts with many customers; ``Settlements`` joins the pages.
"""

from __future__ import annotations

import asyncio
import tempfile
from decimal import Decimal
from pathlib import Path

import fixgw
from fixgw.messages.order_entry import Side, TimeInForce
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.sessions import write_sessions
from fixgw.sim.settlement import Result
from fixgw.sim.venue import SimSettings, Simulator
from fixgw.venues.kalshi.messages import CollateralAmountType, MarketSettlementParty, NewOrderSingle
from fixgw.venues.kalshi.settlement import Settlement, Settlements

MARKET = "HIGHNY-26DEC31"
CLIENTS = {"orders": ("orders-rt", "rsa"), "post-trade": ("post-trade", "listener")}


async def buy(gateway: fixgw.Gateway) -> None:
    """Buy ten contracts."""
    order = await gateway.orders.submit(
        NewOrderSingle(
            symbol=MARKET,
            side=Side.BUY,
            order_qty=Decimal(10),
            price=Decimal("0.55"),
            time_in_force=TimeInForce.GOOD_TILL_CANCEL,
        )
    )
    await order.closed(timeout=2)


def payout(party: MarketSettlementParty) -> Decimal:
    """Return the dollars that a party was paid, the fee deducted."""
    changes = party.collateral_amount_changes
    payouts = (c for c in changes if c.collateral_amount_type is CollateralAmountType.PAYOUT)
    return sum((c.collateral_amount_change for c in payouts), Decimal(0))


def show(settlement: Settlement) -> None:
    """Print what a market paid, and whom."""
    print(f"{settlement.symbol}: {settlement.market_result}, {settlement.settl_price} a contract")
    for party in settlement.parties:
        print(f"{party.market_settlement_party_id}: {party.long_qty} YES, paid {payout(party)}")


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        async with Simulator(SimSettings(Path(directory) / "venue")) as venue:
            venue.quote(MARKET, HouseSide.SELL, Decimal("0.55"), Decimal(10))
            config = write_sessions(venue, Path(directory) / "gateway", CLIENTS)
            async with fixgw.load(config) as gateway:
                await buy(gateway)
                venue.settle_market(MARKET, Result.YES)
                async for settlement in gateway["post-trade"].client(Settlements):
                    show(settlement)
                    return


if __name__ == "__main__":
    asyncio.run(main())
