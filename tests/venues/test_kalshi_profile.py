"""Kalshi's facts as published, what a session may ask for in its Logon, and changes by the configuration."""

from __future__ import annotations

from typing import Any

import pytest

from fixgw.errors import ConfigError
from fixgw.session.hooks import ResendFresh
from fixgw.venues.base import Retry, Venue, venue
from fixgw.venues.kalshi.messages import MESSAGES
from fixgw.venues.kalshi.profile import VENUE, KalshiVenue
from fixgw.venues.kalshi.signer import KalshiSigner

from .test_kalshi_signer import PUBLISHED_PEM

PROFILE = VENUE.profile


def fields(kind: str, **options: object) -> list[tuple[int, str]]:
    return list(VENUE.logon_fields(PROFILE.kinds[kind], options))


def test_it_is_found_by_its_name() -> None:
    found: Venue = venue("kalshi")
    assert found is VENUE
    assert found.messages is MESSAGES
    with pytest.raises(ConfigError, match="not known") as caught:
        venue("nasdaq")
    assert "kalshi" in caught.value.remedy


def test_the_six_kinds_are_those_of_the_connectivity_page() -> None:
    rows = {
        (kind.target_comp_id, kind.port, kind.retransmission, kind.must_reset, kind.host, kind.order_entry)
        for kind in PROFILE.kinds.values()
    }
    assert rows == {
        ("KalshiNR", 8228, False, True, "orders", True),
        ("KalshiDC", 8229, False, True, "orders", False),
        ("KalshiRT", 8230, True, False, "orders", True),
        ("KalshiPT", 8231, True, False, "orders", False),
        ("KalshiRFQ", 8232, False, True, "orders", False),
        ("KalshiMD", 8233, False, True, "market-data", False),
    }
    assert all(name == kind.name for name, kind in PROFILE.kinds.items())


def test_messages_go_the_ways_of_the_message_table() -> None:
    kinds = PROFILE.kinds
    assert kinds["orders-nr"].sends == {"D", "F", "G", "q", "UOG", "U1"}
    assert kinds["orders-rt"].receives >= {"8", "9", "j", "UOH", "UMS"}
    assert kinds["post-trade"].sends == frozenset()
    assert kinds["rfq"].sends == {"S", "Z", "U7"}
    assert [kind for kind in kinds if "q" in kinds[kind].sends] == ["orders-nr"]


def test_the_session_facts_are_the_published_ones() -> None:
    assert (PROFILE.begin_string, PROFILE.default_appl_ver_id) == ("FIXT.1.1", "9")
    assert (PROFILE.heart_bt_int, PROFILE.heart_bt_int_min) == (30, 4)
    assert (PROFILE.sending_time_window, PROFILE.time_precision) == (30.0, "ms")
    assert PROFILE.accepted_sender_comp_ids == {"Kalshi"}
    assert PROFILE.unknown_outcome_texts == {"EXCHANGE_UNAVAILABLE"}
    assert PROFILE.hosts["production"] == {
        "orders": "mm.fix.elections.kalshi.com",
        "market-data": "marketdata.fix.elections.kalshi.com",
        "rest": "external-api.kalshi.com",
    }
    assert PROFILE.hosts["demo"]["orders"] == "fix.demo.kalshi.co"


@pytest.mark.parametrize(
    ("text", "action", "wait"),
    [
        ("already exists", Retry.WAIT, 60.0),
        ("Session Already Exists for key", Retry.WAIT, 60.0),
        ("rate limit exceeded", Retry.RETRY, 0.0),
        ("FIX logon service busy; retry with backoff", Retry.RETRY, 0.0),
        ("API usage level is not allowed for FIX", Retry.FATAL, 0.0),
        ("Invalid TargetCompID", Retry.FATAL, 0.0),
        ("Invalid signature", Retry.RETRY, 0.0),
        ("words of next month", Retry.RETRY, 0.0),
        ("", Retry.RETRY, 0.0),
    ],
)
def test_logout_texts_are_judged(text: str, action: Retry, wait: float) -> None:
    rule = PROFILE.judge_logout(text)
    assert (rule.action, rule.wait_seconds) == (action, wait)
    assert rule.meaning


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("the API key has no write scope", "give the key the scope"),
        ("KalshiRT is not enabled for this account", "ask Kalshi to enable it"),
    ],
)
def test_what_a_key_or_an_account_lacks_is_told_with_a_remedy(text: str, remedy: str) -> None:
    rule = PROFILE.judge_logout(text)
    assert (rule.action, remedy in rule.remedy) == (Retry.RETRY, True)


def test_cancels_are_repeated_and_old_orders_are_not() -> None:
    policy = VENUE.resend_policy(PROFILE.kinds["orders-rt"])
    assert policy == ResendFresh(frozenset({"F", "q"}), 5.0)
    assert policy.may_resend("F", 3600, former_connection=True)
    assert not policy.may_resend("D", 1, former_connection=True)


def test_the_signer_is_made_from_the_key() -> None:
    assert isinstance(VENUE.signer(PUBLISHED_PEM), KalshiSigner)


@pytest.mark.parametrize(
    ("option", "tag"),
    [
        ("cancel_orders_on_disconnect", 8013),
        ("receive_settlement_reports", 20127),
        ("use_dollars", 21005),
        ("enable_ioc_cancel_report", 21007),
        ("preserve_original_order_qty", 21008),
        ("skip_pending_exec_reports", 21011),
        ("use_expired_ord_status", 21012),
        ("always_emit_new_before_trade", 21026),
        ("split_collateral_return", 21027),
        ("use_cap_reservation", 21032),
    ],
)
def test_a_flag_is_sent_as_it_was_said(option: str, tag: int) -> None:
    assert fields("orders-nr", **{option: True}) == [(tag, "Y")]
    assert fields("orders-nr", **{option: False}) == [(tag, "N")]
    assert PROFILE.logon_options[option][0] == tag


def test_fields_come_by_ascending_tag_and_none_without_options() -> None:
    assert fields("orders-rt") == []
    assert fields(
        "orders-rt", use_dollars=True, message_retention_period=72, cancel_orders_on_disconnect=False
    ) == [(8013, "N"), (20200, "72"), (21005, "Y")]


def test_settlement_reports_can_be_switched_off_on_post_trade() -> None:
    assert fields("post-trade", receive_settlement_reports=False) == [(20127, "N")]


def test_a_listener_skips_pending_reports_and_cancels_nothing() -> None:
    assert fields("orders-rt", listener_session=True, skip_pending_exec_reports=True) == [
        (20126, "Y"),
        (21011, "Y"),
    ]
    with pytest.raises(ConfigError, match="listener_session needs skip_pending_exec_reports"):
        fields("orders-rt", listener_session=True)
    with pytest.raises(ConfigError, match="exclude each other"):
        fields(
            "orders-nr",
            listener_session=True,
            skip_pending_exec_reports=True,
            cancel_orders_on_disconnect=True,
        )
    assert fields("orders-rt", listener_session=False, cancel_orders_on_disconnect=True) == [
        (8013, "Y"),
        (20126, "N"),
    ]


@pytest.mark.parametrize("hours", [0, 73, -1, True, "24", 24.0])
def test_a_retention_period_out_of_range_is_refused(hours: object) -> None:
    with pytest.raises(ConfigError, match="message_retention_period") as caught:
        fields("post-trade", message_retention_period=hours)
    assert caught.value.remedy == "say a number from 1 to 72"


@pytest.mark.parametrize("value", ["Y", 1, None])
def test_a_flag_is_true_or_false(value: object) -> None:
    with pytest.raises(ConfigError, match="use_dollars") as caught:
        fields("orders-rt", use_dollars=value)
    assert caught.value.remedy == "say true or false"


def test_an_option_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not apply to market-data") as caught:
        fields("market-data", use_dollars=True)
    assert "orders-rt" in caught.value.remedy


def test_an_unknown_option_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match="no Logon option use_dollar") as caught:
        fields("orders-rt", use_dollar=True)
    assert caught.value.remedy == "did you mean use_dollars?"


def test_every_fact_can_be_changed_and_the_rest_stays() -> None:
    changed = KalshiVenue(
        {
            "heart_bt_int": 10,
            "sending_time_window": 60,
            "unknown_outcome_texts": ["EXCHANGE_UNAVAILABLE", "TIMEOUT"],
            "hosts": {"production": {"orders": "fix.new.example"}, "private": {"orders": "vpce.example"}},
            "kinds": {"orders-rt": {"port": 9230}},
            "default_action": "fatal",
            "logon_options": {
                "new_flag": {"tag": 21099, "kinds": ["orders-rt"]},
                "message_retention_period": {"most": 96},
            },
        }
    ).profile
    assert (changed.heart_bt_int, changed.sending_time_window) == (10, 60.0)
    assert "TIMEOUT" in changed.unknown_outcome_texts
    assert changed.hosts["production"]["orders"] == "fix.new.example"
    assert changed.hosts["production"]["market-data"] == "marketdata.fix.elections.kalshi.com"
    assert changed.hosts["private"] == {"orders": "vpce.example"}
    assert (changed.kinds["orders-rt"].port, changed.kinds["orders-nr"].port) == (9230, 8228)
    assert changed.kinds["orders-rt"].retransmission
    assert changed.judge_logout("?").action is Retry.FATAL
    assert changed.logon_options["new_flag"] == (21099, frozenset({"orders-rt"}))
    assert PROFILE.heart_bt_int == 30


def test_a_changed_venue_uses_its_changes() -> None:
    changed = VENUE.with_overrides(
        {"resend_max_age": 1, "logon_options": {"message_retention_period": {"most": 96}}}
    )
    kind = changed.profile.kinds["orders-rt"]
    assert changed.logon_fields(kind, {"message_retention_period": 96}) == [(20200, "96")]
    assert not changed.resend_policy(kind).may_resend("D", 2, former_connection=False)


def test_own_logout_rows_go_before_the_venues() -> None:
    rows = [{"contains": "exists", "action": "fatal"}]
    changed = KalshiVenue({"logouts": rows}).profile
    assert changed.judge_logout("already exists").action is Retry.FATAL
    assert changed.judge_logout("Invalid TargetCompID").action is Retry.FATAL
    assert len(changed.logouts) == len(PROFILE.logouts) + 1


NEW_KIND = {"target_comp_id": "KalshiX", "port": 1, "retransmission": True}


@pytest.mark.parametrize(
    ("overrides", "where", "remedy"),
    [
        ({"heart_bt_in": 5}, "heart_bt_in", "did you mean heart_bt_int?"),
        ({"zzz": 5}, "zzz", "use one of"),
        ({"heart_bt_int": "5"}, "heart_bt_int", "a whole number"),
        ({"heart_bt_int": True}, "heart_bt_int", "a whole number"),
        ({"heart_bt_int": None}, "heart_bt_int", "a whole number"),
        ({"sending_time_window": "30"}, "sending_time_window", "a number"),
        ({"time_precision": 3}, "time_precision", "a text"),
        ({"default_appl_ver_id": 9}, "default_appl_ver_id", "a text"),
        ({5: 5}, "5", "use one of"),
        ({"default_action": ["retry"]}, "default_action", "one of retry, wait, fatal"),
        ({"default_action": "again"}, "default_action", "one of retry, wait, fatal"),
        ({"resend_always": "F"}, "resend_always", "a list of texts"),
        ({"resend_always": [1]}, "resend_always", "a list of texts"),
        ({"kinds": 3}, "kinds", "a mapping"),
        ({"kinds": {"orders-rt": 3}}, "kinds.orders-rt", "a mapping"),
        ({"kinds": {"orders-rt": {"port": "x"}}}, "kinds.orders-rt.port", "a whole number"),
        ({"kinds": {"orders-rt": {"must_reset": 1}}}, "kinds.orders-rt.must_reset", "true or false"),
        ({"kinds": {"new": NEW_KIND}}, "kinds.new", "add must_reset"),
        ({"hosts": {"demo": "x"}}, "hosts.demo", "a mapping"),
        ({"hosts": {"demo": {"orders": 1}}}, "hosts.demo.orders", "a text"),
        ({"logouts": {}}, "logouts", "a list"),
        ({"logouts": ["x"]}, "logouts[0]", "a mapping"),
        ({"logouts": [{"contains": "x"}]}, "logouts[0]", "add action"),
        ({"logon_options": {"use_dollars": {"tag": "x"}}}, "logon_options.use_dollars.tag", "a whole number"),
        ({"cents": {"sends": {"D": 44}}}, "cents.sends.D", "a list of whole numbers"),
        ({"cents": {"receives": {"8": ["44"]}}}, "cents.receives.8", "a list of whole numbers"),
        ({"cents": {"receives": [44]}}, "cents.receives", "a mapping"),
        ({"cents": {"sent": {}}}, "cents.sent", "did you mean sends?"),
        ({"cents": {"unless": True}}, "cents.unless", "a text"),
    ],
)
def test_a_wrong_change_is_placed_and_explained(overrides: dict[Any, Any], where: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        KalshiVenue(overrides)
    assert caught.value.where == f"venue_overrides.kalshi.{where}"
    assert remedy in caught.value.remedy
