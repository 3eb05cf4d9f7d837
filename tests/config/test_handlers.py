"""Finding and making the desk's handlers."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixgw.config.handlers import find_handler, make_handler
from fixgw.errors import ConfigError


@pytest.fixture(autouse=True)
def _desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fixgw_test_desk.py").write_text(
        "class Fills:\n    class Inner: pass\n"
        "class Needy:\n    def __init__(self, x): pass\n"
        "class Broken:\n    def __init__(self): raise OSError('no database')\n"
        "NUMBER = 1\n"
    )
    (tmp_path / "fixgw_test_broken.py").write_text("raise OSError('no licence')\n")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize("name", ["Fills", "Fills.Inner"])
def test_a_class_is_found_and_made(name: str) -> None:
    path = f"fixgw_test_desk:{name}"
    assert isinstance(make_handler(path), type(find_handler(path)()))


@pytest.mark.parametrize(
    ("path", "what", "remedy"),
    [
        ("fixgw_test_none:Fills", "ModuleNotFoundError", "PYTHONPATH"),
        ("fixgw_test_broken:Fills", "OSError: no licence", "PYTHONPATH"),
        ("fixgw_test_desk:Fils", "has no class 'Fils'", "colon"),
        ("fixgw_test_desk:NUMBER", "has no class 'NUMBER'", "colon"),
        ("fixgw_test_desk:Fills.Outer.Inner", "has no class 'Fills.Outer.Inner'", "colon"),
        ("fixgw_test_desk:Needy", "can not be made: TypeError", "no arguments"),
        ("fixgw_test_desk:Broken", "can not be made: OSError: no database", "no arguments"),
    ],
)
def test_what_can_not_be_made_is_explained(path: str, what: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_handler(path)
    assert what in caught.value.what
    assert remedy in caught.value.remedy
