"""The page of the messages is up to date, and no message is without a test."""

from __future__ import annotations

from tests.kalshi.table import PAGE, driven, expected, page


def test_every_message_of_every_kind_of_session_is_driven() -> None:
    assert expected() - {one.spoken for one in driven()} == set()


def test_no_test_speaks_of_a_message_that_a_kind_of_session_does_not_have() -> None:
    assert {one.spoken for one in driven()} - expected() == set()


def test_the_page_is_made_from_the_tests() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m tests.kalshi.table"
