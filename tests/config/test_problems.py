"""How problems are told."""

from __future__ import annotations

import pytest

from fixgw.config.problems import InvalidConfigError, Level, Problem, raise_errors, suggest

ERROR = Problem("wrong", "f:1 a", "mend it")
WARNING = Problem("odd", "f:2 b", "look", Level.WARNING)


def test_a_problem_reads_what_where_and_remedy() -> None:
    assert str(ERROR) == "wrong\n  f:1 a\n  mend it"


def test_errors_are_raised_once_each_and_warnings_not() -> None:
    raise_errors([WARNING])
    with pytest.raises(InvalidConfigError) as caught:
        raise_errors([ERROR, WARNING, ERROR])
    assert caught.value.problems == (ERROR,)
    assert (caught.value.what, caught.value.where, caught.value.remedy) == ("wrong", "f:1 a", "mend it")


def test_a_name_close_to_a_known_one_is_suggested() -> None:
    assert suggest("heartbeet", ["kind", "heartbeat"]) == "did you mean 'heartbeat'?"
    assert suggest("zzz", ["kind", "heartbeat"]) == "use one of: heartbeat, kind"


def test_nothing_is_suggested_where_nothing_is_known() -> None:
    assert suggest("zzz", []) == "remove it"
