"""Every target survives what Hypothesis puts together of its words, and notices when something is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixgw.fix import dictionary, extract, framing, message, validate
from fixgw.session import inbound, sequence, session
from fixgw.store import tape
from tests.conftest import soak
from tests.fuzz import corpus
from tests.fuzz.targets import NAMES, Target, load

pytestmark = pytest.mark.slow

EXAMPLES = {"twins": 15}
EXAMPLES_OF_OTHERS = 60
EMPTY = dictionary.Dictionary("", {}, {}, (), ())


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    """Return words, seeds and noise in a row."""
    part = st.one_of(st.sampled_from(target.tokens), st.binary(max_size=6))
    parts = st.lists(part, max_size=20).map(b"".join)
    return st.one_of(parts, st.tuples(st.sampled_from(target.seeds), parts).map(b"".join))


def survive(target: Target, **options: Any) -> None:
    """Give a target many inputs."""
    unhurried = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
    settings(unhurried, **options)(given(inputs(target))(target.run))()


def run_all(target: Target, given_: Iterable[bytes]) -> None:
    for data in given_:
        target.run(data)


@pytest.mark.parametrize("name", NAMES)
def test_any_input_is_survived(name: str) -> None:
    survive(load(name), derandomize=True, max_examples=EXAMPLES.get(name, EXAMPLES_OF_OTHERS))


@pytest.mark.soak
@pytest.mark.parametrize("name", NAMES)
def test_many_inputs_are_survived(name: str) -> None:
    survive(load(name), max_examples=soak(10 * EXAMPLES.get(name, EXAMPLES_OF_OTHERS)))


@pytest.mark.parametrize("name", NAMES)
def test_seeds_and_what_was_found_are_survived(name: str) -> None:
    target, found = load(name), corpus.read(name)
    assert target.seeds
    assert found
    run_all(target, [*target.seeds, *found])


def _nothing(*_: Any, **__: Any) -> list[Any]:
    return []


def _late(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a way to send that forgets to count."""

    def send(self: Any, *given_: Any) -> Any:
        record = original(self, *given_)
        self.next_out -= 1
        return record

    return send


# Who is told, what is broken, and how.
BREAKS: dict[str, tuple[str, Any, str, Any]] = {
    "wrong sums pass": ("framer", framing, "checksum", lambda data: len(data) % 256),
    "values get lost": ("decoder", message.Message, "get_all", _nothing),
    "raw data of any length is sent": ("decoder", message, "check_fields", _nothing),
    "everything is valid": ("validator", validate.Validator, "check", _nothing),
    "a check fails": ("validator", validate.Validator, "check", lambda self, message: message[99999]),
    "messages are not merged": ("dictionary", dictionary.Dictionary, "merged", lambda self, other: EMPTY),
    "secrets come out": ("extract", extract, "hide", lambda data: data),
    "nothing is delivered again": ("tape", tape, "unhandled", _nothing),
    "a torn tail stays": ("tape", tape, "cut_tail", lambda chain, tail: ""),
    "numbers are used twice": ("session", session.Session, "send", _late(session.Session.send)),
    "anything is in sequence": ("session", inbound, "judge", lambda *_: sequence.Verdict.ACCEPT),
    "what waits is forgotten": ("twins", sequence.WaitingRoom, "keep", lambda *_: True),
}


@pytest.mark.parametrize("fault", BREAKS)
def test_a_target_notices_what_is_broken(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    name, place, attribute, broken = BREAKS[fault]
    target = load(name)
    inputs = [*target.seeds, *corpus.read(name)]
    monkeypatch.setattr(place, attribute, broken)
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever a broken part leads to
        run_all(target, inputs)
