"""Which executions were counted already: each counts once, whoever tells of it and however late."""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Any, NamedTuple

KEPT = 16_384
MOST_MISSED = 131_072  # that are remembered beside them: more than one reconciliation finds
NO_EXEC_IDS = frozenset({"", "0", "NONE", "-1;-1"})  # what venues write where a report has none
TRADES = "trades"  # stands where other identities name an exchange


class Identity(NamedTuple):
    """What makes an execution that one and no other.

    Args:
        exchange: which exchange of the venue made it; identities of two exchanges say nothing about time.
        number: grows with time within an exchange; a text where the venue's ExecIDs are in no order.
    """

    exchange: str
    number: int | str


class Verdict(Enum):
    """Whether an execution was counted before."""

    NEW = "new"
    SEEN = "seen"
    DOUBTFUL = "doubtful"  # older than all that are remembered


def by_text(exec_id: str) -> Identity:
    """Return the identity of an execution at a venue whose ExecIDs are opaque."""
    return Identity("", exec_id)


def by_trade(trade: str) -> Identity:
    """Return the identity of an execution by its trade, for whoever tells it without an ExecID.

    Args:
        trade: TrdMatchID(880) and OrderID(37): both sides of a trade may share the former.
    """
    return Identity(TRADES, trade)


class _Exchange:
    """The newest executions of one exchange, in the order in which they were told."""

    __slots__ = ("floor", "kept", "numbers", "order")

    def __init__(self, kept: int) -> None:
        self.kept = kept
        self.numbers: set[int | str] = set()
        self.order: deque[int | str] = deque()
        self.floor = -1

    def trim(self, usual: int, *, missed: bool) -> None:
        """Let the oldest go after a new one; one that was missed takes nobody's place, but adds one."""
        if missed and self.kept < usual + MOST_MISSED:
            self.kept += 1
        if len(self.order) > self.kept:
            self.kept = max(self.kept - 1, usual)  # so that places that were added go bit by bit
            self._forget()

    def _forget(self) -> None:
        """Let the oldest go; what is not above the floor may have been among them."""
        while len(self.order) > self.kept:
            number = self.order.popleft()
            self.numbers.discard(number)
            if isinstance(number, int) and number > self.floor:
                self.floor = number


class Executions:
    """Remembers what was counted, in bounded memory.

    An execution that comes late, with a number lower than others, still counts, as long as it is newer than
    the newest one that was forgotten.

    Args:
        kept: how many are remembered of each exchange.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._exchanges: dict[str, _Exchange] = {}

    def __contains__(self, identity: object) -> bool:
        """Tell whether an execution is remembered."""
        if not isinstance(identity, Identity) or identity.exchange not in self._exchanges:
            return False
        return identity.number in self._exchanges[identity.exchange].numbers

    def take(self, identity: Identity, *, missed: bool = False) -> Verdict:
        """Tell whether an execution was counted before, and remember one that is new.

        Args:
            identity: of the execution.
            missed: it is known that it was not told, so that its age leaves no doubt.
        """
        exchange = self._exchanges.get(identity.exchange)
        if exchange is None:
            exchange = self._exchanges[identity.exchange] = _Exchange(self._kept)
        number, numbers = identity.number, exchange.numbers
        if number in numbers:
            return Verdict.SEEN
        if isinstance(number, int) and number <= exchange.floor and not missed:
            return Verdict.DOUBTFUL
        numbers.add(number)
        exchange.order.append(number)
        if missed or len(exchange.order) > exchange.kept:
            exchange.trim(self._kept, missed=missed)
        return Verdict.NEW

    def take_trade(self, trade: str, *, missed: bool = False) -> bool:
        """Remember an execution by its trade as well; false when it was counted under that name before.

        As ``take(by_trade(trade))``, in a third of its time: every fill that bears an ExecID comes here.
        """
        exchange = self._exchanges.get(TRADES)
        if exchange is None:
            exchange = self._exchanges[TRADES] = _Exchange(self._kept)
        if trade in exchange.numbers:
            return False
        exchange.numbers.add(trade)
        exchange.order.append(trade)
        if missed or len(exchange.order) > exchange.kept:
            exchange.trim(self._kept, missed=missed)
        return True

    def dump(self) -> dict[str, Any]:
        """Return all that is remembered as plain values."""
        return {name: [one.floor, *one.order] for name, one in self._exchanges.items()}

    def load(self, plain: dict[str, Any]) -> None:
        """Take what ``dump`` returned."""
        for name, (floor, *numbers) in plain.items():
            exchange = self._exchanges[name] = _Exchange(max(self._kept, len(numbers)))
            exchange.floor = floor
            exchange.order.extend(numbers)
            exchange.numbers.update(numbers)
