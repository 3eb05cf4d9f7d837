"""The table of the session layer test cases and the scripts say the same."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from fixgw.engine.acceptor_settings import AcceptorLimits
from fixgw.engine.settings import LinkSettings
from fixgw.session.state import SessionSettings
from tests.conformance.script import STEPS
from tests.conformance.test_pure import SCRIPTS

ROOT = Path(__file__).parent
PAGE = ROOT.parents[1] / "docs" / "reference" / "session-test-cases.md"
ROLES = ("initiator", "acceptor")

# Every row of the standard, scenario by scenario.
STANDARD = [
    *(f"1B{row}" for row in "abcde"),
    *(f"1S{row}" for row in "abcd"),
    "2S",
    *(f"2{row}" for row in "abcdefghijklmnopqrst"),
    *(f"3{row}" for row in "abcde"),
    *("4a", "4b", "5", "6", "7", "8", "9"),
    *(f"10{row}" for row in "abcde"),
    *(f"11{row}" for row in "abc"),
    *("12", "13a", "13b"),
    *(f"14{row}" for row in "abcdefghijklmn"),
    *("15", "16a", "16b"),
    *(f"17{row}" for row in "abcdefghij"),
    *("18a", "18b", "19a", "19b", "20"),
]


@dataclass(frozen=True)
class Row:
    """One row of the page."""

    name: str
    subject: str
    applies: dict[str, str]
    scripts: frozenset[str]


def _row(line: str) -> Row:
    name, subject, _, initiator, acceptor, scripts = (cell.strip() for cell in line.strip("|").split("|"))
    applies = {"initiator": initiator, "acceptor": acceptor}
    return Row(name, subject, applies, frozenset(re.findall(r"`([^`]+)`", scripts)))


ROWS = [
    _row(line)
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| Row ")
]
BY_NAME = {script.name: script for script in SCRIPTS}


def test_every_row_of_the_standard_is_in_the_table_once_and_in_order() -> None:
    assert [row.name for row in ROWS if not re.match("limit-|option-", row.name)] == STANDARD


def test_every_script_is_in_the_table_where_it_says() -> None:
    told = {(script.name, case) for script in SCRIPTS for case in script.cases}
    assert {(script, row.name) for row in ROWS for script in row.scripts} == told


@pytest.mark.parametrize("role", ROLES)
def test_a_row_that_applies_to_a_role_is_played_for_it_and_no_other(role: str) -> None:
    applies = {row.name for row in ROWS if row.applies[role] == "yes"}
    played = {row.name for row in ROWS if any(role in BY_NAME[script].roles for script in row.scripts)}
    assert played == applies


def test_a_row_that_does_not_apply_says_why() -> None:
    reasons = {text for row in ROWS for text in row.applies.values() if text != "yes"}
    assert reasons
    assert all(re.fullmatch(r"no: .{20,}", text) for text in reasons)


@pytest.mark.parametrize("row", [row for row in ROWS if "-" in row.name], ids=lambda row: row.name)
def test_a_setting_of_the_table_exists_and_its_scripts_use_it(row: Row) -> None:
    settings = {
        item.name for kind in (SessionSettings, LinkSettings, AcceptorLimits) for item in fields(kind)
    }
    named = set(re.findall(r"`([^`]+)`", row.subject))
    assert named
    assert named <= settings
    used = {name for script in row.scripts for name in (*BY_NAME[script].settings, *BY_NAME[script].limits)}
    assert named <= used


def test_every_word_of_the_language_is_explained() -> None:
    readme = (ROOT / "scripts" / "README.md").read_text(encoding="utf-8")
    words = [" ".join(words) for words, _ in STEPS]
    assert [word for word in words if not re.search(rf"`{word}[` ]", readme)] == []


def test_no_two_scripts_have_one_title() -> None:
    titles = [(script.roles, script.title) for script in SCRIPTS]
    assert sorted(titles) == sorted(set(titles))
