"""Judges pairs: counts what matched, names what did not, and adds up by order and by market."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from decimal import Decimal

from fixgw.reconcile.compare import differences
from fixgw.reconcile.feeds import TOLERANCE_NS
from fixgw.reconcile.join import How, Join, Pair
from fixgw.reconcile.model import (
    Break,
    BreakKind,
    Counts,
    ExecKey,
    Execution,
    FieldDifference,
    Period,
    Proof,
    Subject,
    SymbolTotals,
)

CENT = Decimal("0.01")
NO_KEY = ExecKey(0, 0, 0)
MOST_BREAKS = 100_000  # that are kept whole; a run with more is told so


class _Side:
    """What one side tells of one market, added up."""

    __slots__ = ("count", "fees", "qty")

    def __init__(self) -> None:
        self.count, self.qty, self.fees = 0, Decimal(0), Decimal(0)

    def add(self, one: Execution) -> None:
        """Take in one execution."""
        self.count += 1
        self.qty += one.qty
        self.fees += one.fee


class Judge:
    """Takes pairs in, and gives breaks, counts and totals out.

    Args:
        period: what is asked for.
        young_ns: what the venue tells from this instant on may still be on its way to the tapes.
    """

    def __init__(self, period: Period, young_ns: int) -> None:
        self.breaks: list[Break] = []
        self.counts = Counts()
        self.warnings: list[str] = []
        self._period = period
        self._young_ns = young_ns
        self._matched = dict.fromkeys(How, 0)
        self._pending = 0
        self._beyond = 0
        self._ours_alone: list[Execution] = []
        self._theirs_alone: deque[Execution] = deque(maxlen=MOST_BREAKS)  # the newest: tapes have a beginning
        self._fees: dict[str, tuple[Decimal, Decimal, Execution]] = {}  # by order, where a fill differs
        self._totals: dict[str, tuple[_Side, _Side]] = {}
        self._last_seen: dict[tuple[str, int], Execution] = {}

    def take(self, pair: Pair) -> None:
        """Judge one pair, as far as that can be done before the proofs are known."""
        if pair.utc_ns not in self._period:
            return
        self._add_up(pair)
        if pair.ours is None:
            self._beyond += len(self._theirs_alone) == MOST_BREAKS
            self._theirs_alone.append(max(pair.theirs, key=_telling))
        elif not pair.theirs:
            if len(self._ours_alone) < MOST_BREAKS:
                self._ours_alone.append(pair.ours)
            else:
                self._beyond += 1
        else:
            self._matched[pair.how] += 1
            self._compare(pair.ours, pair.theirs)

    def twice(self, join: Join) -> None:
        """Say what was told more than once, and judge what was told otherwise then."""
        if join.twice:
            self.warnings.append(f"{join.twice} executions were told twice by one feed, and count once")
        for before, now in join.retold:
            if before.utc_ns in self._period:
                fields = tuple(differences(before, now))
                what = f"{now.feed} tells it twice, with another {', '.join(one.name for one in fields)}"
                self._note(BreakKind.FIELD_MISMATCH, before, what, ours=before, theirs=now, fields=fields)

    def conclude(self, proofs: Sequence[Proof], tapes: Sequence[Sequence[Proof]]) -> None:
        """Judge what only the proofs can decide; nothing more is taken after it.

        Args:
            proofs: of the venue's feeds.
            tapes: of the gateway's own, one after the other; none for one that failed.
        """
        self._judge_theirs(tapes)
        shown = [proof.period for proof in proofs if Subject.EXECUTIONS in proof.subjects]
        judged_until = max((period.end_ns for period in shown), default=self._period.begin_ns)
        for ours in self._ours_alone:
            if any(ours.utc_ns in period for period in shown):
                self._missing_at_venue(ours)
            elif ours.utc_ns >= judged_until:
                self._pending += 1
        for order_id, (ours_fee, their_fee, one) in self._fees.items():
            self._fees_of(order_id, ours_fee, their_fee, one)
        if self._beyond:
            self.warnings.append(f"{self._beyond} more differences are counted and not listed")
        self.counts = Counts(
            by_exec_id=self._matched[How.EXEC_ID],
            by_trade_id=self._matched[How.TRADE_ID],
            by_terms=self._matched[How.TERMS],
            pending=self._pending,
        )
        if self.counts.by_terms:
            self.warnings.append(
                f"{self.counts.by_terms} executions have no id in common and were matched by order, price, "
                "quantity and time"
            )

    def totals(self) -> tuple[SymbolTotals, ...]:
        """Return what each side tells by market, in order of name."""
        return tuple(
            SymbolTotals(symbol, ours.count, theirs.count, ours.qty, theirs.qty, ours.fees, theirs.fees)
            for symbol, (ours, theirs) in sorted(self._totals.items())
        )

    def last_seen(self) -> tuple[Execution, ...]:
        """Return the newest execution of each market and subaccount that a tape has."""
        return tuple(self._last_seen.values())

    # -- executions --

    def _judge_theirs(self, tapes: Sequence[Sequence[Proof]]) -> None:
        """What lies where a tape tells nothing may have been seen, and books must not get it again."""
        unseen = 0
        for theirs in self._theirs_alone:
            if theirs.utc_ns >= self._young_ns:
                self._pending += 1
            elif all(any(theirs.utc_ns in proof.period for proof in proofs) for proofs in tapes):
                self._missing_in_fix(theirs)
            else:
                unseen += 1
        if unseen:
            self.warnings.append(
                f"{unseen} executions of the venue are of a time of which not every tape tells: not judged"
            )

    def _missing_in_fix(self, theirs: Execution) -> None:
        what = f"{theirs.feed} tells it, and no tape has it: the gateway never saw it"
        self._note(BreakKind.MISSING_IN_FIX, theirs, what, theirs=theirs)

    def _missing_at_venue(self, ours: Execution) -> None:
        what = f"{ours.feed} has it, and the venue does not show it"
        self._note(BreakKind.MISSING_AT_VENUE, ours, what, ours=ours)

    def _compare(self, ours: Execution, theirs: Sequence[Execution]) -> None:
        for other in theirs:
            fields = differences(ours, other)
            if fields:
                names = ", ".join(field.name for field in fields)
                what = f"{other.feed} tells it with another {names}"
                self._note(
                    BreakKind.FIELD_MISMATCH, ours, what, ours=ours, theirs=other, fields=tuple(fields)
                )
        if any(other.fee != ours.fee for other in theirs):
            other = next(one for one in theirs if one.fee != ours.fee)
            mine, its, _ = self._fees.get(ours.order_id, (Decimal(0), Decimal(0), ours))
            self._fees[ours.order_id] = (mine + ours.fee, its + other.fee, ours)
            if abs(other.fee - ours.fee) > CENT:
                self.warnings.append(
                    f"the fee of {_terms(ours)} is {ours.fee} here and {other.fee} in {other.feed}"
                )

    def _fees_of(self, order_id: str, ours: Decimal, theirs: Decimal, one: Execution) -> None:
        if ours == theirs:  # the roundings of its fills make each other good
            return
        self._note(
            BreakKind.FIELD_MISMATCH,
            one,
            f"the fees of order {order_id} differ by {theirs - ours:f} dollars",
            ours=one,
            fields=(FieldDifference("fee", f"{ours:f}", f"{theirs:f}"),),
        )

    def _note(
        self,
        kind: BreakKind,
        one: Execution,
        what: str,
        *,
        ours: Execution | None = None,
        theirs: Execution | None = None,
        fields: tuple[FieldDifference, ...] = (),
    ) -> None:
        if len(self.breaks) >= MOST_BREAKS:
            self._beyond += 1
            return
        self.breaks.append(
            Break(
                kind,
                one.symbol,
                what,
                one.order_id,
                one.trade_id,
                one.session,
                one.utc_ns,
                ours,
                theirs,
                fields,
            )
        )

    def _see(self, ours: Execution) -> None:
        key = (ours.symbol, ours.subaccount)
        before = self._last_seen.get(key)
        if before is None or _age(before) <= _age(ours):
            self._last_seen[key] = ours

    def _add_up(self, pair: Pair) -> None:
        one = pair.ours or pair.theirs[0]
        total = self._totals.get(one.symbol)
        if total is None:
            total = self._totals[one.symbol] = (_Side(), _Side())
        if pair.ours is not None:
            total[0].add(pair.ours)
            self._see(pair.ours)
        if pair.theirs:
            total[1].add(pair.theirs[0])


def _telling(one: Execution) -> tuple[bool, bool]:
    """A report tells more than a list does."""
    return one.exec_key is not None, bool(one.cl_ord_id)


def _age(one: Execution) -> tuple[int, ExecKey]:
    return one.utc_ns, one.exec_key or NO_KEY


def young_from(now_ns: int) -> int:
    """Return the instant from which an execution may still be on its way to a tape."""
    return now_ns - TOLERANCE_NS


def _terms(one: Execution) -> str:
    return f"{one.side.name.lower()} {one.qty} {one.symbol} at {one.price} (order {one.order_id})"
