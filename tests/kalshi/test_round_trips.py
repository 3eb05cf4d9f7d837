"""Every message of the venue, with every field that its class declares, to a frame and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from fixgw.fix.framing import Framer
from fixgw.fix.message import FrameEncoder, Message
from fixgw.fix.schema import FieldSpec, Group, TypedMessage
from fixgw.messages import admin
from fixgw.sim import dialect
from fixgw.venues.kalshi.messages import MESSAGES
from fixgw.venues.kalshi.profile import VENUE

ADMIN: tuple[type[TypedMessage], ...] = (
    admin.Logon,
    admin.Heartbeat,
    admin.TestRequest,
    admin.ResendRequest,
    admin.Reject,
    admin.SequenceReset,
    admin.Logout,
)
ALL = (*ADMIN, *MESSAGES)
ENCODER = FrameEncoder("FIXT.1.1", "SENDER", "TARGET")

SAMPLES: Mapping[str, Callable[[], Any]] = {
    "String": lambda: "a-1:é",
    "Char": lambda: "7",
    "Int": lambda: 42,
    "Boolean": lambda: True,
    "Price": lambda: Decimal("0.1230"),
    "UTCTimestamp": lambda: datetime(2026, 10, 9, 14, 30, 0, 123_000, UTC),
    "LocalMktDate": lambda: date(2026, 10, 9),
    "UTCTimeOnly": lambda: time(14, 30, 0, 123_000, UTC),
    "MultipleStringValue": lambda: ("a", "b"),
    "Data": lambda: b"with \x01 in it",
}


def sample(spec: FieldSpec) -> Any:
    """Return a value that the field may have: of an enumeration the last member, of a group two entries."""
    if spec.kind is None:
        assert spec.entry is not None
        entry: type[Group] = spec.entry
        made = entry(**{inner.name: sample(inner) for inner in entry.FIELDS})
        return (made, made)
    if spec.kind.members:
        members = tuple(spec.kind.members.values())
        return members if spec.kind.multiple else members[-1]
    return SAMPLES[spec.kind.name]()


def through_a_frame(message: TypedMessage) -> TypedMessage:
    frame = ENCODER.encode(message.message, 7, b"20261009-14:30:00.000")
    (framed,) = Framer().feed(frame)
    assert isinstance(framed, bytes)
    return type(message).view(Message.decode(framed))


def values(cls: type[TypedMessage], *, whole: bool) -> dict[str, Any]:
    return {spec.name: sample(spec) for spec in cls.FIELDS if whole or spec.required}


def named(classes: tuple[type[TypedMessage], ...]) -> list[Any]:
    return [pytest.param(cls, id=f"{cls.MSG_TYPE} {cls.__name__}") for cls in classes]


@pytest.mark.parametrize("whole", [True, False], ids=["every field", "what is required"])
@pytest.mark.parametrize("cls", named(ALL))
def test_a_message_comes_back_as_it_went(cls: type[TypedMessage], whole: bool) -> None:
    told = values(cls, whole=whole)
    came = through_a_frame(cls(**told))
    came.check()
    assert {name: getattr(came, name) for name in told} == told
    left_out = {spec.name: spec.default for spec in cls.FIELDS if spec.name not in told}
    assert {name: getattr(came, name) for name in left_out} == left_out


@pytest.mark.parametrize("cls", named(ALL))
def test_a_word_comes_back_as_the_member_that_went(cls: type[TypedMessage]) -> None:
    changed = []
    for spec in cls.FIELDS:
        if spec.kind is None or spec.kind.multiple:
            continue
        for member in spec.kind.members.values():
            came = through_a_frame(cls(**{**values(cls, whole=False), spec.name: member}))
            if getattr(came, spec.name) is not member:
                changed.append((spec.name, member))
    assert changed == []


def test_no_message_of_a_session_is_without_a_class() -> None:
    kinds = VENUE.profile.kinds.values()
    spoken = {msg_type for kind in kinds for msg_type in (*kind.sends, *kind.receives)}
    assert spoken | set("A012345") == {cls.MSG_TYPE for cls in ALL}


SENT_ALONE = ("D", "F", "G", "q", "UOG", "U1", "Z", "U7", "UA", "UE", "V", "e")


@pytest.mark.parametrize("msg_type", SENT_ALONE)
def test_the_venue_takes_every_field_that_the_desk_may_send(msg_type: str) -> None:
    (cls,) = (one for one in MESSAGES if msg_type == one.MSG_TYPE)
    message = through_a_frame(cls(**values(cls, whole=True))).message
    dialect.check(message)


def test_no_field_of_a_request_is_left_out_of_that() -> None:
    sent = {msg_type for kind in VENUE.profile.kinds.values() for msg_type in kind.sends}
    assert sent - set(SENT_ALONE) == {"R", "S"}  # these go both ways, with other fields each
