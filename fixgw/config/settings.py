"""From a file to settings: defaults laid under each session, references resolved, every fault placed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fixgw.config.findings import findings
from fixgw.config.load import Document, SettingPath, read
from fixgw.config.model import Settings
from fixgw.config.problems import InvalidConfigError, Problem
from fixgw.errors import ConfigError

# What a session of this venue takes when it says neither sender nor key.
_KALSHI = ("${env:KALSHI_API_KEY_ID}", "${env:KALSHI_PY_PRIVATE_KEY_PEM}")
CREDENTIALS = {"kalshi": _KALSHI, "kalshi-margin": _KALSHI}


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
        raise InvalidConfigError(findings(document, error, Settings)) from None
    return Loaded(settings, document)


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
