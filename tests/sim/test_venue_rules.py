"""docs/reference/venue-rules.md names all that the venue can be told, with the default of each switch."""

from __future__ import annotations

from dataclasses import Field, fields
from enum import Enum
from pathlib import Path

import pytest

from fixgw.sim.accounts import AccountSpec
from fixgw.sim.fees import FeeModel
from fixgw.sim.quirks import Quirks
from fixgw.sim.rates import RateSettings
from fixgw.sim.venue import MarketSpec

ROWS = [
    line
    for line in (Path(__file__).parents[2] / "docs/reference/venue-rules.md").read_text("utf-8").splitlines()
    if line.startswith("| `")
]
TOLD = [(kind, field) for kind in (AccountSpec, FeeModel, MarketSpec, RateSettings) for field in fields(kind)]


@pytest.mark.parametrize(
    ("kind", "field"), TOLD, ids=[f"{kind.__name__}.{field.name}" for kind, field in TOLD]
)
def test_each_field_has_a_row(kind: type, field: Field[object]) -> None:
    assert [row for row in ROWS if row.startswith(f"| `{field.name}` |")]


@pytest.mark.parametrize("field", fields(Quirks), ids=lambda field: field.name)
def test_each_switch_has_a_row_with_its_default(field: Field[object]) -> None:
    default = field.default
    shown = default.name.lower() if isinstance(default, Enum) else str(default)
    shown = shown.lower() if isinstance(default, bool) else shown
    assert [row for row in ROWS if row.startswith(f"| `{field.name}` | `{shown}` |")]
