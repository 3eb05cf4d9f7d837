"""Instants as people write them on a command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
AGO = re.compile(r"-?(\d+)\s*([smhdw])")
NS = 1_000_000_000


def instant_ns(text: str, now_ns: int) -> int:
    """Return the UTC nanoseconds of an instant.

    Args:
        text: ``2026-10-09``, ``2026-10-09T14:30:00Z``, ``3h`` ago (also ``-3h``), ``today``, ``yesterday`` or
            ``now``; days begin at midnight UTC, and what names no zone is UTC.
        now_ns: the present instant.

    Raises:
        ValueError: it is none of these, or before 1970.
    """
    found = _read(text, now_ns)
    if found < 0:
        raise ValueError(text)
    return found


def _read(text: str, now_ns: int) -> int:
    today = datetime.fromtimestamp(now_ns // NS, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    words = {"today": today, "yesterday": today - timedelta(days=1)}
    if text in words:
        return round(words[text].timestamp()) * NS
    if text == "now":
        return now_ns
    ago = AGO.fullmatch(text.strip())
    if ago is not None:
        return now_ns - int(ago[1]) * UNITS[ago[2]] * NS
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1_000_000) * 1_000
