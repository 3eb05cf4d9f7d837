"""Joins what two sides tell of executions: memory holds the last seconds, and what is alone so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator
from decimal import Decimal
from enum import Enum

from fixgw.reconcile.compare import differences
from fixgw.reconcile.feeds import TOLERANCE_NS
from fixgw.reconcile.model import Execution

PATIENCE_NS = 3 * TOLERANCE_NS  # after which nothing that belongs to an execution can still come


class How(Enum):
    """By what the two sides of a pair were found to be one."""

    EXEC_ID = "exec id"
    TRADE_ID = "trade id"
    TERMS = "terms"
    ALONE = "alone"


class Pair:
    """One execution, as the gateway has it and as the venue's feeds have it.

    Attributes:
        ours: as a tape has it, None when none does.
        theirs: as the venue's feeds have it.
        how: by what the two were joined.
        utc_ns: when it happened, by who told it first.
    """

    __slots__ = ("how", "ours", "theirs", "utc_ns")

    def __init__(self, utc_ns: int) -> None:
        self.ours: Execution | None = None
        self.theirs: list[Execution] = []
        self.how = How.ALONE
        self.utc_ns = utc_ns

    @property
    def alone(self) -> bool:
        """True while one side has not told it."""
        return self.ours is None or not self.theirs


class Join:
    """Takes executions in about the order of time and gives pairs back about which nothing more can come.

    Two executions are one when exchange index and ExecID are, or trade and order are. What is left alone on
    both sides is then joined by order, price, quantity and an instant within ``TOLERANCE_NS``. A partner may
    come hours late, as a report that is sent again after a reconnect does: what is alone stays until the end.

    Attributes:
        twice: executions that a side told again.
        retold: those of them that were told otherwise the second time: as it was first, and then.
    """

    def __init__(self) -> None:
        self.twice = 0
        self.retold: list[tuple[Execution, Execution]] = []
        self._known: dict[Hashable, Pair] = {}  # by ExecKey and TradeKey
        self._open: deque[Pair] = deque()
        self._left: dict[tuple[str, Decimal, Decimal], list[Pair]] = {}  # alone so far, by their terms
        self._done: set[int] = set()  # what was given back, as numbers: a million take some 100 MB

    def __len__(self) -> int:
        """Return how many executions are held."""
        return len(self._open) + sum(map(len, self._left.values()))

    def add(self, execution: Execution, *, ours: bool) -> None:
        """Take in what one feed tells."""
        pair, how = self._find(execution)
        if pair is None:
            if _fingerprint(execution) in self._done:
                self.twice += 1
                return
            pair = Pair(execution.utc_ns)
            self._open.append(pair)
        self._index(execution, pair)
        if ours:
            if pair.ours is not None:
                self._again(pair.ours, execution)
                return
            pair.ours = execution
        else:
            before = next((one for one in pair.theirs if one.feed == execution.feed), None)
            if before is not None:
                self._again(before, execution)
                return
            pair.theirs.append(execution)
        if how is not None and not pair.alone and pair.how is How.ALONE:
            pair.how = how

    def settle(self, reached_ns: int) -> Iterator[Pair]:
        """Yield the pairs that are complete once every feed has told everything before an instant."""
        while self._open and self._open[0].utc_ns + PATIENCE_NS <= reached_ns:
            pair = self._open.popleft()
            if not pair.alone:
                self._forget(pair)
                yield pair
            elif _told(pair) and not self._married(pair):
                self._left.setdefault(_terms(pair), []).append(pair)

    def finish(self) -> Iterator[Pair]:
        """Yield everything that is held, oldest first; no feed has more to tell."""
        yield from self.settle(max((pair.utc_ns for pair in self._open), default=0) + PATIENCE_NS)
        left = [pair for pairs in self._left.values() for pair in pairs if _told(pair)]
        yield from sorted(left, key=lambda pair: pair.utc_ns)

    def _again(self, before: Execution, now: Execution) -> None:
        self.twice += 1
        if differences(before, now):
            self.retold.append((before, now))

    # -- by id --

    def _find(self, execution: Execution) -> tuple[Pair | None, How | None]:
        by_exec = self._known.get(execution.exec_key) if execution.exec_key is not None else None
        by_trade = self._known.get(execution.trade_key) if execution.trade_id else None
        if by_exec is not None and by_trade is not None and by_exec is not by_trade:
            self._merge(by_trade, by_exec)
        if by_exec is not None:
            return by_exec, How.EXEC_ID
        return by_trade, How.TRADE_ID if by_trade is not None else None

    def _index(self, execution: Execution, pair: Pair) -> None:
        if execution.exec_key is not None:
            self._known[execution.exec_key] = pair
        trade_key = execution.trade_key
        if trade_key is not None:
            self._known[trade_key] = pair

    def _index_all(self, from_pair: Pair, into: Pair) -> None:
        for execution in _told(from_pair):
            self._index(execution, into)

    def _merge(self, from_pair: Pair, into: Pair) -> None:
        """An execution with both ids shows that two pairs, each with one of them, are one."""
        self._index_all(from_pair, into)
        into.ours = into.ours or from_pair.ours
        into.theirs += from_pair.theirs
        from_pair.ours, from_pair.theirs = None, []  # an empty pair is passed over when its time comes

    def _forget(self, pair: Pair) -> None:
        if pair.ours is not None:
            self._done.add(_fingerprint(pair.ours))
        for execution in _told(pair):
            for key in (execution.exec_key, execution.trade_key):
                if key is not None and self._known.get(key) is pair:
                    del self._known[key]

    # -- by terms --

    def _married(self, pair: Pair) -> bool:
        """Join with what was left alone by the other side; it is given back in that one's place."""
        for other in self._left.get(_terms(pair), ()):
            fits = (other.ours is None) != (pair.ours is None)
            if fits and other.alone and abs(other.utc_ns - pair.utc_ns) <= TOLERANCE_NS:
                other.ours = other.ours or pair.ours
                other.theirs += pair.theirs
                other.how = How.TERMS
                self._index_all(pair, other)
                return True
        return False


def _told(pair: Pair) -> list[Execution]:
    return [*pair.theirs, pair.ours] if pair.ours is not None else pair.theirs


def _fingerprint(one: Execution) -> int:
    """Return what an execution that is told again hours later has in common with the first telling.

    One that is told otherwise by then has another, and is left alone: it shows as a difference.
    """
    return hash((one.trade_key or one.exec_key, one.side, one.qty, one.price))


def _terms(pair: Pair) -> tuple[str, Decimal, Decimal]:
    one = pair.ours or pair.theirs[0]
    return one.order_id, one.price, one.qty
