"""Which fields the venue takes in which message: docs.kalshi.com/fix/order-entry, /fix/drop-copy.

Written down apart from the client's typed messages. Undefined tags are refused, as the venue does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from fixgw.errors import FieldError, Reject
from fixgw.fix import tags
from fixgw.fix.message import Message

REQUIRED_TAG_MISSING = 1
TAG_NOT_DEFINED_FOR_MESSAGE = 2
UNDEFINED_TAG = 3
TAG_WITHOUT_VALUE = 4
REPEATED = 13

Absent: TypeAlias = Mapping[str, frozenset[int]]

NONE: frozenset[int] = frozenset()
NOTHING_ABSENT: Absent = {}
HEADER = frozenset({8, 9, 10, 34, 35, 43, 49, 52, 56, 57, 89, 93, 97, 115, 122, 128, 142, 143, 1128, 1129})


@dataclass(frozen=True, slots=True)
class Layout:
    """The fields of one message type, header apart."""

    required: tuple[int, ...]
    optional: frozenset[int]

    @property
    def tags(self) -> frozenset[int]:
        """Every tag that it may carry."""
        return self.optional | frozenset(self.required)


PARTIES = frozenset({453, 448, 452})
LEGS = frozenset(range(20180, 20185))

LAYOUTS: dict[str, Layout] = {
    "D": Layout(
        (11, 38, 40, 44, 54, 55),
        PARTIES | {18, 50, 59, 60, 79, 100, 117, 126, 526, 1151, 2964, 20130, 21006, 21009, 21023},
    ),
    "F": Layout((11, 41, 54, 55), PARTIES | {37, 38, 50, 60, 79, 100}),
    "G": Layout((11, 38, 40, 41, 54, 55), PARTIES | {37, 44, 50, 59, 60, 79, 100, 126, 20130}),
    "q": Layout((11, 530), frozenset({60})),
    "UOG": Layout((20131,), frozenset({79, 100, 20130, 20132})),
    "U1": Layout((21001,), frozenset({21002})),
    "V": Layout((263,), frozenset({55, 146})),
    "e": Layout((55, 263), frozenset()),
    "R": Layout(
        (131, 146),
        PARTIES | LEGS | {38, 55, 79, 100, 152, 21015, 21016, 21033, 21034},
    ),
    "S": Layout((55, 117, 131), frozenset({18, 79, 100, 132, 133, 21015})),
    "Z": Layout((117,), frozenset({21023})),
    "U7": Layout((117,), frozenset({21023})),
    "UA": Layout((54, 117), PARTIES | {11, 38, 21022, 21023}),
    "UE": Layout((), PARTIES | {131, 21023}),
}

# The fields of repeating groups, which alone may come more than once.
_PARTY = frozenset({448, 452})
REPEATING: dict[str, frozenset[int]] = {
    **dict.fromkeys(("D", "F", "G", "UA", "UE"), _PARTY),
    "R": _PARTY | LEGS | {38, 55, 152, 21015, 21016, 21033, 21034},
    "V": frozenset({55}),
}

# Tags of other message types and of the Logon: defined, but not here.
_ELSEWHERE = frozenset(
    {
        *(6, 7, 14, 16, 17, 30, 31, 32, 36, 39, 45, 58, 95, 96, 98, 102, 103, 108, 112, 123, 131, 132, 133),
        *(134, 135, 136, 137, 138, 139, 141, 146, 150, 151, 152, 262, 263, 268, 269, 270, 271, 272, 273),
        *(279, 281, 297, 298, 303, 326, 371, 372, 373, 378, 379, 380, 434, 531, 532, 658, 704, 705, 715),
        *(730, 828, 880, 891, 893, 1003, 1057, 1137, 1703, 1704, 1705, 2446, 8013, 20126, 20127, 20200),
        *range(20105, 20111),
        *range(20180, 20188),
        *range(21003, 21035),
    }
)
# Session messages; what they have to hold is the session's to say. What the dictionary lists of a Logon and
# nobody uses is taken.
ADMIN: dict[str, frozenset[int]] = {
    "A": frozenset({50, 95, 96, 98, 108, 141, 383, 464, 553, 554, 789, 1137, 8013, 20126, 20127, 20200})
    | frozenset({21003, 21005, 21006, 21007, 21008, 21011, 21012, 21026, 21027, 21032}),
    "0": frozenset({112}),
    "1": frozenset({112}),
    "2": frozenset({7, 16}),
    "3": frozenset({45, 58, 371, 372, 373}),
    "4": frozenset({36, 123}),
    "5": frozenset({58}),
}
DEFINED = frozenset().union(
    HEADER, _ELSEWHERE, *ADMIN.values(), *(layout.tags for layout in LAYOUTS.values())
)


def check(message: Message, absent: Absent = NOTHING_ABSENT) -> None:
    """Hold a message against its layout.

    Args:
        message: an application message.
        absent: fields that the product does not have, by MsgType(35).

    Raises:
        Reject: a tag is undefined (373=3), not defined for the message (2), has no value (4), comes twice
            (13), or a required one is missing (1).
    """
    layout = LAYOUTS[message.msg_type]
    _check_tags(message, (layout.tags | HEADER) - absent.get(message.msg_type, NONE))
    for tag in layout.required:
        if tag not in message:
            raise FieldError(tag, REQUIRED_TAG_MISSING, f"Required tag missing, {tags.label(tag)}")


def check_admin(message: Message, absent: Absent = NOTHING_ABSENT) -> None:
    """Hold a session message against the tags that it may carry; others are left alone.

    Arguments as for ``check``.

    Raises:
        Reject: a tag is undefined (373=3), not defined for the message (2), has no value (4), or comes twice
            (13).
    """
    if message.msg_type in ADMIN:
        allowed = (ADMIN[message.msg_type] | HEADER) - absent.get(message.msg_type, NONE)
        _check_tags(message, allowed)


def _check_tags(message: Message, allowed: frozenset[int]) -> None:
    pairs = message.pairs()
    for tag, value in pairs:
        if tag not in allowed:
            undefined = tag not in DEFINED
            raise Reject(
                UNDEFINED_TAG if undefined else TAG_NOT_DEFINED_FOR_MESSAGE,
                "Undefined tag received" if undefined else "Tag not defined for this message type",
                ref_tag=tag,
            )
        if not value:
            raise FieldError(tag, TAG_WITHOUT_VALUE, "Tag specified without a value")
    if len(pairs) != len(message.index):
        _check_repeated(message, REPEATING.get(message.msg_type, NONE))


def _check_repeated(message: Message, repeating: frozenset[int]) -> None:
    """Only the fields of a repeating group may come more than once."""
    counts = Counter(tag for tag, _ in message.pairs())
    for tag, count in counts.items():
        if count > 1 and tag not in repeating:
            raise FieldError(tag, REPEATED, f"Tag appears more than once, {tags.label(tag)}")
