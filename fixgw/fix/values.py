"""FIX value types to bytes and back, one pair of functions a type.

Encoders raise ``EncodeError``; decoders take the tag as well and raise ``FieldError(tag, 6)``, "Incorrect
data format for value". Text is UTF-8 with ``surrogateescape``: every byte sequence decodes, and encodes to
itself.
Source: FIX 5.0SP2 volume 1, "Data types".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, TypeAlias

from fixgw.errors import EncodeError, FieldError
from fixgw.fix.redact import printable
from fixgw.fix.tags import SECRET_TAGS, label

Value: TypeAlias = str | bytes | int | bool | Decimal | datetime | date | tuple[str, ...]

NO_VALUE = 4
"""SessionRejectReason(373): tag specified without a value."""
BAD_FORMAT = 6
"""SessionRejectReason(373): incorrect data format for value."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANOS = 1_000_000_000
_SCALES = {21: 1_000_000, 24: 1_000, 27: 1}  # length of a UTCTimestamp -> nanoseconds in its last digit
_DIVISORS = {"s": _NANOS, "ms": 1_000_000, "us": 1_000, "ns": 1}
_FORMATS = {"s": b"%b", "ms": b"%b.%03d", "us": b"%b.%06d", "ns": b"%b.%09d"}
_SHOWN = 32
_TIME_ONLY = re.compile(rb"\d\d:\d\d:\d\d(\.\d{1,12})?")


def malformed(tag: int, value: bytes, expected: str) -> FieldError:
    """Return the error for a value that does not parse; a secret is not shown in it.

    Args:
        tag: the field.
        value: what was received.
        expected: what it should be, such as ``an integer``.
    """
    if not value:
        return FieldError(tag, NO_VALUE, f"Tag specified without a value, {label(tag)}")
    shown = "" if tag in SECRET_TAGS else f": {printable(value, _SHOWN)!r}"
    return FieldError(
        tag, BAD_FORMAT, f"Incorrect data format for value, {label(tag)} is not {expected}{shown}"
    )


def encode(tag: int, value: Value) -> bytes:
    """Return the bytes of any value by its Python type: ``True`` is ``Y``, a datetime a UTCTimestamp, and so
    on.

    Raises:
        EncodeError: the type has no FIX form, or the value is empty or holds SOH.
    """
    encoder = _ENCODERS.get(type(value)) or _encoder_of_subclass(tag, value)
    try:
        return encoder(value)
    except EncodeError as error:
        raise EncodeError(f"{label(tag)}: {error}") from None


def encode_string(value: str) -> bytes:
    """Return text as bytes."""
    if "\x01" in value or not value:
        raise EncodeError("a string must not be empty and must not hold SOH")
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise EncodeError("a string holds half of a surrogate pair, which UTF-8 can not carry") from None


def decode_string(value: bytes) -> str:
    """Return the text of any bytes."""
    return value.decode("utf-8", "surrogateescape")


def encode_char(value: str) -> bytes:
    """Return one character as bytes."""
    if len(value) != 1:
        raise EncodeError("a char is exactly one character")
    return encode_string(value)


def decode_char(tag: int, value: bytes) -> str:
    """Return the one character of ``value``."""
    if len(value) != 1:
        raise malformed(tag, value, "one character")
    return decode_string(value)


def encode_int(value: int) -> bytes:
    """Return an integer in decimal digits."""
    return b"%d" % value


def decode_int(tag: int, value: bytes) -> int:
    """Return the integer: digits, with a minus sign if negative and no plus sign."""
    if len(value) > 19 or not (value.isdigit() or (value[:1] == b"-" and value[1:].isdigit())):
        raise malformed(tag, value, "an integer of at most 19 characters")
    return int(value)


def encode_boolean(value: bool) -> bytes:
    """Return ``Y`` or ``N``."""
    return b"Y" if value else b"N"


def decode_boolean(tag: int, value: bytes) -> bool:
    """Return true for ``Y``, false for ``N``."""
    if value == b"Y":
        return True
    if value == b"N":
        return False
    raise malformed(tag, value, "Y or N")


def decimal_text(value: Decimal) -> str:
    """Return a decimal as FIX writes it: all its digits and never an exponent.

    Raises:
        EncodeError: it is no number, or neither a Decimal nor an int.
    """
    if type(value) is not Decimal:
        if not isinstance(value, Decimal | int) or isinstance(value, bool):
            raise EncodeError(f"a {type(value).__name__} is not exact: write Decimal('0.55')")
        value = Decimal(value)
    text = str(value)
    if "E" in text:
        return format(value, "f")
    if "N" in text or "I" in text:
        raise EncodeError(f"{text} can not stand on the wire: a number is needed")
    return text


def encode_decimal(value: Decimal) -> bytes:
    """Return a Price, Qty or Amt; see ``decimal_text``."""
    return decimal_text(value).encode()


def decode_decimal(tag: int, value: bytes) -> Decimal:
    """Return the exact value of a Price, Qty or Amt: digits, one point at most, a minus sign if negative."""
    # Decimal() itself would take exponents, underscores, spaces and NaN; strip is the cheapest guard (0.03
    # us).
    if not value.strip(b"0123456789.-"):
        try:
            return Decimal(value.decode())
        except InvalidOperation:
            pass
    raise malformed(tag, value, "a decimal number")


def encode_date(value: date) -> bytes:
    """Return a LocalMktDate, ``YYYYMMDD``."""
    return b"%04d%02d%02d" % (value.year, value.month, value.day)


def decode_date(tag: int, value: bytes) -> date:
    """Return the date of a LocalMktDate, ``YYYYMMDD``."""
    try:
        return _day(value)
    except ValueError:
        raise malformed(tag, value, "a date YYYYMMDD") from None


def encode_time(value: time) -> bytes:
    """Return a UTCTimeOnly in milliseconds, or in microseconds when that is needed to be exact.

    Raises:
        EncodeError: the time has a time zone other than UTC.
    """
    if value.utcoffset():
        raise EncodeError("a time of day is UTC on the wire")
    exact = "microseconds" if value.microsecond % 1000 else "milliseconds"
    return value.replace(tzinfo=None).isoformat(timespec=exact).encode()


def decode_time(tag: int, value: bytes) -> time:
    """Return the time of day, in UTC, of a UTCTimeOnly of any precision, cut to microseconds."""
    if not _TIME_ONLY.fullmatch(value):
        raise malformed(tag, value, "a time HH:MM:SS, with up to 12 decimals")
    try:
        return time.fromisoformat(value[:15].decode()).replace(tzinfo=UTC)
    except ValueError:
        raise malformed(tag, value, "a time of day") from None


def encode_utc_timestamp(value: datetime) -> bytes:
    """Return a UTCTimestamp in milliseconds, or in microseconds when that is needed to be exact.

    Raises:
        EncodeError: the datetime has no time zone.
    """
    if value.tzinfo is None:
        raise EncodeError("a datetime needs a time zone, such as datetime.UTC")
    utc = value.astimezone(UTC)
    text = utc.isoformat(timespec="microseconds" if utc.microsecond % 1000 else "milliseconds")
    return (
        f"{text[:4]}{text[5:7]}{text[8:10]}-{text[11:-6]}".encode()
    )  # half the time of formatting each part


def decode_utc_timestamp(tag: int, value: bytes) -> datetime:
    """Return a UTCTimestamp of any precision, cut to microseconds; a leap second is the second after it."""
    try:
        return _second(value[:17]) + timedelta(microseconds=_fraction(value) // 1000)
    except ValueError:
        raise malformed(tag, value, "a UTC timestamp YYYYMMDD-HH:MM:SS.sss") from None


def parse_utc_timestamp_ns(value: bytes) -> int:
    """Return a UTCTimestamp as nanoseconds since 1970.

    Raises:
        ValueError: it is none.
    """
    scale, digits = _SCALES.get(len(value)), value[18:]
    if scale is not None and value[17:18] == b"." and digits.isdigit():  # what nearly every peer sends
        return _second_number(value[:17]) * _NANOS + int(digits) * scale
    return _second_number(value[:17]) * _NANOS + _fraction(value)


def sending_time(utc_ns: int, precision: str = "ms") -> bytes:
    """Return the UTCTimestamp of an instant.

    Args:
        utc_ns: nanoseconds since 1970.
        precision: ``s``, ``ms``, ``us`` or ``ns``; what is finer is cut off.
    """
    second, nanos = divmod(utc_ns, _NANOS)
    if precision == "ms":
        return b"%b.%03d" % (_second_text(second), nanos // 1_000_000)
    if precision == "s":
        return _second_text(second)
    return _FORMATS[precision] % (_second_text(second), nanos // _DIVISORS[precision])


def encode_multiple(value: tuple[str, ...]) -> bytes:
    """Return a MultipleValueString: words with one space between them."""
    if not value or any(not word or " " in word for word in value):
        raise EncodeError("a list of values must not be empty, and no value may be empty or hold a space")
    return encode_string(" ".join(value))


def decode_multiple(tag: int, value: bytes) -> tuple[str, ...]:
    """Return the words of a MultipleValueString."""
    words = tuple(decode_string(value).split(" "))
    if "" in words:
        raise malformed(tag, value, "a list of values with one space between them")
    return words


def _encode_bytes(value: bytes) -> bytes:
    if not value:
        raise EncodeError("a value must not be empty")
    return value


_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    str: encode_string,
    bytes: _encode_bytes,
    int: encode_int,
    bool: encode_boolean,
    Decimal: encode_decimal,
    datetime: encode_utc_timestamp,
    date: encode_date,
    tuple: encode_multiple,
}


def _encoder_of_subclass(tag: int, value: Value) -> Callable[[Any], bytes]:
    for kind in (str, bytes, int, Decimal, datetime, date, tuple):
        if isinstance(value, kind):
            return _ENCODERS[kind]
    raise EncodeError(f"{label(tag)}: no FIX form for {type(value).__name__} (money is Decimal, never float)")


def _day(value: bytes) -> date:
    if len(value) != 8 or not value.isdigit():
        raise ValueError
    return date(int(value[:4]), int(value[4:6]), int(value[6:]))


# Time stamps of one connection lie close together: nearly all of them hit the second of the one before.
@lru_cache(maxsize=16)
def _second(value: bytes) -> datetime:
    digits = value[9:11] + value[12:14] + value[15:]
    if len(value) != 17 or value[8:9] + value[11:12] + value[14:15] != b"-::" or not digits.isdigit():
        raise ValueError
    day = _day(value[:8])
    hour, minute, second = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    start = datetime(day.year, day.month, day.day, hour, minute, min(second, 59), tzinfo=UTC)
    if second > 60:
        raise ValueError
    try:
        return start + timedelta(seconds=second - start.second)
    except OverflowError:  # a leap second at the end of the year 9999
        raise ValueError from None


@lru_cache(maxsize=16)
def _second_number(value: bytes) -> int:
    since = _second(value) - _EPOCH
    return since.days * 86_400 + since.seconds


def _fraction(value: bytes) -> int:
    """Return the nanoseconds after the 17 characters of the second."""
    if len(value) == 17:
        return 0
    digits = value[18:]
    if value[17:18] != b"." or not digits.isdigit() or len(digits) > 12:
        raise ValueError
    return int(digits[:9].ljust(9, b"0"))


@lru_cache(maxsize=16)
def _second_text(second: int) -> bytes:
    return (_EPOCH + timedelta(seconds=second)).strftime("%Y%m%d-%H:%M:%S").encode()
