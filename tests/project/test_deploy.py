"""What is deployed starts commands that there are, with options that they have."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import fixgw
from fixgw.observe.metrics import RECONCILIATION
from tests.cli.conftest import fixgw as command

DEPLOY = Path(fixgw.__file__).parents[1] / "deploy"
FILES = ("fixgw.service", "fixgw-reconcile.service", "fixgw.cron")
PROGRAM = "/opt/fixgw/bin/fixgw "


def commands(name: str) -> Iterator[list[str]]:
    """Yield what a file starts, as arguments of ``fixgw``."""
    text = (DEPLOY / name).read_text(encoding="utf-8").replace("\\\n", " ").replace("\\%", "%")
    for line in text.splitlines():
        if PROGRAM in line and not line.startswith("#"):
            yield shlex.split(
                line.partition(PROGRAM)[2].rstrip("'").replace("$(date -u +", "").replace(")", "")
            )


@pytest.mark.parametrize("name", FILES)
def test_what_is_started_is_a_command_with_options_that_it_has(name: str) -> None:
    started = list(commands(name))
    assert len(started) == 1
    for arguments in started:
        result = command(*arguments, "--help")
        assert result.exit_code == 0, result.output


def test_the_readme_names_every_file() -> None:
    readme = (DEPLOY / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([^`]+)` ", readme, re.MULTILINE))
    assert named == {one.name for one in DEPLOY.iterdir()} - {"README.md"}


def test_the_timer_and_cron_start_the_same_job() -> None:
    (job,), (line,) = commands("fixgw-reconcile.service"), commands("fixgw.cron")
    assert [one.replace("%%", "%") for one in job] == line


def test_alerts_ask_for_metrics_that_there_are() -> None:
    rules = yaml.safe_load((DEPLOY / "alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    asked = {name for rule in rules for name in re.findall(r"fixgw_\w+", rule["expr"])}
    assert asked <= {f"fixgw_reconciliation_{name}" for name, *_ in RECONCILIATION}
    assert len(asked) == len(rules)
