"""What can be wrong with a configuration, and how it is said: what, where, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from fixgw.errors import ConfigError


class Level(StrEnum):
    """How bad a problem is."""

    ERROR = "error"  # the gateway does not start
    WARNING = "warning"  # it starts, and a person should know


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding.

    Args:
        what: the fault, a sentence without a full stop.
        where: file, line and path of the setting.
        remedy: what a person can do about it.
        level: error or warning.
    """

    what: str
    where: str = ""
    remedy: str = ""
    level: Level = Level.ERROR

    def __str__(self) -> str:
        return str(ConfigError(self.what, self.where, self.remedy))


class InvalidConfigError(ConfigError):
    """Everything that keeps a configuration from being used.

    Args:
        problems: at least one.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        super().__init__(first.what, first.where, first.remedy)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def raise_errors(problems: Iterable[Problem]) -> None:
    """Raise when one of the problems is an error; each is told once.

    Raises:
        InvalidConfigError: with all the errors.
    """
    errors = [problem for problem in dict.fromkeys(problems) if problem.level is Level.ERROR]
    if errors:
        raise InvalidConfigError(errors)


def suggest(name: str, known: Iterable[str]) -> str:
    """Return ``did you mean ...?``, or the list of what is known; there may be nothing."""
    names = sorted(known)
    if not names:
        return "remove it"
    close = get_close_matches(name, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"use one of: {', '.join(names)}"
