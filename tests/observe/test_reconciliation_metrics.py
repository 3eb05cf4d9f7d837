"""What the last reconciliation came to, as metrics of the gateway and as a file for a node exporter."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from fixgw.errors import ConfigError, LocalError
from fixgw.observe.metrics import registry, write_reconciliation
from fixgw.observe.reconciliation import ReconciliationView
from fixgw.observe.snapshot import GatewaySnapshot

TOLD = ReconciliationView(
    run_id="run-1",
    verdict="breaks",
    exit_code=1,
    ended_utc_ns=1_791_556_200_500_000_000,
    judged_until_utc_ns=1_791_556_198_000_000_000,
    matched=10,
    pending=2,
    applied=1,
    breaks={"missing_in_fix": 3, "foreign_order": 0},
    unproven_seconds={"orders": 90},
)
EXPECTED = [
    ("end_timestamp_seconds", {}, 1_791_556_200.5),
    ("judged_until_timestamp_seconds", {}, 1_791_556_198.0),
    ("exit_code", {}, 1.0),
    ("verdict", {"verdict": "breaks"}, 1.0),
    ("breaks", {"kind": "missing_in_fix"}, 3.0),
    ("breaks", {"kind": "foreign_order"}, 0.0),
    ("matched_executions", {}, 10.0),
    ("pending_executions", {}, 2.0),
    ("applied_executions", {}, 1.0),
    ("unproven_seconds", {"session": "orders"}, 90.0),
]


@pytest.mark.parametrize(("name", "labels", "value"), EXPECTED)
def test_a_gateway_shows_what_it_was_told(name: str, labels: dict[str, str], value: float) -> None:
    metrics = registry(lambda: GatewaySnapshot(0, {}, reconciliation=TOLD))
    assert metrics.get_sample_value(f"fixgw_reconciliation_{name}", labels) == value


def test_a_gateway_that_was_told_nothing_shows_nothing() -> None:
    metrics = registry(lambda: GatewaySnapshot(0, {}))
    assert [one.name for one in metrics.collect() if "reconciliation" in one.name] == []


def test_the_snapshot_has_it_too() -> None:
    assert GatewaySnapshot(0, {}, reconciliation=TOLD).to_dict()["reconciliation"] == asdict(TOLD)


def test_a_file_has_every_metric_and_replaces_the_former_one(tmp_path: Path) -> None:
    file = tmp_path / "fixgw.prom"
    file.write_text("of a former run", encoding="utf-8")
    write_reconciliation(file, TOLD)
    text = file.read_text(encoding="utf-8")
    assert 'fixgw_reconciliation_breaks{kind="missing_in_fix"} 3.0\n' in text
    assert text.count("# HELP ") == len({name for name, _, _ in EXPECTED})
    assert [one.name for one in tmp_path.iterdir()] == ["fixgw.prom"]


def test_a_file_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can not be written"):
        write_reconciliation(tmp_path, TOLD)


def test_what_was_told_is_read_back() -> None:
    assert ReconciliationView.read(asdict(TOLD)) == TOLD


@pytest.mark.parametrize(
    "change",
    [
        {"matched": "10"},
        {"matched": True},
        {"verdict": None},
        {"breaks": [1]},
        {"breaks": {"missing_in_fix": "3"}},
        {"more": 1},
    ],
)
def test_what_is_no_outcome_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(LocalError):
        ReconciliationView.read(asdict(TOLD) | change)
