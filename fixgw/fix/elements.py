"""XML files that other people wrote into elements: no entities, no surprise in size or depth."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from fixgw.errors import ConfigError

MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 32
_MAX_ELEMENTS = 150_000
_TEXT_MAX = 800  # of an error, characters: a name in the file may be as long as the file


@dataclass(slots=True)
class Element:
    """An element of an XML file; text between elements is left out.

    Args:
        name: its name.
        attributes: their values by name.
        line: where it begins, from 1.
        children: the elements in it, in order.
    """

    name: str
    attributes: Mapping[str, str]
    line: int
    children: list[Element] = field(default_factory=list)


def fault(what: str, where: str, line: int, remedy: str) -> ConfigError:
    """Return the error for a line of a file; arguments as for ``ConfigError``, of which long ones are cut."""
    return ConfigError(_short(what), f"{where or 'line'}:{line}", _short(remedy))


def _short(text: str) -> str:
    return text if len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]}..."


def parse(text: bytes, where: str, inside: Mapping[str, Collection[str]], max_bytes: int) -> Element:
    """Return the outermost element of an XML file.

    Args:
        text: the file.
        where: its name, for errors.
        inside: name of an element -> what may stand in it; "" -> the outermost.
        max_bytes: the largest file that is read.

    Raises:
        ConfigError: it is no XML, too large or too deep, has a DOCTYPE, or an element where none may stand.
    """
    if len(text) > max_bytes:
        raise ConfigError(f"the file has more than {max_bytes} bytes", where, "take out what is not used")
    return _Parser(where, inside).parse(text)


class _Parser:
    def __init__(self, where: str, inside: Mapping[str, Collection[str]]) -> None:
        self._where = where
        self._inside = inside
        self._open = [Element("", {}, 1)]
        self._count = 0
        self._expat = expat.ParserCreate()
        self._expat.StartDoctypeDeclHandler = self._doctype
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end

    def parse(self, text: bytes) -> Element:
        outermost = self._open[0].children
        try:
            self._expat.Parse(text, True)
        except expat.ExpatError as error:
            raise self._fault(f"this is no XML: {expat.ErrorString(error.code)}", "mend the line") from None
        except (ValueError, LookupError):
            raise self._fault("the encoding of the file is not known", "save the file as UTF-8") from None
        return outermost[0]

    def _fault(self, what: str, remedy: str) -> ConfigError:
        return fault(what, self._where, self._expat.CurrentLineNumber, remedy)

    def _doctype(self, *_: object) -> None:
        raise self._fault("a DOCTYPE, and with it entities, is not allowed", "take the declaration out")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        above = self._open[-1]
        allowed = self._inside[above.name]
        if name not in allowed:
            place = f"in <{above.name}>" if above.name else "as the outermost element"
            remedy = f"one of {', '.join(sorted(allowed))} is needed" if allowed else "take it out"
            raise self._fault(f"<{name}> is not known {place}", remedy)
        self._count += 1
        if self._count > _MAX_ELEMENTS:
            raise self._fault(f"there are more than {_MAX_ELEMENTS} elements", "take out what is not used")
        if len(self._open) > MAX_DEPTH:
            raise self._fault(f"elements are more than {MAX_DEPTH} deep", "take them apart")
        element = Element(name, attributes, self._expat.CurrentLineNumber)
        above.children.append(element)
        self._open.append(element)

    def _end(self, name: str) -> None:
        self._open.pop()
