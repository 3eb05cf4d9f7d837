"""Kalshi's ExecID(17): ``clock;event`` on exchange index 0, ``clock;event;index`` elsewhere.

Source: docs.kalshi.com/fix/order-entry, "ExecID".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

EXEC_ID = re.compile(r"(\d{1,19});(\d{1,19})(?:;(\d{1,9}))?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class ExecID:
    """The identity of an execution; it grows within an exchange index, compared number by number.

    Args:
        exchange_index: which exchange made it; ids of two exchanges say nothing about time.
        clock: its first number.
        event: its second number.
    """

    exchange_index: int
    clock: int
    event: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the identity that a report carries; None for ``-1;-1``, which pending reports have."""
        found = EXEC_ID.fullmatch(text)
        return cls(int(found[3] or 0), int(found[1]), int(found[2])) if found else None

    def __str__(self) -> str:
        index = f";{self.exchange_index}" if self.exchange_index else ""
        return f"{self.clock};{self.event}{index}"
