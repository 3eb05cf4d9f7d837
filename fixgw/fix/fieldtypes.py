"""The types that a declared field may have: how its value is read, written and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, TypeVar

from fixgw.errors import EncodeError, FieldError
from fixgw.fix import values
from fixgw.fix.redact import printable
from fixgw.fix.tags import label

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

_NOT_IN_RANGE = 5  # SessionRejectReason(373)


@dataclass(frozen=True, slots=True, eq=False)
class FieldType(Generic[T]):
    """How the values of a field are read and written.

    Args:
        name: the data type in the specification, such as ``Price``.
        decode: tag and bytes to the Python value; raises ``FieldError``.
        text: the Python value to its characters; raises ``EncodeError`` for what can not stand on the wire.
        members: of an enumeration, wire value -> member.
        multiple: a value is several members with a space between them.
        quick: how a generated constructor writes the value, with ``{value}`` for the argument: a shortcut for
            ``text`` where one is worth it.
        guard: a condition on ``{value}`` under which ``text`` is needed after all.
    """

    name: str
    decode: Callable[[int, bytes], T]
    text: Callable[[Any], str]
    members: Mapping[bytes, StrEnum] = field(default_factory=dict)
    multiple: bool = False
    quick: str = ""
    guard: str = ""

    def check(self, tag: int, value: bytes) -> None:
        """Raise ``FieldError`` if ``value`` is none of this type."""
        if not value:
            raise FieldError(tag, values.NO_VALUE, f"Tag specified without a value, {label(tag)}")
        if not self.members:
            self.decode(tag, value)
            return
        for word in value.split(b" ") if self.multiple else [value]:
            if word not in self.members:
                shown = printable(word, 32)
                text = f"Value is incorrect (out of range) for this tag, {label(tag)}: {shown!r}"
                raise FieldError(tag, _NOT_IN_RANGE, text)


def enum(members: type[E]) -> FieldType[E]:
    """Return the type of a field that takes one of ``members``.

    On input a value that is no member is kept, as a plain ``str``; on output it is refused.
    """
    by_wire: dict[bytes, Any] = {member.value.encode(): member for member in members}

    def decode(tag: int, value: bytes) -> Any:
        member = by_wire.get(value)
        return values.decode_string(value) if member is None else member

    def text(value: Any) -> str:
        try:
            return members(value).value
        except ValueError:
            raise EncodeError(f"{value!r} is not one of {_names(members)}") from None

    return FieldType("Char", decode, text, by_wire, quick="{table}[{value}]")


def enums(members: type[E]) -> FieldType[tuple[E, ...]]:
    """Return the type of a field that takes several of ``members``, with a space between them on the wire."""
    one = enum(members)

    def decode(tag: int, value: bytes) -> tuple[E, ...]:
        return tuple(one.decode(tag, word) for word in value.split(b" "))

    def text(value: Any) -> str:
        if not value or isinstance(value, str):
            raise EncodeError(f"a tuple of one or more of {_names(members)} is needed")
        return " ".join(one.text(word) for word in value)

    return FieldType("MultipleStringValue", decode, text, one.members, multiple=True)


def _names(members: type[StrEnum]) -> str:
    return f"{members.__name__}: {', '.join(member.name for member in members)}"


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise EncodeError(f"a str is needed, not {type(value).__name__}")
    return values.encode_string(value).decode("utf-8", "surrogateescape")


def _char(value: Any) -> str:
    return values.encode_char(_string(value)).decode()


def _int(value: Any) -> str:
    if not isinstance(value, int) or isinstance(value, bool):
        raise EncodeError(f"an int is needed, not {type(value).__name__}")
    return str(int(value))


def _boolean(value: Any) -> str:
    if not isinstance(value, bool):
        raise EncodeError(f"True or False is needed, not {type(value).__name__}")
    return "Y" if value else "N"


def _timestamp(value: Any) -> str:
    if not isinstance(value, datetime):
        raise EncodeError(f"a datetime is needed, not {type(value).__name__}")
    return values.encode_utc_timestamp(value).decode()


def _date(value: Any) -> str:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise EncodeError(f"a date is needed, not {type(value).__name__}")
    return values.encode_date(value).decode()


def _time(value: Any) -> str:
    if not isinstance(value, time):
        raise EncodeError(f"a time is needed, not {type(value).__name__}")
    return values.encode_time(value).decode()


def _words(value: Any) -> str:
    if not isinstance(value, tuple):
        raise EncodeError(f"a tuple of str is needed, not {type(value).__name__}")
    return values.encode_multiple(value).decode("utf-8", "surrogateescape")


def _data(value: Any) -> str:
    if not isinstance(value, bytes) or not value:
        raise EncodeError("bytes are needed, at least one")
    return value.decode("utf-8", "surrogateescape")


def _decode_text(tag: int, value: bytes) -> str:
    return values.decode_string(value)


def _decode_data(tag: int, value: bytes) -> bytes:
    return value


STRING: FieldType[str] = FieldType(
    "String",
    _decode_text,
    _string,
    quick="{value}",
    guard='type({value}) is not str or not {value} or "\\x01" in {value}',
)
CHAR: FieldType[str] = FieldType("Char", values.decode_char, _char)
INT: FieldType[int] = FieldType(
    "Int", values.decode_int, _int, quick="{value}", guard="type({value}) is not int"
)
BOOLEAN: FieldType[bool] = FieldType("Boolean", values.decode_boolean, _boolean)
DECIMAL: FieldType[Decimal] = FieldType("Price", values.decode_decimal, values.decimal_text)
UTC_TIMESTAMP: FieldType[datetime] = FieldType("UTCTimestamp", values.decode_utc_timestamp, _timestamp)
LOCAL_MKT_DATE: FieldType[date] = FieldType("LocalMktDate", values.decode_date, _date)
UTC_TIME_ONLY: FieldType[time] = FieldType("UTCTimeOnly", values.decode_time, _time)
MULTIPLE_STRINGS: FieldType[tuple[str, ...]] = FieldType(
    "MultipleStringValue", values.decode_multiple, _words
)
DATA: FieldType[bytes] = FieldType("Data", _decode_data, _data)
