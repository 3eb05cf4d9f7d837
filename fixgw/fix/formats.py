"""What the values of each FIX data type look like.

Source: FIX 5.0SP2 volume 1, "Data types"; the names that only FIX 4.0 to 4.4 have are there too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_MONTH = "(?:0[1-9]|1[0-2])"
_DAY = "(?:0[1-9]|[12][0-9]|3[01])"
_LEAP_YEAR = "(?:(?!00)[0-9]{2}00(?<=[02468][048]00|[13579][26]00)|[0-9]{2}(?:0[48]|[2468][048]|[13579][26]))"
_DAY_IN_MONTH = (
    "(?:(?:0[13578]|1[02])(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)(?:0[1-9]|[12][0-9]|30)"
    "|02(?:0[1-9]|1[0-9]|2[0-8]))"
)
_DATE = f"(?:(?!0000)[0-9]{{4}}{_DAY_IN_MONTH}|{_LEAP_YEAR}0229)"
_MINUTE = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_SECOND = "(?:[0-5][0-9]|60)"  # 60 in a leap second
_TIME = rf"{_MINUTE}:{_SECOND}(?:\.[0-9]{{1,12}})?"
_ZONE = "(?:Z|[+-](?:0[0-9]|1[0-4])(?::[0-5][0-9])?)?"
_ZONED_TIME = rf"{_MINUTE}(?::{_SECOND}(?:\.[0-9]{{1,12}})?)?{_ZONE}"

_INT = "-?[0-9]{1,18}"
_COUNT = "[0-9]{1,18}"
_DECIMAL = r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_WORDS = "[^ ]+(?: [^ ]+)*"

_PATTERNS = {
    _INT: (
        "INT",
        "TAGNUM",  # a Reject names the tag as it came, and 0 or -1 may have come
    ),
    _COUNT: ("LENGTH", "SEQNUM", "NUMINGROUP"),
    _DECIMAL: ("FLOAT", "QTY", "QUANTITY", "PRICE", "PRICEOFFSET", "AMT", "PERCENTAGE"),
    ".": ("CHAR",),
    "[YN]": ("BOOLEAN",),
    "[^ ](?: [^ ])*": ("MULTIPLECHARVALUE",),
    _WORDS: ("MULTIPLESTRINGVALUE", "MULTIPLEVALUESTRING"),
    f"{_DATE}-{_TIME}": ("UTCTIMESTAMP", "TIME"),
    _TIME: ("UTCTIMEONLY",),
    _DATE: ("UTCDATEONLY", "UTCDATE", "DATE", "LOCALMKTDATE"),
    f"{_MINUTE}:{_SECOND}": ("LOCALMKTTIME",),
    f"[0-9]{{4}}{_MONTH}(?:{_DAY}|w[1-5])?": ("MONTHYEAR",),
    "0?[1-9]|[12][0-9]|3[01]": ("DAYOFMONTH",),
    _ZONED_TIME: ("TZTIMEONLY",),
    f"{_DATE}-{_ZONED_TIME}": ("TZTIMESTAMP",),
    "[DMWY][0-9]{1,9}": ("TENOR",),
    "[A-Za-z]{3}": ("CURRENCY",),
    "[A-Z]{2}": ("COUNTRY",),
    "[A-Za-z0-9]{1,4}": ("EXCHANGE",),  # four in ISO 10383, one or two in the codes of FIX 4.0 to 4.2
    "[A-Za-z]{2}": ("LANGUAGE",),
    ".+": ("STRING", "DATA", "XMLDATA", "XID", "XIDREF"),
}

FORMATS: Mapping[str, str] = {name: pattern for pattern, names in _PATTERNS.items() for name in names}
"""FIX data type in capitals -> regular expression over the whole value, in bytes and with DOTALL."""

ANYTHING = ".+"
"""The format of a type that takes every value."""

MULTIPLE = frozenset({"MULTIPLECHARVALUE", "MULTIPLESTRINGVALUE", "MULTIPLEVALUESTRING"})
"""Types whose values are several with a space between them."""


def pattern(regex: str) -> re.Pattern[bytes]:
    """Return the compiled form of an expression of ``FORMATS``."""
    return re.compile(regex.encode(), re.DOTALL)
