"""Any text into a message: it decodes or is refused with FieldError, and what decodes encodes to the same."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from fixgw.errors import EncodeError, FieldError
from fixgw.fix import tags
from fixgw.fix.framing import Framer, seal
from fixgw.fix.message import FrameEncoder, Message
from fixgw.fix.schema import TypedMessage
from fixgw.messages import admin, order_entry
from fixgw.venues.kalshi.messages import MESSAGES
from tests.fix.samples import KALSHI_FRAMES
from tests.fuzz import outside

_SHARED = (
    admin.Logon, admin.Logout, admin.Heartbeat, admin.TestRequest, admin.ResendRequest, admin.Reject,
    admin.SequenceReset, order_entry.NewOrderSingle, order_entry.OrderCancelRequest,
    order_entry.OrderCancelReplaceRequest, order_entry.ExecutionReport, order_entry.OrderCancelReject,
)  # fmt: skip
_ALL: tuple[type[TypedMessage], ...] = (*MESSAGES, *_SHARED)
_TYPES: dict[str, list[type[TypedMessage]]] = {}
for _one in _ALL:
    _TYPES.setdefault(_one.MSG_TYPE, []).append(_one)

TOKENS = (
    *(b"\x01%d=" % tag for one in MESSAGES for tag in sorted(one.TAGS)),
    *(b"%b\x01" % one.MSG_TYPE.encode() for one in _ALL),
    b"\x0195=3\x0196=", b"\x0190=1\x0191=", b"\x01212=2\x01213=", b"\x01", b"=", b"Y", b"N", b"1", b"-1",
    b"0.55", b"20261009-14:30:00.000", b"20261009-14:30:60", b"20261009", b"\xff",
    b"\x01453=1\x01448=a\x01452=24", b"\x011703=1\x011704=1\x011705=PAYOUT",
)  # fmt: skip

# Raw data and its length that come together only when header fields are moved to the front.
_APART = (b"D\x0134=2\x0195=2\x0150=sub\x0196=abc", b"D\x0134=2\x01212=12\x0111=id\x01213=01")
_STAMP = b"20261009-14:30:00.000"
_ENCODER = FrameEncoder("FIXT.1.1", "US", "THEM")
_SESSION_OWNED = tags.SESSION_TAGS | {tags.BEGIN_STRING, tags.BODY_LENGTH, tags.CHECK_SUM, tags.MSG_TYPE}


def seeds() -> list[bytes]:
    """Return texts of the project's own, and of elsewhere."""
    return [*_APART, *(text_of(frame) for frame in (*KALSHI_FRAMES, *outside.frames()))]


def text_of(frame: bytes) -> bytes:
    """Return what ``run`` takes to make a frame: all between BodyLength(9) and CheckSum(10), without 35=."""
    return frame[frame.find(b"\x0135=") + 4 : -8]


def run(data: bytes) -> None:
    """Check one text."""
    frame = seal(b"FIXT.1.1", b"35=%b\x01" % data)
    assert Framer(max_frame_size=1 << 20).feed(frame) == [frame], "a sealed frame is not taken for one"
    try:
        message = Message.decode(frame)
    except FieldError as error:
        _check_refusal(error)
        return
    _check_fields(message, data)
    _check_encoding(message)
    _check_simplefix(message)
    _check_groups(message)
    for kind in _TYPES.get(message.msg_type) or [MESSAGES[len(data) % len(MESSAGES)]]:
        _check_typed(kind, message)


def _check_refusal(error: FieldError) -> None:
    assert error.text.isascii()
    assert error.text.isprintable()
    assert len(error.text) < 300
    assert error.reason >= 0


def _check_fields(message: Message, data: bytes) -> None:
    assert b"\x01".join(message.fields) == b"35=" + data
    first: dict[int, bytes] = {}
    for tag, value in message.pairs():
        first.setdefault(tag, value)
    assert message.index == first
    assert message.msg_seq_num >= 0
    assert repr(message).isascii()
    assert message.get_all(58)[:1] == ([first[58]] if 58 in first else [])


def _check_encoding(message: Message) -> None:
    try:
        frame = _ENCODER.encode(message, 7, _STAMP)
    except EncodeError:
        assert not _is_sound(message), "what was received whole can not be sent"
        return
    (found,) = Framer(max_frame_size=1 << 20).feed(frame)
    assert found == frame
    again = Message.decode(frame)
    assert again.msg_type == message.msg_type
    assert again.msg_seq_num == 7
    assert _body(again) == _body(message)
    assert sorted(_header(again)) == sorted(_header(message))
    assert _ENCODER.encode(again, 7, _STAMP) == frame, "encoding twice is not encoding once"


def _is_sound(message: Message) -> bool:
    """True when each field has a value, and raw data of each kind is there once, behind its length."""
    found = [tag for tag, _ in message.pairs()]
    raw = [tag for tag in found if tag in tags.RAW_DATA_TAGS or tag in tags.LENGTH_TAGS]
    paired = all(tags.RAW_DATA_TAGS.get(tag, after) == after for tag, after in pairwise([*found, 0]))
    lengths = all(tags.LENGTH_TAGS.get(tag, before) == before for before, tag in pairwise([0, *found]))
    return paired and lengths and len(set(raw)) == len(raw) and all(value for _, value in message.pairs())


def _body(message: Message) -> list[tuple[int, bytes]]:
    return [pair for pair in message.pairs() if pair[0] not in tags.HEADER_TAGS]


def _header(message: Message) -> list[tuple[int, bytes]]:
    return [pair for pair in message.pairs() if pair[0] in tags.HEADER_TAGS - _SESSION_OWNED]


def _check_simplefix(message: Message) -> None:
    if all(value for _, value in message.pairs()):
        pairs = [pair for pair in message.pairs() if pair[0] not in (8, 9, 10, 35)]
        again = Message.from_simplefix(message.to_simplefix())
        assert [pair for pair in again.pairs() if pair[0] != tags.MSG_TYPE] == pairs


def _check_groups(message: Message) -> None:
    for tag in list(message.index)[:20]:
        try:
            entries = message.group(tag)
        except FieldError as error:
            _check_refusal(error)
        else:
            assert len(entries) == int(message[tag])


def _check_typed(kind: type[TypedMessage], message: Message) -> None:
    """Read everything; a message that passes its own check reads whole, and builds anew to the same."""
    view = kind.view(message)
    assert repr(view).startswith(kind.__name__)
    read: dict[str, Any] = {}
    faults = []
    for spec in kind.FIELDS:
        try:
            read[spec.name] = getattr(view, spec.name)
        except FieldError as error:
            _check_refusal(error)
            faults.append(spec.name)
    try:
        view.check()
    except FieldError as error:
        _check_refusal(error)
        return
    assert not faults, f"passed its check, but these can not be read: {faults}"
    built = kind(**read)
    for name, value in read.items():
        if not isinstance(value, tuple):
            assert getattr(built, name) == value
    sent = Message.decode(_ENCODER.encode(built.message, 7, _STAMP))
    kind.view(sent).check()
