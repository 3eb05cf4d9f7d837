"""The budgets that keep the code readable; a breach names the place."""

from __future__ import annotations

import ast
import math
from pathlib import Path
from statistics import median

import fixgw

PACKAGE = Path(fixgw.__file__).parent
ROOT = PACKAGE.parent
MODULES = sorted(PACKAGE.rglob("*.py"))


def _nodes(*kinds: type[ast.AST]) -> list[tuple[int, str]]:
    """Return (lines, place) of every definition of these kinds, docstrings included."""
    found = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, kinds):
                assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                found.append((lines, f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"))
    return sorted(found)


def _over(found: list[tuple[int, str]], limit: int) -> list[str]:
    return [f"{place}: {lines} lines" for lines, place in found if lines > limit]


def test_functions_are_short() -> None:
    functions = _nodes(ast.FunctionDef, ast.AsyncFunctionDef)
    lengths = [lines for lines, _ in functions]
    assert _over(functions, 80) == []
    p95 = math.ceil(0.95 * len(lengths)) - 1
    assert lengths[p95] <= 40, f"p95 is {lengths[p95]}; the longest: {functions[p95:]}"
    assert median(lengths) <= 10


def test_classes_are_small() -> None:
    assert _over(_nodes(ast.ClassDef), 350) == []


def test_modules_are_small() -> None:
    sizes = [
        (len(path.read_text(encoding="utf-8").splitlines()), str(path.relative_to(ROOT))) for path in MODULES
    ]
    assert _over(sizes, 450) == []


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "common", "misc", "tools"}
    assert [str(path.relative_to(ROOT)) for path in MODULES if path.stem in drawers] == []


def test_no_work_is_left_for_later() -> None:
    marks = ("TO" + "DO", "FIX" + "ME", "XX" + "X:", "HA" + "CK")
    files = [*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "examples").rglob("*.py")]
    left = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if any(mark in line for mark in marks)
    ]
    assert left == []
