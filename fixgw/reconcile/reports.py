"""Reads an execution out of Kalshi's ExecutionReport: docs.kalshi.com/fix/order-entry."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from fixgw.errors import StoreError
from fixgw.fix.message import Message
from fixgw.fix.values import parse_utc_timestamp_ns
from fixgw.messages.order_entry import Side
from fixgw.reconcile.model import ExecKey, Execution
from fixgw.venues.kalshi.exec_id import ExecID

# Of many reports few are trades, and of these few fields are wanted: a search over the bytes takes a third of
# the time that decoding the message takes.
IS_TRADE = re.compile(rb"\x0135=8\x01.*\x01150=F\x01", re.DOTALL)
FIELDS = re.compile(rb"\x01(11|17|30|31|32|37|54|55|60|79|137|704|705|880|1057)=([^\x01]*)(?=\x01)")
CENTS = -2  # exponent of a cent, dollars
ZERO = Decimal(0)

SIDES = {side.encode(): side for side in Side}


@dataclass(frozen=True, slots=True)
class Told:
    """Who tells a report, and in which unit.

    Args:
        feed: the feed.
        session: the session that it came on.
        in_dollars: prices are in dollars; otherwise in cents (UseDollars, 21005).
        whole: executions keep the report that told them.
        flat_untold: neither LongQty(704) nor ShortQty(705) says that nothing is held, as the venue means it.
    """

    feed: str
    session: str = ""
    in_dollars: bool = True
    whole: bool = False
    flat_untold: bool = True


ReadReport = Callable[[bytes, Told], Execution | None]


def execution_of(frame: bytes, told: Told) -> Execution | None:
    """Return the execution that a frame reports, None for a frame that reports none.

    Args:
        frame: as it was on the wire.
        told: who tells it.

    Raises:
        StoreError: it reports one that can not be read.
    """
    if IS_TRADE.search(frame) is None:
        return None
    found = dict(FIELDS.findall(frame))
    try:
        price = Decimal(found[b"31"].decode())
        return Execution(
            order_id=found[b"37"].decode(),
            symbol=found[b"55"].decode(),
            side=SIDES[found[b"54"]],
            qty=Decimal(found[b"32"].decode()),
            price=price if told.in_dollars else price.scaleb(CENTS),
            fee=_fee(frame, found),
            utc_ns=parse_utc_timestamp_ns(found[b"60"]),
            trade_id=found.get(b"880", b"").decode(),
            exec_key=_key(found.get(b"17", b"").decode()),
            is_taker=None if b"1057" not in found else found[b"1057"] == b"Y",
            cl_ord_id=found.get(b"11", b"").decode(),
            subaccount=int(found.get(b"79", b"0")),
            exchange_index=int(found.get(b"30", b"0")),
            position=_position(found, told),
            feed=told.feed,
            session=told.session,
            report=Message.decode(frame) if told.whole and told.in_dollars else None,
        )
    except (KeyError, ValueError, InvalidOperation) as error:
        shown = frame[:200].replace(b"\x01", b"|").decode("ascii", "replace")
        raise StoreError(f"a trade report can not be read ({error!r}): {shown}") from None


def _fee(frame: bytes, found: dict[bytes, bytes]) -> Decimal:
    """Add up MiscFeeAmt(137); nearly every report has one."""
    if b"137" not in found:
        return ZERO
    if frame.count(b"\x01137=") == 1:
        return Decimal(found[b"137"].decode())
    return sum((Decimal(value.decode()) for tag, value in FIELDS.findall(frame) if tag == b"137"), ZERO)


def _position(found: dict[bytes, bytes], told: Told) -> Decimal | None:
    if b"704" not in found and b"705" not in found:
        return ZERO if told.flat_untold else None
    return Decimal(found.get(b"704", b"0").decode()) - Decimal(found.get(b"705", b"0").decode())


def _key(exec_id: str) -> ExecKey | None:
    parsed = ExecID.parse(exec_id)
    return None if parsed is None else ExecKey(parsed.exchange_index, parsed.clock, parsed.event)
