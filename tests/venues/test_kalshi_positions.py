"""Positions at Kalshi: its ExecIDs, its silence about a flat position, and markets that pay."""

# mypy: disable-error-code=comparison-overlap

from __future__ import annotations

from decimal import Decimal

import pytest

from fixgw.fix.message import Message
from fixgw.handlers.executions import Identity
from fixgw.venues.kalshi.positions import KalshiPositions, identify
from tests.handlers.fills import SYMBOL, tell, trade

Party = tuple[str, str, str]


def page(*parties: Party, price: str = "100.00", sent: str = "20261009-14:30:00.000") -> Message:
    """Return a page of a settlement.

    Args:
        parties: account, payout, fee.
    """
    pairs: list[tuple[int, str]] = [(52, sent), (20105, "page"), (55, SYMBOL), (715, "20261009")]
    pairs += [(20107, "yes"), (730, price), (893, "N"), (20108, str(len(parties)))]
    for account, payout, fee in parties:
        pairs += [(20109, account), (20110, "24"), (704, "10.00"), (1703, "1"), (1704, payout)]
        pairs += [(1705, "PAYOUT"), (136, "1"), (137, fee), (138, "USD"), (139, "4"), (891, "0")]
    return Message("UMS", pairs)


@pytest.mark.parametrize(
    ("exec_id", "identity"),
    [
        ("104;1", Identity("0", 104 * 10**19 + 1)),
        ("104;1;0", Identity("0", 104 * 10**19 + 1)),
        ("104;1;2", Identity("2", 104 * 10**19 + 1)),
        ("-1;-1", None),
        ("", None),
        ("104", None),
    ],
)
def test_an_exec_id_is_told_by_exchange_and_number(exec_id: str, identity: Identity | None) -> None:
    assert identify(exec_id) == identity


def test_a_later_event_of_the_same_clock_is_greater() -> None:
    first, second = identify("9;2"), identify("9;10")
    assert first is not None
    assert second is not None
    assert first < second


def test_a_trade_that_names_no_position_has_left_none() -> None:
    positions = KalshiPositions()
    tell(positions, trade(10, t704="10.00"), trade(-10))
    assert [one.snapshot().agrees for one in positions] == [True]
    tell(positions, trade(-3, t705="5.00"))
    assert [one.snapshot().agrees for one in positions] == [False]


def test_a_market_that_pays_closes_the_position() -> None:
    positions = KalshiPositions()
    tell(positions, trade(10, "0.40"), page(("me", "3.0500", "0.01"), price="30.60"))
    [position] = positions
    assert (position.qty, position.realised_pnl) == (0, Decimal("-0.94"))
    assert (position.payout, position.fees) == (Decimal("3.05"), Decimal("0.01"))
    assert (position.settl_price, position.settled_ns) == (Decimal("0.306"), 1_791_556_200_000_000_000)


def test_a_page_counts_once_whichever_session_tells_it_again() -> None:
    positions = KalshiPositions()
    first, second = page(("a_1", "1", "0"), ("a_2", "2", "0")), page(("a_3", "4", "0"))
    tell(positions, first, second, first)
    [position] = positions
    assert (position.payout, positions.duplicates) == (7, 1)


@pytest.mark.parametrize("broken", [{"sent": "yesterday"}, {"price": "much"}])
def test_a_page_that_can_not_be_read_is_counted_and_left(broken: dict[str, str]) -> None:
    positions = KalshiPositions()
    tell(positions, page(("me", "1", "0"), **broken))
    assert (len(positions), positions.malformed) == (0, 1)


def test_a_pending_report_is_no_trade() -> None:
    positions = KalshiPositions()
    tell(positions, trade(10, exec_id="-1;-1", t150="A"), trade(10, exec_id="-1;-1"))
    assert (len(positions), positions.malformed) == (0, 1)
