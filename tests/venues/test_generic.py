"""A counterparty of which nothing is known but what the configuration says."""

from __future__ import annotations

import pytest

from fixgw.errors import ConfigError
from fixgw.session.hooks import NoSigner, ResendFresh
from fixgw.venues.base import Retry, Venue, venue
from fixgw.venues.generic import VENUE, GenericVenue

PROFILE = VENUE.profile


def test_it_is_found_by_its_name() -> None:
    found: Venue = venue("generic")
    assert found is VENUE


def test_it_says_nothing_that_depends_on_the_counterparty() -> None:
    assert (dict(PROFILE.hosts), dict(PROFILE.logon_options)) == ({}, {})
    assert PROFILE.accepted_sender_comp_ids == frozenset()
    for kind in PROFILE.kinds.values():
        assert (kind.target_comp_id, kind.port, kind.retransmission, kind.must_reset) == ("", 0, True, False)


def test_orders_are_followed_on_one_kind_alone() -> None:
    assert {name: kind.order_entry for name, kind in PROFILE.kinds.items()} == {
        "orders": True,
        "session": False,
    }


def test_it_speaks_the_standards_order_messages() -> None:
    assert {message.MSG_TYPE for message in VENUE.messages} == set("DFG89j")


def test_every_logout_text_is_tried_again() -> None:
    assert PROFILE.judge_logout("anything").action is Retry.RETRY


def test_old_orders_are_not_sent_again() -> None:
    assert VENUE.resend_policy(PROFILE.kinds["orders"]) == ResendFresh(frozenset({"F", "q"}), 5.0)


def test_it_signs_nothing_and_says_so_to_whoever_gives_a_key() -> None:
    assert isinstance(VENUE.signer(b""), NoSigner)
    with pytest.raises(ConfigError, match="signs nothing") as caught:
        VENUE.signer(b"-----BEGIN PRIVATE KEY-----")
    assert "leave the key out" in caught.value.remedy


def test_options_of_the_logon_are_not_known() -> None:
    with pytest.raises(ConfigError, match="no Logon option"):
        VENUE.logon_fields(PROFILE.kinds["orders"], {"use_dollars": True})


def test_its_facts_can_be_changed() -> None:
    changed = VENUE.with_overrides(
        {"begin_string": "FIX.4.4", "kinds": {"session": {"retransmission": False}}}
    )
    assert isinstance(changed, GenericVenue)
    assert changed.profile.begin_string == "FIX.4.4"
    assert not changed.profile.kinds["session"].retransmission
