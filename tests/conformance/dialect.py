"""The small dictionaries that the scripts validate with: the session, and a few messages about orders."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from fixgw.fix.dictionary import Dictionary
from fixgw.fix.message import Message
from fixgw.fix.quickfix_xml import read
from fixgw.fix.validate import Rules, Validator

FILES = Path(__file__).parent / "dictionary"
RULES = {"strict": Rules.STRICT, "lenient": Rules.LENIENT}


@cache
def checker(kind: str) -> Callable[[Message], None]:
    """Return what validates a received message.

    Args:
        kind: ``strict``, or ``lenient``, which tolerates what can be tolerated.
    """
    return Validator(dictionary("session"), {"9": dictionary("orders")}, "9", RULES[kind]).check


@cache
def dictionary(name: str) -> Dictionary:
    """Return one of the dictionaries of this directory."""
    path = FILES / f"{name}.xml"
    return read(path.read_bytes(), path.name)
