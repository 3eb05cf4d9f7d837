"""What every test may use, and what a run in CI may not skip."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Iterator

import pytest
import structlog
from hypothesis import settings

REQUIRED_IN_CI = ("stunnel", "soak", "screenshot", "slow")
SOAK_TIMEOUT_S = 600

# The same examples each time: what fails on one machine fails on every other one. Fuzzing looks for new ones.
settings.register_profile("fixed", derandomize=True)
settings.load_profile("fixed")

# Coverage follows the processes that pytest-xdist starts. What a test starts runs much slower when it is
# followed too, and tests nothing that tests inside the process do not.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


def soak(count: int) -> int:
    """Scale the rounds of a long run by FIXGW_SOAK (default 1.0; CI uses 0.1); at least one stays."""
    return max(1, round(count * float(os.environ.get("FIXGW_SOAK", "1.0"))))


@pytest.fixture(autouse=True)
def _former_logging() -> Iterator[None]:
    """A command sets logging up for its whole process, which here is that of the other tests too."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    if (root.handlers, root.level) != (handlers, level):
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give long runs the time that they need on a busy machine."""
    for item in items:
        if item.get_closest_marker("soak"):
            item.add_marker(pytest.mark.timeout(SOAK_TIMEOUT_S))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a test that CI has to run into a failure."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true":
        marks = [mark for mark in REQUIRED_IN_CI if item.get_closest_marker(mark)]
        if marks:
            report.outcome = "failed"
            report.longrepr = f"CI must not skip a test marked {marks[0]}: {report.longrepr}"
    return report
