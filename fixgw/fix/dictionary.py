"""What fields and messages a version of FIX has, as plain data.

A ``Dictionary`` comes out of a file (``quickfix_xml.read``) or out of typed messages
(``Dictionary.of_messages``). Components are gone in it: their fields stand where the component stood.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from typing import Literal, Self

from fixgw.errors import ConfigError
from fixgw.fix import tags
from fixgw.fix.schema import FieldSpec, Group, TypedMessage

Category = Literal["admin", "app"]

ADMIN_MSG_TYPES = frozenset("012345A")
"""MsgType(35) of the messages that belong to the session."""

_NO_NAMES: Mapping[int, str] = {}


@dataclass(frozen=True, slots=True)
class FieldDef:
    """A field, whatever message it stands in.

    Args:
        tag: its number.
        name: its name, such as ``ClOrdID``.
        type: its FIX data type in capitals, such as ``PRICE`` or ``NUMINGROUP``.
        values: enumeration, wire value -> description such as ``BUY``; empty if the field takes any value.
        other_values: values beside the enumeration are legal, ``values`` only names some.
    """

    tag: int
    name: str
    type: str
    values: Mapping[str, str]
    other_values: bool = False


@dataclass(frozen=True, slots=True)
class GroupDef:
    """A repeating group.

    Args:
        count_tag: its NoXxx field.
        members: what may stand in an entry, in order; the first begins each entry.
    """

    count_tag: int
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A field in its place in a message or an entry of a group.

    Args:
        tag: the field; of a group, its NoXxx field.
        required: a message without it is not valid; in a group, an entry without it.
        group: the group that the field counts.
    """

    tag: int
    required: bool
    group: GroupDef | None = None


@dataclass(frozen=True, slots=True)
class MessageDef:
    """A message.

    Args:
        msg_type: MsgType(35).
        name: its name, such as ``NewOrderSingle``.
        category: ``admin`` if the session deals with it, else ``app``.
        members: what may stand in its body, in order.
    """

    msg_type: str
    name: str
    category: Category
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Fields and messages of one version of FIX, or of a venue.

    Args:
        version: such as ``FIXT.1.1``, ``FIX.5.0SP2``, ``FIX.4.4``, or the name of a venue.
        fields: tag -> field; every tag of ``messages``, ``header`` and ``trailer`` is among them.
        messages: MsgType(35) -> message.
        header: the standard header; empty in an application dictionary such as FIX.5.0SP2.
        trailer: the standard trailer, as the header.
    """

    version: str
    fields: Mapping[int, FieldDef]
    messages: Mapping[str, MessageDef]
    header: tuple[Member, ...] = ()
    trailer: tuple[Member, ...] = ()

    def field_name(self, tag: int) -> str | None:
        """Return the name of a tag, None if it is not known."""
        field = self.fields.get(tag)
        return None if field is None else field.name

    def value_name(self, tag: int, value: str) -> str | None:
        """Return the description of a value, None if it is not known."""
        field = self.fields.get(tag)
        return None if field is None else field.values.get(value)

    def message_name(self, msg_type: str) -> str | None:
        """Return the name of a MsgType(35), None if it is not known."""
        message = self.messages.get(msg_type)
        return None if message is None else message.name

    def merged(self, other: Dictionary) -> Dictionary:
        """Return both in one, to read messages with: a transport with its application, FIX with a venue.

        Args:
            other: its version, messages and names stand where both have one; values of a field add up.
        """
        fields = dict(self.fields)
        for tag, field in other.fields.items():
            fields[tag] = _united(fields[tag], field) if tag in fields else field
        return Dictionary(
            other.version,
            fields,
            {**self.messages, **other.messages},
            _joined(self.header, other.header),
            _joined(self.trailer, other.trailer),
        )

    @classmethod
    def of_messages(
        cls, version: str, messages: Iterable[type[TypedMessage]], names: Mapping[int, str] = _NO_NAMES
    ) -> Self:
        """Return the dictionary of typed messages.

        A header or trailer field that a message declares goes to the header or trailer, where it stands on
        the wire. A tag without a name takes that of its attribute, with the number behind it where another
        tag has the same.

        Args:
            version: the name of the dictionary.
            messages: the classes, each with a MsgType(35) of its own.
            names: names by tag of fields that have none in FIX.

        Raises:
            ConfigError: a class has no MsgType, or that of another one.
        """
        fields: dict[int, FieldDef] = {}
        defs: dict[str, MessageDef] = {}
        for message in messages:
            if not message.MSG_TYPE or message.MSG_TYPE in defs:
                fault = f"the MsgType of {defs[message.MSG_TYPE].name}" if message.MSG_TYPE else "no MsgType"
                raise ConfigError(f"{message.__name__} has {fault}", version, "give it a msg_type of its own")
            defs[message.MSG_TYPE] = _message_def(message)
            for field in _named(_field_defs(message.FIELDS), names):
                fields[field.tag] = _agreed(fields[field.tag], field) if field.tag in fields else field
        fields = _distinct(fields, tags.NAMES.keys() | names.keys())
        return cls(version, fields, defs, _outer(fields, tags.HEADER_TAGS), _outer(fields, tags.TRAILER_TAGS))


def _joined(members: tuple[Member, ...], more: tuple[Member, ...]) -> tuple[Member, ...]:
    present = {member.tag for member in members}
    return members + tuple(member for member in more if member.tag not in present)


def _united(field: FieldDef, other: FieldDef) -> FieldDef:
    open_ended = field.other_values or other.other_values
    return replace(other, values={**field.values, **other.values}, other_values=open_ended)


def _agreed(field: FieldDef, other: FieldDef) -> FieldDef:
    """Return one definition for a tag that two messages declare: what either takes has to pass."""
    both = _united(other, field)
    if bool(field.values) != bool(other.values):
        both = replace(both, other_values=True)
    return both if field.type == other.type else replace(both, type="STRING")


def _named(fields: Iterable[FieldDef], names: Mapping[int, str]) -> Iterator[FieldDef]:
    for field in fields:
        yield replace(field, name=names[field.tag]) if field.tag in names else field


def _distinct(fields: Mapping[int, FieldDef], named: Set[int]) -> dict[int, FieldDef]:
    uses = Counter(field.name for field in fields.values())
    return {
        tag: field if uses[field.name] == 1 or tag in named else replace(field, name=f"{field.name}{tag}")
        for tag, field in fields.items()
    }


def _outer(fields: Iterable[int], among: frozenset[int]) -> tuple[Member, ...]:
    return tuple(Member(tag, False) for tag in sorted(fields) if tag in among)


def _message_def(message: type[TypedMessage]) -> MessageDef:
    category: Category = "admin" if message.MSG_TYPE in ADMIN_MSG_TYPES else "app"
    body = tuple(
        member
        for member in _members(message.FIELDS)
        if member.tag not in tags.HEADER_TAGS and member.tag not in tags.TRAILER_TAGS
    )
    return MessageDef(message.MSG_TYPE, message.__name__, category, body)


def _members(specs: Iterable[FieldSpec]) -> Iterator[Member]:
    for spec in specs:
        if spec.tag in tags.LENGTH_TAGS:
            yield Member(tags.LENGTH_TAGS[spec.tag], spec.required)
        group = None if spec.entry is None else _group_def(spec.tag, spec.entry)
        yield Member(spec.tag, spec.required, group)


def _group_def(count_tag: int, entry: type[Group]) -> GroupDef:
    return GroupDef(count_tag, tuple(_members(entry.FIELDS)))


def _field_defs(specs: Iterable[FieldSpec]) -> Iterator[FieldDef]:
    for spec in specs:
        name = _field_name(spec)
        if spec.kind is None:
            yield FieldDef(spec.tag, name, "NUMINGROUP", {})
        else:
            yield FieldDef(spec.tag, name, _type_name(spec), _values(spec))
        if spec.tag in tags.LENGTH_TAGS:
            length = tags.LENGTH_TAGS[spec.tag]
            yield FieldDef(length, tags.NAMES.get(length, f"{name}Len"), "LENGTH", {})
        if spec.entry is not None:
            yield from _field_defs(spec.entry.FIELDS)


def _field_name(spec: FieldSpec) -> str:
    words = spec.name.split("_")
    return tags.NAMES.get(spec.tag) or "".join("ID" if word == "id" else word.title() for word in words)


def _type_name(spec: FieldSpec) -> str:
    assert spec.kind is not None
    several_characters = not spec.kind.multiple and any(len(value) > 1 for value in spec.kind.members)
    return "STRING" if several_characters else spec.kind.name.upper()


def _values(spec: FieldSpec) -> dict[str, str]:
    assert spec.kind is not None
    return {value.decode(): member.name for value, member in spec.kind.members.items()}
