"""Positions in every market, each execution and each settlement counted once, whoever tells of it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from fixgw.handlers.executions import Executions, Identity, Verdict
from fixgw.handlers.position import (
    ZERO,
    Booked,
    Fill,
    Position,
    PositionSnapshot,
    Settled,
    dump_booked,
    load_booked,
    load_position,
)

KEPT = 4_096  # markets; beyond, those that are flat are folded into sums, the oldest first
CORRECTABLE = 512  # executions whose terms are kept, so that a correction can undo them


class Holdings:
    """The positions of an account, or of the part of it that one session is told about.

    Attributes:
        counted: executions and settlements that moved something.
        duplicates: told again, and left.
        doubtful: executions older than all that are remembered, and left: they may have been counted or not.
        unmatched: corrections of executions whose terms are not known any more, and left.
        malformed: messages that could not be read; they changed nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.counted = 0
        self.duplicates = 0
        self.doubtful = 0
        self.unmatched = 0
        self.malformed = 0
        self._positions: dict[tuple[str, str], Position] = {}
        self._earlier = Position("")
        self._fold_beyond = KEPT
        self._executions = Executions()
        self._terms: dict[Identity, Booked] = {}

    # -- looking --

    def __iter__(self) -> Iterator[Position]:
        return iter(list(self._positions.values()))

    def __len__(self) -> int:
        return len(self._positions)

    def get(self, symbol: str, alloc_account: str = "") -> Position | None:
        """Return the position in a market, None when nothing was ever traded there.

        Args:
            symbol: Symbol(55).
            alloc_account: AllocAccount(79), the subaccount.
        """
        return self._positions.get((symbol, alloc_account))

    def net(self, symbol: str) -> Decimal:
        """Return the net YES contracts in a market (negative: NO), all subaccounts together."""
        return sum((one.qty for one in self._positions.values() if one.symbol == symbol), ZERO)

    @property
    def fees(self) -> Decimal:
        """Dollars of fees, all markets together."""
        return sum((one.fees for one in self._positions.values()), self._earlier.fees)

    @property
    def realised_pnl(self) -> Decimal:
        """Dollars earned by what was closed or settled, before fees, all markets together."""
        return sum((one.realised_pnl for one in self._positions.values()), self._earlier.realised_pnl)

    @property
    def cash(self) -> Decimal:
        """Dollars that trades and settlements moved by the venue's own words, all markets together."""
        return sum((one.cash for one in self._positions.values()), self._earlier.cash)

    def snapshot(self) -> list[PositionSnapshot]:
        """Return what can be seen of every position that is kept, in the order of their first trade."""
        return [one.snapshot() for one in self._positions.values()]

    def counts(self, identity: Identity) -> bool:
        """Tell whether an execution was counted, as far back as is remembered."""
        return identity in self._executions

    # -- taking in --

    def book(self, fill: Fill, *, missed: bool = False) -> bool:
        """Take in an execution; false when it was counted before, or may have been.

        Args:
            fill: the execution.
            missed: it is known that nobody told it when it was made.
        """
        if not self._is_new(fill.identity, missed=missed):
            return False
        if fill.trade and not self._executions.take_trade(fill.trade, missed=missed):
            self.duplicates += 1
            return False
        position = self._position(fill)
        later = self._made_after(position, fill)
        for booked in reversed(later):
            position.undo(booked)
        now = position.book(fill)
        for booked in later:
            self._terms[booked.fill.identity] = position.book(booked.fill)
        self._remember(now)
        return True

    def correct(self, reference: Identity, correction: Fill) -> bool:
        """Undo an execution and book what stands in its place; false when that was counted or can not be.

        Args:
            reference: the execution that was corrected or busted.
            correction: what stands in its place; a quantity of zero for nothing.
        """
        if not self._is_new(correction.identity):
            return False
        wrong = self._terms.pop(reference, None)
        if wrong is None:
            self.unmatched += 1
            return False
        self._position(wrong.fill).undo(wrong)
        self._remember(self._position(correction).book(correction))
        return True

    def settle(self, settled: Settled) -> bool:
        """Pay out what is held in a market, in every subaccount; false for an account that was paid before.

        Fee and payout are booked without a subaccount, because the venue does not say which one they are of.
        """
        whole = self._positions.get((settled.symbol, "")) or self._begun(settled.symbol, "")
        if not whole.settle(settled):
            self.duplicates += 1
            return False
        for one in self._positions.values():
            if one.symbol == settled.symbol and one is not whole:
                one.settle(settled._replace(fee=ZERO, payout=ZERO))
        self.counted += 1
        return True

    # -- for a checkpoint --

    def state(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "counted": self.counted,
            "earlier": self._earlier.dump(),
            "positions": [one.dump() for one in self._positions.values()],
            "executions": self._executions.dump(),
            "terms": [dump_booked(booked) for booked in self._terms.values()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take what ``state`` returned."""
        self.counted = state["counted"]
        positions = [load_position(plain) for plain in state["positions"]]
        self._positions = {(one.symbol, one.alloc_account): one for one in positions}
        self._earlier = load_position(state["earlier"])
        self._fold_beyond = max(KEPT, 2 * len(positions))
        self._executions = Executions()
        self._executions.load(state["executions"])
        self._terms = {one.fill.identity: one for one in map(load_booked, state["terms"])}

    # -- bookkeeping --

    def _is_new(self, identity: Identity, *, missed: bool = False) -> bool:
        verdict = self._executions.take(identity, missed=missed)
        if verdict is Verdict.NEW:
            return True
        self.duplicates += verdict is Verdict.SEEN
        self.doubtful += verdict is Verdict.DOUBTFUL
        return False

    def _made_after(self, position: Position, fill: Fill) -> list[Booked]:
        """Return what was booked before an execution that came late, and was made after it, in that order.

        What is earned at average cost depends on the order of the executions.
        """
        exchange, number = fill.identity
        if isinstance(number, str) or number >= position.venue_number or position.settl_price is not None:
            return []
        place = (fill.symbol, fill.alloc_account, exchange)
        return sorted(
            (
                one
                for one in self._terms.values()
                if (one.fill.symbol, one.fill.alloc_account, one.fill.identity.exchange) == place
                and one.fill.identity > fill.identity
            ),
            key=lambda one: one.fill.identity,
        )

    def _position(self, fill: Fill) -> Position:
        key = (fill.symbol, fill.alloc_account)
        position = self._positions.get(key)
        if position is None:
            position = self._begun(*key)
            whole = self._positions.get((fill.symbol, ""))
            if whole is not None and whole.settl_price is not None:  # it comes late, in a further subaccount
                position.settl_price, position.settled_ns = whole.settl_price, whole.settled_ns
                position.paid = whole.paid
        return position

    def _begun(self, symbol: str, alloc_account: str) -> Position:
        self._fold()
        position = self._positions[symbol, alloc_account] = Position(symbol, alloc_account)
        return position

    def _fold(self) -> None:
        """Make room for a further market: what flat ones have earned stays in the sums."""
        if len(self._positions) < self._fold_beyond:
            return
        flat = [key for key, one in self._positions.items() if not one.qty]
        for key in flat[: len(self._positions) - KEPT // 2]:
            self._earlier.absorb(self._positions.pop(key))
        self._fold_beyond = max(KEPT, 2 * len(self._positions))

    def _remember(self, booked: Booked) -> None:
        self.counted += 1
        self._terms[booked.fill.identity] = booked
        if len(self._terms) > CORRECTABLE:
            del self._terms[next(iter(self._terms))]
