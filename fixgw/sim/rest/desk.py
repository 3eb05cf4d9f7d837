"""The REST side of the venue: signatures, routes, pages, and the ledger behind them."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import parse_qs, unquote

from fixgw.clock import rfc3339
from fixgw.sim.book import Book
from fixgw.sim.ledger import Ledger
from fixgw.sim.orders import Holder, Side
from fixgw.sim.rest import views
from fixgw.sim.rest.exchange import Exchange, best
from fixgw.sim.rest.faults import RestFaults
from fixgw.sim.rest.server import HttpAnswer, HttpRequest

Plain: TypeAlias = dict[str, Any]
View: TypeAlias = Callable[[Ledger, views.Account], Iterable[Plain]]

API = "/trade-api/v2"
NS = 1_000_000_000
WINDOW_SECONDS = 30.0  # that a timestamp may be off
MOST_ROWS = 1_000
USUAL_ROWS = 100  # on a page when no limit is asked for
PRIMARY = 0  # the subaccount of positions and balance unless another is named
LAST_SECOND = 4_102_444_800  # 2100-01-01


class Refusal(Exception):
    """A request that gets an error.

    Args:
        status: of the answer.
        code: the venue's code.
        message: the sentence with it.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose sender is known.

    Args:
        account: whose data is asked for, as of an instant.
        parameters: of the query.
        name: the last part of the path, where the route has one.
    """

    account: views.Account
    parameters: Mapping[str, str]
    name: str = ""

    def whole(self, key: str, default: int) -> int:
        """Return a whole number of the query."""
        try:
            return int(self.parameters.get(key, default))
        except ValueError:
            raise Refusal(400, "invalid_parameters", f"{key} is no number") from None


@dataclass(slots=True)
class RestDesk:
    """Answers requests.

    Args:
        exchange: the rest of the venue.
        faults: what goes wrong on demand.
        cutoff_ns: fills and orders before this instant are in the historical lists only, UTC nanoseconds.
        legacy_twins: repeat money in cents and quantities as whole numbers under the names of before
            March 2026, which older clients demand.
    """

    exchange: Exchange
    faults: RestFaults = field(default_factory=RestFaults)
    cutoff_ns: int = 0
    legacy_twins: bool = False

    async def answer(self, request: HttpRequest) -> HttpAnswer:
        """Return what one request gets."""
        await self.faults.late()
        if self.faults.down:
            return HttpAnswer(503, hang_up=True)
        if self.faults.next_statuses:
            return self._failure(self.faults.next_statuses.popleft())
        try:
            return self._json(200, self._route(request))
        except Refusal as refusal:
            error = {"code": refusal.code, "message": refusal.message}
            return self._json(refusal.status, {"error": error})

    def _failure(self, status: int) -> HttpAnswer:
        if status == 429:
            return self._json(429, {"error": "too many requests"})
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
                account = self._authenticate(request)
                parameters = {key: values[-1] for key, values in parse_qs(request.query).items()}
                as_of = self._now_ns() - round(self.faults.lag_seconds * NS)
                name = unquote(found.group(1)) if found.groups() else ""
                return route.action(self, Call(views.Account(account, as_of), parameters, name))
        raise Refusal(404, "not_found", "there is no such endpoint")

    def _authenticate(self, request: HttpRequest) -> str:
        """Return the account of the key that signed."""
        headers = request.headers
        key = self.exchange.registry.get(headers.get("kalshi-access-key", ""))
        stamp = headers.get("kalshi-access-timestamp", "")
        if key is None:
            raise Refusal(401, "authentication_error", "unknown API key")
        if not stamp.isdigit() or abs(int(stamp) / 1000 - self._now_ns() / NS) > WINDOW_SECONDS:
            raise Refusal(401, "header_timestamp_expired", "the timestamp is too far off")
        try:
            signature = base64.b64decode(headers.get("kalshi-access-signature", ""), validate=True)
        except binascii.Error:
            raise Refusal(401, "authentication_error", "the signature is not in base64") from None
        if not key.verifies(signature, f"{stamp}{request.method}{request.path}".encode()):
            raise Refusal(401, "authentication_error", "the signature is wrong")
        return key.account

    def _now_ns(self) -> int:
        return self.exchange.now().utc_ns + round(self.faults.clock_seconds * NS)

    # -- lists --

    def fills(self, call: Call) -> Plain:
        """Answer GET /portfolio/fills."""
        return self._page(
            "fills", _filtered(self._live(views.fills, call), call, ("ticker", "order_id")), call
        )

    def historical_fills(self, call: Call) -> Plain:
        """Answer GET /historical/fills."""
        rows = (row for row in views.fills(self.exchange.ledger, call.account) if not self._is_live(row))
        return self._page("fills", _filtered(rows, call, ("ticker",)), call)

    def orders(self, call: Call) -> Plain:
        """Answer GET /portfolio/orders."""
        return self._page(
            "orders", _filtered(self._live(views.orders, call), call, ("ticker", "status")), call
        )

    def historical_orders(self, call: Call) -> Plain:
        """Answer GET /historical/orders."""
        rows = (row for row in views.orders(self.exchange.ledger, call.account) if not self._is_live(row))
        return self._page("orders", _filtered(rows, call, ("ticker", "status")), call)

    def order(self, call: Call) -> Plain:
        """Answer GET /portfolio/orders/{order_id}."""
        for row in self._distorted("orders", views.orders(self.exchange.ledger, call.account)):
            if row["order_id"] == call.name:
                return {"order": row}
        raise Refusal(404, "not_found", "there is no such order")

    def positions(self, call: Call) -> Plain:
        """Answer GET /portfolio/positions; markets belong to no event here."""
        subaccount = call.whole("subaccount", PRIMARY)
        rows = _filtered(views.positions(self.exchange.ledger, call.account, subaccount), call, ("ticker",))
        return {**self._page("market_positions", rows, call), "event_positions": []}

    def settlements(self, call: Call) -> Plain:
        """Answer GET /portfolio/settlements."""
        rows = _filtered(views.settlements(self.exchange.ledger, call.account), call, ("ticker",))
        return self._page("settlements", rows, call)

    def balance(self, call: Call) -> Plain:
        """Answer GET /portfolio/balance; the cash that trades have moved."""
        holder = Holder(call.account.name, call.whole("subaccount", PRIMARY))
        cash = self.exchange.ledger.purse(holder)
        return {"balance": int(cash * 100), "balance_dollars": f"{cash:f}", "portfolio_value": 0}

    def _live(self, view: View, call: Call) -> Iterable[Plain]:
        return (row for row in view(self.exchange.ledger, call.account) if self._is_live(row))

    def _is_live(self, row: Plain) -> bool:
        at = row.get("last_update_time") or row["created_time"]
        return bool(at >= rfc3339(self.cutoff_ns))

    def _distorted(self, name: str, rows: Iterable[Plain]) -> Iterable[Plain]:
        distort = self.faults.distort.get(name, _unchanged)
        return (changed for row in rows if (changed := distort(row)) is not None)

    def _page(self, name: str, rows: Iterable[Plain], call: Call) -> Plain:
        size = call.whole("limit", USUAL_ROWS)
        if not 1 <= size <= MOST_ROWS:
            raise Refusal(400, "invalid_parameters", f"limit has to be 1 to {MOST_ROWS}")
        written = call.parameters.get("cursor", "")
        start = _offset(written)
        every = list(self._distorted(name, rows))
        after = start + size
        cursor = _cursor(after) if after < len(every) else ""
        if self.faults.repeat_cursor and every:
            cursor = written or _cursor(0)
        return {name: every[start:after], "cursor": cursor}

    # -- the exchange --

    def status(self, call: Call) -> Plain:
        """Answer GET /exchange/status."""
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
        return {"as_of_time": rfc3339(call.account.as_of_ns)}

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
        rows = map(_market, self.exchange.books())
        return self._page("markets", _filtered(rows, call, ("status",)), call)

    def market(self, call: Call) -> Plain:
        """Answer GET /markets/{ticker}."""
        for book in self.exchange.books():
            if book.symbol == call.name:
                return {"market": _market(book)}
        raise Refusal(404, "not_found", "there is no such market")

    def limits(self, call: Call) -> Plain:
        """Answer GET /account/limits."""
        bucket = {"refill_rate": 12_000, "bucket_capacity": 12_000}
        return {"usage_tier": "prestige", "read": bucket, "write": bucket, "grants": []}

    def cancel_all(self, call: Call) -> None:
        """Answer DELETE /portfolio/events/orders."""
        self.exchange.cancel_all(call.account.name)


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


def _filtered(rows: Iterable[Plain], call: Call, names: tuple[str, ...]) -> Iterable[Plain]:
    """Keep the rows that every filter of the query lets through."""
    wanted = {name: call.parameters[name].split(",") for name in names if name in call.parameters}
    first, last = call.whole("min_ts", 0), call.whole("max_ts", LAST_SECOND)
    for row in rows:
        made = row.get("created_time") or row.get("settled_time")
        if made is not None and not rfc3339(first * NS) <= made <= rfc3339(last * NS):
            continue
        if all(row[name] in values for name, values in wanted.items()) and _is_of(row, call):
            yield row


def _is_of(row: Plain, call: Call) -> bool:
    """Every subaccount and exchange is shown unless one is named."""
    for name, key in (("subaccount", "subaccount_number"), ("exchange_index", "exchange_index")):
        if name in call.parameters and key in row and row[key] != call.whole(name, 0):
            return False
    return True


def _market(book: Book) -> Plain:
    bid, ask = best(book, Side.BUY), best(book, Side.SELL)
    return {
        "ticker": book.symbol,
        "event_ticker": book.symbol.rpartition("-")[0],
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
        word, _, offset = base64.urlsafe_b64decode(cursor).decode().partition(" ")
        if word == "row":
            return int(offset)
    except (ValueError, UnicodeDecodeError):
        pass
    raise Refusal(400, "invalid_cursor", "the cursor is not one of ours")
