"""A mapping of a file becomes a dataclass, or every fault in it is told with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import Path

import pytest

from fixgw.config.load import Document, parse
from fixgw.config.problems import InvalidConfigError
from fixgw.config.records import read_fields, read_record
from fixgw.errors import ConfigError


class Result(StrEnum):
    YES = "yes"
    NO = "no"
    SCALAR = "scalar"


class Failure(Enum):
    NOT_APPLIED = ("UNAVAILABLE", False)
    APPLIED = ("UNAVAILABLE", True)


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg.

    Args:
        symbol: the ``ticker``.
        qty: contracts, at least one,
            and never too many.
        result: how it ended.
    """

    symbol: str
    qty: Decimal = Decimal(1)
    result: Result | None = None

    def __post_init__(self) -> None:
        if self.qty < 1:
            raise ConfigError("qty is below 1", remedy="say how many contracts")


@dataclass(frozen=True, slots=True)
class Basket:
    """Several legs.

    Args:
        first: the first leg.
        others: the other legs.
        limits: contracts by account.
        tags: words.
        made: by the program.
        failure: how it fails.
    """

    first: Leg
    others: Sequence[Leg] = ()
    limits: Mapping[int, Decimal] = field(default_factory=dict)
    tags: frozenset[str] | None = None
    failure: Failure = Failure.APPLIED
    made: str = field(default="here", init=False)


def document(text: str) -> Document:
    return parse(text, "file.yaml", Path())


def faults(text: str) -> list[str]:
    with pytest.raises(InvalidConfigError) as caught:
        read_record(document(text), Basket, ("basket",))
    return [" | ".join((one.what, one.where, one.remedy)) for one in caught.value.problems]


def test_types_are_those_of_the_fields() -> None:
    text = """
basket:
  first: {symbol: A, qty: 0.5e1, result: no}
  others: [{symbol: B, result: yes}, {symbol: C, result: scalar}]
  limits: {0: 2.5, 3: "7"}
  tags: [x]
"""
    assert read_record(document(text), Basket, ("basket",)) == Basket(
        Leg("A", Decimal(5), Result.NO),
        (Leg("B", result=Result.YES), Leg("C", result=Result.SCALAR)),
        {0: Decimal("2.5"), 3: Decimal(7)},
        frozenset({"x"}),
    )


def test_every_fault_is_told_with_its_place() -> None:
    text = """
basket:
  others:
    - {symbol: B, quantity: 3}
    - {symbol: [], qty: 0}
    - {symbol: D, qty: 0}
  tags: 5
"""
    first, unknown, symbol, qty, tags = faults(text)
    assert first == "'first' is missing | file.yaml:3 basket.first | add it: the first leg"
    assert unknown.startswith("unknown setting 'quantity' | file.yaml:4 basket.others[0].quantity | ")
    assert unknown.endswith("use one of: qty, result, symbol")
    assert symbol.startswith("'symbol' can not be used: input should be a valid string | file.yaml:5 ")
    assert symbol.endswith("basket.others[1].symbol: the ticker")
    assert qty == "qty is below 1 | file.yaml:6 basket.others[2] | say how many contracts"
    assert tags.startswith("'tags' can not be used: a list belongs here, `[one, another]` | file.yaml:7 ")


def test_what_spans_lines_in_the_docstring_is_one_sentence() -> None:
    (fault,) = faults("basket: {first: {symbol: A, qty: many}}")
    assert fault.endswith("basket.first.qty: contracts, at least one, and never too many")


def test_fields_may_be_left_to_the_program() -> None:
    text = document("limits: {1: 2}")
    assert read_fields(text, Basket, without=frozenset({"first"})) == {"limits": {1: Decimal(2)}}
    with pytest.raises(InvalidConfigError, match="unknown setting 'first'"):
        read_fields(document("first: {symbol: A}"), Basket, without=frozenset({"first"}))


def test_what_the_program_makes_is_not_read() -> None:
    (fault,) = faults("basket: {first: {symbol: A}, made: there}")
    assert fault.startswith("unknown setting 'made'")


def test_words_are_names_where_values_are_none() -> None:
    text = "basket: {first: {symbol: A}, failure: not_applied}"
    assert read_record(document(text), Basket, ("basket",)).failure is Failure.NOT_APPLIED
    (fault,) = faults("basket: {first: {symbol: A}, failure: not_aplied}")
    what, where, remedy = fault.split(" | ")
    assert (what, where) == ("'not_aplied' can not be used here", "file.yaml:1 basket.failure")
    assert remedy == "did you mean 'not_applied'?"
