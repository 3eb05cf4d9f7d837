"""The venue's REST side without a socket: its own desk behind the client's own transport."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import count
from typing import Any

import httpx

from fixgw.sim.orders import Order, Owner, Side, Terms
from fixgw.sim.rest.server import HttpRequest
from fixgw.sim.venue import Simulator
from fixgw.venues.kalshi.rest import KalshiRest, RestSettings
from fixgw.venues.kalshi.signer import Credentials

MARKET = "HIGHNY-26DEC31"
BUY, SELL = Side.BUY, Side.SELL
HOST = "https://venue.test"


class DeskTransport(httpx.AsyncBaseTransport):
    """Carries requests to the desk of a simulator.

    Attributes:
        asked: method and target of each request, in order.
    """

    def __init__(self, venue: Simulator) -> None:
        self._desk = venue.rest
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode()
        self.asked.append(f"{request.method} {target}")
        answer = await self._desk.answer(HttpRequest(request.method, target, dict(request.headers)))
        if answer.hang_up:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body)


def credentials_of(venue: Simulator, client: str) -> Credentials:
    """Return the API key of one of the simulator's clients."""
    key = venue.keys[client]
    return Credentials(key.key_id, key.path.read_bytes())


def rest_of(
    venue: Simulator, client: str = "alpha", transport: httpx.AsyncBaseTransport | None = None, **more: Any
) -> KalshiRest:
    """Return a client of the simulator in memory; ``more`` are settings of ``RestSettings``."""
    return KalshiRest(
        HOST,
        credentials_of(venue, client),
        settings=RestSettings(**more),
        clock=venue.settings.clock,
        transport=transport or DeskTransport(venue),
        seed=7,
    )


class Traders:
    """Enters orders at a simulator, whoever sends them."""

    def __init__(self, venue: Simulator) -> None:
        self.venue = venue
        self._numbers = count(1)

    def order(self, account: str, side: Side, qty: object, price: object, **more: Any) -> Order:
        """Enter an order of an account and return it."""
        owner = Owner(account, account, subaccount=more.pop("subaccount", 0))
        symbol = more.pop("symbol", MARKET)
        cl_ord_id = more.pop("cl_ord_id", f"{account}-{next(self._numbers)}")
        terms = Terms(cl_ord_id, owner, symbol, side, Decimal(str(qty)), Decimal(str(price)), **more)
        self.do(lambda now_ns: self.venue.engine.submit(terms, now_ns))
        return self.venue.ledger.order(cl_ord_id)

    def trade(self, account: str, side: Side, qty: object, price: object, **more: Any) -> Order:
        """Let an account take what another one offers, and return the account's order."""
        symbol = more.get("symbol", MARKET)
        self.order("maker", side.opposite, qty, price, symbol=symbol)
        return self.order(account, side, qty, price, **more)

    def do(self, action: Callable[[int], Any]) -> None:
        """Carry an action of the matching engine out, and report it."""
        self.venue.app.publish(action(self.venue.now().utc_ns))
