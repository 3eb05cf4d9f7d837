"""The documents say what the report says, and name every kind and metric that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import fixgw
from fixgw.observe.metrics import RECONCILIATION
from fixgw.reconcile.model import BreakKind
from fixgw.reconcile.words import ADVICE

DOCS = Path(fixgw.__file__).parents[1] / "docs"
BREAKS = (DOCS / "reference" / "breaks.md").read_text(encoding="utf-8")


def test_every_kind_of_break_has_a_section_and_nothing_else_has() -> None:
    assert re.findall(r"^## (.+)$", BREAKS, re.MULTILINE) == [kind.value for kind in BreakKind]


@pytest.mark.parametrize("kind", BreakKind, ids=lambda kind: kind.name)
def test_a_section_says_what_the_report_says(kind: BreakKind) -> None:
    section = " ".join(BREAKS.partition(f"## {kind.value}\n")[2].partition("\n## ")[0].split())
    advice = ADVICE[kind]
    assert section.startswith(f"{advice.meaning} **What to do:** {advice.remedy} ")
    assert section.endswith(f'`fixgw_reconciliation_breaks{{kind="{kind.name.lower()}"}}`')


def test_every_metric_is_explained() -> None:
    text = (DOCS / "how-to" / "reconcile.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `fixgw_reconciliation_(\w+)", text, re.MULTILINE)
    assert explained == [name for name, *_ in RECONCILIATION]
