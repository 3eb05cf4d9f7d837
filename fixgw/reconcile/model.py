"""What is compared, what is found, and what was proven: the vocabulary of a reconciliation.

Money is in dollars, quantities in contracts, both ``Decimal``; instants are UTC nanoseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import NamedTuple

from fixgw.fix.message import Message
from fixgw.messages.order_entry import Side


class Period(NamedTuple):
    """A stretch of time, its end not included, UTC nanoseconds."""

    begin_ns: int
    end_ns: int

    def __contains__(self, utc_ns: object) -> bool:
        return isinstance(utc_ns, int) and self.begin_ns <= utc_ns < self.end_ns

    def widened(self, by_ns: int) -> Period:
        """Return the period with as much more on both sides: instants of one thing differ a little."""
        return Period(self.begin_ns - by_ns, self.end_ns + by_ns)


class ExecKey(NamedTuple):
    """ExecID(17) as numbers: unique and rising within an exchange index."""

    exchange_index: int
    clock: int
    event: int


class TradeKey(NamedTuple):
    """TrdMatchID(880) with the order's own id: both sides of a trade share the former."""

    trade_id: str
    order_id: str


@dataclass(frozen=True, slots=True)
class Execution:
    """One side of a trade, as one feed tells it.

    Args:
        order_id: OrderID(37).
        symbol: Symbol(55).
        side: Side(54), buying or selling YES.
        qty: LastQty(32), contracts.
        price: LastPx(31) of YES, dollars.
        fee: MiscFeeAmt(137), all of the trade, dollars.
        utc_ns: TransactTime(60).
        trade_id: TrdMatchID(880), empty where the feed has none.
        exec_key: ExecID(17), None where the feed has none.
        is_taker: AggressorIndicator(1057), None where the feed does not tell.
        cl_ord_id: ClOrdID(11), empty where the feed has none.
        subaccount: AllocAccount(79).
        exchange_index: LastMkt(30).
        position: LongQty(704) less ShortQty(705): net YES of the account after it, as the venue says; None
            where the feed does not tell.
        feed: who tells it.
        session: on which session it came, empty where it came on none.
        report: the venue's own report of it, prices in dollars; None where the feed has none.
    """

    order_id: str
    symbol: str
    side: Side
    qty: Decimal
    price: Decimal
    fee: Decimal
    utc_ns: int
    trade_id: str = ""
    exec_key: ExecKey | None = None
    is_taker: bool | None = None
    cl_ord_id: str = ""
    subaccount: int = 0
    exchange_index: int = 0
    position: Decimal | None = None
    feed: str = ""
    session: str = ""
    report: Message | None = field(default=None, repr=False, compare=False)

    @property
    def trade_key(self) -> TradeKey | None:
        """The trade, None where the feed does not tell."""
        return TradeKey(self.trade_id, self.order_id) if self.trade_id else None


class Subject(StrEnum):
    """What a feed can tell about."""

    EXECUTIONS = "executions"
    ORDERS = "orders"
    POSITIONS = "positions"
    SETTLEMENTS = "settlements"


@dataclass(frozen=True, slots=True)
class Proof:
    """What a feed has shown completely.

    Args:
        feed: its name.
        period: over which nothing is missing from it.
        subjects: of what.
        sessions: names of the sessions that it covers; None for every session of the account.
    """

    feed: str
    period: Period
    subjects: frozenset[Subject]
    sessions: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class FeedResult:
    """How a feed did.

    Args:
        name: its name.
        executions: how many it told.
        proofs: what it has shown.
        failure: why it could not be read to the end, with what to do; empty when it could.
        notes: what a person should know of it, such as a torn tail or an execution told twice.
        ours: it tells what the gateway saw.
    """

    name: str
    executions: int = 0
    proofs: tuple[Proof, ...] = ()
    failure: str = ""
    notes: tuple[str, ...] = ()
    ours: bool = False


class BreakKind(StrEnum):
    """How the two sides can differ."""

    MISSING_IN_FIX = "missing in FIX"  # the venue has an execution that no tape has
    MISSING_AT_VENUE = "missing at the venue"  # a tape has an execution that the venue does not show
    FIELD_MISMATCH = "field mismatch"  # the same execution, told differently
    FOREIGN_ORDER = "foreign order"  # the venue has an order that this gateway never sent
    ORDER_OPEN_HERE_ONLY = "order open here only"
    POSITION_DIFFERENCE = "position difference"
    SETTLEMENT_DIFFERENCE = "settlement difference"


class FieldDifference(NamedTuple):
    """One field, as each side tells it."""

    name: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class Break:
    """One difference.

    Args:
        kind: how the two sides differ.
        symbol: the market.
        what: the difference in one sentence.
        order_id: OrderID(37), empty where it is about none.
        trade_id: TrdMatchID(880), empty where it is about none.
        session: the session that should have it, empty when that is not known.
        utc_ns: when it happened; None where it has no instant.
        ours: the execution as the tapes have it.
        theirs: the execution as the venue has it.
        fields: what differs.
    """

    kind: BreakKind
    symbol: str
    what: str
    order_id: str = ""
    trade_id: str = ""
    session: str = ""
    utc_ns: int | None = None
    ours: Execution | None = None
    theirs: Execution | None = None
    fields: tuple[FieldDifference, ...] = ()


@dataclass(frozen=True, slots=True)
class SymbolTotals:
    """The executions of one market, as each side tells them."""

    symbol: str
    our_count: int = 0
    their_count: int = 0
    our_qty: Decimal = Decimal(0)
    their_qty: Decimal = Decimal(0)
    our_fees: Decimal = Decimal(0)
    their_fees: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class SessionTimeline:
    """When a session was connected, and what it is known to have lost.

    Args:
        name: its name in the configuration.
        connected: its connections, as far as they lie in the period.
        lost: stretches in which inbound messages are known to be missing.
        retransmission: what it loses comes again.
    """

    name: str
    connected: tuple[Period, ...] = ()
    lost: tuple[Period, ...] = ()
    retransmission: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """How the executions were matched.

    Args:
        by_exec_id: by exchange index and ExecID.
        by_trade_id: by trade and order.
        by_terms: by order, price, quantity and time, for want of a common id.
        pending: too young to be judged.
        twice: told again by a feed that had told them, and counted once.
    """

    by_exec_id: int = 0
    by_trade_id: int = 0
    by_terms: int = 0
    pending: int = 0
    twice: int = 0

    @property
    def matched(self) -> int:
        """How many were matched in all."""
        return self.by_exec_id + self.by_trade_id + self.by_terms


class Verdict(StrEnum):
    """What a run comes to."""

    CLEAN = "clean"  # no break, and the whole period is proven for every session
    BREAKS = "breaks"
    UNPROVEN = "unproven"  # no break in what could be seen, which is not the whole
    FAILED = "failed"  # nothing could be compared


class ExitCode(IntEnum):
    """What the command ends with."""

    CLEAN = 0
    BREAKS = 1
    COULD_NOT_RUN = 2


EXIT_CODES = {
    Verdict.CLEAN: ExitCode.CLEAN,
    Verdict.BREAKS: ExitCode.BREAKS,
    Verdict.UNPROVEN: ExitCode.COULD_NOT_RUN,
    Verdict.FAILED: ExitCode.COULD_NOT_RUN,
}


@dataclass(frozen=True, slots=True)
class ReconciliationReport:
    """What one run found.

    Args:
        run_id: names the run in records and logs.
        period: what was asked for.
        started_ns: when it began.
        ended_ns: when it was done.
        judged_until_ns: nothing after this instant was judged: the venue's own data is not older.
        verdict: what it comes to.
        sessions: by session.
        unproven: the stretches for which nothing shows that no execution is missing, by session.
        feeds: how each did.
        counts: how executions were matched.
        breaks: what differs.
        warnings: what a person should look at, though it breaks nothing.
        totals: by market.
        last_seen: the newest execution of each market and subaccount that a tape has.
        applied: executions, and ends of orders, that the run gave to the gateway's books.
    """

    run_id: str
    period: Period
    started_ns: int
    ended_ns: int
    judged_until_ns: int
    verdict: Verdict
    sessions: tuple[SessionTimeline, ...] = ()
    unproven: dict[str, tuple[Period, ...]] = field(default_factory=dict)
    feeds: tuple[FeedResult, ...] = ()
    counts: Counts = Counts()
    breaks: tuple[Break, ...] = ()
    warnings: tuple[str, ...] = ()
    totals: tuple[SymbolTotals, ...] = ()
    last_seen: tuple[Execution, ...] = ()
    applied: int = 0

    @property
    def exit_code(self) -> ExitCode:
        """0 clean, 1 breaks, 2 could not run or could not prove."""
        return EXIT_CODES[self.verdict]

    @property
    def missing(self) -> list[Execution]:
        """The executions that the gateway never saw, as the venue tells them, oldest first."""
        found = [one.theirs for one in self.breaks if one.kind is BreakKind.MISSING_IN_FIX and one.theirs]
        return sorted(found, key=lambda execution: execution.utc_ns)


def subtract(period: Period, proven: Iterable[Period]) -> Sequence[Period]:
    """Return what is left of a period without the stretches that are proven, in order."""
    left, begin = [], period.begin_ns
    for one in sorted(proven):
        if one.begin_ns > begin:
            left.append(Period(begin, min(one.begin_ns, period.end_ns)))
        begin = max(begin, one.end_ns)
        if begin >= period.end_ns:
            break
    if begin < period.end_ns:
        left.append(Period(begin, period.end_ns))
    return [one for one in left if one.begin_ns < one.end_ns]
