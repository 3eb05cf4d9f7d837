"""What a configuration lets a session send."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fixgw.config.build import session_plan
from fixgw.config.check import check
from fixgw.config.problems import InvalidConfigError
from fixgw.config.resolve import resolve_sessions
from fixgw.config.safety import Shared
from fixgw.errors import LimitBreached, NotAllowed, Refused
from fixgw.fix.message import Message
from fixgw.handlers.passage import CountingGuard, Passage
from fixgw.safety.grid import GridGuard, Grids, PriceRange
from tests.config.conftest import Spoil
from tests.safety.messages import NOW, new_order

LISTENER = {"sessions.0.options": {"listener_session": True, "skip_pending_exec_reports": True}}
GENERIC = {
    "sessions.0.venue": "generic",
    "sessions.0.kind": "orders",
    "sessions.0.cancel_on_disconnect": ...,
    "sessions.0.key_file": ...,
    "sessions.0.target": "THEM",
    "sessions.0.connect": {"host": "127.0.0.1", "port": 1},
    "defaults.environment": ...,
    "sessions.1.environment": "demo",
    "sessions.2.environment": "demo",
}


def _passages(spoil: Spoil, changes: dict[str, Any] | None = None) -> list[Passage]:
    loaded = spoil(changes)
    assert check(loaded) == []
    shared = Shared(loaded.settings)
    sessions = resolve_sessions(loaded).sessions
    return [session_plan(session, shared=shared).passage() for session in sessions]


def _admit(passage: Passage, message: Message) -> None:
    for guard in passage.guards:
        guard.admit(message, NOW)
    for guard in passage.guards:
        if isinstance(guard, CountingGuard):
            guard.left(message, 1, NOW)


def test_a_session_refuses_what_its_kind_does_not_send(spoil: Spoil) -> None:
    rt, nr, md = _passages(spoil)
    mass_cancel = Message("q", [(11, "a"), (530, "6")])
    _admit(nr, mass_cancel)
    for passage in (rt, md):
        with pytest.raises(NotAllowed, match="use a session of kind orders-nr"):
            _admit(passage, mass_cancel)


def test_a_listener_sends_nothing(spoil: Spoil) -> None:
    listener, *_ = _passages(spoil, LISTENER)
    with pytest.raises(NotAllowed, match="a session of kind orders-rt that only listens"):
        _admit(listener, new_order())


def test_a_generic_session_sends_what_it_likes(spoil: Spoil) -> None:
    generic, *_ = _passages(spoil, GENERIC)
    _admit(generic, Message("H", [(11, "a")]))


@pytest.mark.parametrize(
    ("changes", "in_cents"),
    [
        ({}, True),
        ({"sessions.0.options": {"use_dollars": False}}, True),
        ({"sessions.0.options": {"use_dollars": True}}, False),
        ({"sessions.0.logon_fields": {21005: "Y"}}, False),
        ({"sessions.0.logon_fields": {21005: "N"}}, True),
    ],
)
def test_a_session_is_in_cents_until_its_logon_asks_for_dollars(
    spoil: Spoil, changes: dict[str, Any], in_cents: bool
) -> None:
    rt, _, md = _passages(spoil, changes)
    assert (rt.edge is not None, md.edge) == (in_cents, None)


def test_nothing_is_limited_unless_it_is_said(spoil: Spoil) -> None:
    for passage in _passages(spoil):
        names = {type(guard).__name__ for guard in passage.guards}
        assert names.isdisjoint({"PreTradeChecks", "DuplicateGuard", "PositionGuard"})


@pytest.mark.parametrize(
    ("risk", "order", "text"),
    [
        ({"max_order_qty": 5}, {"qty": "5.01"}, "max_order_qty: 5.01 contracts, and 5 at most"),
        (
            {"max_notional": 2.5},
            {"price": "0.26"},
            "max_notional: 2.60 dollars, and 2.5 at most",
        ),
        (
            {"max_notional": 2.5},
            {"side": "2", "price": "0.74"},
            "max_notional: 2.60 dollars, and 2.5 at most",
        ),
        ({"price_band": {"min": 0.05}}, {"price": "0.04"}, "price_band: 0.04 dollars, and 0.05 at least"),
        ({"price_band": {"max": "0.95"}}, {"price": "0.96"}, "price_band: 0.96 dollars, and 0.95 at most"),
        ({"symbols": ["KX*", "A"]}, {"symbol": "B"}, r"symbols: B, and only KX\*, A"),
    ],
)
def test_a_limit_names_value_limit_and_setting(
    spoil: Spoil, risk: dict[str, Any], order: dict[str, str], text: str
) -> None:
    rt, nr, _ = _passages(spoil, {"defaults.risk": risk})
    (name,) = risk
    for session, passage in (("rt", rt), ("nr", nr)):
        where = rf" \(set by sessions\.{session}\.risk\.{name}\)"
        with pytest.raises(LimitBreached, match=text + where) as caught:
            _admit(passage, new_order(**order))
        assert caught.value.rule == name


def test_the_same_order_again_is_refused(spoil: Spoil) -> None:
    rt, *_ = _passages(spoil, {"sessions.0.risk": {"duplicate_window": 0.5}})
    _admit(rt, new_order("a"))
    with pytest.raises(LimitBreached, match="duplicate_window: like order a of"):
        _admit(rt, new_order("b"))


def test_grids_are_those_of_the_file(spoil: Spoil) -> None:
    ranges = [{"start": 0, "end": 1, "step": 0.001}]
    rt, *_ = _passages(spoil, {"grids": {"kalshi": {"KX*": ranges}}})
    _admit(rt, new_order(symbol="KXA", price="0.505"))
    _admit(rt, new_order(symbol="OTHER", price="0.5055"))
    with pytest.raises(Refused, match=r"take 0\.505 or 0\.506"):
        _admit(rt, new_order(symbol="KXA", price="0.5055"))


def test_sessions_of_a_venue_share_their_grids(spoil: Spoil) -> None:
    loaded = spoil()
    shared = Shared(loaded.settings)
    rt, nr, _ = (session_plan(s, shared=shared).passage() for s in resolve_sessions(loaded).sessions)
    _grids(rt).put("M", [PriceRange(Decimal(0), Decimal(1), Decimal("0.001"))])
    assert _grids(nr).find("M") is not None


def test_grids_of_a_venue_that_nobody_uses_are_told(spoil: Spoil) -> None:
    (problem,) = check(spoil({"grids": {"kalsi": {}}}))
    assert (problem.what, problem.remedy) == ("no session uses 'kalsi'", "did you mean 'kalshi'?")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"sessions.0.risk": {"max_order_qty": 0}}, "max_order_qty"),
        ({"sessions.0.risk": {"max_order_size": 5}}, "max_order_qty"),
        ({"sessions.0.risk": {"price_band": {}}}, "the band has no bounds"),
        ({"sessions.0.risk": {"price_band": {"min": 0.5, "max": 0.4}}}, "no price lies from 0.5 to 0.4"),
        ({"grids": {"kalshi": {"M": [{"start": 1, "end": 0, "step": 0.01}]}}}, "no price lies from 1 to 0"),
    ],
)
def test_what_can_not_be_a_limit_is_told(spoil: Spoil, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidConfigError, match=text):
        spoil(changes)


def test_a_position_is_limited_where_orders_are_known(spoil: Spoil) -> None:
    changes = {**GENERIC, "sessions.0.kind": "session", "sessions.0.risk": {"max_position": 5}}
    (problem,) = check(spoil(changes))
    assert problem.what == "max_position needs the session's orders, and session keeps none"


def test_a_limit_of_the_defaults_leaves_sessions_without_orders_alone(spoil: Spoil) -> None:
    *_, md = _passages(spoil, {"defaults.risk": {"max_position": 5}})
    assert [type(guard).__name__ for guard in md.guards if "Position" in type(guard).__name__] == []


def _grids(passage: Passage) -> Grids:
    (guard,) = [guard for guard in passage.guards if isinstance(guard, GridGuard)]
    return guard.grids


@pytest.mark.parametrize(("venue", "found"), [({}, ["sessions[0].risk.price_band.max"]), (GENERIC, [])])
def test_a_band_in_cents_is_told_where_a_contract_pays_a_dollar(
    spoil: Spoil, venue: dict[str, Any], found: list[str]
) -> None:
    problems = check(spoil({**venue, "sessions.0.risk": {"price_band": {"min": 1, "max": 98}}}))
    assert [problem.where.split(" ", 1)[1] for problem in problems] == found
