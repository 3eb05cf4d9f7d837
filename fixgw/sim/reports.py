"""Engine events as the venue reports them: docs.kalshi.com/fix/order-entry.

Built pair by pair, not with the client's typed messages, so that a fault in those shows. Order of the fields:
as in the sample frames of appendix B.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

from fixgw.fix.message import Message
from fixgw.sim.cycle import exchange_index
from fixgw.sim.logon import LogonFlags
from fixgw.sim.orders import (
    Accepted,
    Cancelled,
    CancelRejected,
    CancelRequest,
    Cause,
    EngineEvent,
    Execution,
    Fate,
    Pending,
    Rejected,
    Replaced,
    Snapshot,
    State,
    Traded,
)
from fixgw.sim.quirks import RECOMMENDED, Quirks
from fixgw.sim.trading_day import trade_date

Pairs: TypeAlias = list[tuple[int, str]]
Echo: TypeAlias = tuple[tuple[int, str], ...]

NO_EXEC_ID = "-1;-1"
EXECUTING_TRADER = "12"  # PartyRole(452)


def render(event: EngineEvent, flags: LogonFlags, quirks: Quirks = RECOMMENDED) -> Message | None:
    """Return the report of an event, None when the session's Logon flags leave it out.

    Args:
        event: from the matching engine.
        flags: of the session that the report is for.
        quirks: what the venue's pages leave open.
    """
    match event:
        case Pending():
            wanted = quirks.pending_reports and not flags.skip_pending_exec_reports
            return _pending(event, flags) if wanted else None
        case Accepted():
            return _accepted(event, flags)
        case Traded():
            return _traded(event, flags)
        case Cancelled():
            return _cancelled(event, flags)
        case Replaced():
            return _replaced(event, flags, quirks)
        case Rejected():
            return _rejected(event, flags, quirks)
        case _:
            return _cancel_rejected(event, flags, quirks)


def _pending(event: Pending, flags: LogonFlags) -> Message:
    order, request = event.order, event.request
    own = order.terms.cl_ord_id
    if request is None:
        report = _report(order, flags, own, None, NO_EXEC_ID, "A", "A")
    else:
        kind = "6" if isinstance(request, CancelRequest) else "E"
        operator = request.named.operator
        report = _report(order, flags, request.cl_ord_id, own, NO_EXEC_ID, kind, kind, operator)
    if order.terms.perpetual:  # TransactTime(60) is in each of its reports
        report.append(60, timestamp(event.at_ns))
    return report


def _accepted(event: Accepted, flags: LogonFlags) -> Message | None:
    """New stands alone when the order rests; before a trade only with AlwaysEmitNewBeforeTrade(21026)."""
    wanted = event.fate is Fate.RESTS or (event.fate is Fate.TRADES and flags.always_emit_new_before_trade)
    if not wanted:
        return None
    order = event.order
    report = _report(order, flags, order.terms.cl_ord_id, None, event.exec_id, "0", "0")
    return _finish(report, order, event)


def _traded(event: Traded, flags: LogonFlags) -> Message:
    order = event.order
    status = "2" if order.state is State.FILLED else "1"
    report = _report(order, flags, order.terms.cl_ord_id, None, event.exec_id, "F", status)
    report.append(31, price_text(event.price, flags))
    report.append(32, qty_text(event.qty))
    _finish(report, order, event)
    for tag, value in _trade_only(event):
        report.append(tag, value)
    for tag, freed in ((21030, event.payout), (21031, event.ranged)):
        if flags.split_collateral_return and freed:
            report.append(tag, _dollars(freed))
    return report


def _trade_only(event: Traded) -> Iterator[tuple[int, str]]:
    """Position, fee, collateral and ids; of 704 and 705 only the side that is not zero."""
    if event.position > 0:
        yield 704, qty_text(event.position)
    elif event.position < 0:
        yield 705, qty_text(-event.position)
    yield from ((136, "1"), (137, _fee(event.fee)), (138, "USD"), (139, "4"), (891, "0"))
    yield 1703, "2" if event.payout else "1"
    yield from ((1704, _dollars(event.balance)), (1705, "BALANCE"))
    if event.payout:
        yield from ((1704, _dollars(event.payout)), (1705, "PAYOUT"))
    yield 880, event.match_id
    yield 1057, "Y" if event.aggressor else "N"
    yield 715, trade_date(event.at_ns, perpetual=event.order.terms.perpetual)


def _cancelled(event: Cancelled, flags: LogonFlags) -> Message | None:
    """The rest of an IOC that filled in part is reported only with EnableIocCancelReport(21007)."""
    order, cause = event.order, event.cause
    if cause is Cause.IOC and order.cum and not flags.enable_ioc_cancel_report:
        return None
    kind = "C" if cause.is_expiry and flags.use_expired_ord_status else "4"
    orig = None if event.on_entry else event.orig_cl_ord_id
    report = _report(order, flags, event.cl_ord_id, orig, event.exec_id, kind, kind, event.operator)
    if cause.value:
        report.append(58, cause.value)
    return _finish(report, order, event)


def _replaced(event: Replaced, flags: LogonFlags, quirks: Quirks) -> Message:
    order = event.order
    status = "5" if quirks.replaced_status else _status(order, flags)
    own, former = order.terms.cl_ord_id, event.orig_cl_ord_id
    report = _report(order, flags, own, former, event.exec_id, "5", status, event.operator)
    report.append(59, "1" if order.terms.expire_ns is None else "6")
    return _finish(report, order, event)


def _rejected(event: Rejected, flags: LogonFlags, quirks: Quirks) -> Message:
    order = event.order
    report = _report(order, flags, order.terms.cl_ord_id, None, quirks.reject_exec_id, "8", "8")
    report.append(103, str(event.reason.value))
    report.append(58, event.text)
    report.append(60, timestamp(event.at_ns))
    return report


def _cancel_rejected(event: CancelRejected, flags: LogonFlags, quirks: Quirks) -> Message:
    order, request = event.order, event.request
    pairs: Pairs = [
        (37, quirks.unknown_order_id if order is None else order.order_id),
        (11, request.cl_ord_id),
        (41, request.orig_cl_ord_id if order is None else order.terms.cl_ord_id),
        (39, "8" if order is None else _status(order, flags)),
        (434, event.response_to.value),
        (102, str(event.reason.value)),
        (58, event.text),
    ]
    return Message("9", pairs)


def _report(
    order: Snapshot,
    flags: LogonFlags,
    cl_ord_id: str,
    orig_cl_ord_id: str | None,
    exec_id: str,
    exec_type: str,
    ord_status: str,
    operator: str | None = None,
) -> Message:
    """The fields that every ExecutionReport has.

    OrderQty(38) is CumQty + LeavesQty, so it shrinks when an order is cancelled, unless
    PreserveOriginalOrderQty(21008) keeps the quantity asked for; a refused order shows it too. The operator
    is that of the request that is answered, else of the order.
    """
    terms = order.terms
    whole = flags.preserve_original_order_qty or order.state is State.REJECTED
    pairs: Pairs = [(37, order.order_id), (11, cl_ord_id)]
    if orig_cl_ord_id is not None:
        pairs.append((41, orig_cl_ord_id))
    pairs += [
        (17, exec_id),
        (150, exec_type),
        (39, ord_status),
        (54, terms.side.value),
        (55, terms.symbol),
        (44, price_text(terms.price, flags)),
        (38, qty_text(terms.qty if whole else order.cum + order.leaves)),
        (151, qty_text(order.leaves)),
        (14, qty_text(order.cum)),
        (6, _average(order.avg_px, flags)),
        *_identity(terms.echo, operator or terms.named.operator),
    ]
    return Message("8", pairs)


def _identity(echo: Echo, operator: str | None) -> Echo:
    """Who stands behind an order: what the message said of it, then the operator as one more party."""
    if operator is None:
        return echo
    parties = next((int(value) for tag, value in echo if tag == 453 and value.isdigit()), 0)
    counted = [(tag, str(parties + 1) if tag == 453 else value) for tag, value in echo]
    if not parties:
        counted.append((453, "1"))
    return (*counted, (448, operator), (452, EXECUTING_TRADER))


def _finish(report: Message, order: Snapshot, event: Execution) -> Message:
    """Add what only a report of the exchange itself has: expiry, instant and LastMkt(30)."""
    if order.terms.expire_ns is not None:
        report.append(126, timestamp(order.terms.expire_ns))
    report.append(60, timestamp(event.at_ns))
    report.append(30, exchange_index(event.exec_id))
    return report


def _status(order: Snapshot, flags: LogonFlags) -> str:
    """OrdStatus(39) of an order that a refused request left as it was."""
    match order.state:
        case State.OPEN:
            return "1" if order.cum else "0"
        case State.FILLED:
            return "2"
        case State.EXPIRED:
            return "C" if flags.use_expired_ord_status else "4"
        case _:
            return "4"


def timestamp(utc_ns: int) -> str:
    """Return a UTCTimestamp with milliseconds."""
    seconds, rest = divmod(utc_ns, 1_000_000_000)
    return f"{_second(seconds)}.{rest // 1_000_000:03d}"


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%d-%H:%M:%S}"


def price_text(price: Decimal, flags: LogonFlags) -> str:
    """Return a price: four places of a dollar, or cents, whole wherever the market's grid is."""
    if flags.use_dollars:
        return f"{price:.4f}"
    return f"{(price * 100).normalize():f}"


def _average(price: Decimal, flags: LogonFlags) -> str:
    return f"{price:.4f}" if flags.use_dollars else f"{price * 100:.2f}"


def qty_text(qty: Decimal) -> str:
    """Return contracts with two places."""
    return f"{qty:.2f}"


def _dollars(amount: Decimal) -> str:
    return f"{amount:.4f}"


def _fee(fee: Decimal) -> str:
    """At least two places, four or six where they are needed."""
    places = next(places for places in (2, 4, 6) if places == 6 or fee == round(fee, places))
    return f"{fee:.{places}f}"
