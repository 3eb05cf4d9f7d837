"""The prices that a market takes: an order off its grid is refused before it leaves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fnmatch import fnmatchcase

from fixgw.clock import Now
from fixgw.errors import ConfigError, Refused
from fixgw.fix.message import Message
from fixgw.fix.tags import BID_PX, OFFER_PX, PRICE, SYMBOL, label
from fixgw.safety.reading import decimal_of

RULE = "grid"  # under which refusals are counted
CENT, DOLLAR = Decimal("0.01"), Decimal(1)
PRICED = {"D": (PRICE,), "G": (PRICE,), "S": (BID_PX, OFFER_PX)}


@dataclass(frozen=True, slots=True)
class PriceRange:
    """The prices that a market takes between two bounds.

    Args:
        start: the least price, dollars.
        end: the greatest, dollars.
        step: the distance of two prices, dollars.
    """

    start: Decimal
    end: Decimal
    step: Decimal

    def check(self) -> None:
        """Check that there is a price in it.

        Raises:
            ConfigError: there is none.
        """
        if not (self.start <= self.end and self.step > 0):
            what = f"no price lies from {self.start} to {self.end} in steps of {self.step}"
            raise ConfigError(what, remedy="give a start, an end that is not below it, and a positive step")

    def holds(self, price: Decimal) -> bool:
        """Tell whether a price is one of them."""
        return self.start <= price <= self.end and not (price - self.start) % self.step

    def around(self, price: Decimal) -> Iterator[Decimal]:
        """Yield the prices next to one that is not on the grid."""
        steps = (min(max(price, self.start), self.end) - self.start) / self.step
        for rounding in (ROUND_FLOOR, ROUND_CEILING):
            near = self.start + self.step * steps.to_integral_value(rounding)
            if near <= self.end:
                yield near


_WHOLE_CENTS = PriceRange(CENT, DOLLAR - CENT, CENT)


class Grid:
    """The prices that one market takes.

    Args:
        ranges: as the venue lists them.
        event: a contract pays one dollar: its price lies between, and every whole cent is one.

    Raises:
        ConfigError: there is no price in a range.
    """

    def __init__(self, ranges: Iterable[PriceRange], *, event: bool = False) -> None:
        self._ranges = (*ranges, _WHOLE_CENTS) if event else tuple(ranges)
        for part in self._ranges:
            part.check()
        self._event = event

    def holds(self, price: Decimal) -> bool:
        """Tell whether a price is on the grid."""
        if self._event and not 0 < price < DOLLAR:
            return False
        return any(part.holds(price) for part in self._ranges)

    def around(self, price: Decimal) -> list[Decimal]:
        """Return the nearest prices below and above one that is not on the grid, as far as there are any."""
        near = {one for part in self._ranges for one in part.around(price) if self.holds(one)}
        below, above = [one for one in near if one < price], [one for one in near if one > price]
        return [*([max(below)] if below else []), *([min(above)] if above else [])]


class Grids:
    """The grids of a venue's markets, as far as they are known; they may change at any time.

    Args:
        event: its contracts pay one dollar; see ``Grid``.
    """

    def __init__(self, *, event: bool = False) -> None:
        self._event = event
        self._exact: dict[str, Grid] = {}
        self._patterns: dict[str, Grid] = {}
        self._found: dict[str, Grid | None] = {}

    def __len__(self) -> int:
        return len(self._exact) + len(self._patterns)

    def put(self, symbol: str, ranges: Iterable[PriceRange]) -> None:
        """Load the grid of a market, in place of an earlier one.

        Args:
            symbol: Symbol(55), or a pattern such as ``KXHIGHNY-*`` for markets without one of their own; of
                several patterns the first that was loaded counts.
            ranges: the prices that it takes.

        Raises:
            ConfigError: there is no price in a range.
        """
        known = self._patterns if any(sign in symbol for sign in "*?[") else self._exact
        known[symbol] = Grid(ranges, event=self._event)
        self._found.clear()

    def remove(self, symbol: str) -> None:
        """Forget the grid of a market or a pattern, if there is one: prices go out as they are given."""
        self._exact.pop(symbol, None)
        self._patterns.pop(symbol, None)
        self._found.clear()

    def find(self, symbol: str) -> Grid | None:
        """Return the grid of a market, None when none is loaded."""
        if symbol not in self._found:
            fits = (grid for pattern, grid in self._patterns.items() if fnmatchcase(symbol, pattern))
            self._found[symbol] = self._exact.get(symbol) or next(fits, None)
        return self._found[symbol]


class GridGuard:
    """Refuses a price that is not on its market's grid; a ``handlers.passage.Guard``.

    It judges the prices of orders, replaces and quotes. A quote's price for NO is one when the price of YES
    that it amounts to is.

    Args:
        grids: of the venue's markets; what is loaded later counts from then on.
    """

    def __init__(self, grids: Grids) -> None:
        self.grids = grids

    def admit(self, message: Message, now: Now) -> None:
        """Let a price leave that is on the grid, or whose market has none.

        Raises:
            Refused: it is off the grid; the text names the next ones.
        """
        tags = PRICED.get(message.msg_type)
        if tags is None or not self.grids:
            return
        symbol = message.text(SYMBOL) or ""
        grid = self.grids.find(symbol)
        if grid is not None:
            for tag in tags:
                _check(grid, message, tag, symbol)

    def delay(self, message: Message, now: Now) -> float:
        """Return 0: waiting changes no price."""
        return 0.0


def _check(grid: Grid, message: Message, tag: int, symbol: str) -> None:
    price = decimal_of(message, tag, RULE)
    if price is None or (not price and tag != PRICE):  # a quote's price of zero is none
        return
    for_no = tag == OFFER_PX
    if not grid.holds(DOLLAR - price if for_no else price):
        near = grid.around(DOLLAR - price if for_no else price)
        nearest = " or ".join(str(DOLLAR - one if for_no else one) for one in near)
        raise Refused(f"{label(tag)} is {price}, which is no price of {symbol}: take {nearest}", RULE)
