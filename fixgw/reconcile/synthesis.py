"""ExecutionReports for what never came as one: put together from what REST says, or from a feed's own report.

Source of the fields: docs.kalshi.com/fix/order-entry.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from fixgw.fix.tags import HEADER_TAGS
from fixgw.fix.values import decimal_text, sending_time
from fixgw.handlers.order import OrderSnapshot
from fixgw.messages.order_entry import ExecType, OrdStatus
from fixgw.reconcile.model import Execution
from fixgw.venues.kalshi.exec_id import ExecID
from fixgw.venues.kalshi.rest_models import OrderStatus

Fields: TypeAlias = Sequence[tuple[int, str]]

NO_EXEC_ID = "-1;-1"  # what the venue writes where a report has none
CENT_PLACES = 2
CANCELED = "canceled"


class Figures(NamedTuple):
    """CumQty(14), LeavesQty(151) and AvgPx(6) of an order; None for an average that is not known."""

    cum_qty: Decimal
    leaves_qty: Decimal
    avg_px: Decimal | None


def told_by(one: Execution) -> Fields:
    """Return the fields of the venue's own report of an execution; none where the feed had no report."""
    if one.report is None:
        return ()
    pairs = one.report.pairs()
    return [(tag, value.decode("latin-1")) for tag, value in pairs if tag not in HEADER_TAGS]


def report_of(
    one: Execution,
    figures: Figures,
    position: Decimal | None,
    here: OrderSnapshot | None,
    status: OrderStatus | None,
) -> Fields:
    """Return the fields of a report of a trade.

    Args:
        one: the execution, as REST tells it.
        figures: of its order, after it.
        position: net YES held after it; None where that is not known.
        here: the order as the gateway knows it.
        status: the order as REST has it.
    """
    cum_qty, leaves_qty, avg_px = figures
    price = status.yes_price if status is not None else here.price if here is not None else None
    key = one.exec_key
    fields: list[tuple[int, str | Decimal | None]] = [
        (37, one.order_id),
        (11, _cl_ord_id(one.cl_ord_id, here, status)),
        (17, NO_EXEC_ID if key is None else str(ExecID(*key))),
        (150, ExecType.TRADE.value),
        (39, (OrdStatus.PARTIALLY_FILLED if leaves_qty else OrdStatus.FILLED).value),
        (54, one.side.value),
        (55, one.symbol),
        (44, price),
        (38, cum_qty + leaves_qty),
        (151, leaves_qty),
        (14, cum_qty),
        (6, avg_px),
        (79, str(one.subaccount) if one.subaccount else None),
        (31, one.price),
        (32, one.qty),
        (60, sending_time(one.utc_ns, "us").decode()),
        (30, str(one.exchange_index)),
        (704, None if position is None else max(position, Decimal(0))),
        (705, None if position is None or position >= 0 else -position),
        *((136, "1"), (137, one.fee), (138, "USD"), (139, "4"), (891, "0")),
        (880, one.trade_id or None),
        (1057, None if one.is_taker is None else "Y" if one.is_taker else "N"),
    ]
    return _written(fields)


def end_of(here: OrderSnapshot, status: OrderStatus) -> Fields:
    """Return the fields of a report that an order has ended, with as much filled as is known here.

    Args:
        here: the order as the gateway knows it.
        status: the order as REST has it: canceled, or executed whole.
    """
    canceled = status.status == CANCELED
    fields: list[tuple[int, str | Decimal | None]] = [
        (37, status.order_id),
        (11, _cl_ord_id("", here, status)),
        (17, NO_EXEC_ID),
        (150, (ExecType.CANCELED if canceled else ExecType.ORDER_STATUS).value),
        (39, (OrdStatus.CANCELED if canceled else OrdStatus.FILLED).value),
        (54, status.side.value),
        (55, status.symbol),
        (44, status.yes_price),
        (38, status.cum_qty),
        (151, Decimal(0)),
        (14, status.cum_qty),
        (79, str(status.subaccount) if status.subaccount else None),
        (30, str(status.exchange_index)),
    ]
    return _written(fields)


def in_cents(fields: Fields, tags: Container[int]) -> Fields:
    """Return a report with some of its prices in cents, as the wire of its session has them."""
    return [
        (tag, decimal_text(Decimal(value).scaleb(CENT_PLACES)) if tag in tags else value)
        for tag, value in fields
    ]


def _cl_ord_id(told: str, here: OrderSnapshot | None, status: OrderStatus | None) -> str | None:
    return told or (here.cl_ord_id if here is not None else status.cl_ord_id if status is not None else None)


def _written(fields: Sequence[tuple[int, str | Decimal | None]]) -> Fields:
    """Return what is known, decimals as FIX writes them."""
    return [
        (tag, decimal_text(value) if isinstance(value, Decimal) else value)
        for tag, value in fields
        if value not in (None, "")
    ]
