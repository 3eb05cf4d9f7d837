"""Kalshi's table of words: each documented one has a sentence, and the configuration may change it."""

from __future__ import annotations

from enum import StrEnum

import pytest

from fixgw.errors import ConfigError
from fixgw.venues.kalshi.messages import EventResendRejectReason, MDReqRejReason, QuoteRequestRejectReason
from fixgw.venues.kalshi.profile import VENUE, KalshiVenue

MEANINGS = VENUE.profile.meanings


@pytest.mark.parametrize(
    ("tag", "reasons"),
    [(21004, EventResendRejectReason), (281, MDReqRejReason), (658, QuoteRequestRejectReason)],
)
def test_each_reason_that_has_a_type_has_a_sentence(tag: int, reasons: type[StrEnum]) -> None:
    assert {reason.value for reason in reasons} == set(MEANINGS.codes[tag])


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
