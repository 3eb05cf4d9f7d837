"""Any file as a QuickFIX dictionary: refused with ConfigError, or what is read is written and read again."""

from __future__ import annotations

from contextlib import suppress

from fixgw.errors import ConfigError
from fixgw.fix.dictionary import Dictionary
from fixgw.fix.quickfix_xml import read, write
from fixgw.fix.validate import Validator
from fixgw.venues.kalshi.messages import MESSAGES
from tests.fix.test_quickfix_xml import SMALL
from tests.fix.test_validate import FIXT, SP2
from tests.fuzz.choices import compacted, expanded

_WORDS = (
    b"<fix type='FIX' major='5' minor='0' servicepack='2'>", b"<fix type='FIXT' major='1' minor='1'>",
    b"</fix>", b"<header>", b"</header>", b"<messages>", b"</messages>", b"<trailer>", b"</trailer>",
    b"<components>", b"</components>", b"<fields>", b"</fields>",
    b"<message name='M' msgtype='M' msgcat='app'>", b"</message>", b"<component name='", b"</component>",
    b"<group name='", b"</group>", b"<field name='", b"<field number='", b"' name='", b"' type='",
    b"' required='Y'/>", b"' required='N'>", b"' required='Y'>", b"'/>", b"'>", b"</field>",
    b"<value enum='", b"' description='", b"A", b"B", b"C", b"D", b"NoA", b"INT", b"STRING", b"NUMINGROUP",
    b"CHAR", b"1", b"2", b"3", b"453", b"&amp;", b"&#10;", b"&#0;", b"<!-- -->", b"<!DOCTYPE a>",
    b"<![CDATA[", b"]]>", b"<?xml version='1.0' encoding='UTF-8'?>",
    b"<?xml version='1.0' encoding='UTF-16'?>", b"\xc3\xa4", b"\xff", b"<component name='A' required='Y'/>",
    b"<field name='A' required='Y'/>", b"<field name='B' required='N'/>",
    b"<field number='1' name='A' type='STRING'/>", b"<field number='2' name='B' type='INT'/>",
    b"<field number='3' name='NoA' type='NUMINGROUP'/>", b"<group name='NoA' required='Y'>",
)  # fmt: skip

TOKENS = _WORDS


def seeds() -> list[bytes]:
    """Return dictionaries of the project's own."""
    own = (write(FIXT), write(SP2), write(Dictionary.of_messages("kalshi", MESSAGES[:1])), SMALL)
    words = bytes(range(0x80, 0x80 + len(_WORDS)))
    texts = [text.replace('"', "'").encode() for text in own]
    return [*texts, *(compacted(text, _WORDS) for text in texts), words]


def run(data: bytes) -> None:
    """Check one file."""
    try:
        found = read(expanded(data, _WORDS), "fuzz.xml")
    except ConfigError as error:
        _check_error(error)
        return
    assert read(write(found).encode()) == found, "what is written reads as something else"
    for name in (found.field_name(1), found.message_name("M"), found.value_name(1, "1")):
        assert name is None or isinstance(name, str)
    assert found.merged(found).messages == found.messages
    with suppress(ConfigError):  # no transport, or types that nobody knows
        Validator(found, {"9": found}, "9")


def _check_error(error: ConfigError) -> None:
    assert error.where.startswith("fuzz.xml")
    assert error.what
    assert error.remedy
    assert len(str(error)) < 2_000
