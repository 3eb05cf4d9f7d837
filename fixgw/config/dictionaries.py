"""The check of received messages that a session's dictionaries stand for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fixgw.config.resolve import Resolved
from fixgw.errors import ConfigError
from fixgw.fix import quickfix_xml
from fixgw.fix.dictionary import Dictionary
from fixgw.fix.message import Message
from fixgw.fix.validate import Rules, Validator


def make_check(session: Resolved) -> Callable[[Message], None] | None:
    """Return what checks each message of a session, None when it names no dictionary.

    Raises:
        ConfigError: a file can not be read or is no dictionary, or the dictionaries do not fit the version.
    """
    section = session.section.dictionary
    if section is None:
        return None
    appl_ver_id = session.default_appl_ver_id
    rules = Rules(**section.rules.model_dump())
    if (section.transport is None) is (appl_ver_id is not None):
        raise _wrong_number(session)
    application = _read(section.application)
    if section.transport is None:
        return Validator(application, {}, None, rules).check
    return Validator(_read(section.transport), {appl_ver_id or "": application}, appl_ver_id, rules).check


def _wrong_number(session: Resolved) -> ConfigError:
    if session.default_appl_ver_id is None:
        what = f"{session.begin_string} has one dictionary, and a transport is named beside it"
        return ConfigError(what, remedy="remove dictionary.transport")
    what = f"{session.begin_string} has a dictionary of its own, and none is named"
    return ConfigError(what, remedy="say dictionary.transport, the file of FIXT.1.1")


def _read(path: Path) -> Dictionary:
    try:
        return quickfix_xml.read(path.read_bytes(), str(path))
    except OSError as error:
        raise ConfigError(
            f"the dictionary can not be read: {error.strerror}", str(path), "correct the path"
        ) from error
