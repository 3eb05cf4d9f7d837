"""The bytes of a message into fields - a quick way for the usual, a careful one for raw data and faults - and
the check of fields that are to become one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from fixgw.errors import EncodeError, FieldError
from fixgw.fix import tags
from fixgw.fix.redact import printable
from fixgw.fix.values import malformed

SOH = b"\x01"

_INVALID_TAG = 0  # SessionRejectReason(373)
_NUMBERS_MAX = 20_000  # a peer may send any tag; the table must not grow for ever

# Tag text -> number. Length tags of raw data are left out on purpose: they, unknown tags and malformed ones
# end in the KeyError that leads to the careful way, so the quick way needs no test of its own for any of
# them.
_NUMBERS: dict[bytes, int] = {b"%d" % tag: tag for tag in range(1, 3000) if tag not in tags.RAW_DATA_TAGS}

_LENGTH_NAMES = {b"%d" % data: b"%d=" % length for data, length in tags.LENGTH_TAGS.items()}


def split(text: bytes) -> tuple[list[bytes], dict[int, bytes]]:
    """Return the fields of a message, each ``b"tag=value"``, and the first value of each tag.

    Args:
        text: fields with SOH between them and none at the end.

    Raises:
        FieldError: a field is not ``tag=value`` with a positive number as tag (373=0), or raw data is not as
            long as its length field says (373=6).
    """
    fields = text.split(SOH)
    index: dict[int, bytes] = {}
    numbers = _NUMBERS
    try:
        for field in reversed(fields):  # so that the first of several values stays
            tag, value = field.split(b"=", 1)
            index[numbers[tag]] = value
    except (KeyError, ValueError):
        return _split_carefully(text)
    return fields, index


def check_fields(fields: Iterable[bytes]) -> None:
    """Check that a peer will read fields as they are meant.

    Args:
        fields: each ``b"tag=value"``, in the order in which they will stand on the wire.

    Raises:
        EncodeError: a value is empty, holds SOH without a length field before it, or is not as long as that
            says.
    """
    before = b""
    for field in fields:
        tag, _, value = field.partition(b"=")
        if not value:
            raise EncodeError(f"{tags.label(int(tag))} has no value")
        length = _LENGTH_NAMES.get(tag)
        if length is not None and before.startswith(length):
            if before[len(length) :].lstrip(b"0") != b"%d" % len(value):
                raise EncodeError(f"{tags.label(int(tag))} is not as long as the length field before it says")
        elif SOH in value:
            raise EncodeError(f"{tags.label(int(tag))} holds SOH, and no length field before it says so")
        before = field


def _split_carefully(text: bytes) -> tuple[list[bytes], dict[int, bytes]]:
    fields: list[bytes] = []
    index: dict[int, bytes] = {}
    at, data_tag, data_size = 0, 0, 0
    while at <= len(text):
        start = text.find(b"=", at) + 1
        tag = _number(text, at, start - 1)
        if tag == data_tag:
            end = start + data_size
            if end > len(text) or text[end : end + 1] not in (SOH, b""):
                raise malformed(tag, text[start:end], "as long as its length field says")
        else:
            end = text.find(SOH, start)
            end = len(text) if end < 0 else end
        value = text[start:end]
        fields.append(text[at:end])
        index.setdefault(tag, value)
        data_tag = tags.RAW_DATA_TAGS.get(tag, 0)
        if data_tag:
            data_size = _size(tag, value)
        at = end + 1
    return fields, index


def _number(text: bytes, start: int, end: int) -> int:
    """Return the tag between ``start`` and ``end``, and remember it for the quick way."""
    digits = text[start:end] if end > 0 else b""
    number = _NUMBERS.get(digits)
    if number is not None:
        return number
    if not digits.isdigit() or digits[:1] == b"0" or len(digits) > 9:
        _refuse(text[start:].split(SOH, 1)[0])
    number = int(digits)
    if number not in tags.RAW_DATA_TAGS and len(_NUMBERS) < _NUMBERS_MAX:
        _NUMBERS[digits] = number
    return number


def _size(tag: int, value: bytes) -> int:
    if not value.isdigit() or len(value) > 9:
        raise malformed(tag, value, "a length")
    return int(value)


def _refuse(field: bytes) -> NoReturn:
    digits = field.split(b"=", 1)[0]
    tag = int(digits) if digits.isdigit() and len(digits) < 10 else 0
    shown = printable(field, 32)
    raise FieldError(tag, _INVALID_TAG, f"Invalid tag number, the field {shown!r} is not tag=value")
