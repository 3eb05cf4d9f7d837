"""What another engine has heard is read field by field, as it writes it."""

from __future__ import annotations

from interop.traders import Heard

REPORT = "8=FIXT.1.1|9=60|35=8|34=7|43=Y|17=4;7|150=F|453=2|448=a|452=24|448=b|452=12|10=000|"


def heard(text: str) -> Heard:
    return Heard(text.replace("|", "\x01"))


def test_a_field_of_a_group_is_that_of_the_first_entry() -> None:
    assert (heard(REPORT)[448], heard(REPORT)[452]) == ("a", "24")
    assert heard(REPORT).pairs.count((448, "b")) == 1


def test_a_message_is_found_by_type_and_fields() -> None:
    assert heard(REPORT).is_one("8", {150: "F", 17: "4;7"})
    assert not heard(REPORT).is_one("9", {150: "F"})
    assert not heard(REPORT).is_one("8", {150: "F", 39: "2"})


def test_a_message_that_was_sent_before_says_so() -> None:
    assert heard(REPORT).poss_dup
    assert not heard(REPORT.replace("43=Y|", "")).poss_dup
