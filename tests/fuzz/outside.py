"""Seeds from elsewhere: FIX messages in the text files that FIXGW_FUZZ_SEEDS names; none of them is kept."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from fixgw.fix.framing import seal

VARIABLE = "FIXGW_FUZZ_SEEDS"
"""Names files and directories, with ``os.pathsep`` between them."""

_MESSAGE = re.compile(r"8=FIX[^\n]*?[\x01|]35=[^\n]*")
_FRAMING = re.compile(r"(?:^|(?<=\x01))(?:8|9|10)=[^\x01]*(?:\x01|$)")
_PART = 10  # bytes; what is shorter may be there by chance
_TIME = "20261009-14:30:00.000"


def frames() -> list[bytes]:
    """Return the messages of those files as frames, lengths and sums made good."""
    return [
        seal(b"FIXT.1.1", text.encode("utf-8", "surrogateescape"))
        for path in _files()
        for text in _texts(path.read_text(encoding="utf-8", errors="surrogateescape"))
    ]


def parts(inputs: Iterable[bytes]) -> frozenset[bytes]:
    """Return every run of bytes in some inputs that is too long to be there by chance."""
    return frozenset(data[at : at + _PART] for data in inputs for at in range(len(data) - _PART + 1))


def _files() -> Iterator[Path]:
    for name in os.environ.get(VARIABLE, "").split(os.pathsep):
        path = Path(name)
        if name and path.is_file():
            yield path
        elif name:
            yield from sorted(found for found in path.rglob("*") if found.is_file())


def _texts(content: str) -> Iterator[str]:
    for match in _MESSAGE.finditer(content):
        text = _FRAMING.sub("", match[0].replace("|", "\x01").replace("<TIME>", _TIME))
        if text.startswith("35="):
            yield text if text.endswith("\x01") else f"{text}\x01"
