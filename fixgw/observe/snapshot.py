"""One object that says everything there is to see of a gateway; metrics, JSON and tables only render it.

Nothing in it is secret. Only ``OrdersView.each`` and ``PositionsView.each`` grow, with the orders and markets
that the books keep.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any

from fixgw.handlers.order import OrderSnapshot
from fixgw.handlers.position import PositionSnapshot
from fixgw.observe.histogram import EMPTY, HistogramSnapshot
from fixgw.observe.reconciliation import ReconciliationView
from fixgw.safety.kill_switch import Pulled
from fixgw.session.snapshot import SessionSnapshot


@dataclass(frozen=True, slots=True)
class SupervisorView:
    """What keeps a session connected, and why it last was not.

    Args:
        state: ``idle``, ``closed`` (by its timetable), ``connecting``, ``running``, ``waiting``, ``stopped``;
            ``listening`` when it is the peer that connects.
        failures: ends in a row without a connection that lasted.
        refusals: refused Logons in a row.
        retry_in: while waiting or closed, the delay before the next attempt as decided, seconds; else 0.
        why: why the last connection ended, a sentence; empty when none has ended.
        remedy: what a person can do about it.
        host: the host in use, or the one to be tried next; of a session that its peer opens, where we listen.
    """

    state: str = "idle"
    failures: int = 0
    refusals: int = 0
    retry_in: float = 0.0
    why: str = ""
    remedy: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class StoreView:
    """Where the session's records go.

    Args:
        kind: ``tape`` or ``memory``.
        sync: what a commit survives: ``os``, ``batch`` or ``always``.
        full: the disk was found full; only urgent messages still go out.
        path: the directory, empty for memory.
    """

    kind: str
    sync: str
    full: bool = False
    path: str = ""


@dataclass(frozen=True, slots=True)
class HandlersView:
    """How the desk's handlers do.

    Args:
        errors: calls that raised.
        slow_calls: plain calls that took longer than a millisecond, by method name.
        queue_high: the most events that waited at once.
        held: the link does not read because the queue is full.
        malformed: messages of the peer that could not be read, and were refused.
    """

    errors: int = 0
    slow_calls: Mapping[str, int] = field(default_factory=dict)
    queue_high: int = 0
    held: bool = False
    malformed: int = 0


@dataclass(frozen=True, slots=True)
class OrdersView:
    """The order book in numbers.

    Args:
        open: orders that can still be filled, as far as is known.
        in_flight: requests without an answer.
        outcome_unknown: requests that ended unknown, since start.
        not_sent: requests that were proved never to have left, since start.
        rejected: requests that the venue refused, since start.
        each: every order that the book keeps, oldest first.
    """

    open: int = 0
    in_flight: int = 0
    outcome_unknown: int = 0
    not_sent: int = 0
    rejected: int = 0
    each: tuple[OrderSnapshot, ...] = ()


@dataclass(frozen=True, slots=True)
class PositionsView:
    """Positions, and what was counted for them; money in dollars.

    Args:
        fees: paid, all markets together.
        realised_pnl: earned by what was closed or settled, before fees, all markets together.
        cash: what trades and settlements moved on the account, by the venue's own words.
        counted: executions and settlements.
        duplicates: told again, since start.
        doubtful: executions too old to tell whether they were counted, and left, since start.
        unmatched: corrections of executions that are not known any more, and left, since start.
        malformed: messages that could not be read, since start.
        each: every position that is kept, in the order of their first trade.
    """

    fees: Decimal = Decimal(0)
    realised_pnl: Decimal = Decimal(0)
    cash: Decimal = Decimal(0)
    counted: int = 0
    duplicates: int = 0
    doubtful: int = 0
    unmatched: int = 0
    malformed: int = 0
    each: tuple[PositionSnapshot, ...] = ()


@dataclass(frozen=True, slots=True)
class SafetyView:
    """What a session keeps back, and why.

    Args:
        refused: messages that did not leave, since start, by rule: ``kind``, ``cents``, ``grid``, ``rate``,
            ``held``, ``killed``, or a setting of ``risk``.
        throttled: messages that the venue refused for its rate limit, since start.
        tokens: what is left in each bucket of the account that was ever used.
        held: the venue's pauses that are thought to last, each a sentence.
    """

    refused: Mapping[str, int] = field(default_factory=dict)
    throttled: int = 0
    tokens: Mapping[str, float] = field(default_factory=dict)
    held: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionView:
    """One session with everything around it.

    Args:
        name: its name in the configuration.
        kind: the venue's kind of session.
        required: the gateway waits for its Logon.
        active: application messages may be sent.
        session: the FIX session itself.
        supervisor: what keeps it connected.
        store: where its records go.
        handlers: how the desk's handlers do.
        orders: the order book, None where no orders are sent.
        positions: what its executions made, None where none are told.
        safety: what it keeps back.
        connections: streams that came up, since start.
        bytes_in: bytes received, since start.
        bytes_out: bytes handed to the transport, since start.
        queues: what waits, by queue: events for handlers, chunks for the transport.
        turns: duration of a turn that began with received bytes.
        commits: duration of an append to the store.
        acks: time from a submit to its first report.
        heartbeats: time from a TestRequest to its Heartbeat.
    """

    name: str
    kind: str
    required: bool
    active: bool
    session: SessionSnapshot
    supervisor: SupervisorView
    store: StoreView
    handlers: HandlersView = HandlersView()
    orders: OrdersView | None = None
    positions: PositionsView | None = None
    safety: SafetyView = SafetyView()
    connections: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    queues: Mapping[str, int] = field(default_factory=dict)
    turns: HistogramSnapshot = EMPTY
    commits: HistogramSnapshot = EMPTY
    acks: HistogramSnapshot = EMPTY
    heartbeats: HistogramSnapshot = EMPTY


@dataclass(frozen=True, slots=True)
class GatewaySnapshot:
    """A gateway at one instant.

    Args:
        taken_utc_ns: when it was taken, nanoseconds since 1970.
        sessions: by name, in the order of the configuration.
        positions: by venue, environment and account: what its sessions tell together, each execution once.
        kill: when and why the kill switch was pulled, None while it is off.
        reconciliation: what the last reconciliation came to, None while none was told of since start.
    """

    taken_utc_ns: int
    sessions: Mapping[str, SessionView]
    positions: Mapping[str, PositionsView] = field(default_factory=dict)
    kill: Pulled | None = None
    reconciliation: ReconciliationView | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts, strings and numbers; durations become count, mean, p50 and p99 in seconds."""
        plain: dict[str, Any] = _plain(self)
        return plain

    def to_json(self) -> str:
        """Return the snapshot as one line of JSON."""
        return json.dumps(self.to_dict(), separators=(",", ":"), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, HistogramSnapshot):
        return _summary(value)
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.value if isinstance(value, Enum) else value


def _summary(taken: HistogramSnapshot) -> dict[str, float | int | None]:
    count = taken.count
    return {
        "count": count,
        "mean": taken.total / count if count else None,
        "p50": _finite(taken.quantile(0.5)),
        "p99": _finite(taken.quantile(0.99)),
    }


def _finite(bound: float | None) -> float | None:
    """JSON has no infinity: None also stands for beyond the last bucket."""
    return None if bound == float("inf") else bound
