"""Messages for people and programs to read: one line, a line a field, an object, or a template.

Names and words come from a ``Dictionary``; what it does not know keeps its tag and its characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any, NamedTuple

from fixgw.errors import ConfigError, FieldError
from fixgw.fix import tags
from fixgw.fix.dictionary import Dictionary, GroupDef, Member
from fixgw.fix.extract import Found
from fixgw.fix.fields import split
from fixgw.fix.redact import printable

GARBLED_SIZE = 120
UNKNOWN_SHOWN = 6  # fields of a message in which none is worth a place in one line

# What a person looks for in one line, in this order.
KEY_TAGS = (
    *(tags.CL_ORD_ID, tags.ORIG_CL_ORD_ID, tags.ORDER_ID, tags.EXEC_ID, tags.EXEC_TYPE, tags.ORD_STATUS),
    *(tags.SIDE, tags.ORDER_QTY, tags.SYMBOL, tags.ORD_TYPE, tags.PRICE, tags.TIME_IN_FORCE),
    *(tags.LAST_QTY, tags.LAST_PX, tags.CUM_QTY, tags.LEAVES_QTY),
    *(tags.BEGIN_SEQ_NO, tags.END_SEQ_NO, tags.NEW_SEQ_NO, tags.GAP_FILL_FLAG, tags.RESET_SEQ_NUM_FLAG),
    *(tags.HEART_BT_INT, tags.NEXT_EXPECTED_MSG_SEQ_NUM, tags.DEFAULT_APPL_VER_ID, tags.TEST_REQ_ID),
    *(tags.REF_SEQ_NUM, tags.REF_TAG_ID, tags.REF_MSG_TYPE, tags.SESSION_REJECT_REASON),
    *(tags.BUSINESS_REJECT_REASON, tags.ORD_REJ_REASON, tags.CXL_REJ_REASON, tags.SESSION_STATUS, tags.TEXT),
)
_MULTIPLE = frozenset({"MULTIPLEVALUESTRING", "MULTIPLESTRINGVALUE", "MULTIPLECHARVALUE"})
_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e\xa1-\u1fff\u3000-\ud7ff]")


class Item(NamedTuple):
    """A field of a message.

    Args:
        tag: its tag.
        name: its name, or the tag's digits.
        value: its characters as on the wire, ``***`` for a secret.
        word: what an enumerated value means, else empty.
        entries: of a field that counts a group, the group's entries.
    """

    tag: int
    name: str
    value: str
    word: str = ""
    entries: tuple[tuple[Item, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """A message ready to be shown, or what can not be one.

    Args:
        found: where it comes from.
        items: its fields in order, groups nested; empty when it is garbled.
        name: the message's name, else its MsgType(35).
        time: when it was recorded, else SendingTime(52), as a UTCTimestamp.
        direction: ``in``, ``out``, ``rec`` for what a reconciliation found, or empty.
        faults: what is wrong with it.
    """

    found: Found
    items: tuple[Item, ...] = ()
    name: str = ""
    time: str = ""
    direction: str = ""
    faults: tuple[str, ...] = ()

    @property
    def garbled(self) -> bool:
        """True if its fields can not be told apart."""
        return not self.items

    def value(self, tag: int) -> str:
        """Return the first value of a tag outside groups, or nothing."""
        return next((item.value for item in self.items if item.tag == tag), "")

    def everywhere(self, tag: int) -> Iterator[Item]:
        """Yield the fields with a tag, those in groups included."""
        return (item for item in _flat(self.items) if item.tag == tag)


class _Plan(NamedTuple):
    """The members of a message or of a group's entry, for quick look-up."""

    members: Mapping[int, _Plan | None]
    delimiter: int = 0


class Decoder:
    """Gives the fields of messages their names, words and groups.

    Args:
        dictionary: transport and application in one.
    """

    def __init__(self, dictionary: Dictionary) -> None:
        self._dictionary = dictionary
        self._plans: dict[str, _Plan] = {}
        self._base = (*dictionary.header, *dictionary.trailer)
        self._unknown = _plan(self._base)

    def view(self, found: Found, time: str = "", direction: str = "") -> View:
        """Return a message with names, words and nested groups.

        Args:
            found: the message.
            time: when it was recorded, a UTCTimestamp; else its SendingTime(52) is taken.
            direction: see ``View``.
        """
        if found.garbled:
            return View(found, time=time, direction=direction, faults=found.faults)
        try:
            fields, index = split(found.frame[:-1])
        except FieldError as error:
            return View(found, time=time, direction=direction, faults=(*found.faults, error.text))
        msg_type = _characters(index.get(tags.MSG_TYPE, b""))
        faults = list(found.faults)
        pairs = [_pair(field) for field in fields]
        items, _ = self._items(pairs, 0, self._plan(msg_type), faults, nested=False)
        return View(
            found,
            items,
            self._dictionary.message_name(msg_type) or msg_type,
            time or _characters(index.get(tags.SENDING_TIME, b"")),
            direction,
            tuple(faults),
        )

    def name(self, tag: int) -> str:
        """Return the name of a field, or its tag's digits."""
        return self._dictionary.field_name(tag) or tags.NAMES.get(tag) or str(tag)

    def word(self, tag: int, value: str) -> str:
        """Return what an enumerated value means, or nothing."""
        known = self._dictionary.fields.get(tag)
        if known is None or not known.values:
            return ""
        if known.type in _MULTIPLE and " " in value:
            return " ".join(known.values.get(one, one) for one in value.split(" "))
        return known.values.get(value, "")

    def tag(self, name: str) -> int | None:
        """Return the tag of a field given by its name or its digits, or None."""
        if name.isdecimal() and len(name) < 10:
            return int(name)
        fields = {field.name: tag for tag, field in self._dictionary.fields.items()}
        return fields.get(name) or next((tag for tag, known in tags.NAMES.items() if known == name), None)

    def _plan(self, msg_type: str) -> _Plan:
        message = self._dictionary.messages.get(msg_type)
        if message is None:
            return self._unknown
        plan = self._plans.get(msg_type)
        if plan is None:
            plan = self._plans[msg_type] = _plan((*self._base, *message.members))
        return plan

    def _items(
        self, pairs: list[tuple[int, bytes]], at: int, plan: _Plan, faults: list[str], *, nested: bool = True
    ) -> tuple[tuple[Item, ...], int]:
        """Return the fields from ``at`` on, up to the end of the entry if nested, and where that is."""
        items: list[Item] = []
        while at < len(pairs):
            tag, raw = pairs[at]
            if nested and (tag not in plan.members or (tag == plan.delimiter and items)):
                break
            value = "***" if tag in tags.SECRET_TAGS else _characters(raw)
            name, inner = self.name(tag), plan.members.get(tag)
            entries: list[tuple[Item, ...]] = []
            at += 1
            while inner is not None and at < len(pairs) and pairs[at][0] == inner.delimiter:
                entry, at = self._items(pairs, at, inner, faults)
                entries.append(entry)
            if inner is not None and value != str(len(entries)):
                faults.append(f"{name}({tag}) is {value}, counted {len(entries)}")
            items.append(Item(tag, name, value, self.word(tag, value), tuple(entries)))
        return tuple(items), at


def _plan(members: tuple[Member, ...], delimiter: int = 0) -> _Plan:
    return _Plan({member.tag: _group_plan(member.group) for member in members}, delimiter)


def _group_plan(group: GroupDef | None) -> _Plan | None:
    return None if group is None else _plan(group.members, group.members[0].tag)


def _pair(field: bytes) -> tuple[int, bytes]:
    tag, _, value = field.partition(b"=")
    return int(tag), value


def _characters(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def escaped(text: str) -> str:
    """Return text without a character that a terminal would act on."""
    return _NOT_PRINTABLE.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _flat(items: tuple[Item, ...]) -> Iterator[Item]:
    for item in items:
        yield item
        for entry in item.entries:
            yield from _flat(entry)


def line(view: View) -> str:
    """Return a message in one line: time, direction, CompIDs, name, MsgSeqNum(34), key fields, faults."""
    faults = "".join(f"  ! {fault}" for fault in view.faults)
    if view.garbled:
        return f"{_head(view)}garbled: {printable(view.found.frame, GARBLED_SIZE)}{escaped(faults)}"
    comp_ids = f"{view.value(tags.SENDER_COMP_ID)}>{view.value(tags.TARGET_COMP_ID)}"
    number = view.value(tags.MSG_SEQ_NUM) + ("d" if view.value(tags.POSS_DUP_FLAG) == "Y" else "")
    fields = "".join(f" {item.name}={item.word or item.value}" for item in _key_items(view))
    return f"{_head(view)}{escaped(f'{comp_ids} {number} {view.name}{fields}{faults}')}"


def _head(view: View) -> str:
    time = f"{view.time} " if view.time else ""
    return escaped(f"{time}{view.direction:<3} " if view.direction else time)


def _key_items(view: View) -> list[Item]:
    """Return what the line has room for: the key fields, or the first fields of an unknown message."""
    by_tag = {item.tag: item for item in reversed(view.items)}
    found = [by_tag[tag] for tag in KEY_TAGS if tag in by_tag]
    left_out = tags.HEADER_TAGS | tags.TRAILER_TAGS
    return found or [item for item in view.items if item.tag not in left_out][:UNKNOWN_SHOWN]


def block(view: View) -> str:
    """Return a message as its line, then a line a field: tag, name, value, word; groups indented."""
    return "\n".join([line(view), *_rows(view.items, 1)])


def _rows(items: tuple[Item, ...], depth: int) -> Iterator[str]:
    indent = "  " * depth
    width = max((len(item.name) for item in items), default=0)
    for item in items:
        word = f"  {item.word}" if item.word else ""
        yield f"{indent}{item.tag:>5} {escaped(f'{item.name:<{width}}  {item.value}{word}')}"
        for number, entry in enumerate(item.entries, 1):
            yield f"{indent}      [{number}]"
            yield from _rows(entry, depth + 3)


def as_object(view: View) -> dict[str, Any]:
    """Return a message as one object: names as keys, values as on the wire, groups as lists of objects.

    What is not of the message itself has a key in small letters: time, direction, message, prefix, faults,
    garbled.
    """
    about = {
        "time": view.time,
        "direction": view.direction,
        "message": view.name,
        "prefix": printable(view.found.prefix).strip(),
        "faults": list(view.faults),
        "garbled": printable(view.found.frame, GARBLED_SIZE) if view.garbled else "",
    }
    return {key: value for key, value in about.items() if value} | _as_object(view.items)


def _as_object(items: tuple[Item, ...]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for item in items:
        value: Any = [_as_object(entry) for entry in item.entries] if item.entries else item.value
        if item.name not in made:
            made[item.name] = value
        elif isinstance(made[item.name], list):  # a field that is there more than once, outside groups
            made[item.name].append(value)
        else:
            made[item.name] = [made[item.name], value]
    return made


class Template:
    """A line of one's own, such as ``{time} {MsgSeqNum} {ClOrdID} {54:word}``.

    A field is named or given by its tag; more values than one have commas between them. ``{time}``,
    ``{direction}``, ``{message}`` and ``{prefix}`` are known too; ``\\t`` and ``\\n`` may be written out.

    Args:
        text: the template.
        decoder: whose names may stand in it.

    Raises:
        ConfigError: a brace is not closed, or a name or a form is not known.
    """

    def __init__(self, text: str, decoder: Decoder) -> None:
        try:
            parsed = list(Formatter().parse(text.replace("\\t", "\t").replace("\\n", "\n")))
        except ValueError as error:
            raise ConfigError(
                f"the template can not be read: {error}", text, "write {{ for a brace that is to be shown"
            ) from None
        for _, _, form, _ in parsed:
            if form not in (None, "", "word"):
                raise ConfigError(
                    f"a field is shown as it is or as its word, not as {form!r}",
                    text,
                    "write {54} or {54:word}",
                )
        self._parts = [
            (before, "" if name is None else name, self._tag(name, decoder), form == "word")
            for before, name, form, _ in parsed
        ]

    @staticmethod
    def _tag(name: str | None, decoder: Decoder) -> int:
        if name is None or name in _OWN:
            return 0
        tag = decoder.tag(name)
        if tag is None:
            known = ", ".join(_OWN)
            raise ConfigError(
                f"no field is named {name!r}", "", f"give a tag, a field's name in full, or one of {known}"
            )
        return tag

    def render(self, view: View) -> str:
        """Return the line of a message."""
        return "".join(
            before + (self._field(view, name, tag, word) if name else "")
            for before, name, tag, word in self._parts
        )

    @staticmethod
    def _field(view: View, name: str, tag: int, word: bool) -> str:
        if not tag:
            return escaped(_OWN[name](view))
        found = view.everywhere(tag)
        return escaped(",".join((item.word if word else "") or item.value for item in found))


_OWN: Mapping[str, Callable[[View], str]] = {
    "time": lambda view: view.time,
    "direction": lambda view: view.direction,
    "message": lambda view: view.name,
    "prefix": lambda view: printable(view.found.prefix).strip(),
}
