"""What Kalshi says of an account's executions: over REST, live and historical, and by drop copy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from fixgw.clock import Clock, rfc3339
from fixgw.errors import RemoteError
from fixgw.fix.tags import TRANSACT_TIME
from fixgw.fix.values import parse_utc_timestamp_ns
from fixgw.reconcile.feeds import TOLERANCE_NS
from fixgw.reconcile.model import ExecKey, Execution, Period, Proof, SessionTimeline, Subject, TradeKey
from fixgw.venues.kalshi.dropcopy import DropCopy
from fixgw.venues.kalshi.exec_id import ExecID
from fixgw.venues.kalshi.messages import ExecutionReport
from fixgw.venues.kalshi.rest import KalshiRest
from fixgw.venues.kalshi.rest_models import Fill

SECOND = 1_000_000_000
ZERO = Decimal(0)
PRIMARY = 0  # the exchange index of markets that name none
FIRST_SLICE_NS = 3_600 * SECOND
SHORTEST_SLICE_NS = SECOND
LONGEST_SLICE_NS = 24 * 3_600 * SECOND
MANY = 20_000  # fills in one slice, which are held together
FEW = 2_000
DROP_COPY_NS = 3 * 3_600 * SECOND  # how far back a query reaches
EXECUTIONS = frozenset({Subject.EXECUTIONS})


class RestFeed:
    """Fills over REST, in slices of time: the venue lists the newest first, a run reads the oldest first.

    Args:
        rest: asks as the account.
    """

    name = "REST"
    ours = False

    def __init__(self, rest: KalshiRest) -> None:
        self._rest = rest
        self._shown: Period | None = None
        self._notes: list[str] = []

    async def executions(self, period: Period) -> AsyncIterator[Execution]:
        """Yield the account's fills of every subaccount and exchange; see ``feeds.Feed``.

        Raises:
            RestError: the venue does not answer, or refuses.
        """
        until = min(period.end_ns, await self._as_of() - TOLERANCE_NS)
        begin, width = period.begin_ns, FIRST_SLICE_NS
        while begin < until:
            slice_ = Period(begin, min(begin + width, until))
            fills = await self._slice(slice_)
            for fill in fills:
                yield execution_of_fill(fill)
            if len(fills) > MANY:
                width = max(width // 2, SHORTEST_SLICE_NS)
            elif len(fills) < FEW:
                width = min(width * 2, LONGEST_SLICE_NS)
            begin = slice_.end_ns
        until = min(until, await self._as_of() - TOLERANCE_NS)  # replicas that answer are not all as far
        self._shown = Period(period.begin_ns, max(until, period.begin_ns))

    def proves(self) -> Sequence[Proof]:
        """Everything up to what the venue says that its data is complete to."""
        return () if self._shown is None else (Proof(self.name, self._shown, EXECUTIONS),)

    def timeline(self) -> SessionTimeline | None:
        """It is of the account, not of a session."""
        return None

    def notes(self) -> Sequence[str]:
        """Return how far behind its data is."""
        return self._notes

    async def _as_of(self) -> int:
        as_of = await self._rest.user_data_timestamp()
        self._notes = [f"its data is complete up to {rfc3339(as_of)}"]
        return as_of

    async def _slice(self, slice_: Period) -> list[Fill]:
        """Return the fills of a slice, oldest first, each once: lists may overlap at the cutoff.

        The live list is read first, because the venue puts fills away meanwhile: those that left it before
        they were read are in the other one.
        """
        found: dict[TradeKey, Fill] = {}
        for historical in (False, True):
            if historical and slice_.begin_ns >= (await self._rest.historical_cutoff()).trades_utc_ns:
                continue
            async for fill in self._rest.fills(
                since_ns=slice_.begin_ns, until_ns=slice_.end_ns, historical=historical
            ):
                if fill.utc_ns in slice_:
                    found[TradeKey(fill.trade_id, fill.order_id)] = fill
        oldest_first = list(found.values())[::-1]  # as far as their instants leave that open
        return sorted(oldest_first, key=lambda fill: fill.utc_ns)


def execution_of_fill(fill: Fill) -> Execution:
    """Return a fill of REST as an execution."""
    return Execution(
        order_id=fill.order_id,
        symbol=fill.symbol,
        side=fill.side,
        qty=fill.qty,
        price=fill.yes_price,
        fee=fill.fee,
        utc_ns=fill.utc_ns,
        trade_id=fill.trade_id,
        is_taker=fill.is_taker,
        subaccount=fill.subaccount,
        exchange_index=fill.exchange_index,
        feed=RestFeed.name,
    )


@dataclass(frozen=True, slots=True)
class Known:
    """An execution that is known already, from which a query may begin."""

    key: ExecKey
    utc_ns: int


class DropCopyFeed:
    """What a query of the drop copy brings: at most the last three hours, and all of it.

    Args:
        client: of a session that may ask.
        known: from where to ask, for each exchange index that the account is known to trade on: the venue
            takes ExecIDs and no times. Of the primary one everything is asked for if none is known.
        clock: the only source of time.
    """

    name = "drop copy"
    ours = False

    def __init__(self, client: DropCopy, known: Mapping[int, Known], clock: Clock) -> None:
        self._client = client
        self._known = known
        self._clock = clock
        self._shown: Period | None = None

    async def executions(self, period: Period) -> AsyncIterator[Execution]:
        """Yield the executions of the last three hours; see ``feeds.Feed``.

        Raises:
            Rejected: the venue refused, with its reason and what to do.
            RemoteError: an answer came in part.
        """
        asked_ns = self._clock.now().utc_ns
        found: list[Execution] = []
        since = max(period.begin_ns, asked_ns - DROP_COPY_NS)
        for exchange in sorted({PRIMARY, *self._known}):
            known = self._known.get(exchange)
            reports = await self._reports(known.key if known is not None else ExecKey(exchange, 0, 0))
            if known is not None:
                since = max(since, known.utc_ns)
            found += filter(None, map(execution_of_report, reports))
        self._shown = Period(since, max(asked_ns - TOLERANCE_NS, since))
        for execution in sorted(found, key=lambda one: one.utc_ns):
            if execution.utc_ns in period:
                yield execution

    async def _reports(self, begin: ExecKey) -> Sequence[ExecutionReport]:
        resent = await self._client.query(ExecID(*begin))
        if not resent.complete:
            raise RemoteError(
                f"the drop copy sent {len(resent.reports)} of {resent.announced} reports: ask again"
            )
        return resent.reports

    def proves(self) -> Sequence[Proof]:
        """The last three hours, up to the question."""
        return () if self._shown is None else (Proof(self.name, self._shown, EXECUTIONS),)

    def timeline(self) -> SessionTimeline | None:
        """It is of the account, not of a session."""
        return None

    def notes(self) -> Sequence[str]:
        """Return which exchanges were asked for: a shard of which nothing is known is not among them."""
        return [f"exchange indices asked for: {', '.join(map(str, sorted({PRIMARY, *self._known})))}"]


def execution_of_report(report: ExecutionReport) -> Execution | None:
    """Return the execution that a report tells of, None when it tells of none; prices are in dollars."""
    if str(report.exec_type) != "F":
        return None
    exec_id = ExecID.parse(report.exec_id)
    key = None if exec_id is None else ExecKey(exec_id.exchange_index, exec_id.clock, exec_id.event)
    fees = (fee.misc_fee_amt for fee in report.misc_fees or ())
    return Execution(
        order_id=report.order_id,
        symbol=report.symbol,
        side=report.side,
        qty=report.last_qty or ZERO,
        price=report.last_px or ZERO,
        fee=sum((fee for fee in fees if fee is not None), ZERO),
        utc_ns=parse_utc_timestamp_ns(report.message.get(TRANSACT_TIME) or b""),
        trade_id=report.trd_match_id or "",
        exec_key=key,
        is_taker=report.aggressor_indicator,
        cl_ord_id=report.cl_ord_id or "",
        subaccount=int(report.alloc_account or 0),
        exchange_index=key.exchange_index if key is not None else 0,
        position=(report.long_qty or ZERO) - (report.short_qty or ZERO),
        feed=DropCopyFeed.name,
        report=report.message,
    )
