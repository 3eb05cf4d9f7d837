"""The page on what to do when the venue changes something says nothing that does not work."""

from __future__ import annotations

from pathlib import Path

import yaml

from fixgw.venues.base import Retry
from fixgw.venues.kalshi.profile import KalshiVenue

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "when-the-venue-changes.md"


def test_the_overrides_of_the_page_are_taken() -> None:
    block = PAGE.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    venue = KalshiVenue(yaml.safe_load(block)["venue_overrides"]["kalshi"])
    profile = venue.profile
    assert profile.hosts["production"]["orders"] == "fix2.kalshi.example"
    assert profile.hosts["production"]["market-data"].endswith("kalshi.com")
    assert profile.kinds["orders-rt"].port == 9230
    assert venue.logon_fields(profile.kinds["orders-rt"], {"new_flag": True}) == [(21099, "Y")]
    assert profile.judge_logout("closed for the holiday").action is Retry.FATAL
    assert "EXCHANGE_TIMED_OUT" in profile.unknown_outcome_texts
    assert profile.meanings.texts["NEW_TEXT"] == profile.meanings.codes[103]["42"]
