"""The committed inputs: few, small, and written as they are read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import corpus
from tests.fuzz.__main__ import main
from tests.fuzz.targets import NAMES

GUIDED = Path(__file__).parents[2] / "var" / "fuzz" / "venv" / "bin" / "python"


@given(st.binary(max_size=60))
def test_a_line_is_read_as_it_was_written(data: bytes) -> None:
    line = corpus.line_of(data)
    assert line.isascii()
    assert "\n" not in line
    assert corpus.input_of(line) == data


def test_the_shortest_inputs_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "DIRECTORY", tmp_path)
    made = [b"x" * size for size in range(1, 3 * corpus.LINE_MAX)]
    assert corpus.write("some", made, "From a test.") == corpus.LINES_MAX
    kept = corpus.read("some")
    assert len(kept) == corpus.LINES_MAX
    assert kept[0] == b"x"
    assert max(map(len, kept)) <= corpus.LINE_MAX


def test_the_corpora_are_small() -> None:
    files = sorted(corpus.DIRECTORY.iterdir())
    assert [path.stem for path in files] == sorted(NAMES)
    assert sum(path.stat().st_size for path in files) < 200 * 1024


WITHOUT = "import sys; sys.modules['atheris'] = None; from tests.fuzz.__main__ import main; main(['framer'])"


def test_without_atheris_the_way_to_it_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode != 0
    assert "make fuzz" in done.stderr


def test_a_target_that_is_none_is_refused_and_one_input_can_be_run_again(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["frammer"])
    (tmp_path / "crash").write_bytes(b"anything")
    assert main(["framer", "--input", str(tmp_path / "crash")]) == 0


@pytest.mark.fuzz
@pytest.mark.parametrize("name", NAMES)
def test_a_guided_run_finds_nothing(name: str) -> None:
    if not GUIDED.exists():
        pytest.skip("tests/fuzz/setup makes the environment with atheris")
    done = subprocess.run(
        [GUIDED, "-m", "tests.fuzz", name, "--seconds", "5"],
        cwd=GUIDED.parents[4],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert "stat::number_of_executed_units" in done.stderr
