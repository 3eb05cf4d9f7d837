"""Guided fuzzing of one target: ``python -m tests.fuzz TARGET --seconds N``; see README.md.

atheris watches which branches of fixgw an input reaches and keeps the inputs that reach new ones.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from tests.fuzz import corpus
from tests.fuzz.targets import NAMES, Target, load

ROOT = Path(__file__).parents[2]
WORK = ROOT / "var" / "fuzz"
RSS_LIMIT_MB = 512
INPUT_TIMEOUT_SECONDS = 5

_ONE = "--libfuzzer"


def main(arguments: list[str]) -> int:
    """Run targets, one after the other, or keep what runs found."""
    if arguments[:1] == [_ONE]:
        _fuzz(arguments[1], arguments[2:])
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"{', '.join(NAMES)}; none: all of them")
    parser.add_argument("--seconds", type=int, default=60, help="how long each; 0: until it is stopped")
    parser.add_argument("--max-len", type=int, default=0, help="longest input, bytes; 0: as the longest seed")
    parser.add_argument("--keep", action="store_true", help="reduce what was found to the committed corpus")
    parser.add_argument("--input", type=Path, help="run one input and end")
    given = parser.parse_args(arguments)
    targets = given.targets or NAMES
    if unknown := set(targets) - set(NAMES):
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    if given.input is not None:
        load(targets[0]).run(given.input.read_bytes())
        return 0
    if given.keep:
        return max(_keep(name, given.max_len) for name in targets)
    options = [f"-max_total_time={given.seconds}"]
    return max(_in_child(name, f"-max_len={given.max_len}", *options, str(_found(name))) for name in targets)


def _command(name: str) -> list[str]:
    """Return what runs a target; options of libFuzzer may follow."""
    return [sys.executable, "-m", "tests.fuzz", _ONE, name]


def _in_child(name: str, *options: str) -> int:
    """Hand over to libFuzzer in a process of its own, as it ends the one it is in."""
    _atheris()
    return subprocess.run([*_command(name), *options], cwd=ROOT, check=False).returncode


def _found(name: str) -> Path:
    return WORK / name


def _fuzz(name: str, options: Sequence[str]) -> NoReturn:
    """Hand over to libFuzzer, which ends the process."""
    atheris = _atheris()
    assert "fixgw" not in sys.modules, "what was imported before can not be watched"
    with atheris.instrument_imports(include=["fixgw"]):
        target = load(name)
    _lay_out(target)
    command = [
        shlex.join(_command(name)),  # libFuzzer gives it to a shell when it needs another process
        f"-rss_limit_mb={RSS_LIMIT_MB}",
        f"-timeout={INPUT_TIMEOUT_SECONDS}",
        f"-dict={WORK / name}.dict",
        f"-artifact_prefix={WORK}/{name}-",
        "-print_final_stats=1",
        *options,
    ]
    atheris.Setup(command, target.run)
    atheris.Fuzz()
    raise SystemExit("libFuzzer came back")


def _atheris() -> Any:
    try:
        return import_module("atheris")
    except ImportError:
        raise SystemExit(
            "atheris is not installed here: run `make fuzz TARGET=...`, which makes an environment for it"
        ) from None


def _lay_out(target: Target) -> None:
    """Write seeds, corpus and words where libFuzzer looks for them."""
    found = _found(target.name)
    found.mkdir(parents=True, exist_ok=True)
    known = corpus.read(target.name) if corpus.path_of(target.name).exists() else []
    for data in (*target.seeds, *known):
        (found / hashlib.sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)
    words = ("".join(f"\\x{byte:02x}" for byte in word) for word in target.tokens)
    Path(f"{found}.dict").write_text("".join(f'"{word}"\n' for word in words), encoding="ascii")


def _keep(name: str, max_len: int) -> int:
    """Let libFuzzer find the fewest inputs with the same coverage, and commit the shortest of them."""
    merged = WORK / f"{name}.merged"
    merged.mkdir(parents=True, exist_ok=True)
    for stale in merged.iterdir():
        stale.unlink()
    code = _in_child(name, f"-max_len={max_len}", "-merge=1", str(merged), str(_found(name)))
    if code:
        return code
    inputs = _own(name, [path.read_bytes() for path in merged.iterdir()])
    kept = corpus.write(name, inputs, f"Inputs of the {name} target, found by its guided runs and minimised.")
    print(f"{name}: {kept} of {len(inputs)} inputs are kept in {corpus.path_of(name)}")
    return 0


def _own(name: str, inputs: Sequence[bytes]) -> list[bytes]:
    """Return the inputs that show nothing of the seeds from elsewhere."""
    outside = import_module("tests.fuzz.outside")
    foreign = outside.parts(outside.frames())
    os.environ.pop(outside.VARIABLE, None)
    target = load(name)
    foreign -= outside.parts([*target.tokens, *target.seeds])
    return [data for data in inputs if foreign.isdisjoint(outside.parts([data]))]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
