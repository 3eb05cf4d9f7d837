"""Dictionaries in the XML format of QuickFIX, which most engines read and many venues publish.

A file holds header, messages, trailer, components and fields of one version; a FIXT.1.1 file has the session
alone, a FIX.5.0 file the application alone. Components are taken apart when a file is read; when one is
written, a group that stands in several places becomes a component.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import TypeVar, cast
from xml.sax.saxutils import quoteattr

from fixgw.errors import ConfigError
from fixgw.fix.dictionary import Category, Dictionary, FieldDef, GroupDef, Member, MessageDef
from fixgw.fix.elements import MAX_BYTES, MAX_DEPTH, Element, fault, parse
from fixgw.fix.formats import FORMATS

K = TypeVar("K")
V = TypeVar("V")

_MAX_MEMBERS = 1_000_000
_MAX_TAG = 999_999_999

_PARTS = frozenset({"field", "group", "component"})
_INSIDE = {
    "": frozenset({"fix"}),
    "fix": frozenset({"header", "messages", "trailer", "components", "fields"}),
    "header": _PARTS,
    "trailer": _PARTS,
    "messages": frozenset({"message"}),
    "message": _PARTS,
    "components": frozenset({"component"}),
    "component": _PARTS,
    "group": _PARTS,
    "fields": frozenset({"field"}),
    "field": frozenset({"value"}),
    "value": frozenset(),
}
_COUNTS = frozenset({"NUMINGROUP", "INT"})  # INT in FIX 4.0 to 4.2
_VERSION = re.compile(r"(FIXT?)\.(\d+)\.(\d+)(?:SP([1-9]\d*))?")
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read(text: bytes, where: str = "", max_bytes: int = MAX_BYTES) -> Dictionary:
    """Return the dictionary in an XML file of QuickFIX.

    Args:
        text: the file.
        where: its name, for errors.
        max_bytes: the largest file that is read.

    Raises:
        ConfigError: it is no such file, or contradicts itself; file, line, fault and remedy are in the error.
    """
    return _Builder(parse(text, where, _INSIDE, max_bytes), where).dictionary()


def write(dictionary: Dictionary) -> str:
    """Return a dictionary as an XML file, which ``read`` reads back as it was.

    Raises:
        ConfigError: two tags or messages have one name, a tag has no field, or a text can not stand in XML.
    """
    return "\n".join(_Writer(dictionary).lines()) + "\n"


class _Builder:
    """Makes a dictionary of elements: finds fields and components by name, and refuses contradictions."""

    def __init__(self, root: Element, where: str) -> None:
        self._where = where
        self._root = root
        self._sections: dict[str, Element] = {}
        self._components: dict[str, Element] = {}
        self._fields: dict[str, FieldDef] = {}
        self._expanded: dict[tuple[str, bool], tuple[Member, ...]] = {}
        self._groups: dict[int, GroupDef] = {}
        self._path: list[str] = []
        self._room = _MAX_MEMBERS

    def dictionary(self) -> Dictionary:
        for section in self._root.children:
            self._enter(self._sections, section.name, section, f"<{section.name}>")
        for component in self._section("components"):
            name = self._text(component, "name")
            self._enter(self._components, name, component, f"the component {name}")
        fields = self._all_fields()
        messages = self._all_messages()
        return Dictionary(self._version(), fields, messages, self._edge("header"), self._edge("trailer"))

    def _fault(self, element: Element, what: str, remedy: str) -> ConfigError:
        return fault(what, self._where, element.line, remedy)

    def _section(self, name: str) -> list[Element]:
        return self._sections[name].children if name in self._sections else []

    def _enter(self, known: dict[K, V], key: K, value: V, what: str, element: Element | None = None) -> None:
        """Remember a definition that may be there once."""
        if key in known:
            at = element if element is not None else cast(Element, value)
            raise self._fault(at, f"{what} is defined twice", "leave one of the definitions")
        known[key] = value

    def _text(self, element: Element, attribute: str) -> str:
        text = element.attributes.get(attribute)
        if not text:
            raise self._fault(element, f"<{element.name}> has no {attribute}", f"give it {attribute}='...'")
        return text

    def _one_of(self, element: Element, attribute: str, choices: tuple[str, ...]) -> str:
        text = self._text(element, attribute)
        if text not in choices:
            what = f"{attribute}={text!r} is not known in <{element.name}>"
            raise self._fault(element, what, f"one of {', '.join(choices)} is needed")
        return text

    def _version(self) -> str:
        root = self._root
        if "version" in root.attributes:
            return self._text(root, "version")
        kind = self._one_of(root, "type", ("FIX", "FIXT"))
        major = self._text(root, "major")
        if major == "Latest":
            return f"{kind}.{major}"
        pack = root.attributes.get("servicepack", "0")
        version = f"{kind}.{major}.{self._text(root, 'minor')}" + (
            f"SP{pack}" if pack not in ("", "0") else ""
        )
        if not _VERSION.fullmatch(version):
            remedy = "major, minor and servicepack are numbers"
            raise self._fault(root, f"{version} is no version of FIX", remedy)
        return version

    def _all_fields(self) -> dict[int, FieldDef]:
        by_tag: dict[int, FieldDef] = {}
        for element in self._section("fields"):
            field = self._field(element)
            self._enter(by_tag, field.tag, field, f"the tag {field.tag}", element)
            self._enter(self._fields, field.name, field, f"the field {field.name}", element)
        return by_tag

    def _field(self, element: Element) -> FieldDef:
        number = self._text(element, "number")
        if not (number.isascii() and number.isdigit()) or not 0 < int(number[:10]) <= _MAX_TAG:
            raise self._fault(
                element, f"number={number!r} is no tag", f"a number from 1 to {_MAX_TAG} is needed"
            )
        kind = self._text(element, "type").upper()
        if kind not in FORMATS:
            known = ", ".join(sorted(FORMATS))
            raise self._fault(element, f"the type {kind} is not known", f"one of {known} is needed")
        values: dict[str, str] = {}
        for value in element.children:
            text = self._text(value, "enum")
            self._enter(values, text, value.attributes.get("description", ""), f"the value {text}", value)
        other_values = element.attributes.get("allowOtherValues", "").lower() == "true"
        return FieldDef(int(number), self._text(element, "name"), kind, values, other_values)

    def _all_messages(self) -> dict[str, MessageDef]:
        messages: dict[str, MessageDef] = {}
        names: dict[str, Element] = {}
        for element in self._section("messages"):
            name, msg_type = self._text(element, "name"), self._text(element, "msgtype")
            category = cast(Category, self._one_of(element, "msgcat", ("admin", "app")))
            message = MessageDef(msg_type, name, category, self._members(element))
            self._enter(messages, msg_type, message, f"the msgtype {msg_type}", element)
            self._enter(names, name, element, f"the message {name}")
        return messages

    def _edge(self, section: str) -> tuple[Member, ...]:
        return self._members(self._sections[section]) if section in self._sections else ()

    def _members(self, element: Element, required: bool = True) -> tuple[Member, ...]:
        """Return the fields of a message, component or group; none is required in an optional component."""
        members: dict[int, Member] = {}
        for part in element.children:
            for member in self._part(part, required and self._is_required(part)):
                if member.tag in members:
                    where = f"<{element.name}> {element.attributes.get('name', '')}".rstrip()
                    raise self._fault(
                        part, f"the tag {member.tag} stands twice in {where}", "take one of them out"
                    )
                members[member.tag] = member
        self._room -= len(members)
        if self._room < 0:
            raise self._fault(
                element, f"there are more than {_MAX_MEMBERS} members", "take out what is not used"
            )
        return tuple(members.values())

    def _is_required(self, part: Element) -> bool:
        return self._one_of(part, "required", ("Y", "N", "y", "n")) in "Yy"

    def _part(self, part: Element, required: bool) -> tuple[Member, ...]:
        name = self._text(part, "name")
        if part.name == "component":
            return self._component(part, name, required)
        if name not in self._fields:
            raise self._fault(part, f"the field {name} is not known", "define it in <fields>")
        field = self._fields[name]
        if part.name == "field":
            return (Member(field.tag, required),)
        if field.type not in _COUNTS:
            remedy = f"the field {name} has to be of type NUMINGROUP, not {field.type}"
            raise self._fault(part, f"the group {name} has no count", remedy)
        if id(part) not in self._groups:
            self._groups[id(part)] = GroupDef(field.tag, self._entry(part, name))
        return (Member(field.tag, required, self._groups[id(part)]),)

    def _entry(self, group: Element, name: str) -> tuple[Member, ...]:
        members = self._nested(group, f"group {name}", True)
        if not members:
            raise self._fault(group, f"the group {name} is empty", "give it the field that begins an entry")
        return members

    def _component(self, part: Element, name: str, required: bool) -> tuple[Member, ...]:
        if name not in self._components:
            raise self._fault(part, f"the component {name} is not known", "define it in <components>")
        if (name, required) not in self._expanded:
            if f"component {name}" in self._path:
                path = " in ".join([f"component {name}", *reversed(self._path)])
                raise self._fault(part, f"a component holds itself: {path}", "take one of the references out")
            members = self._nested(self._components[name], f"component {name}", required)
            self._expanded[name, required] = members
        return self._expanded[name, required]

    def _nested(self, element: Element, place: str, required: bool) -> tuple[Member, ...]:
        if len(self._path) == MAX_DEPTH:
            remedy = "take components and groups apart"
            raise self._fault(element, f"the {place} is more than {MAX_DEPTH} deep", remedy)
        self._path.append(place)
        members = self._members(element, required)
        self._path.pop()
        return members


class _Writer:
    """Makes lines of a dictionary."""

    def __init__(self, dictionary: Dictionary) -> None:
        self._dictionary = dictionary
        self._shapes: dict[object, int] = {}  # a group as a value -> its number
        self._shape_of: dict[int, int] = {}  # id of a group -> the number of its shape
        self._groups: list[GroupDef] = []
        self._uses: Counter[int] = Counter()
        self._components: dict[int, str] = {}

    def lines(self) -> list[str]:
        dictionary = self._dictionary
        _refuse_doubles("field", (field.name for field in dictionary.fields.values()))
        _refuse_doubles("message", (message.name for message in dictionary.messages.values()))
        self._name_components()
        sections = [
            *_element(1, "header", {}, self._members(2, dictionary.header)),
            *_element(1, "messages", {}, self._messages()),
            *_element(1, "trailer", {}, self._members(2, dictionary.trailer)),
            *_element(1, "components", {}, self._component_lines()),
            *_element(1, "fields", {}, self._fields()),
        ]
        return _element(0, "fix", _version_attributes(dictionary.version), sections)

    def _name_components(self) -> None:
        messages = [message.members for message in self._dictionary.messages.values()]
        for members in (self._dictionary.header, self._dictionary.trailer, *messages):
            self._count(members)
        names: Counter[str] = Counter()
        for shape, group in enumerate(self._groups):
            if self._uses[shape] > 1:
                name = f"{self._name(group.count_tag)}Grp"
                names[name] += 1
                self._components[shape] = name if names[name] == 1 else f"{name}.{names[name]}"

    def _count(self, members: tuple[Member, ...]) -> None:
        self._uses.update(self._shape(member.group) for member in members if member.group is not None)

    def _shape(self, group: GroupDef) -> int:
        """Return the number of all groups that are equal to this one; looks at each object once."""
        if id(group) not in self._shape_of:
            entry = tuple(
                (one.tag, one.required, one.group and self._shape(one.group)) for one in group.members
            )
            shape = self._shapes.setdefault((group.count_tag, entry), len(self._groups))
            if shape == len(self._groups):
                self._groups.append(group)
                self._count(group.members)
            self._shape_of[id(group)] = shape
        return self._shape_of[id(group)]

    def _name(self, tag: int) -> str:
        name = self._dictionary.field_name(tag)
        if name is None:
            raise ConfigError(f"the tag {tag} has no field", self._dictionary.version, "define the field")
        return name

    def _members(self, indent: int, members: Iterable[Member]) -> list[str]:
        return [line for member in members for line in self._member(indent, member)]

    def _member(self, indent: int, member: Member) -> list[str]:
        attributes = {"name": self._name(member.tag), "required": "Y" if member.required else "N"}
        if member.group is None:
            return _element(indent, "field", attributes)
        component = self._components.get(self._shape(member.group))
        if component is not None:
            return _element(indent, "component", {**attributes, "name": component})
        return _element(indent, "group", attributes, self._members(indent + 1, member.group.members))

    def _messages(self) -> list[str]:
        lines = []
        for message in self._dictionary.messages.values():
            attributes = {"name": message.name, "msgtype": message.msg_type, "msgcat": message.category}
            lines += _element(2, "message", attributes, self._members(3, message.members))
        return lines

    def _component_lines(self) -> list[str]:
        lines = []
        for shape, name in self._components.items():
            group = self._groups[shape]
            attributes = {"name": self._name(group.count_tag), "required": "Y"}
            inner = _element(3, "group", attributes, self._members(4, group.members))
            lines += _element(2, "component", {"name": name}, inner)
        return lines

    def _fields(self) -> list[str]:
        lines = []
        for field in self._dictionary.fields.values():
            attributes = {"number": str(field.tag), "name": field.name, "type": field.type}
            if field.other_values:
                attributes["allowOtherValues"] = "true"
            values = [
                _element(3, "value", {"enum": value, "description": description})
                for value, description in field.values.items()
            ]
            lines += _element(2, "field", attributes, [line for value in values for line in value])
        return lines


def _refuse_doubles(what: str, names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ConfigError(
                f"{count} {what}s have the name {name}", "", "a name of its own for each is needed"
            )


def _version_attributes(version: str) -> dict[str, str]:
    match = _VERSION.fullmatch(version)
    parts = match.groups(default="0") if match else ("FIX", "5", "0", "2")
    attributes = dict(zip(("type", "major", "minor", "servicepack"), parts, strict=True))
    return attributes if match else {**attributes, "version": version}


def _element(indent: int, name: str, attributes: dict[str, str], inner: Iterable[str] = ()) -> list[str]:
    start = f"{' ' * indent}<{name}{''.join(_attribute(*pair) for pair in attributes.items())}"
    if not inner:
        return [f"{start} />"]
    return [f"{start}>", *inner, f"{' ' * indent}</{name}>"]


def _attribute(name: str, value: str) -> str:
    if _NOT_IN_XML.search(value) or (not value and name != "description"):
        raise ConfigError(f"{name} {value!r} can not stand in XML", "", "printable text is needed")
    return f" {name}={quoteattr(value)}"
