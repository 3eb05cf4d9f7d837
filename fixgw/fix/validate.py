"""Whether a received message is what the dictionaries say, and if not, which Reject answers it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import ClassVar

from fixgw.errors import ConfigError, Reject
from fixgw.fix import tags
from fixgw.fix.dictionary import Dictionary, FieldDef, GroupDef, Member
from fixgw.fix.formats import ANYTHING, FORMATS, MULTIPLE, pattern
from fixgw.fix.message import Message
from fixgw.fix.reasons import REASONS

_USER_DEFINED = 5000
_FRAMING = frozenset({tags.BEGIN_STRING, tags.BODY_LENGTH, tags.MSG_TYPE, tags.CHECK_SUM})
_FRAMING_NAMES = frozenset(b"%d" % tag for tag in _FRAMING)
_HEADER, _BODY, _TRAILER = range(3)

_Part = tuple[bytes, bytes, bytes]  # a field, parted at its first "="


@dataclass(frozen=True, slots=True)
class Rules:
    """What is tolerated in a received message; True is tolerated.

    Args:
        unknown_tags: tags below 5000 that the dictionaries do not know, or not in this message.
        unknown_values: values that are not in the enumeration of their field.
        field_order: header, body and trailer fields among each other, and fields of a group's entry in any
            order. An entry then begins with whatever follows the NoXxx field.
        user_defined_tags: tags from 5000 that the dictionaries do not know, or not in this message.
        empty_values: fields without a value.
    """

    unknown_tags: bool = False
    unknown_values: bool = False
    field_order: bool = False
    user_defined_tags: bool = False
    empty_values: bool = False

    STRICT: ClassVar[Rules]
    LENIENT: ClassVar[Rules]


Rules.STRICT = Rules()
Rules.LENIENT = Rules(True, True, True, True, True)


class Validator:
    """Checks received messages; everything that can be known before is worked out once.

    Args:
        transport: header, trailer and session messages; up to FIX 4.4 the one dictionary of the version.
        applications: ApplVerID(1128) -> dictionary; empty up to FIX 4.4.
        default_appl_ver_id: the ApplVerID of messages without one; None if there is none.
        rules: what is tolerated.

    Raises:
        ConfigError: the transport has no header, there is no dictionary for the default, or a dictionary
            refers to a field that it does not have or that has no known type.
    """

    __slots__ = ("_applications", "_default", "_rules", "_transport", "_zones")

    def __init__(
        self,
        transport: Dictionary,
        applications: Mapping[str, Dictionary],
        default_appl_ver_id: str | None,
        rules: Rules = Rules.STRICT,
    ) -> None:
        if not transport.header:
            remedy = "give one with a header, such as FIXT.1.1"
            raise ConfigError(
                f"the dictionary {transport.version} is no transport", transport.version, remedy
            )
        if default_appl_ver_id is not None and default_appl_ver_id not in applications:
            known = ", ".join(sorted(applications)) or "none"
            what = f"no dictionary is given for DefaultApplVerID {default_appl_ver_id}"
            raise ConfigError(what, transport.version, f"give one; there are: {known}")
        self._rules = rules
        self._zones = dict.fromkeys(_names(transport.trailer), _TRAILER)
        self._zones |= dict.fromkeys(_names(transport.header), _HEADER)
        self._transport = _Tables(transport, transport, rules).by_msg_type
        self._applications = {
            appl_ver_id.encode(): _Tables(transport, dictionary, rules).by_msg_type
            for appl_ver_id, dictionary in applications.items()
        }
        self._default = self._applications[default_appl_ver_id.encode()] if default_appl_ver_id else {}

    def check(self, message: Message) -> None:
        """Return if the message is valid.

        Raises:
            Reject: the first fault, looked for in this order: position of header, body and trailer (373=14),
                version of the application (18), MsgType (11), required fields (1); then field by field:
                repeated (13), without a value (4), format (6), enumeration (5), tag not known (0), not in
                this message (2), order in a group (15) and number of its entries (16).
        """
        parts = [field.partition(b"=") for field in message.fields]
        if not self._rules.field_order:
            self._check_order(parts)
        table = self._table(message)
        if not message.index.keys() >= table.required:
            raise _missing(tag for tag in table.ordered_required if tag not in message.index)
        _Walk(parts, table, self._rules).check_message()

    def _check_order(self, parts: list[_Part]) -> None:
        zone_of, present = self._zones.get, _HEADER
        for name, _, _ in parts:
            zone = zone_of(name, _BODY)
            if zone < present:
                raise _reject(14, int(name))
            present = zone

    def _table(self, message: Message) -> _Table:
        table = self._transport.get(message.msg_type)
        if table is None:
            version = message.index.get(tags.APPL_VER_ID)
            tables = self._applications.get(version) if version else self._default
            if tables is None:
                raise _reject(18, tags.APPL_VER_ID)
            table = tables.get(message.msg_type)
        if table is None:
            raise Reject(11, REASONS[11])
        return table


def _reject(reason: int, tag: int) -> Reject:
    return Reject(reason, REASONS[reason], ref_tag=tag)


def _missing(tags_in_order: Iterable[int]) -> Reject:
    return _reject(1, next(iter(tags_in_order)))


def _names(members: Iterable[Member]) -> Iterator[bytes]:
    for member in members:
        yield b"%d" % member.tag
        if member.group is not None:
            yield from _names(member.group.members)


@dataclass(frozen=True, slots=True, eq=False)
class _Slot:
    """A field where it may stand: how its value is judged, its place among the others, its group."""

    field: FieldDef
    is_valid: Callable[[bytes], object]
    place: int
    group: _Level | None


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """What may stand in an entry of a group, or in a message beside its groups."""

    slots: Mapping[bytes, _Slot]
    required: frozenset[bytes]
    delimiter: bytes
    count_tag: int


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """All that is to be known about one message; ``known`` is every field of the version."""

    level: _Level
    required: frozenset[int]
    ordered_required: tuple[int, ...]
    known: Mapping[int, _Slot]


class _Tables:
    """Works out the tables of a dictionary; a group that stands in several messages is worked out once."""

    def __init__(self, transport: Dictionary, dictionary: Dictionary, rules: Rules) -> None:
        self._version = dictionary.version
        self._known = {
            tag: _Slot(field, self._judge(field, rules), 0, None)
            for tag, field in {**transport.fields, **dictionary.fields}.items()
        }
        self._levels: dict[int, _Level] = {}
        self.by_msg_type = {
            msg_type: self._table((*message.members, *transport.header, *transport.trailer))
            for msg_type, message in dictionary.messages.items()
        }

    def _judge(self, field: FieldDef, rules: Rules) -> Callable[[bytes], object]:
        if field.type not in FORMATS:
            remedy = f"one of {', '.join(sorted(FORMATS))} is needed"
            raise ConfigError(f"the type {field.type} of {field.name} is not known", self._version, remedy)
        if not field.values or field.other_values or rules.unknown_values:
            return bool if FORMATS[field.type] == ANYTHING else _format(field.type)
        values = frozenset(value.encode() for value in field.values)
        if field.type not in MULTIPLE:
            return values.__contains__
        word = b"(?:%b)" % b"|".join(map(re.escape, values))
        return re.compile(b"%b(?: %b)*" % (word, word)).fullmatch

    def _table(self, members: tuple[Member, ...]) -> _Table:
        level = self._level(members, 0)
        required = tuple(member.tag for member in members if member.required and member.tag not in _FRAMING)
        return _Table(level, frozenset(required), required, self._known)

    def _level(self, members: tuple[Member, ...], count_tag: int) -> _Level:
        slots = {b"%d" % member.tag: self._slot(member, place) for place, member in enumerate(members)}
        required = (b"%d" % member.tag for member in members if member.required)
        return _Level(slots, frozenset(required) - _FRAMING_NAMES, b"%d" % members[0].tag, count_tag)

    def _slot(self, member: Member, place: int) -> _Slot:
        known = self._known.get(member.tag)
        if known is None:
            raise ConfigError(f"the tag {member.tag} has no field", self._version, "define the field")
        if member.group is None:
            return replace(known, place=place)
        return _Slot(known.field, _format("NUMINGROUP"), place, self._group(member.group))

    def _group(self, group: GroupDef) -> _Level:
        if id(group) not in self._levels:
            self._levels[id(group)] = self._level(group.members, group.count_tag)
        return self._levels[id(group)]


@cache
def _format(type_name: str) -> Callable[[bytes], object]:
    return pattern(FORMATS[type_name]).fullmatch


class _Walk:
    """One pass over the fields of a message."""

    __slots__ = ("_at", "_parts", "_rules", "_table")

    def __init__(self, parts: list[_Part], table: _Table, rules: Rules) -> None:
        self._parts = parts
        self._table = table
        self._rules = rules
        self._at = 1  # behind MsgType(35)

    def check_message(self) -> None:
        level, parts = self._table.level, self._parts
        slots, end = level.slots, len(parts)
        seen = set(_FRAMING_NAMES)
        at = self._at
        while at < end:
            name, _, value = parts[at]
            at += 1
            slot = slots.get(name)
            if slot is None:
                self._check_undefined(name, value)
                continue
            if name in seen:
                raise _reject(13, int(name))
            seen.add(name)
            if not slot.is_valid(value):
                self._check_value(slot.field, value)
            if slot.group is not None:
                self._at = at
                self._check_group(slot.group, value, (level,))
                at = self._at
        if not seen >= level.required:  # one is there, but only in a group
            raise _missing(tag for tag in self._table.ordered_required if b"%d" % tag not in seen)

    def _check_value(self, field: FieldDef, value: bytes) -> None:
        """Tell what is wrong with a value; one that is tolerated is right."""
        if not value:
            if not self._rules.empty_values:
                raise _reject(4, field.tag)
        elif not _format(field.type)(value):
            raise _reject(6, field.tag)
        else:
            raise _reject(5, field.tag)

    def _check_undefined(self, name: bytes, value: bytes) -> None:
        """Check a field that has no place in the message."""
        tag, rules = int(name), self._rules
        known = self._table.known.get(tag)
        if not value and not rules.empty_values:
            raise _reject(4, tag)
        if known is not None and not known.is_valid(value):
            self._check_value(known.field, value)
        if not (rules.user_defined_tags if tag >= _USER_DEFINED else rules.unknown_tags):
            raise _reject(0 if known is None else 2, tag)

    def _check_group(self, level: _Level, count: bytes, outer: tuple[_Level, ...]) -> None:
        """Check the entries from here on; ``outer`` are the levels that the group lies in."""
        delimiter = self._delimiter(level)
        entries, expected = 0, int(count or 0)
        while self._next() == delimiter and not (entries == expected and self._is_in(outer, delimiter)):
            self._check_entry(level, delimiter, outer)
            entries += 1
        name = self._next()
        if not entries and name in level.slots and not self._is_in(outer, name):
            raise _reject(15, int(name))
        if entries != expected:
            raise _reject(16, level.count_tag)

    def _next(self) -> bytes:
        """Return the tag of the field that comes next, empty at the end."""
        return self._parts[self._at][0] if self._at < len(self._parts) else b""

    def _delimiter(self, level: _Level) -> bytes:
        name = self._next()
        return name if self._rules.field_order and name in level.slots else level.delimiter

    def _is_in(self, levels: tuple[_Level, ...], name: bytes) -> bool:
        return any(name in level.slots for level in levels)

    def _check_entry(self, level: _Level, delimiter: bytes, outer: tuple[_Level, ...]) -> None:
        """Check one entry, up to what begins the next or belongs to a level outside."""
        seen: set[bytes] = set()
        last = -1
        while self._at < len(self._parts):
            name, _, value = self._parts[self._at]
            if seen and name == delimiter:
                break
            slot = level.slots.get(name)
            fault = self._place_fault(slot, name in seen, last)
            if fault is not None and self._is_in(outer, name):
                break
            self._at += 1
            if slot is None:
                self._check_undefined(name, value)
                continue
            if fault is not None:
                raise _reject(fault, int(name))
            seen.add(name)
            last = slot.place
            self._check_member(slot, value, (*outer, level))
        if not seen >= level.required:
            raise _missing(int(name) for name in level.slots if name in level.required - seen)

    def _place_fault(self, slot: _Slot | None, repeated: bool, last: int) -> int | None:
        """Return why a field can not stand behind the others of an entry, None if it can."""
        if slot is None:
            return 2
        if repeated:
            return 13
        return 15 if slot.place < last and not self._rules.field_order else None

    def _check_member(self, slot: _Slot, value: bytes, outer: tuple[_Level, ...]) -> None:
        if not slot.is_valid(value):
            self._check_value(slot.field, value)
        if slot.group is not None:
            self._check_group(slot.group, value, outer)
