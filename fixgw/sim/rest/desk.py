"""The REST side of the venue: signatures, routes, pages, and the ledger behind them."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime
from itertools import islice
from typing import NamedTuple, TypeAlias
from urllib.parse import parse_qs, unquote

from fixgw.clock import rfc3339
from fixgw.sim.accounts import Scope
from fixgw.sim.book import Book
from fixgw.sim.orders import Holder, Side, State
from fixgw.sim.pki import RegisteredKey
from fixgw.sim.rest import views
from fixgw.sim.rest.call import (
    LAST_NS,
    NS,
    TOO_MANY,
    Call,
    Plain,
    Refusal,
    TooMany,
    among,
    filtered,
    of_period,
)
from fixgw.sim.rest.exchange import Exchange, best
from fixgw.sim.rest.faults import RestFaults
from fixgw.sim.rest.legacy import with_twins
from fixgw.sim.rest.server import HttpAnswer, HttpRequest

API = "/trade-api/v2"
WINDOW_NS = 30 * NS  # that a timestamp may be off
MOST_ROWS = 1_000
COUNTS = {"position": "position_fp", "total_traded": "total_traded_dollars"}
USUAL_ROWS = 100  # on a page when no limit is asked for
RESTING = views.STATUSES[State.OPEN]


@dataclass(slots=True)
class RestDesk:
    """Answers requests.

    Args:
        exchange: the rest of the venue.
        faults: what goes wrong on demand.
        cutoff_ns: fills before this instant, and orders that ended before it, are in the historical lists
            only, UTC nanoseconds.
        legacy_twins: repeat money in cents and quantities as whole numbers under the names of before
            March 2026, which older clients demand.
    """

    exchange: Exchange
    faults: RestFaults = field(default_factory=RestFaults)
    cutoff_ns: int = 0
    legacy_twins: bool = False
    _written: views.Written = field(default_factory=views.Written, init=False, repr=False)

    async def answer(self, request: HttpRequest) -> HttpAnswer:
        """Return what one request gets."""
        await self.faults.late()
        if self.faults.down:
            return HttpAnswer(503, hang_up=True)
        if self.faults.next_statuses:
            return self._failure(self.faults.next_statuses.popleft(), request.path)
        try:
            return self._json(200, self._route(request))
        except Refusal as refusal:
            return self._json(refusal.status, refusal.body)

    def _failure(self, status: int, path: str) -> HttpAnswer:
        """What the venue's own servers answer when they are not well; the status page says so itself."""
        if status == 429:
            return self._json(429, TOO_MANY)
        if path == f"{API}/exchange/status":
            return self._json(status, {**self._trading(), "exchange_active": False, "trading_active": False})
        return self._json(status, {"code": "service_unavailable", "message": "the service is not available"})

    def _json(self, status: int, plain: Plain | None) -> HttpAnswer:
        now = datetime.fromtimestamp(self._now_ns() / NS, UTC)
        headers = {"Date": format_datetime(now, usegmt=True), "Content-Type": "application/json"}
        if plain is None:
            return HttpAnswer(204, headers=headers)
        return HttpAnswer(status, json.dumps(plain).encode(), headers)

    def _route(self, request: HttpRequest) -> Plain | None:
        for route in ROUTES:
            found = route.path.fullmatch(request.path)
            if found and request.method == route.method:
                key = self._authenticate(request)
                self._permit(key, write=request.method != "GET")
                parameters = {name: values[-1] for name, values in parse_qs(request.query).items()}
                as_of = self._now_ns() - round(self.faults.lag_seconds * NS)
                name = unquote(found.group(1)) if found.groups() else ""
                return route.action(self, Call(key, as_of, parameters, name))
        raise Refusal(404, "not_found", "there is no such endpoint")

    def _permit(self, key: RegisteredKey, *, write: bool) -> None:
        """Check that a key may do this, and that its account may do it now."""
        scope = Scope.WRITE if write else Scope.READ
        if scope not in key.scopes:
            raise Refusal(403, "permission_denied", f"the key has no scope {scope.value}")
        if not self.exchange.pays(key.account, write=write):
            raise TooMany

    def _authenticate(self, request: HttpRequest) -> RegisteredKey:
        """Return the key that signed."""
        headers = request.headers
        key = self.exchange.registry.get(headers.get("kalshi-access-key", ""))
        stamp = headers.get("kalshi-access-timestamp", "")
        if key is None:
            raise Refusal(401, "authentication_error", "unknown API key")
        if not stamp.isdecimal() or abs(int(stamp) * 1_000_000 - self._now_ns()) > WINDOW_NS:
            raise Refusal(401, "header_timestamp_expired", "the timestamp is too far off")
        try:
            signature = base64.b64decode(headers.get("kalshi-access-signature", ""), validate=True)
        except binascii.Error:
            raise Refusal(401, "authentication_error", "the signature is not in base64") from None
        if not key.verifies(signature, f"{stamp}{request.method}{request.path}".encode()):
            raise Refusal(401, "authentication_error", "the signature is wrong")
        return key

    def _now_ns(self) -> int:
        return self.exchange.now().utc_ns + round(self.faults.clock_seconds * NS)

    # -- lists --

    def fills(self, call: Call) -> Plain:
        """Answer GET /portfolio/fills."""
        return self._fills(call, since_ns=self.cutoff_ns)

    def historical_fills(self, call: Call) -> Plain:
        """Answer GET /historical/fills."""
        return self._fills(call, until_ns=self.cutoff_ns - 1)

    def _fills(self, call: Call, since_ns: int = 0, until_ns: int = LAST_NS) -> Plain:
        since = max(since_ns, call.whole("min_ts", 0) * NS)
        until = min(until_ns, call.whole("max_ts", LAST_NS // NS) * NS)
        rows = views.fills(self.exchange.ledger, call.everything, self._written, since, until)
        return self._page("fills", filtered(rows, call, ("ticker", "order_id")), call)

    def orders(self, call: Call) -> Plain:
        """Answer GET /portfolio/orders."""
        return self._orders(call, live=True)

    def historical_orders(self, call: Call) -> Plain:
        """Answer GET /historical/orders."""
        return self._orders(call, live=False)

    def _orders(self, call: Call, *, live: bool) -> Plain:
        rows = (
            row
            for row in views.orders(self.exchange.ledger, call.everything, self._written)
            if self._is_live(row) is live
        )
        return self._page("orders", filtered(of_period(rows, call), call, ("ticker", "status")), call)

    def _is_live(self, order: Plain) -> bool:
        """An order that rests is, whatever its age."""
        return order["status"] == RESTING or bool(order["last_update_time"] >= rfc3339(self.cutoff_ns))

    def order(self, call: Call) -> Plain:
        """Answer GET /portfolio/orders/{order_id}."""
        for row in self._shown("orders", views.orders(self.exchange.ledger, call.everything, self._written)):
            if row["order_id"] == call.name:
                return {"order": row}
        raise Refusal(404, "not_found", "there is no such order")

    def positions(self, call: Call) -> Plain:
        """Answer GET /portfolio/positions; events are on the first page."""
        ledger = self.exchange.ledger
        rows = filtered(views.positions(ledger, call.one), call, ("ticker",))
        rows = self._of_status(_counted(rows, call), call)
        events = () if "cursor" in call.parameters else views.event_positions(ledger, call.one)
        wanted = among(events, "event_ticker", call.parameters.get("event_ticker", ""))
        told = list(self._shown("event_positions", wanted))
        return {**self._page("market_positions", rows, call), "event_positions": told}

    def _of_status(self, rows: Iterable[Plain], call: Call) -> Iterable[Plain]:
        """Keep the markets that have paid, or that have not; all of them unless it is said."""
        status = call.parameters.get("settlement_status", "all")
        if status not in ("all", "settled", "unsettled"):
            raise Refusal(400, "invalid_parameters", "settlement_status is all, settled or unsettled")
        paid = {one.symbol for one in self.exchange.ledger.settlements if one.at_ns <= call.as_of_ns}
        return (row for row in rows if status == "all" or (row["ticker"] in paid) is (status == "settled"))

    def settlements(self, call: Call) -> Plain:
        """Answer GET /portfolio/settlements."""
        rows = of_period(views.settlements(self.exchange.ledger, call.everything), call, "settled_time")
        return self._page("settlements", filtered(rows, call, ("ticker",)), call)

    def balance(self, call: Call) -> Plain:
        """Answer GET /portfolio/balance: what may still be spent, by the exchange and not its replica.

        Where an account has no end of money it is what trades have moved.
        """
        assert call.one.subaccount is not None
        holder = Holder(call.one.name, call.one.subaccount)
        cash = self.exchange.available(holder)
        return {
            "balance": views.cents(cash),
            "balance_dollars": f"{cash:f}",
            "portfolio_value": views.cents(self.exchange.worth(holder)),
            "updated_ts": self._now_ns() // NS,
            "balance_breakdown": [{"exchange_index": 0, "balance": f"{cash:f}"}],
        }

    def _shown(self, name: str, rows: Iterable[Plain]) -> Iterable[Plain]:
        """The rows of a list as they go out."""
        distort = self.faults.distort.get(name, _unchanged)
        for row in rows:
            changed = distort(row)
            if changed is not None:
                yield with_twins(name, changed) if self.legacy_twins else changed

    def _page(self, name: str, rows: Iterable[Plain], call: Call) -> Plain:
        size = call.whole("limit", USUAL_ROWS)
        if not 1 <= size <= MOST_ROWS:
            raise Refusal(400, "invalid_parameters", f"limit has to be 1 to {MOST_ROWS}")
        written = call.parameters.get("cursor", "")
        start = _offset(written)
        found = list(islice(self._shown(name, rows), start, start + size + 1))
        cursor = _cursor(start + size) if len(found) > size else ""
        if self.faults.repeat_cursor and found:
            cursor = written or _cursor(0)
        return {name: found[:size], "cursor": cursor}

    # -- the exchange --

    def status(self, call: Call) -> Plain:
        """Answer GET /exchange/status."""
        return self._trading()

    def _trading(self) -> Plain:
        return {
            "exchange_active": self.exchange.exchange_active,
            "trading_active": self.exchange.trading_active,
            "exchange_estimated_resume_time": None,
        }

    def schedule(self, call: Call) -> Plain:
        """Answer GET /exchange/schedule: it never closes but for Thursday's window."""
        week = {day: [{"open_time": "00:00", "close_time": "00:00"}] for day in WEEK}
        hours = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2027-01-01T00:00:00Z", **week}
        return {"schedule": {"standard_hours": [hours], "maintenance_windows": []}}

    def user_data_timestamp(self, call: Call) -> Plain:
        """Answer GET /exchange/user_data_timestamp."""
        return {"as_of_time": rfc3339(call.as_of_ns)}

    def cutoff(self, call: Call) -> Plain:
        """Answer GET /historical/cutoff."""
        stamp = rfc3339(self.cutoff_ns)
        names = (
            "market_settled_ts",
            "trades_created_ts",
            "orders_updated_ts",
            "market_positions_last_updated_ts",
        )
        return dict.fromkeys(names, stamp)

    def markets(self, call: Call) -> Plain:
        """Answer GET /markets."""
        rows: Iterable[Plain] = map(_market, self.exchange.books())
        wanted = {"tickers": "ticker", "event_ticker": "event_ticker", "status": "status"}
        for parameter, name in wanted.items():
            rows = among(rows, name, call.parameters.get(parameter, ""))
        series = call.parameters.get("series_ticker", "")
        if series:
            rows = (row for row in rows if row["ticker"].partition("-")[0] == series)
        return self._page("markets", rows, call)

    def market(self, call: Call) -> Plain:
        """Answer GET /markets/{ticker}."""
        book = self.exchange.book(call.name)
        if book is None:
            raise Refusal(404, "not_found", "there is no such market")
        return {"market": _market(book)}

    def limits(self, call: Call) -> Plain:
        """Answer GET /account/limits."""
        tier, budget = self.exchange.app.rates.budget(call.key.account)
        saved = budget.write * budget.write_seconds
        return {
            "usage_tier": tier.value,
            "read": {"refill_rate": budget.read, "bucket_capacity": budget.read},
            "write": {"refill_rate": budget.write, "bucket_capacity": saved},
            "grants": [],
        }

    def cancel_all(self, call: Call) -> None:
        """Answer DELETE /portfolio/events/orders."""
        self.exchange.cancel_all(call.key)


WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


Action: TypeAlias = Callable[[RestDesk, Call], Plain | None]


class Route(NamedTuple):
    """Which requests an action answers."""

    method: str
    path: re.Pattern[str]
    action: Action


def _routes(table: Mapping[str, Action]) -> list[Route]:
    routes = []
    for line, action in table.items():
        method, path = line.split()
        routes.append(Route(method, re.compile(re.escape(API) + path.replace("{name}", "([^/]+)")), action))
    return routes


ROUTES = _routes(
    {
        "GET /portfolio/fills": RestDesk.fills,
        "GET /portfolio/orders": RestDesk.orders,
        "GET /portfolio/orders/{name}": RestDesk.order,
        "GET /portfolio/positions": RestDesk.positions,
        "GET /portfolio/settlements": RestDesk.settlements,
        "GET /portfolio/balance": RestDesk.balance,
        "GET /historical/fills": RestDesk.historical_fills,
        "GET /historical/orders": RestDesk.historical_orders,
        "GET /historical/cutoff": RestDesk.cutoff,
        "GET /exchange/status": RestDesk.status,
        "GET /exchange/schedule": RestDesk.schedule,
        "GET /exchange/user_data_timestamp": RestDesk.user_data_timestamp,
        "GET /account/limits": RestDesk.limits,
        "GET /markets": RestDesk.markets,
        "GET /markets/{name}": RestDesk.market,
        "DELETE /portfolio/events/orders": RestDesk.cancel_all,
    }
)


def _counted(rows: Iterable[Plain], call: Call) -> Iterable[Plain]:
    """Keep the positions that are not zero in one of the fields that ``count_filter`` names."""
    names = [name for name in call.parameters.get("count_filter", "").split(",") if name]
    if not COUNTS.keys() >= set(names):
        raise Refusal(400, "invalid_parameters", f"count_filter is of {', '.join(COUNTS)}")
    return (row for row in rows if not names or any(Decimal(row[COUNTS[name]]) for name in names))


def _market(book: Book) -> Plain:
    bid, ask = best(book, Side.BUY), best(book, Side.SELL)
    return {
        "ticker": book.symbol,
        "event_ticker": views.event_of(book.symbol),
        "status": "open" if book.active else "closed",
        "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": f"{book.tick:.4f}"}],
        "yes_bid_dollars": f"{bid or 0:.4f}",
        "yes_ask_dollars": f"{ask or 0:.4f}",
        "exchange_index": book.exchange_index,
    }


def _unchanged(row: Plain) -> Plain | None:
    return row


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(f"row {offset}".encode()).decode()


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.urlsafe_b64decode(cursor).decode().removeprefix("row "))
    except ValueError:
        raise Refusal(400, "invalid_cursor", "the cursor is not one of ours") from None
