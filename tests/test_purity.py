"""fix, messages and session are functions of their arguments: no clock, chance, I/O, logging or waiting."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import fixgw

ROOMS = ("fix", "messages", "session")
IMPURE = {"asyncio", "time", "random", "socket", "ssl", "os", "threading", "logging", "structlog", "secrets"}
MODULES = [path for room in ROOMS for path in sorted((Path(fixgw.__file__).parent / room).rglob("*.py"))]


def _imported(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_module_is_pure(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert _imported(tree) & IMPURE == set()
    assert not any(isinstance(node, ast.AsyncFunctionDef | ast.Await) for node in ast.walk(tree))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert not any(isinstance(call, ast.Name) and call.id in {"open", "print", "input"} for call in calls)


def test_the_test_sees_the_rooms() -> None:
    assert {path.parent.name for path in MODULES} >= {"fix", "session"}
