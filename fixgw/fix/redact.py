"""Secrets out of bytes: masking that keeps lengths, and a readable form for logs and reprs."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from fixgw.fix.tags import LENGTH_TAGS, SECRET_TAGS


@lru_cache(maxsize=64)
def _secret_field(secrets: frozenset[int]) -> re.Pattern[bytes]:
    """Match ``tag=`` of a secret at the start or after a separator, with the length field before it, if any.

    ``|`` counts as a separator: people and broken peers write frames with it.
    """
    names = "|".join(
        rf"(?:0*{LENGTH_TAGS[tag]}=(\d{{1,9}})[\x01|])?0*{tag}=" if tag in LENGTH_TAGS else rf"0*{tag}="
        for tag in sorted(secrets)
    )
    return re.compile(rf"(?:^|(?<=[\x01|]))(?:{names})".encode())


def mask(data: bytes, extra: Collection[int] = ()) -> bytes:
    """Overwrite the values of secret fields with ``*``; the length stays.

    A data field is masked for as long as its length field says, and from there to the next SOH.

    Args:
        data: a frame, a part of one, or bytes that failed to be one.
        extra: secret tags beside ``SECRET_TAGS``.
    """
    pattern = _secret_field(SECRET_TAGS.union(extra))
    match = pattern.search(data)
    if match is None:
        return data
    masked = bytearray(data)
    while match is not None:
        start = match.end()
        size = 0 if match.lastindex is None else int(match[match.lastindex])
        stop = data.find(b"\x01", start + size)
        if stop < 0:
            stop = len(data)
        masked[start:stop] = b"*" * (stop - start)
        match = pattern.search(data, stop)
    return bytes(masked)


def printable(data: bytes, limit: int | None = None, extra: Collection[int] = ()) -> str:
    """Return bytes as one line for a person: secrets masked, SOH as ``|``, what is not ASCII escaped.

    Args:
        data: a frame, a part of one, or bytes that failed to be one.
        limit: the most bytes to show; what is cut is counted at the end.
        extra: secret tags beside ``SECRET_TAGS``.
    """
    shown = mask(data, extra)[:limit].replace(b"\x01", b"|")
    text = "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in shown)
    cut = len(data) - len(shown)
    return f"{text}... ({cut} more bytes)" if cut else text
