"""The committed inputs: one text file a target, one input a line, as the inside of a Python bytes literal."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

DIRECTORY = Path(__file__).parent / "corpus"
LINES_MAX = 40
"""How many inputs a target keeps."""
LINE_MAX = 1_000
"""How long one may be, characters."""


def path_of(name: str) -> Path:
    """Return the file that holds a target's inputs."""
    return DIRECTORY / f"{name}.txt"


def read(name: str) -> list[bytes]:
    """Return the inputs that a target has to survive."""
    lines = path_of(name).read_text(encoding="ascii").splitlines()
    return [input_of(line) for line in lines if line and not line.startswith("# ")]


def line_of(data: bytes) -> str:
    """Return the line for an input."""
    return repr(b'"' + data)[3:-1].replace("# ", "\\x23 ")


def input_of(line: str) -> bytes:
    """Return the input of a line."""
    found = ast.literal_eval(f"b'{line}'")
    assert isinstance(found, bytes)
    return found


def write(name: str, inputs: Iterable[bytes], head: str) -> int:
    """Write the shortest inputs of a target, as many as are kept; return how many.

    Args:
        name: the target.
        inputs: what to keep, in any order.
        head: a sentence that says where they come from.
    """
    lines = sorted({line_of(data) for data in inputs if data}, key=lambda line: (len(line), line))
    kept = [line for line in lines if len(line) <= LINE_MAX]
    kept = kept[:: max(len(kept) // LINES_MAX, 1)][:LINES_MAX]
    DIRECTORY.mkdir(exist_ok=True)
    path_of(name).write_text(f"# {head}\n" + "".join(f"{line}\n" for line in kept), encoding="ascii")
    return len(kept)
