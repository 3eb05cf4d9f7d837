"""Typed messages by declaration::

    class OrderCancelRequest(TypedMessage, msg_type="F"):
        cl_ord_id: str = field(CL_ORD_ID, STRING)
        side: Side = field(SIDE, enum(Side))
        order_qty: Decimal | None = field(ORDER_QTY, DECIMAL, default=None)
        parties: tuple[Party, ...] = group(NO_PARTY_IDS, Party, default=())

The declaration makes the constructor, which renders its arguments straight to bytes; the attributes, which
convert when they are read; the check of a received message; and ``FIELDS``, for whoever writes a dictionary.
Constructors are generated once a class, at import: nothing loops over a declaration to make a message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform, overload

from fixgw.errors import EncodeError, FieldError
from fixgw.fix import tags
from fixgw.fix.fieldtypes import DECIMAL, INT, STRING, FieldType
from fixgw.fix.message import Message
from fixgw.fix.redact import printable

T = TypeVar("T")
G = TypeVar("G", bound="Group")

# SessionRejectReason(373)
_REQUIRED_MISSING = 1
_NOT_DEFINED_FOR_MESSAGE = 2
_UNDEFINED = 3
_REPEATED = 13
_OUT_OF_ORDER = 14

LATE: Any = type("Late", (), {"__repr__": lambda self: "LATE"})()
"""``default=LATE``: a required field that the constructor may do without, because the library fills it in."""

_NOTHING: Any = object()
_UTF_8 = ("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One declared field or repeating group.

    Args:
        tag: the tag; of a group, that of its NoXxx field.
        kind: how values are read and written; None for a group.
        default: None or ``()`` if the field may be missing; ``LATE``; else what the constructor writes when
            it is given nothing.
        entry: the class of a group's entries; None for a field.
        name: the attribute.
    """

    tag: int
    kind: FieldType[Any] | None
    default: Any
    entry: type[Group] | None = None
    name: str = ""

    @property
    def required(self) -> bool:
        """True if a message without the field is not valid."""
        return self.default is not None and self.default != ()

    @property
    def members(self) -> frozenset[int]:
        """All tags that the field brings with it: the length tag of raw data, or the tags of a group."""
        if self.entry is not None:
            return self.entry.TAGS | {self.tag}
        return frozenset({self.tag, tags.LENGTH_TAGS.get(self.tag, self.tag)})

    def read(self, message: Message) -> Any:
        """Return the value in ``message``, None or ``()`` if it is not there and need not be."""
        if self.tag not in message.index:
            if self.required:
                raise missing(self.tag)
            return self.default
        if self.kind is not None:
            return self.kind.decode(self.tag, message.index[self.tag])
        return tuple(map(_entry_class(self).view, self.entries(message)))

    def text(self, value: Any) -> str:
        """Return what stands behind ``tag=``: the characters of a value, or count and entries of a group."""
        if self.kind is not None:
            return self.kind.text(value)
        entry = _entry_class(self)
        if any(type(one) is not entry for one in value):
            raise EncodeError(f"a tuple of {entry.__name__} is needed, the one of {entry.__module__}")
        return str(len(value)) + "".join([one.message.body().decode(*_UTF_8) for one in value])

    def entries(self, message: Message) -> list[Message]:
        """Return the entries of a group, as they are."""
        entry = _entry_class(self)
        first = entry.FIELDS[0]
        return message.group(self.tag, entry.TAGS, first.tag if first.required else None)


def _entry_class(spec: FieldSpec) -> type[Group]:
    assert spec.entry is not None
    return spec.entry


def missing(tag: int) -> FieldError:
    """Return the error for a required field that is not there."""
    return FieldError(tag, _REQUIRED_MISSING, f"Required tag missing, {tags.label(tag)}")


@overload
def field(tag: int, kind: FieldType[T]) -> T: ...
@overload
def field(tag: int, kind: FieldType[T], *, default: None) -> T | None: ...
@overload
def field(tag: int, kind: FieldType[T], *, default: T) -> T: ...
def field(tag: int, kind: FieldType[Any], *, default: Any = _NOTHING) -> Any:
    """Declare a field.

    Args:
        tag: its tag; of raw data the data tag, whose length tag is written and read with it.
        kind: its type, such as ``STRING`` or ``enum(Side)``.
        default: None for an optional field; ``LATE``; a value to write when none is given; or leave it out,
            and the constructor has to be given a value.
    """
    return FieldSpec(tag, kind, default)


@overload
def group(count_tag: int, entry: type[G]) -> tuple[G, ...]: ...
@overload
def group(count_tag: int, entry: type[G], *, default: tuple[()]) -> tuple[G, ...]: ...
def group(count_tag: int, entry: type[Group], *, default: Any = _NOTHING) -> Any:
    """Declare a repeating group.

    Args:
        count_tag: its NoXxx tag.
        entry: the class of its entries; the first field that it declares begins an entry, or, if that one
            may be missing, whatever follows the NoXxx tag.
        default: ``()`` for an optional group.
    """
    return FieldSpec(count_tag, None, default, entry)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field, group))
class _Declared:
    """What messages and group entries have in common."""

    __slots__ = ("message",)

    message: Message
    FIELDS: ClassVar[tuple[FieldSpec, ...]] = ()
    TAGS: ClassVar[frozenset[int]] = frozenset()
    _KINDS: ClassVar[dict[int, FieldType[Any]]] = {}
    _GROUPS: ClassVar[dict[int, FieldSpec]] = {}
    __hash__ = None  # type: ignore[assignment]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        specs = {spec.name: spec for spec in cls.FIELDS}
        for name, spec in list(vars(cls).items()):
            if isinstance(spec, FieldSpec):
                specs[name] = replace(spec, name=name)
                setattr(cls, name, property(_reader(specs[name]), doc=f"{tags.label(spec.tag)}."))
        cls.FIELDS = tuple(specs.values())
        cls.TAGS = frozenset().union(*(spec.members for spec in cls.FIELDS))
        cls._GROUPS = {spec.tag: spec for spec in cls.FIELDS if spec.entry is not None}
        cls._KINDS = {tags.LENGTH_TAGS[spec.tag]: INT for spec in cls.FIELDS if spec.tag in tags.LENGTH_TAGS}
        cls._KINDS |= {spec.tag: spec.kind for spec in cls.FIELDS if spec.kind is not None}

    @classmethod
    def view(cls, message: Message) -> Self:
        """Return a typed view of a message; nothing is checked, fields convert when they are read."""
        view = cls.__new__(cls)
        view.message = message
        return view

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Declared) and type(self) is type(other) and self.message == other.message

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self).view, (self.message,))

    def __repr__(self) -> str:
        shown = (
            f"{spec.name}={_shown(spec, self.message)}" for spec in self.FIELDS if spec.tag in self.message
        )
        return f"{type(self).__name__}({', '.join(shown)})"


def _shown(spec: FieldSpec, message: Message) -> str:
    if spec.tag in tags.SECRET_TAGS:
        return "'***'"
    try:
        value = spec.read(message)
    except FieldError:
        return f"<{printable(message[spec.tag], 64)}>"
    return f"{type(value).__name__}.{value.name}" if isinstance(value, Enum) else repr(value)


def _reader(spec: FieldSpec) -> Callable[[Any], Any]:
    """Return the getter of an attribute; the types that are read most have one of their own."""
    tag, kind = spec.tag, spec.kind
    if kind is None:
        return lambda self: spec.read(self.message)
    if kind is STRING:
        return _string_reader(spec)
    if kind.members and not kind.multiple:
        return _member_reader(spec, kind.members)
    if kind is DECIMAL:
        return _decimal_reader(spec)
    decode = kind.decode

    def read(self: Any) -> Any:
        value = self.message.index.get(tag)
        return spec.read(self.message) if value is None else decode(tag, value)

    return read


def _string_reader(spec: FieldSpec) -> Callable[[Any], Any]:
    tag = spec.tag

    def read(self: Any) -> Any:
        try:
            return self.message.index[tag].decode()
        except (KeyError, UnicodeDecodeError):
            return spec.read(self.message)

    return read


def _member_reader(spec: FieldSpec, members: Mapping[bytes, Enum]) -> Callable[[Any], Any]:
    tag = spec.tag

    def read(self: Any) -> Any:
        try:
            return members[self.message.index[tag]]
        except KeyError:
            return spec.read(self.message)

    return read


def _decimal_reader(spec: FieldSpec) -> Callable[[Any], Any]:
    tag = spec.tag

    def read(self: Any) -> Any:
        value = self.message.index.get(tag)
        if value is None or value.strip(b"0123456789.-"):
            return spec.read(self.message)
        try:
            return Decimal(value.decode())
        except InvalidOperation:
            return spec.read(self.message)

    return read


def _constructor(cls: type[_Declared], msg_type: str) -> Callable[..., None]:
    """Generate ``__init__``: one f-string for a run of required fields, one ``if`` for each other field."""
    names: dict[str, Any] = {"_cls": cls, "_explain": _explain, "_rendered": Message.rendered}
    parameters, body, run = [], [], ""
    for at, spec in enumerate(cls.FIELDS):
        parameters.append(_parameter(spec, at, names))
        if spec.tag in tags.HEADER_TAGS:
            continue
        guard, part = _rendering(spec, at, names)
        if not _may_be_left_out(spec):
            body += guard
            run += part
            continue
        body += [f"_text += f'{run}'"] if run else []
        run = ""
        body.append(f"if {spec.name}:" if spec.entry else f"if {spec.name} is not None:")
        body += [f"    {line}" for line in [*guard, f"_text += f'{part}'"]]
    source = [
        f"def __init__(self, {', '.join(['*', *parameters] if parameters else [])}):",
        "    _text = ''",
        "    try:",
        *(f"        {line}" for line in body),
        f"        _data = (_text + f'{run}').encode()",
        "    except Exception:",
        "        _data = _explain(_cls, locals())",
        f"    self.message = _rendered({msg_type!r}, _data)",
        *_header_lines(cls),
    ]
    exec(compile("\n".join(source), f"<constructor of {cls.__qualname__}>", "exec"), names)  # noqa: S102
    made: Callable[..., None] = names["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _header_lines(cls: type[_Declared]) -> list[str]:
    header = [spec for spec in cls.FIELDS if spec.tag in tags.HEADER_TAGS]
    return [
        f"    if {spec.name} is not None: self.message.append({spec.tag}, {spec.name})" for spec in header
    ]


def _may_be_left_out(spec: FieldSpec) -> bool:
    return not spec.required or spec.default is LATE


def _parameter(spec: FieldSpec, at: int, names: dict[str, Any]) -> str:
    if spec.default is _NOTHING:
        return spec.name
    names[f"_default_{at}"] = None if spec.default is LATE else spec.default
    return f"{spec.name}=_default_{at}"


def _rendering(spec: FieldSpec, at: int, names: dict[str, Any]) -> tuple[list[str], str]:
    """Return the statements before the rendering of a field, and its part of the f-string."""
    names[f"_text_{at}"] = spec.text
    prefix = f"\\x01{spec.tag}="
    if spec.tag in tags.LENGTH_TAGS:
        prefix = f"\\x01{tags.LENGTH_TAGS[spec.tag]}={{len({spec.name})}}{prefix}"
    if spec.kind is None or not spec.kind.quick:
        if spec.kind is not None:
            names[f"_text_{at}"] = spec.kind.text
        return [], f"{prefix}{{_text_{at}({spec.name})}}"
    names[f"_table_{at}"] = {member.decode(): member.decode() for member in spec.kind.members}
    part = spec.kind.quick.format(value=spec.name, table=f"_table_{at}")
    guard = spec.kind.guard.format(value=spec.name)
    lines = [f"if {guard}: {spec.name} = _text_{at}({spec.name})"] if guard else []
    return lines, f"{prefix}{{{part}}}"


def _explain(cls: type[_Declared], given: Mapping[str, Any]) -> bytes:
    """Render field by field, to name the one that can not be; text that is not UTF-8 comes out well."""
    text = ""
    for spec in cls.FIELDS:
        value = given[spec.name]
        if spec.tag in tags.HEADER_TAGS or (_may_be_left_out(spec) and (value is None or value == ())):
            continue
        try:
            rendered = spec.text(value)
        except (EncodeError, TypeError, AttributeError) as error:
            raise EncodeError(f"{cls.__name__}.{spec.name}, {tags.label(spec.tag)}: {error}") from None
        if spec.tag in tags.LENGTH_TAGS:
            text += f"\x01{tags.LENGTH_TAGS[spec.tag]}={len(value)}"
        text += f"\x01{spec.tag}={rendered}"
    return text.encode(*_UTF_8)


class Group(_Declared):
    """The entry of a repeating group."""

    __slots__ = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__init__ = _constructor(cls, "")  # type: ignore[method-assign]

    def check(self) -> None:
        """Raise ``FieldError`` if the entry is not valid; see ``TypedMessage.check``."""
        _check(self, self.message.fields)


class TypedMessage(_Declared):
    """A message with its declared fields as attributes: a read-only view over a ``Message``.

    Attributes:
        MSG_TYPE: MsgType(35).
        FIELDS: what is declared, in wire order; a subclass adds behind, and a redeclared field keeps its
            place.
        TAGS: all tags of FIELDS, those of groups included.
        message: the message itself.
    """

    __slots__ = ()

    MSG_TYPE: ClassVar[str] = ""

    def __init_subclass__(cls, *, msg_type: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.MSG_TYPE = msg_type or cls.MSG_TYPE
        cls.__init__ = _constructor(cls, cls.MSG_TYPE)  # type: ignore[method-assign]

    def check(self) -> None:
        """Check a received message against the declaration.

        Raises:
            FieldError: a required field is missing (373=1), a tag is not declared (2, or 3 if no FIX field is
                known by it), has no value (4), a value no member (5) or the wrong format (6), a field is
                repeated (13), a header field stands in the body (14), a group is out of order (15) or
                miscounted (16).
        """
        body: list[bytes] = []
        for one in self.message.fields[1:]:
            tag, value = _parted(one)
            if tag not in tags.HEADER_TAGS:
                body.append(one)
            elif body:
                text = f"Tag specified out of required order, {tags.label(tag)} stands behind the header"
                raise FieldError(tag, _OUT_OF_ORDER, text)
            else:
                self._KINDS.get(tag, STRING).check(tag, value)
        _check(self, body)


def _parted(one: bytes) -> tuple[int, bytes]:
    tag, _, value = one.partition(b"=")
    return int(tag), value


def _check(declared: _Declared, fields: list[bytes]) -> None:
    for spec in declared.FIELDS:
        if spec.required and spec.tag not in declared.message.index:
            raise missing(spec.tag)
    seen: set[int] = set()
    at = 0
    while at < len(fields):
        tag, value = _parted(fields[at])
        if tag in seen:
            raise FieldError(tag, _REPEATED, f"Tag appears more than once, {tags.label(tag)}")
        seen.add(tag)
        at += 1 + _check_field(declared, tag, value)


def _check_field(declared: _Declared, tag: int, value: bytes) -> int:
    """Check one field and, if it counts a group, its entries; return how many fields those have."""
    spec = declared._GROUPS.get(tag)
    if spec is None:
        kind = declared._KINDS.get(tag)
        if kind is not None:
            kind.check(tag, value)
        elif tag not in tags.TRAILER_TAGS:
            raise _undeclared(tag)
        return 0
    INT.check(tag, value)
    entries = spec.entries(declared.message)
    for entry in entries:
        _entry_class(spec).view(entry).check()
    return sum(len(entry.fields) for entry in entries)


def _undeclared(tag: int) -> FieldError:
    if tag in tags.NAMES:
        text = f"Tag not defined for this message type, {tags.label(tag)}"
        return FieldError(tag, _NOT_DEFINED_FOR_MESSAGE, text)
    return FieldError(tag, _UNDEFINED, f"Undefined tag, {tags.label(tag)}")
