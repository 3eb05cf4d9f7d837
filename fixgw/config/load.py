"""Reads YAML so that every later complaint can name the file, the line and the path of a setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import yaml

from fixgw.config.references import resolve
from fixgw.errors import ConfigError

SettingPath: TypeAlias = tuple[str | int, ...]

_DEPTH_LIMIT = 20


class Place(NamedTuple):
    """Where a value was written: the line, and the path under which it stands there."""

    line: int
    path: SettingPath


@dataclass(slots=True)
class Document:
    """The data of a YAML file, and where each of its values was written.

    Args:
        name: the file, as it is to be named to a person.
        base: the directory that relative paths start from.
        data: mappings, lists and scalars.
        places: for every value, by its path.
    """

    name: str
    base: Path
    data: Any = None
    places: dict[SettingPath, Place] = field(default_factory=dict)

    def where(self, path: SettingPath) -> str:
        """Return ``file:line path`` of a setting, or of what would hold it when it is missing."""
        known = path
        while known and known not in self.places:
            known = known[:-1]
        place = self.places.get(known, Place(1, ()))
        return f"{self.name}:{place.line} {show_path(place.path + path[len(known) :])}".rstrip()

    def resolve(self, environ: Mapping[str, str]) -> Iterator[ConfigError]:
        """Replace every reference by its value, in place; yield an error for each that has none."""
        yield from _resolve(self, self.data, (), environ)


def show_path(path: SettingPath) -> str:
    """Return a path as a person writes it, such as ``sessions[0].tls.pin``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def read(path: Path) -> Document:
    """Read a YAML file.

    Raises:
        ConfigError: it can not be read, or is no valid YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"the configuration can not be read: {error.strerror}", str(path), "name an existing file"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError("the configuration is not UTF-8", str(path), "save it as UTF-8") from error
    return parse(text, str(path), path.resolve().parent)


def parse(text: str, name: str, base: Path) -> Document:
    """Take in YAML.

    Args:
        text: one YAML document.
        name: the file's name, for errors.
        base: the directory that relative paths start from.

    Raises:
        ConfigError: it is no valid YAML, repeats a key, or is nested more than 20 deep.
    """
    document = Document(name, base)
    try:
        with closing(_Loader(text)) as loader:
            node = loader.get_single_node()
            if node is not None:
                document.data = _Reader(loader, document).value(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(
            f"no valid YAML: {error.problem or error.context}",
            f"{name}{line}",
            "correct the line, or the one before it",
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"no valid YAML: {error}", name, "remove what is no text") from error
    return document


class _Loader(yaml.SafeLoader):
    def close(self) -> None:
        self.dispose()


class _Reader:
    """Turns the nodes of one file into data and notes where each stood."""

    def __init__(self, loader: yaml.SafeLoader, document: Document) -> None:
        self._loader = loader
        self._document = document

    def value(self, node: yaml.Node, path: SettingPath) -> Any:
        if len(path) > _DEPTH_LIMIT:
            raise self._error("nested too deep", node, path, "an alias may hold itself")
        self._document.places[path] = Place(node.start_mark.line + 1, path)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        try:
            return self._loader.construct_object(node)
        except ValueError as error:
            raise self._error(f"no valid value: {error}", node, path, "put it in quotes") from error

    def _mapping(self, node: yaml.MappingNode, path: SettingPath) -> dict[str | int, Any]:
        self._refuse_repeated_keys(node, path)
        self._loader.flatten_mapping(node)  # what `<<` brings in comes first, so that keys beside it win
        return {
            key: self.value(value_node, (*path, key))
            for key, value_node in ((self._key(key_node, path), value) for key_node, value in node.value)
        }

    def _key(self, node: yaml.Node, path: SettingPath) -> str | int:
        key = self._loader.construct_object(node) if isinstance(node, yaml.ScalarNode) else None
        if isinstance(key, bool) or not isinstance(key, str | int):
            raise self._error("a key has to be a word", node, path, "put it in quotes")
        return key

    def _refuse_repeated_keys(self, node: yaml.MappingNode, path: SettingPath) -> None:
        seen: set[str] = set()
        for key, _ in node.value:
            text = str(key.value)
            if text in seen and key.tag != "tag:yaml.org,2002:merge":
                raise self._error(f"{text!r} stands here twice", key, (*path, text), "remove one of them")
            seen.add(text)

    def _error(self, what: str, node: yaml.Node, path: SettingPath, remedy: str) -> ConfigError:
        where = f"{self._document.name}:{node.start_mark.line + 1} {show_path(path)}".rstrip()
        return ConfigError(what, where, remedy)


def _resolve(
    document: Document, data: Any, path: SettingPath, environ: Mapping[str, str]
) -> Iterator[ConfigError]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        if isinstance(value, dict | list):
            yield from _resolve(document, value, (*path, key), environ)
        elif isinstance(value, str):
            try:
                data[key] = resolve(value, document.base, environ)
            except ConfigError as error:
                yield ConfigError(error.what, document.where((*path, key)), error.remedy)
