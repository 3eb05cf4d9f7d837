"""Kalshi's REST API beside FIX: what the venue says of an account, signed with the same keys.

docs.kalshi.com/getting_started/api_keys, /getting_started/pagination, /api-reference.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import random
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar
from urllib.parse import quote

import httpx

from fixgw.clock import Clock, SystemClock
from fixgw.venues.kalshi.rest_errors import (
    ClockSkewed,
    EndlessPages,
    MalformedReply,
    RestError,
    Unavailable,
    refusal,
    silence,
)
from fixgw.venues.kalshi.rest_exchange import (
    AccountLimits,
    ExchangeSchedule,
    ExchangeStatus,
    HistoricalCutoff,
    Market,
    read_status,
)
from fixgw.venues.kalshi.rest_models import (
    Balance,
    EventPosition,
    Fill,
    MarketPosition,
    OrderStatus,
    Row,
    Settlement,
    read_json,
)
from fixgw.venues.kalshi.signer import Credentials, KalshiSigner

log = logging.getLogger("fixgw.rest")

T = TypeVar("T")
Filters: TypeAlias = Mapping[str, str | int | None]

API = "/trade-api/v2"
NS = 1_000_000_000
WAIT_STATUSES = frozenset({429, 500, 502, 503, 504})
USER_AGENT = "fixgw"


@dataclass(frozen=True, slots=True)
class RestSettings:
    """How patient the client is.

    Args:
        timeout: seconds for one attempt, connecting included.
        attempts: how often a GET is tried in all.
        base_seconds: the upper bound of the first wait between attempts; it doubles.
        cap_seconds: the upper bound of every wait.
        page_size: rows on one page, 1 to 1,000.
        max_pages: pages of one list, after which it counts as endless.
    """

    timeout: float = 10.0
    attempts: int = 6
    base_seconds: float = 0.25
    cap_seconds: float = 8.0
    page_size: int = 1_000
    max_pages: int = 10_000


def signed_headers(
    credentials: Credentials, signer: KalshiSigner, method: str, path: str, timestamp_ms: int
) -> dict[str, str]:
    """Return the three headers that authenticate one request.

    Args:
        credentials: whose id goes into them.
        signer: made of the same key.
        method: such as GET; any case.
        path: from the root of the host, ``/trade-api/v2`` included; a query is cut off before it is signed.
        timestamp_ms: milliseconds since 1970.
    """
    signed = f"{timestamp_ms}{method.upper()}{path.partition('?')[0]}"
    return {
        "KALSHI-ACCESS-KEY": credentials.api_key_id,
        "KALSHI-ACCESS-TIMESTAMP": str(timestamp_ms),
        "KALSHI-ACCESS-SIGNATURE": base64.b64encode(signer.sign(signed.encode())).decode(),
    }


class KalshiRest:
    """A client of one account; use it as ``async with``.

    Args:
        base_url: scheme and host, such as ``https://external-api.kalshi.com``.
        credentials: the API key.
        settings: how patient it is.
        clock: stamps the requests.
        trust: certificates to trust; those of the system by default.
        transport: carries the requests in place of a connection of our own.
        seed: of the waits between attempts; None draws them afresh.

    Attributes:
        skew_seconds: the venue's clock minus ours by its latest reply, to the second; None before the first.
        retries: attempts beyond the first, since start.

    Raises:
        ConfigError: the key can not be used.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        *,
        settings: RestSettings = RestSettings(),
        clock: Clock | None = None,
        trust: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        seed: int | None = None,
    ) -> None:
        self.skew_seconds: float | None = None
        self.retries = 0
        self._credentials = credentials
        self._signer = KalshiSigner(credentials.key)
        self._settings = settings
        self._clock = clock or SystemClock()
        self._random = random.Random(seed)  # noqa: S311  not for secrets
        self._http = httpx.AsyncClient(
            base_url=base_url,
            timeout=settings.timeout,
            verify=trust or (ssl.create_default_context() if transport is None else False),
            transport=transport,
            headers={"User-Agent": USER_AGENT},
        )

    def __repr__(self) -> str:
        """Name the host and the key's id, which is no secret."""
        return f"KalshiRest({self._http.base_url}, {self._credentials.api_key_id})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    # -- the account --

    def fills(
        self,
        *,
        since_ns: int | None = None,
        until_ns: int | None = None,
        symbol: str | None = None,
        order_id: str | None = None,
        subaccount: int | None = None,
        historical: bool = False,
    ) -> AsyncIterator[Fill]:
        """Yield executions, newest first; every subaccount and exchange unless one is named.

        Args:
            since_ns: not before this instant, UTC nanoseconds; the venue counts in whole seconds.
            until_ns: not after it.
            symbol: of one market.
            order_id: of one order.
            subaccount: of one subaccount.
            historical: those beyond the cutoff in place of the live list.
        """
        filters: Filters = {
            **_between(since_ns, until_ns),
            "ticker": symbol,
            "order_id": order_id,
            "subaccount": subaccount,
        }
        return self._list(
            "/historical/fills" if historical else "/portfolio/fills", "fills", Fill.of, filters
        )

    def orders(
        self,
        *,
        status: str | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
        symbol: str | None = None,
        subaccount: int | None = None,
        historical: bool = False,
    ) -> AsyncIterator[OrderStatus]:
        """Yield orders: resting, canceled or executed; arguments as for ``fills``."""
        filters: Filters = {
            **_between(since_ns, until_ns),
            "status": status,
            "ticker": symbol,
            "subaccount": subaccount,
        }
        path = "/historical/orders" if historical else "/portfolio/orders"
        return self._list(path, "orders", OrderStatus.of, filters)

    async def order(self, order_id: str) -> OrderStatus:
        """Return one order.

        Raises:
            NotFound: the venue has no such order.
        """
        return OrderStatus.of((await self._get(f"/portfolio/orders/{quote(order_id, safe='')}")).row("order"))

    def positions(self, *, subaccount: int | None = None) -> AsyncIterator[MarketPosition]:
        """Yield positions by market, of the primary account unless a subaccount is named."""
        return self._list(
            "/portfolio/positions", "market_positions", MarketPosition.of, {"subaccount": subaccount}
        )

    def event_positions(self, *, subaccount: int | None = None) -> AsyncIterator[EventPosition]:
        """Yield positions by event, of the primary account unless a subaccount is named."""
        return self._list(
            "/portfolio/positions", "event_positions", EventPosition.of, {"subaccount": subaccount}
        )

    def settlements(
        self, *, since_ns: int | None = None, until_ns: int | None = None, symbol: str | None = None
    ) -> AsyncIterator[Settlement]:
        """Yield markets that paid; arguments as for ``fills``."""
        filters: Filters = {**_between(since_ns, until_ns), "ticker": symbol}
        return self._list("/portfolio/settlements", "settlements", Settlement.of, filters)

    async def balance(self, *, subaccount: int | None = None) -> Balance:
        """Return the cash of the primary account, or of a subaccount."""
        return Balance.of(await self._get("/portfolio/balance", {"subaccount": subaccount}))

    async def limits(self) -> AccountLimits:
        """Return the account's tier and budgets."""
        return AccountLimits.of(await self._get("/account/limits"))

    async def cancel_all(self) -> None:
        """Cancel every open order; the venue may also cancel those of the minute after it. Never repeated.

        Raises:
            RestError: it was refused; after ``Unavailable`` nobody knows whether it was carried out.
        """
        await self._attempt("DELETE", "/portfolio/events/orders", {})

    # -- the exchange --

    async def exchange_status(self) -> ExchangeStatus:
        """Return whether the exchange works; an outage that says so is an answer as well."""
        plain = await self._get_plain("/exchange/status", {}, accept=read_status)
        status = read_status(plain)
        if status is None:
            raise MalformedReply(
                "exchange/status.exchange_active is missing", "the venue may have changed its reply"
            )
        return status

    async def exchange_schedule(self) -> ExchangeSchedule:
        """Return hours and planned maintenance."""
        return ExchangeSchedule.of(await self._get("/exchange/schedule"))

    async def user_data_timestamp(self) -> int:
        """Return the instant up to which the account's lists are complete, UTC nanoseconds."""
        return (await self._get("/exchange/user_data_timestamp")).instant("as_of_time")

    async def historical_cutoff(self) -> HistoricalCutoff:
        """Return where the live lists stop."""
        return HistoricalCutoff.of(await self._get("/historical/cutoff"))

    def markets(
        self,
        *,
        status: str | None = None,
        event_ticker: str | None = None,
        series_ticker: str | None = None,
        symbols: str | None = None,
    ) -> AsyncIterator[Market]:
        """Yield markets, all of the exchange unless a filter is given.

        Args:
            status: such as open.
            event_ticker: of one event.
            series_ticker: of one series.
            symbols: tickers with commas between them.
        """
        filters: Filters = {
            "status": status,
            "event_ticker": event_ticker,
            "series_ticker": series_ticker,
            "tickers": symbols,
        }
        return self._list("/markets", "markets", Market.of, filters)

    async def market(self, symbol: str) -> Market:
        """Return one market.

        Raises:
            NotFound: no market has this ticker.
        """
        return Market.of((await self._get(f"/markets/{quote(symbol, safe='')}")).row("market"))

    # -- pages and attempts --

    async def _list(
        self, path: str, key: str, read: Callable[[Row], T], filters: Filters
    ) -> AsyncIterator[T]:
        """Yield the rows of every page.

        Raises:
            EndlessPages: a cursor came twice, or there is no end.
        """
        cursor, seen = "", set[str]()
        for _ in range(self._settings.max_pages):
            page = await self._get(
                path, {**filters, "limit": self._settings.page_size, "cursor": cursor or None}
            )
            for row in page.rows(key):
                yield read(row)
            cursor = page.text("cursor", default="")
            if not cursor:
                return
            if cursor in seen:
                raise EndlessPages(
                    f"GET {path}: the cursor of a page came twice",
                    "what was read is not the whole list: ask again",
                )
            seen.add(cursor)
        raise EndlessPages(
            f"GET {path}: more than {self._settings.max_pages} pages", "ask for a shorter period"
        )

    async def _get(self, path: str, filters: Filters | None = None) -> Row:
        return Row(await self._get_plain(path, filters or {}), path.strip("/"))

    async def _get_plain(
        self, path: str, filters: Filters, accept: Callable[[Any], object | None] = lambda plain: None
    ) -> Any:
        """Ask until there is an answer, with full jitter between the attempts."""
        skewed = False
        last: RestError | None = None
        for attempt in range(self._settings.attempts):
            if attempt:
                self.retries += 1
                await self._wait(attempt, path, last)
            try:
                reply = await self._attempt("GET", path, filters, accept)
            except ClockSkewed as error:
                if skewed:  # the first time it may have been a stall between stamp and arrival
                    raise
                skewed, last = True, error
            except RestError as error:
                if not _may_pass(error):
                    raise
                last = error
            else:
                return reply
        assert last is not None
        raise last

    async def _wait(self, attempt: int, path: str, why: RestError | None) -> None:
        log.info("asking again", extra={"path": path, "attempt": attempt + 1, "why": str(why)})
        bound = min(self._settings.cap_seconds, self._settings.base_seconds * 2 ** (attempt - 1))
        await asyncio.sleep(self._random.uniform(0, bound))

    async def _attempt(
        self,
        method: str,
        path: str,
        filters: Filters,
        accept: Callable[[Any], object | None] = lambda plain: None,
    ) -> Any:
        """Send one request and return the JSON of its reply, None when it has no body.

        Raises:
            RestError: it did not succeed.
        """
        signed_path = API + path
        now_ms = self._clock.now().utc_ns // 1_000_000
        headers = signed_headers(self._credentials, self._signer, method, signed_path, now_ms)
        params = {key: value for key, value in filters.items() if value is not None}
        try:
            async with asyncio.timeout(self._settings.timeout):  # httpx would count each read by itself
                reply = await self._http.request(method, signed_path, params=params, headers=headers)
        except (httpx.HTTPError, TimeoutError) as error:
            raise silence(f"{method} {path}", error) from error
        self._note_skew(reply)
        if reply.is_success:
            return _json(reply, path) if reply.content else None
        if accept(_json_or_none(reply)) is not None:
            return _json_or_none(reply)
        raise refusal(f"{method} {path}", reply.status_code, reply.text, self.skew_seconds)

    def _note_skew(self, reply: httpx.Response) -> None:
        try:
            stamped = parsedate_to_datetime(reply.headers.get("Date", "")).timestamp()
        except (TypeError, ValueError):
            return
        self.skew_seconds = stamped - self._clock.now().utc_ns // NS


def _may_pass(error: RestError) -> bool:
    """Tell whether asking again may help: there was no reply, or one that a busy venue gives."""
    return error.status in WAIT_STATUSES or (isinstance(error, Unavailable) and not error.status)


def _between(since_ns: int | None, until_ns: int | None) -> dict[str, str | int | None]:
    """The venue filters by whole seconds: both ends are rounded outward."""
    return {
        "min_ts": None if since_ns is None else since_ns // NS,
        "max_ts": None if until_ns is None else -(-until_ns // NS),
    }


def _json(reply: httpx.Response, path: str) -> Any:
    plain = _json_or_none(reply)
    if plain is None:
        raise MalformedReply(f"{path.strip('/')} is no JSON", "the venue may have changed its reply")
    return plain


def _json_or_none(reply: httpx.Response) -> Any:
    try:
        return read_json(reply.content)
    except ValueError:
        return None
