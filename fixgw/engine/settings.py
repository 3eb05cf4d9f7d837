"""Plain settings of the engine: what a configuration file is turned into, and what an embedder may build."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fixgw.engine.hosts import Host
from fixgw.engine.timetable import Timetable
from fixgw.fix.schema import TypedMessage
from fixgw.handlers.base import Client
from fixgw.handlers.meanings import Meanings
from fixgw.handlers.passage import Passage
from fixgw.handlers.positions import Positions
from fixgw.safety.kill_steps import CancelEach, KillStep
from fixgw.safety.traffic import Traffic
from fixgw.session.state import SessionSettings
from fixgw.store.base import Store
from fixgw.transport.base import Connector
from fixgw.venues.base import LogoutRule, Retry


def always_retry(text: str) -> LogoutRule:
    """Judge every Logout text alike: try again, with back-off."""
    return LogoutRule("", Retry.RETRY)


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Limits of one link.

    Args:
        queue_size: events that may wait for ``async def`` handlers before reading stops.
        slow_handler_limit: seconds of stopped reading after which the link closes.
        cursor_interval: seconds after which the handled cursor is written at the latest.
        batch_sync_interval: seconds between two syncs of a store whose level is ``batch``.
        outbound_limit: bytes that may wait for a slow peer before the link closes.
        close_timeout: seconds that a closing TLS stream gets before it is cut.
        stop_on_error: close the session when a handler raises.
    """

    queue_size: int = 10_000
    slow_handler_limit: float = 30.0
    cursor_interval: float = 0.1
    batch_sync_interval: float = 0.05
    outbound_limit: int = 64 * 1024 * 1024
    close_timeout: float = 2.0
    stop_on_error: bool = False


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """How a lost connection is tried again: full jitter, doubling, with a cap.

    Args:
        base_seconds: the upper bound of the first delay.
        cap_seconds: the upper bound of every delay.
        reset_seconds: a connection that lasted this long starts the doubling anew.
        max_refusals: refused Logons in a row after which the session stops; 0 for no limit.
        jitter: draws the number from 0 to 1 by which each delay is multiplied.
    """

    base_seconds: float = 1.0
    cap_seconds: float = 60.0
    reset_seconds: float = 30.0
    max_refusals: int = 10
    jitter: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """Everything the gateway needs to run one initiator session.

    Args:
        session: the settings of the FIX session.
        connector: makes its streams.
        host: what the connector dials, ``host:port``, for whoever looks at the session.
        standby: further hosts, tried in turn when the one before takes no connection or no Logon.
        store: makes its store; called once, at start.
        kind: the venue's kind of session, such as ``orders-rt``.
        messages: the typed messages of its dialect.
        handler: the user's handler object, or None.
        orders: keep an order book and offer ``submit``, ``replace`` and ``cancel``.
        listens: it only reads what other sessions of the account do.
        positions: makes the account of its executions; called once, at start; None where none are told.
        account: names venue, environment and account; its sessions tell of the same executions.
        clients: makes what else can be asked for on the session; called once, at start.
        passage: makes the guards and the edge that its messages pass; called once, at start.
        traffic: which messages add risk: the kill switch keeps these back.
        kill_steps: how the kill switch takes its open orders out of the market, the mildest first.
        offline_kill_steps: what it does before that while the session is down.
        required: ``load`` waits for its Logon, and a fatal refusal of it ends the gateway.
        judge_logout: the venue's table of Logout texts.
        unknown_outcome_texts: values of Text(58) on a report which mean that the outcome is not known.
        remainders_told: the venue reports what an immediate order leaves as cancelled; else its first trade
            ends it.
        replaces_by_order_id: the venue wants OrderID(37) in each replace.
        meanings: what the venue's texts and codes mean.
        identity_lock: a file held while the session runs, so that no other process uses the same identity.
        link: limits.
        retry: back-off.
        timetable: when it is connected, and when its numbers go back to 1.
    """

    session: SessionSettings
    connector: Connector
    store: Callable[[], Store]
    host: str = ""
    standby: Sequence[Host] = ()
    kind: str = ""
    messages: Sequence[type[TypedMessage]] = ()
    handler: object | None = None
    orders: bool = False
    listens: bool = False
    positions: Callable[[], Positions] | None = Positions
    account: str = ""
    clients: Callable[[], Sequence[Client]] = tuple
    passage: Callable[[], Passage] = Passage
    traffic: Traffic = field(default_factory=Traffic)
    kill_steps: Sequence[KillStep] = (CancelEach(),)
    offline_kill_steps: Sequence[KillStep] = ()
    required: bool = True
    judge_logout: Callable[[str], LogoutRule] = always_retry
    unknown_outcome_texts: frozenset[str] = frozenset()
    remainders_told: bool = False
    replaces_by_order_id: bool = False
    meanings: Meanings = field(default_factory=Meanings)
    identity_lock: Path | None = None
    link: LinkSettings = field(default_factory=LinkSettings)
    retry: RetrySettings = field(default_factory=RetrySettings)
    timetable: Timetable | None = None
