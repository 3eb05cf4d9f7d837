"""A report as plain values: for JSON, and as rows for CSV and tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

from fixgw.clock import rfc3339
from fixgw.reconcile.model import Break, ExecKey, Execution, ReconciliationReport, TradeKey

BREAK_COLUMNS = ("kind", "time", "session", "symbol", "order", "trade", "side", "quantity", "price", "what")


def plain(report: ReconciliationReport) -> dict[str, Any]:
    """Return everything in a report as dicts, lists, texts and numbers; instants in RFC 3339."""
    values: dict[str, Any] = _plain(report)
    return {**values, "exit_code": int(report.exit_code), "matched": report.counts.matched}


def break_rows(report: ReconciliationReport) -> Iterator[tuple[str, ...]]:
    """Yield the breaks as rows of ``BREAK_COLUMNS``."""
    for one in report.breaks:
        execution = one.theirs or one.ours
        yield (
            one.kind.value,
            "" if one.utc_ns is None else rfc3339(one.utc_ns),
            one.session,
            one.symbol,
            one.order_id,
            one.trade_id,
            *_terms(execution),
            _what(one),
        )


def _terms(execution: Execution | None) -> tuple[str, str, str]:
    if execution is None:
        return "", "", ""
    return execution.side.name.lower(), f"{execution.qty:f}", f"{execution.price:f}"


def _what(one: Break) -> str:
    fields = "; ".join(f"{field.name}: {field.ours} here, {field.theirs} there" for field in one.fields)
    return f"{one.what} ({fields})" if fields else one.what


def _plain(value: Any) -> Any:
    if isinstance(value, ExecKey | TradeKey):
        return value._asdict()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value):
        shown = [field.name for field in dataclasses.fields(value) if field.repr]
        found = {name: getattr(value, name) for name in shown}
        return {_named(name): _instant(name, one) for name, one in found.items()}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, frozenset):
        return sorted(_plain(one) for one in value)
    if isinstance(value, tuple | list):
        if hasattr(value, "_asdict"):
            return {_named(name): _instant(name, one) for name, one in value._asdict().items()}
        return [_plain(one) for one in value]
    return value


def _named(name: str) -> str:
    return name.removesuffix("_utc_ns").removesuffix("_ns") if name != "utc_ns" else "time"


def _instant(name: str, value: Any) -> Any:
    return rfc3339(value) if name.endswith("_ns") and isinstance(value, int) else _plain(value)
