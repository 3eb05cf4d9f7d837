"""From a file to settings: defaults laid under each session, references resolved, every fault placed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from fixgw.config.load import Document, SettingPath, read, show_path
from fixgw.config.model import Settings, known_settings, setting_meaning
from fixgw.config.problems import InvalidConfigError, Problem, suggest
from fixgw.errors import ConfigError

# How pydantic's words for a wrong type are said to somebody who writes YAML.
_FORMS = {
    "model_type": "a mapping belongs here, `name: value`",
    "dict_type": "a mapping belongs here, `name: value`",
    "tuple_type": "a list belongs here, `[one, another]`",
    "string_pattern_mismatch": "it has another form",
}

# What a session of this venue takes when it says neither sender nor key.
CREDENTIALS = {"kalshi": ("${env:KALSHI_API_KEY_ID}", "${env:KALSHI_PY_PRIVATE_KEY_PEM}")}


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and the document that they came from.

    Args:
        settings: what was written, with defaults filled in.
        document: tells where each setting stands.
    """

    settings: Settings
    document: Document

    def problem(self, what: str, path: SettingPath, remedy: str) -> Problem:
        """Return an error about the setting at ``path``."""
        return Problem(what, self.document.where(path), remedy)


def load_settings(path: str | Path, environ: Mapping[str, str] | None = None) -> Loaded:
    """Read a configuration file.

    Args:
        path: the YAML file.
        environ: the environment variables; the process's own by default.

    Raises:
        ConfigError: the file can not be read, or is no YAML.
        InvalidConfigError: with every fault that was found in it, each with file, line and path.
    """
    document = read(Path(path))
    return settle(document, os.environ if environ is None else environ)


def settle(document: Document, environ: Mapping[str, str]) -> Loaded:
    """Turn a document into settings; see ``load_settings``."""
    if not isinstance(document.data, dict):
        raise ConfigError(
            "the configuration holds no mapping",
            f"{document.name}:1",
            "begin with `sessions:` and one session",
        )
    _lay_defaults(document)
    unresolved = list(document.resolve(environ))
    if unresolved:
        raise InvalidConfigError([Problem(e.what, e.where, e.remedy) for e in unresolved])
    try:
        settings = Settings.model_validate(document.data, context={"base": document.base})
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise InvalidConfigError(_once(_problem(document, details) for details in found)) from None
    return Loaded(settings, document)


def _once(problems: Iterable[Problem]) -> list[Problem]:
    """What stands in ``defaults`` is found in each session and told once."""
    return list(dict.fromkeys(problems))


def _lay_defaults(document: Document) -> None:
    """Lay ``defaults`` under each session, key by key; what a session says itself stays."""
    defaults = document.data.pop("defaults", None)
    sessions = document.data.get("sessions")
    if isinstance(defaults, dict):
        _move_tls(document, defaults)
    for index, session in enumerate(sessions if isinstance(sessions, list) else ()):
        if not isinstance(session, dict):
            continue
        if isinstance(defaults, dict):
            _underlay(document, session, ("sessions", index), defaults, ("defaults",))
        _underlay_credentials(document, session, ("sessions", index))


def _move_tls(document: Document, defaults: dict[Any, Any]) -> None:
    """Let ``defaults.tls`` stand for ``defaults.connect.tls``."""
    connect = defaults.get("connect", {})
    if "tls" in defaults and isinstance(connect, dict) and "tls" not in connect:
        defaults.setdefault("connect", connect)["tls"] = defaults.pop("tls")
        _adopt(document, ("defaults", "connect", "tls"), ("defaults", "tls"))


def _underlay(
    document: Document, mapping: dict[Any, Any], path: SettingPath, below: dict[Any, Any], source: SettingPath
) -> None:
    for key, value in below.items():
        if key not in mapping:
            mapping[key] = _copy(value)
            _adopt(document, (*path, key), (*source, key))
        elif isinstance(mapping[key], dict) and isinstance(value, dict):
            _underlay(document, mapping[key], (*path, key), value, (*source, key))


def _copy(value: Any) -> Any:
    """Copy mappings and lists, so that resolving a reference in one session leaves the others alone."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _adopt(document: Document, path: SettingPath, source: SettingPath) -> None:
    """Note that what now stands at ``path`` was written at ``source``."""
    for known, place in list(document.places.items()):
        if known[: len(source)] == source:
            document.places[path + known[len(source) :]] = place


def _underlay_credentials(document: Document, session: dict[Any, Any], path: SettingPath) -> None:
    sender, key = CREDENTIALS.get(str(session.get("venue")), (None, None))
    if sender is None:
        return
    session.setdefault("sender", sender)
    if "key_file" not in session:
        session.setdefault("key", key)


def _problem(document: Document, details: ErrorDetails) -> Problem:
    path = _real_path(document.data, details["loc"])
    what, remedy = _sentence(details, path)
    return Problem(what, document.where(path), remedy)


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


def _sentence(details: ErrorDetails, path: SettingPath) -> tuple[str, str]:
    """Return fault and remedy for one finding of pydantic."""
    name = _name(path)
    if details["type"] == "extra_forbidden":
        return f"unknown setting {name!r}", suggest(name, known_settings(path[:-1]))
    if details["type"] == "missing":
        return f"{name!r} is missing", f"add it: {setting_meaning(path)}"
    if details["type"] == "setting":
        return details["ctx"]["what"], details["ctx"]["remedy"]
    return (
        f"{name!r} can not be used: {_FORMS.get(details['type']) or _lowered(details['msg'])}",
        f"{show_path(path)}: {setting_meaning(path)}",
    )


def _name(path: SettingPath) -> str:
    """Return the last word of a path, with what picks an entry of a list behind it."""
    words = [index for index, part in enumerate(path) if isinstance(part, str)]
    return show_path(path[words[-1] :]) if words else "the file"


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
