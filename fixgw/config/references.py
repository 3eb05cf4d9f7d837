"""References in the configuration: ``${env:NAME}``, ``${env:NAME:-default}`` and ``${file:/path}``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from fixgw.errors import ConfigError

_REFERENCE = re.compile(r"\$\{(?P<kind>[a-z]+):(?P<name>[^}]*)\}")
_LOOSE = re.compile(r"\$\{[^}]*\}?")
_SIZE_LIMIT = 64 * 1024


class Referenced(str):
    """A text that came from outside the configuration file and may therefore be a secret.

    Args:
        text: the value.
        origin: where it came from, such as ``env KALSHI_KEY_ID`` or ``file /etc/fixgw/kalshi.pem``.
        path: the file, when it came from one.
    """

    origin: str
    path: Path | None

    def __new__(cls, text: str, origin: str, path: Path | None = None) -> Self:
        self = super().__new__(cls, text)
        self.origin = origin
        self.path = path
        return self

    def __repr__(self) -> str:
        return f"<{self.origin}>"


def resolve(text: str, base: Path, environ: Mapping[str, str]) -> str:
    """Replace the references in a text.

    Args:
        text: a value of the configuration.
        base: the directory that relative file names start from.
        environ: the environment variables.

    Returns:
        The text itself when it holds no reference; ``Referenced`` when it is one reference and nothing else.

    Raises:
        ConfigError: the variable is not set, the file can not be read, or the reference is malformed.
    """
    if "${" not in text:
        return text
    whole = _REFERENCE.fullmatch(text)
    if whole:
        return _value(whole, base, environ)
    replaced = _REFERENCE.sub(lambda match: _value(match, base, environ), text)
    if "${" in _REFERENCE.sub("", text):
        found = _LOOSE.search(_REFERENCE.sub("", text))
        raise ConfigError(f"{found[0] if found else text!r} is no reference", remedy=_FORMS)
    return replaced


_FORMS = "write ${env:NAME}, ${env:NAME:-default} or ${file:/path}"


def _value(match: re.Match[str], base: Path, environ: Mapping[str, str]) -> str:
    kind, name = match["kind"], match["name"]
    if kind == "env":
        return _from_environment(name, environ)
    if kind == "file":
        return _from_file((base / Path(name).expanduser()).resolve())
    raise ConfigError(f"{match[0]} is no reference", remedy=_FORMS)


def _from_environment(text: str, environ: Mapping[str, str]) -> str:
    name, separator, default = text.partition(":-")
    value = environ.get(name, "")
    if value:
        return Referenced(value, f"env {name}")
    if separator:
        return default
    raise ConfigError(
        f"the environment variable {name} is not set",
        remedy=f"export {name}=..., or give a default: ${{env:{name}:-default}}",
    )


def _from_file(path: Path) -> Referenced:
    try:
        with path.open("rb") as file:
            data = file.read(_SIZE_LIMIT + 1)
        if len(data) > _SIZE_LIMIT:
            raise ConfigError(f"{path} is longer than 64 KiB", remedy="name a file that holds one value")
        return Referenced(data.decode().rstrip("\r\n"), f"file {path}", path)
    except OSError as error:
        raise ConfigError(
            f"{path} can not be read: {error.strerror}",
            remedy="create it, or correct the path (relative paths start at the configuration file)",
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is no text", remedy="a key has to be in PEM form") from error
