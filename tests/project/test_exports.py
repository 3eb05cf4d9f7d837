"""What ``import fixgw`` offers, and what every module promises."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import fixgw

PACKAGE = Path(fixgw.__file__).parent


def _names() -> list[str]:
    return list(getattr(fixgw, "__all__", []))


def test_the_public_names_are_few_sorted_and_there() -> None:
    names = _names()
    assert 0 < len(names) <= 30
    assert names == sorted(set(names))
    assert [name for name in names if not hasattr(fixgw, name)] == []


def test_nothing_else_is_public() -> None:
    modules = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.name for path in PACKAGE.iterdir() if path.is_dir()
    }
    public = {name for name in dir(fixgw) if not name.startswith("_")} - modules - {"annotations"}
    assert public == set(_names())


def test_packages_hold_no_code_but_the_root() -> None:
    for init in PACKAGE.rglob("*/__init__.py"):
        body = ast.parse(init.read_text(encoding="utf-8")).body
        assert len(body) == 1, f"{init} holds code"
        assert ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))), f"{init} has no docstring"


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if path.name != "__main__.py" and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_the_type_marker_is_shipped() -> None:
    assert (PACKAGE / "py.typed").exists()


@pytest.mark.parametrize("group", ["console_scripts", "fixgw.venues"])
def test_entry_points_load(group: str) -> None:
    ours = [entry for entry in entry_points(group=group) if entry.value.startswith("fixgw.")]
    assert ours
    for entry in ours:
        assert importlib.import_module(entry.module)
        assert entry.load() is not None


def test_importing_the_package_starts_nothing_and_is_quiet() -> None:
    code = "import threading, fixgw; print(threading.active_count())"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "1", "")


def test_a_program_that_sets_up_no_logging_hears_nothing_of_ours() -> None:
    warn = "import fixgw, logging; logging.getLogger('fixgw.link').warning('slow handler')"
    done = subprocess.run(
        [sys.executable, "-c", warn], capture_output=True, text=True, timeout=50, check=True
    )
    assert done.stderr == ""
