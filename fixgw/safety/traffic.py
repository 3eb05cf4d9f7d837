"""Which messages add risk and which take it away: what guards tell apart."""

from __future__ import annotations

from dataclasses import dataclass

# What adds risk in plain FIX: single and list orders, replaces, crosses, multileg orders, quotes, and the
# requests and answers that may become a trade.
OPENS = frozenset({"D", "E", "G", "s", "t", "AB", "AC", "R", "S", "i", "AJ"})
CANCELS = frozenset({"F", "q", "Z"})


@dataclass(frozen=True, slots=True)
class Traffic:
    """The messages of a venue, by what they do to the desk's risk.

    Args:
        opens: MsgTypes that may lead to a trade: orders, replaces, quotes and their acceptance.
        cancels: MsgTypes that only take such things back.
    """

    opens: frozenset[str] = OPENS
    cancels: frozenset[str] = CANCELS
