"""What pydantic finds, said to somebody who writes YAML: the fault, its place, and what to do."""

from __future__ import annotations

import re
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from fixgw.config.load import Document, SettingPath, show_path
from fixgw.config.problems import Problem, suggest
from fixgw.config.sections import Section

# How pydantic's words for a wrong type are said to somebody who writes YAML.
_FORMS = {
    "model_type": "a mapping belongs here, `name: value`",
    "dict_type": "a mapping belongs here, `name: value`",
    "tuple_type": "a list belongs here, `[one, another]`",
    "frozen_set_type": "a list belongs here, `[one, another]`",
    "string_pattern_mismatch": "it has another form",
}


def findings(
    document: Document, error: ValidationError, root: type[Section], at: SettingPath = ()
) -> list[Problem]:
    """Return a problem for each finding; what stands in ``defaults`` is found in each session and told once.

    Args:
        document: the file.
        error: what pydantic raised.
        root: the section that was read.
        at: where it stands in the file.
    """
    found = error.errors(include_url=False, include_input=False)
    return list(dict.fromkeys(_problem(document, details, root, at) for details in found))


def _problem(document: Document, details: ErrorDetails, root: type[Section], at: SettingPath) -> Problem:
    data = document.data
    for part in at:
        data = _below(data, part)
    path = _real_path(data, details["loc"])
    what, remedy = _sentence(details, root, path, at)
    return Problem(what, document.where(at + path), remedy)


def _real_path(data: Any, loc: tuple[int | str, ...]) -> SettingPath:
    """Drop what pydantic puts into a location beside the keys (the arm of a union, the word for a key)."""
    path: list[int | str] = []
    for index, part in enumerate(loc):
        below = _below(data, part)
        missing = below is None and isinstance(data, dict) and index == len(loc) - 1 and part != "[key]"
        if below is not None or missing:
            path.append(part)
            data = below
    return tuple(path)


def _below(data: Any, part: int | str) -> Any:
    if isinstance(data, dict):
        return data.get(part)
    return data[part] if isinstance(data, list) and isinstance(part, int) and part < len(data) else None


def _sentence(
    details: ErrorDetails, root: type[Section], path: SettingPath, at: SettingPath
) -> tuple[str, str]:
    """Return fault and remedy for one finding of pydantic."""
    name = _name(path)
    if details["type"] == "extra_forbidden":
        return f"unknown setting {name!r}", suggest(name, known_settings(root, path[:-1]))
    if details["type"] == "missing":
        return f"{name!r} is missing", f"add it: {setting_meaning(root, path)}"
    if details["type"] == "setting":
        return details["ctx"]["what"], details["ctx"]["remedy"]
    return (
        f"{name!r} can not be used: {_FORMS.get(details['type']) or _lowered(details['msg'])}",
        f"{show_path(at + path)}: {setting_meaning(root, path)}",
    )


def _name(path: SettingPath) -> str:
    """Return the last word of a path, with what picks an entry of a list behind it."""
    words = [index for index, part in enumerate(path) if isinstance(part, str)]
    return show_path(path[words[-1] :]) if words else "the file"


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def known_settings(root: type[Section], path: SettingPath) -> list[str]:
    """Return the names that may stand in the mapping at ``path``; empty where any may."""
    section: Any = root
    for part in path:
        if isinstance(part, str):
            fields = getattr(section, "model_fields", {})
            section = _section_of(fields[part].annotation) if part in fields else None
    return list(getattr(section, "model_fields", {}))


def setting_meaning(root: type[Section], path: SettingPath) -> str:
    """Return the sentence that explains the setting at ``path``, or of the nearest one above it."""
    section: Any = root
    meaning = ""
    for part in path:
        field = getattr(section, "model_fields", {}).get(part)
        if field is not None:
            meaning = field.description or ""
            section = _section_of(field.annotation)
    return re.sub("`", "", meaning)


def _section_of(annotation: Any) -> type[Section] | None:
    """Return the section type inside ``Section | None`` or ``tuple[Section, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    inner = (_section_of(arg) for arg in getattr(annotation, "__args__", ()))
    return next((section for section in inner if section), None)
