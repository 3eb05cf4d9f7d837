"""The targets by name: what each takes, what it begins with, and the words that a fuzzer may put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True, slots=True)
class Target:
    """One thing under fire.

    Args:
        name: its name, which is that of its module and of its corpus.
        run: takes any bytes; raises on anything that must not be.
        seeds: inputs to begin with.
        tokens: words of the language that it reads.
    """

    name: str
    run: Callable[[bytes], None]
    seeds: Sequence[bytes]
    tokens: Sequence[bytes]


NAMES = ("framer", "decoder", "validator", "dictionary", "extract", "tape", "session", "twins")


def load(name: str) -> Target:
    """Return a target; its module, and what it tests, is imported only now, so that it can be instrumented.

    Args:
        name: one of ``NAMES``.
    """
    module = import_module(f"tests.fuzz.{name}")
    return Target(name, module.run, module.seeds(), module.TOKENS)
