"""Kalshi's table of words: each documented one has a sentence, and the configuration may change it."""

from __future__ import annotations

from enum import StrEnum

import pytest

from fixgw.errors import ConfigError
from fixgw.fix.message import Message
from fixgw.venues.kalshi.messages import (
    AcceptQuoteResult,
    EventResendRejectReason,
    MDReqRejReason,
    MveValidationReasonCode,
    QuoteCancelResult,
    QuoteConfirmResult,
    QuoteRequestRejectReason,
    RfqCancelResult,
)
from fixgw.venues.kalshi.profile import VENUE, KalshiVenue

MEANINGS = VENUE.profile.meanings
DOCUMENTED = """
EXCHANGE_UNAVAILABLE INTERNAL_ERROR MARKET_ALREADY_CLOSED MARKET_INACTIVE EXCHANGE_PAUSED
TRADING_PAUSED MARKET_NOT_FOUND ORDER_ALREADY_EXISTS INSUFFICIENT_BALANCE
EXCEEDED_ORDER_GROUP_RISK_LIMIT EXCEEDED_PER_MARKET_RISK_LIMIT EXCEEDED_SELL_POSITION_FLOOR
EVENT_CONTRACT_DAILY_CAP_EXCEEDED INVALID_ORDER ORDER_GROUP_NOT_FOUND CUSTOMER_ACCOUNT_NOT_FOUND
PERMISSION_DENIED_FOR_CUSTOMER_ACCOUNT EVENT_CONTRACT_DAILY_CAP_NOT_FOUND EXPIRED SELF_CROSS_ATTEMPT
SELF_CROSS_ATTEMPT_PARTIALLY_FILLED FOK_INSUFFICIENT_VOLUME POST_ONLY_CROSS ORDER_GROUP_CANCEL
TAKER_CANCEL_FOR_SELF_TRADE_PREVENTION MAKER_CANCEL_FOR_SELF_TRADE_PREVENTION IMMEDIATE_OR_CANCELLED
REDUCE_ONLY SETTLEMENT_BOUNDS_CANCEL INVALID_AMEND_QTY_FOR_ORDER CANNOT_UPDATE_FILLED_ORDER
ORDER_AMEND_IN_PROGRESS ORDER_ATTRIBUTES_MISMATCH INVALID_PRICE NOT_FOUND RFQ_CLOSED
invalid_parameters
"""


@pytest.mark.parametrize(
    ("tag", "reasons"),
    [
        (21004, EventResendRejectReason),
        (281, MDReqRejReason),
        (658, QuoteRequestRejectReason),
        (20187, MveValidationReasonCode),
        (21010, QuoteConfirmResult),
        (21013, RfqCancelResult),
        (21025, AcceptQuoteResult),
        (298, QuoteCancelResult),
    ],
)
def test_each_reason_that_has_a_type_has_a_sentence(tag: int, reasons: type[StrEnum]) -> None:
    assert {reason.value for reason in reasons} == set(MEANINGS.codes[tag])


@pytest.mark.parametrize(
    ("tag", "values"),
    [
        (103, "1 2 3 4 6 8 11 13 15 99"),
        (102, "0 1 2 6 18 99"),
        (380, "0 1 2 3 4 5 6 8"),
        (373, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 99"),
    ],
)
def test_each_documented_code_of_a_shared_reason_has_a_sentence(tag: int, values: str) -> None:
    assert set(MEANINGS.codes[tag]) == set(values.split())


@pytest.mark.parametrize("text", DOCUMENTED.split())
def test_each_documented_text_has_a_sentence(text: str) -> None:
    assert MEANINGS.explain(Message("8", [(58, text)]))


def test_legs_that_make_no_combination_are_told_by_their_own_code() -> None:
    said = Message("AG", [(658, "99"), (20187, "duplicated_legs"), (58, "whatever")])
    assert MEANINGS.explain(said).startswith("a leg stands twice")


def test_sentences_can_stand_behind_a_text() -> None:
    sentences = [
        *MEANINGS.texts.values(),
        *(word for row in MEANINGS.codes.values() for word in row.values()),
    ]
    assert [one for one in sentences if not one or one.endswith(".") or "\n" in one] == []


def test_the_configuration_may_add_and_change_sentences() -> None:
    changed = KalshiVenue({"meanings": {"texts": {"NEW_TEXT": "new"}, "codes": {103: {"99": "other"}}}})
    meanings = changed.profile.meanings
    assert (meanings.texts["NEW_TEXT"], meanings.codes[103]["99"]) == ("new", "other")
    assert meanings.codes[103]["1"] == MEANINGS.codes[103]["1"]
    assert meanings.texts["NOT_FOUND"] == MEANINGS.texts["NOT_FOUND"]


@pytest.mark.parametrize(
    ("overrides", "fault"),
    [
        ({"texts": {"A": 5}}, "a text"),
        ({"codes": {"reason": {"1": "a"}}}, "is no tag"),
        ({"codes": {"103": "a"}}, "a mapping"),
    ],
)
def test_what_can_not_be_used_is_told(overrides: dict[str, object], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        KalshiVenue({"meanings": overrides})
