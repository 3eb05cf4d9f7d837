"""``fixgw dict``: a venue's dialect as QuickFIX XML, and what a file holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixgw.fix import quickfix_xml
from fixgw.fix.dictionary import Dictionary
from fixgw.fix.tags import HEADER_TAGS, TRAILER_TAGS
from fixgw.venues.kalshi.messages import MESSAGES
from tests.cli.conftest import fixgw, lines

SESSION_TYPES = set("0123 45A") - {" "}


def exported(*arguments: str) -> Dictionary:
    result = fixgw("dict", "export", *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return quickfix_xml.read(result.stdout.encode())


def test_the_export_holds_every_message_of_the_venue_and_the_session() -> None:
    made = exported()
    assert made.version == "kalshi"
    assert set(made.messages) == {message.MSG_TYPE for message in MESSAGES} | SESSION_TYPES
    assert made.messages["8"].name == "ExecutionReport"
    assert made.value_name(54, "1") == "BUY"
    assert len({field.name for field in made.fields.values()}) == len(made.fields)


def test_the_session_alone_is_fixt_with_the_whole_header_and_trailer() -> None:
    made = exported("--part", "session", "--venue", "generic")
    assert (made.version, set(made.messages)) == ("FIXT.1.1", SESSION_TYPES)
    outer = {member.tag for member in made.header} | {member.tag for member in made.trailer}
    assert outer == (HEADER_TAGS | TRAILER_TAGS) - {628, 629, 630}
    assert [member.tag for member in made.header[:4]] == [8, 9, 35, 34]
    assert {member.tag for member in made.header if member.required} == {8, 9, 34, 35, 49, 52, 56}
    assert next(member.group for member in made.header if member.tag == 627) is not None


def test_the_session_of_a_venue_has_the_venue_s_own_logon_fields() -> None:
    made = exported("--part", "session")
    logon = {made.field_name(member.tag) for member in made.messages["A"].members}
    assert made.version == "FIXT.1.1"
    assert logon >= {"HeartBtInt", "RawDataLength", "RawData", "UseDollars", "MessageRetentionPeriod"}
    assert "ClOrdID" not in {field.name for field in made.fields.values()}


def test_the_application_alone_has_no_session_messages() -> None:
    made = exported("--part", "application")
    assert set(made.messages) == {message.MSG_TYPE for message in MESSAGES} - SESSION_TYPES
    assert (made.header, made.trailer) == ((), ())
    assert 21005 not in made.fields  # UseDollars stands in the Logon alone


def test_the_parts_together_are_the_whole() -> None:
    whole, parts = exported(), [exported("--part", part) for part in ("session", "application")]
    assert whole.messages.keys() == parts[0].messages.keys() | parts[1].messages.keys()
    assert whole.fields.keys() == parts[0].fields.keys() | parts[1].fields.keys()


def test_the_venue_s_tags_have_the_venue_s_names() -> None:
    made = exported("--part", "application")
    assert [made.field_name(tag) for tag in (20181, 20184, 20186, 21023)] == [
        "NoMultivariateSelectedLegs",
        "MultivariateSelectedSide",
        "MVEOffendingMarketTicker",
        "RfqId",
    ]


def test_margin_products_have_a_dictionary_of_their_own() -> None:
    made = exported("--venue", "kalshi-margin", "--part", "application")
    order = {made.field_name(member.tag) for member in made.messages["D"].members}
    assert "UMS" not in made.messages
    assert order.isdisjoint({"ExDestination", "QuoteID", "RfqId"})


def test_values_are_left_open_on_request() -> None:
    listed, left_open = exported(), exported("--open-values")
    assert listed.fields[103].values
    assert not any(field.values for field in left_open.fields.values())
    assert left_open.messages == listed.messages


def test_an_export_goes_into_a_file_and_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "kalshi.xml"
    written = fixgw("dict", "export", "--output", path)
    assert (written.exit_code, written.stdout) == (0, "")
    assert written.stderr.startswith(f"{path} holds ")
    checked = fixgw("dict", "check", path)
    assert (checked.exit_code, checked.stderr) == (0, "")
    rows = checked.stdout.splitlines()
    assert rows[0] == f"{path}: kalshi"
    assert rows[1] == f"  messages  {len(MESSAGES) + 6}, 7 of them of the session"


@pytest.mark.parametrize(
    ("text", "where"),
    [(b"<fix>", "bad.xml:1"), (b"<fix type='FIX' major='4' minor='x'/>", "bad.xml:1"), (None, "bad.xml")],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, text: bytes | None, where: str) -> None:
    path = tmp_path / "bad.xml"
    if text is not None:
        path.write_bytes(text)
    result = fixgw("dict", "check", path)
    said = lines(result)
    assert result.exit_code == 2
    assert said[1] == str(tmp_path / where)
    assert len(said) == 3


def test_an_export_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    result = fixgw("dict", "export", "-o", tmp_path)
    assert result.exit_code == 1
    assert lines(result)[0] == "the dictionary can not be written: Is a directory"


def test_an_unknown_venue_is_told() -> None:
    result = fixgw("dict", "export", "--venue", "nowhere")
    assert result.exit_code == 2
    assert lines(result)[0] == "venue 'nowhere' is not known"
