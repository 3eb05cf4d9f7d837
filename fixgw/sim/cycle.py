"""One matching cycle, and the ExecIDs that it gives: docs.kalshi.com/getting_started/exchange_sharding.

An ExecID is ``clock;event`` on exchange index 0 and ``clock;event;index`` elsewhere. Each index has a clock
of its own, which goes up with each cycle that executes anything there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import NamedTuple

from fixgw.sim.groups import OrderGroup
from fixgw.sim.orders import ZERO, EngineEvent, Order, Traded


class ExecId(NamedTuple):
    """ExecID(17) in its parts; those of one exchange index compare as they came about."""

    exchange_index: int
    clock: int
    event: int

    @classmethod
    def parse(cls, text: str) -> ExecId:
        """Read ``clock;event`` or ``clock;event;index``.

        Raises:
            ValueError: it is neither.
        """
        parts = text.split(";")
        if len(parts) not in (2, 3) or not all(part.isdigit() for part in parts):
            raise ValueError(f"{text!r} is no ExecID")
        return cls(int(parts[2]) if len(parts) == 3 else 0, int(parts[0]), int(parts[1]))

    def __str__(self) -> str:
        plain = f"{self.clock};{self.event}"
        return plain if self.exchange_index == 0 else f"{plain};{self.exchange_index}"


def exchange_index(exec_id: str) -> str:
    """Return LastMkt(30): the exchange index that an ExecID of this venue names."""
    parts = exec_id.split(";")
    return parts[2] if len(parts) > 2 else "0"


class Cycle:
    """One matching cycle: its instant, and the events so far.

    Args:
        clocks: the number of the last cycle that executed something, by exchange index; it is brought on.
        at_ns: UTC nanoseconds.

    Attributes:
        triggered: order groups whose limit was exceeded; their orders are cancelled when the cycle ends.
    """

    def __init__(self, clocks: Counter[int], at_ns: int) -> None:
        self.at_ns = at_ns
        self.events: list[EngineEvent] = []
        self.triggered: list[OrderGroup] = []
        self._clocks = clocks
        self._executions: Counter[int] = Counter()

    def exec_id(self, exchange_index: int) -> str:
        """Return the next ExecID(17) of an exchange index."""
        if not self._executions[exchange_index]:
            self._clocks[exchange_index] += 1
        self._executions[exchange_index] += 1
        return str(ExecId(exchange_index, self._clocks[exchange_index], self._executions[exchange_index]))

    def close_last_trade(self, order: Order) -> None:
        """Let the last trade of an order say that nothing of it is left."""
        for at in reversed(range(len(self.events))):
            event = self.events[at]
            if isinstance(event, Traded) and event.order.order_id == order.order_id:
                self.events[at] = replace(event, order=replace(event.order, leaves=ZERO))
                return
