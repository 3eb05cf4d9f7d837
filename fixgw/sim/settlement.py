"""What a settled market pays, and the pages that tell accounts: docs.kalshi.com/fix/market-settlement.

Pages are built pair by pair, not with the client's typed messages, so that a fault in those shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum

from fixgw.fix.message import Message
from fixgw.sim.trading_day import trade_date

GRID = Decimal("0.0001")  # what a direct member's balance is kept in, dollars
CUSTOMER_ACCOUNT = "24"
ZERO = Decimal(0)


class Result(StrEnum):
    """MarketResult(20107)."""

    YES = "yes"
    NO = "no"
    SCALAR = "scalar"


@dataclass(frozen=True, slots=True)
class Payout:
    """What one subaccount gets.

    Args:
        account: whose position it was.
        position: net YES contracts (negative: NO).
        paid: dollars, after the fee.
        fee: dollars; what is left of the rounding to the account's grid.
        subaccount: of the account.
    """

    account: str
    position: Decimal
    paid: Decimal
    fee: Decimal
    subaccount: int = 0


@dataclass(frozen=True, slots=True)
class SettledMarket:
    """A market that has paid.

    Args:
        symbol: the market.
        result: yes, no or scalar.
        price: what a YES contract paid, dollars.
        at_ns: when, UTC nanoseconds.
        payouts: one a subaccount with a position.
    """

    symbol: str
    result: Result
    price: Decimal
    at_ns: int
    payouts: tuple[Payout, ...]


def payout(
    account: str, position: Decimal, price: Decimal, grid: Decimal = GRID, subaccount: int = 0
) -> Payout:
    """Return what a position gets: YES contracts pay ``price`` dollars, NO contracts the rest of one.

    Args:
        account: whose it is.
        position: net YES contracts (negative: NO).
        price: what a YES contract pays, dollars.
        grid: what the account's balance is kept in, dollars.
        subaccount: of the account.
    """
    gross = position * price if position > 0 else -position * (1 - price)
    paid = gross.quantize(grid, ROUND_DOWN)
    return Payout(account, position, paid, gross - paid, subaccount)


def pages(
    market: SettledMarket, payouts: Sequence[Payout], size: int, new_id: Callable[[], str]
) -> Iterator[Message]:
    """Yield the UMS pages that tell of payouts.

    Args:
        market: what was settled.
        payouts: those that the reader sees, at least one.
        size: parties on a page.
        new_id: makes a MarketSettlementReportID(20105), one for each page.
    """
    parties = list(_by_party(payouts))
    chunks = [parties[at : at + size] for at in range(0, len(parties), size)]
    for number, chunk in enumerate(chunks, 1):
        page = Message(
            "UMS",
            [
                (20105, new_id()),
                (55, market.symbol),
                (715, trade_date(market.at_ns)),
                (20106, str(len(chunks))),
                (20107, market.result.value),
                (730, f"{market.price * 100:.2f}"),
                (20108, str(len(chunk))),
            ],
        )
        for one in chunk:
            for tag, value in _party(one):
                page.append(tag, value)
        page.append(893, "Y" if number == len(chunks) else "N")
        yield page


def _by_party(payouts: Sequence[Payout]) -> Iterator[list[Payout]]:
    """An account is one party, whatever the number of its subaccounts."""
    of_party: dict[str, list[Payout]] = {}
    for one in payouts:
        of_party.setdefault(one.account, []).append(one)
    yield from of_party.values()


def _party(payouts: Sequence[Payout]) -> Iterator[tuple[int, str]]:
    yield from ((20109, payouts[0].account), (20110, CUSTOMER_ACCOUNT))
    yield 704, f"{sum((max(one.position, ZERO) for one in payouts), ZERO):.2f}"
    yield 705, f"{sum((max(-one.position, ZERO) for one in payouts), ZERO):.2f}"
    yield from ((1703, "1"), (1704, f"{sum((one.paid for one in payouts), ZERO):.4f}"), (1705, "PAYOUT"))
    fee = sum((one.fee for one in payouts), ZERO)
    yield from ((136, "1"), (137, _fee(fee)), (138, "USD"), (139, "4"), (891, "0"))


def _fee(fee: Decimal) -> str:
    return f"{fee.normalize():f}" if fee else "0.00"
