"""Reads a part of a file into a dataclass: what may stand there is what the dataclass has, now and later.

The sentence that explains a field is the one of the dataclass's own docstring.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache, partial, reduce
from inspect import getdoc
from operator import or_
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, BeforeValidator, ValidationError, WithJsonSchema, create_model
from pydantic import Field as Setting
from pydantic.fields import FieldInfo

from fixgw.config.findings import findings
from fixgw.config.load import Document, SettingPath
from fixgw.config.problems import InvalidConfigError, suggest
from fixgw.config.sections import Section
from fixgw.config.values import fault
from fixgw.errors import ConfigError

R = TypeVar("R")

_ARGUMENT = re.compile(r"^    (\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)
_BOOLEANS = {True: ("yes", "on", "true"), False: ("no", "off", "false")}


def read_record(document: Document, record: type[R], at: SettingPath = ()) -> R:
    """Return what stands in a mapping of a file as a dataclass.

    Args:
        document: the file.
        record: the dataclass; so may be the types of its fields, alone, optional, in lists and in mappings.
        at: where the mapping stands.

    Raises:
        InvalidConfigError: with every fault that was found, each with file, line and path.
    """
    return record(**read_fields(document, record, at))


def read_fields(
    document: Document, record: type, at: SettingPath = (), without: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return the fields of a dataclass that a mapping of a file gives; arguments and errors as above.

    Args:
        without: names of fields that the file may not give.
    """
    data = document.data
    for part in at:
        data = data[part]
    section = section_of(record, without)
    try:
        return _given(section.model_validate(data))
    except ValidationError as error:
        raise InvalidConfigError(findings(document, error, section, at)) from None


@cache
def section_of(record: type, without: frozenset[str] = frozenset()) -> type[Section]:
    """Return the section of a file that has the fields of a dataclass.

    Args:
        record: the dataclass.
        without: names of fields that the file may not give.
    """
    hints, meanings = get_type_hints(record, include_extras=True), _meanings(record)
    members: dict[str, Any] = {
        field.name: (_translated(hints[field.name]), _setting(field, meanings.get(field.name)))
        for field in fields(record)
        if field.init and field.name not in without
    }
    return create_model(record.__name__, __base__=Section, **members)


def _given(section: Section) -> dict[str, Any]:
    return {name: getattr(section, name) for name in section.model_fields_set}


def _made(record: type, section: Section) -> Any:
    """Make the dataclass, which may have rules of its own; what the file leaves out is left to it."""
    try:
        return record(**_given(section))
    except ConfigError as error:
        raise fault(error.what, error.remedy) from None


def _setting(field: Field[Any], meaning: str | None) -> FieldInfo:
    if field.default is not MISSING:
        made: FieldInfo = Setting(default=field.default, description=meaning)
    elif field.default_factory is not MISSING:
        made = Setting(default_factory=field.default_factory, description=meaning)
    else:
        made = Setting(description=meaning)
    return made


def _translated(hint: Any) -> Any:
    """Return what pydantic takes for a type: sections in place of dataclasses, however deep they stand."""
    origin, arguments = get_origin(hint), get_args(hint)
    if isinstance(hint, type) and is_dataclass(hint):
        return Annotated[section_of(hint), AfterValidator(partial(_made, hint))]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return Annotated[
            hint, BeforeValidator(partial(_word, hint)), WithJsonSchema({"enum": [*_words(hint)]})
        ]
    if origin is Annotated:
        return Annotated[(_translated(arguments[0]), *arguments[1:])]
    if origin in (Union, types.UnionType):
        return reduce(or_, map(_translated, arguments))
    if origin is Sequence:
        return types.GenericAlias(tuple, (_translated(arguments[0]), ...))
    if origin in (tuple, list, frozenset, set, dict, Mapping):
        return origin[tuple(one if one is Ellipsis else _translated(one) for one in arguments)]
    return hint


def _words(choice: type[Enum]) -> dict[str, Enum]:
    """Return the members by the words of the file: their values where these are words, else their names."""
    return {
        one.value if isinstance(one.value, str) and one.value.islower() else one.name.lower(): one
        for one in choice
    }


def _word(choice: type[Enum], value: Any) -> Any:
    """Return the member for a word; YAML reads ``yes``, ``no``, ``on`` and ``off`` as booleans."""
    words = _words(choice)
    if isinstance(value, bool):
        return next((words[word] for word in _BOOLEANS[value] if word in words), value)
    if isinstance(value, str) and value not in words:
        raise fault(f"{value!r} can not be used here", suggest(value, words))
    return words.get(value, value) if isinstance(value, str) else value


def _meanings(record: type) -> dict[str, str]:
    """Return what the docstring says of each field."""
    arguments = (getdoc(record) or "").partition("Args:\n")[2]
    found = (match.groups() for match in _ARGUMENT.finditer(arguments))
    return {name: " ".join(text.replace("``", "`").split()).rstrip(".") for name, text in found}
