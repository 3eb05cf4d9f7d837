"""Costs of one message on one core: framing, decoding, encoding, reading, beside simplefix and QuickFIX.

Every codec gets the same ExecutionReport (30 fields) and NewOrderSingle (17 fields), and builds the same
ExecutionReport from values that the application holds.
"""

from __future__ import annotations

import os
import timeit
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import simplefix

from fixgw.fix.framing import Framer
from fixgw.fix.message import FrameEncoder, Message
from fixgw.fix.values import sending_time
from fixgw.messages import order_entry

SOH = b"\x01"
READ = (11, 37, 17, 39, 54, 14, 151, 31, 32, 60)
HEADER = ((35, "8"), (49, "VENUE"), (56, "DESKALPHA"), (34, "1234"), (52, "20261120-14:30:00.123456"))
REPORT = (
    *HEADER,
    (1128, "9"),
    (37, "VORD000001234"),
    (11, "ORD000001234"),
    (17, "EXEC000001234"),
    (150, "F"),
    (39, "2"),
    (1, "ACCT-00042"),
    (55, "HIGHNY-26NOV21-T45"),
    (54, "1"),
    (38, "250"),
    (40, "2"),
    (44, "0.55"),
    (59, "1"),
    (15, "USD"),
    (32, "250"),
    (31, "0.55"),
    (151, "0"),
    (14, "250"),
    (6, "0.55"),
    (75, "20261120"),
    (60, "20261120-14:30:00.123400"),
    (58, "filled"),
)
ORDER = (
    (35, "D"),
    *HEADER[1:],
    (1128, "9"),
    (11, "ORD000001234"),
    (55, "HIGHNY-26NOV21-T45"),
    (54, "1"),
    (60, "20261120-14:30:00.123400"),
    (38, "250"),
    (40, "2"),
    (44, "0.55"),
    (59, "1"),
)


@dataclass(frozen=True)
class Cost:
    """One cell: microseconds a message.

    Args:
        codec: the column.
        operation: the row.
        microseconds: least of the repeats: noise only ever adds.
    """

    codec: str
    operation: str
    microseconds: float


def wire(fields: Sequence[tuple[int, str]]) -> bytes:
    """Return a FIXT.1.1 frame of the fields, with BodyLength and CheckSum."""
    body = b"".join(b"%d=%b\x01" % (tag, value.encode()) for tag, value in fields)
    head = b"8=FIXT.1.1\x019=%d\x01" % len(body)
    return b"%b%b10=%03d\x01" % (head, body, sum(head + body) & 255)


Operations = Mapping[str, Callable[[], Any]]

PARSE = "parse ER, checked"
PARSE_READ = "parse ER, checked, read 10"
PARSE_ORDER = "parse NOS, checked"
ENCODE = "encode ER from values"
FRAME = "frame ER"
DECODE = "decode ER"
ROWS = (FRAME, DECODE, PARSE, PARSE_READ, PARSE_ORDER, ENCODE)


def fixgw_operations() -> Operations:
    """Return the operations of this project: the framer, the message, the typed message, the encoder."""
    report, order = wire(REPORT), wire(ORDER)
    feed = Framer().feed
    decode = Message.decode
    view = order_entry.ExecutionReport.view
    encode = FrameEncoder("FIXT.1.1", "VENUE", "DESKALPHA").encode

    def read() -> object:
        seen: Any = view(decode(_frame(feed(report))))
        return (
            seen.cl_ord_id,
            seen.order_id,
            seen.exec_id,
            seen.ord_status,
            seen.side,
            seen.cum_qty,
            seen.leaves_qty,
            seen.last_px,
            seen.last_qty,
            seen.transact_time,
        )

    build = _typed_report()
    now = 1_795_185_000_123_456_000
    return {
        FRAME: lambda: feed(report),
        DECODE: lambda: decode(report),
        PARSE: lambda: decode(_frame(feed(report))),
        PARSE_READ: read,
        PARSE_ORDER: lambda: decode(_frame(feed(order))),
        ENCODE: lambda: encode(build(), 1234, sending_time(now, "us")),
    }


def _frame(frames: Sequence[object]) -> bytes:
    frame = frames[0]
    assert isinstance(frame, bytes)
    return frame


def _typed_report() -> Callable[[], Message]:
    price, quantity, none = Decimal("0.55"), Decimal(250), Decimal(0)
    when = datetime(2026, 11, 20, 14, 30, 0, 123400, UTC)
    trade_date = date(2026, 11, 20)

    def build() -> Message:
        return order_entry.ExecutionReport(
            order_id="VORD000001234",
            cl_ord_id="ORD000001234",
            exec_id="EXEC000001234",
            exec_type=order_entry.ExecType.TRADE,
            ord_status=order_entry.OrdStatus.FILLED,
            account="ACCT-00042",
            symbol="HIGHNY-26NOV21-T45",
            side=order_entry.Side.BUY,
            order_qty=quantity,
            ord_type=order_entry.OrdType.LIMIT,
            price=price,
            time_in_force=order_entry.TimeInForce.GOOD_TILL_CANCEL,
            currency="USD",
            last_qty=quantity,
            last_px=price,
            leaves_qty=none,
            cum_qty=quantity,
            avg_px=price,
            trade_date=trade_date,
            transact_time=when,
            text="filled",
        ).message

    return build


def simplefix_operations() -> Operations:
    """Return the operations of simplefix, which checks neither BodyLength nor CheckSum."""
    report, order = wire(REPORT), wire(ORDER)
    library: Any = simplefix  # it has no types
    parser = library.FixParser()

    def parse(frame: bytes) -> Any:
        parser.append_buffer(frame)
        return parser.get_message()

    def read() -> object:
        get = parse(report).get
        return [get(tag) for tag in READ]

    def encode() -> bytes:
        message = library.FixMessage()
        message.append_pair(8, "FIXT.1.1")
        for tag, value in REPORT:
            message.append_pair(tag, value)
        encoded: bytes = message.encode()
        return encoded

    return {
        PARSE: lambda: parse(report),
        PARSE_READ: read,
        PARSE_ORDER: lambda: parse(order),
        ENCODE: encode,
    }


def quickfix_operations() -> Operations:
    """Return the operations of QuickFIX, with ``validate`` when ``FIXGW_DICTIONARIES`` is set."""
    import quickfix as fix

    report, order = wire(REPORT).decode(), wire(ORDER).decode()
    parse = _quickfix_parser(fix)

    def read() -> object:
        message = parse(report)
        get = message.getField
        return [get(tag) for tag in READ]

    def encode() -> object:
        message = fix.Message()
        header = message.getHeader().setField
        header(8, "FIXT.1.1")
        for tag, value in (*HEADER, (1128, "9")):
            header(tag, value)
        put = message.setField
        for tag, value in REPORT[len(HEADER) + 1 :]:
            put(tag, value)
        return message.toString()

    return {
        PARSE: lambda: parse(report),
        PARSE_READ: read,
        PARSE_ORDER: lambda: parse(order),
        ENCODE: encode,
    }


def _quickfix_parser(fix: Any) -> Callable[[str], Any]:
    directory = os.environ.get("FIXGW_DICTIONARIES")
    if not directory:
        return lambda text: fix.Message(text, True)
    transport = fix.DataDictionary(str(Path(directory, "FIXT11.xml")))
    application = fix.DataDictionary(str(Path(directory, "FIX50SP2.xml")))
    validate = fix.DataDictionary.validate

    def parse(text: str) -> Any:
        message = fix.Message(text, transport, application, True)
        validate(message, transport, application)
        return message

    return parse


CODECS: Mapping[str, tuple[str, Callable[[], Operations]]] = {
    "fixgw": ("fixgw", fixgw_operations),
    "simplefix": ("simplefix", simplefix_operations),
    "quickfix-tls": ("quickfix", quickfix_operations),
}


def measure(*, loops: int = 20_000, repeats: int = 7) -> list[Cost]:
    """Time every operation of every codec that is installed, the codecs in turn within each repeat."""
    codecs = {name: make() for name, (package, make) in CODECS.items() if find_spec(package)}
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(repeats):
        for operation in ROWS:
            for name, operations in codecs.items():
                if operation in operations:
                    taken = timeit.timeit(operations[operation], number=loops)
                    times.setdefault((name, operation), []).append(taken / loops * 1e6)
    return [Cost(name, operation, min(seen)) for (name, operation), seen in times.items()]
