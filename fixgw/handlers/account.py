"""The positions of a whole gateway: what its sessions tell, each execution once."""

from __future__ import annotations

from typing import Any

from fixgw.handlers.executions import Identity
from fixgw.handlers.holdings import Holdings
from fixgw.handlers.position import Fill, Settled


class Account(Holdings):
    """The positions that the sessions of one account tell of together; what two of them report counts once.

    It can not be put together from the sessions' own positions, which overlap. So each session keeps the
    account in its checkpoint beside its own. At a start the one that knows most is taken, and what each
    session has told since its own checkpoint is counted on top; until ``begin`` that is only gathered.
    """

    def __init__(self) -> None:
        super().__init__()
        self._offers: list[dict[str, Any]] = []
        self._fills: list[tuple[Fill, bool]] = []
        self._events: list[tuple[Identity, Fill] | Settled] = []
        self._gathers = True

    def offer(self, state: dict[str, Any]) -> None:
        """Take in the account as one session's checkpoint has it."""
        self._offers.append(state)

    def begin(self) -> None:
        """Set it going: every session was rebuilt."""
        self._gathers = False
        if self._offers:
            self.restore(max(self._offers, key=lambda state: state["counted"]))
        for fill, missed in sorted(self._fills, key=lambda one: _age(one[0].identity)):
            super().book(fill, missed=missed)
        for event in self._events:
            if isinstance(event, Settled):
                super().settle(event)
            else:
                super().correct(*event)
        self._offers, self._fills, self._events = [], [], []

    def book(self, fill: Fill, *, missed: bool = False) -> bool:
        """Take in an execution; see ``Holdings.book``."""
        if self._gathers:
            self._fills.append((fill, missed))
            return True
        return super().book(fill, missed=missed)

    def correct(self, reference: Identity, correction: Fill) -> bool:
        """Undo an execution; see ``Holdings.correct``."""
        if self._gathers:
            self._events.append((reference, correction))
            return True
        return super().correct(reference, correction)

    def settle(self, settled: Settled) -> bool:
        """Pay a market out; see ``Holdings.settle``."""
        if self._gathers:
            self._events.append(settled)
            return True
        return super().settle(settled)


def _age(identity: Identity) -> tuple[str, int]:
    """Return the order of executions within an exchange; what has none stays as it was told."""
    exchange, number = identity
    return exchange, number if isinstance(number, int) else 0
