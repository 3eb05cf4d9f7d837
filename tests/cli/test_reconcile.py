"""``fixgw reconcile`` against a simulator: what it prints, where to, and what it ends with."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from rich.console import Console
from typer.testing import Result

from fixgw.config.build import load
from fixgw.engine.gateway import Gateway
from fixgw.messages.order_entry import Side
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.sessions import write_sessions
from fixgw.sim.venue import Simulator
from fixgw.venues.kalshi.messages import NewOrderSingle
from tests.cli.conftest import fixgw, lines

pytestmark = pytest.mark.slow

pytest_plugins = ["fixgw.testing"]

MARKET = "HIGHNY-26DEC31"
SETTLED = 2.5  # seconds until an execution is old enough to be judged


@dataclass(frozen=True)
class Desk:
    """A gateway that trades without retransmission.

    Args:
        file: its configuration.
        gateway: it, running.
        venue: the other side.
    """

    file: Path
    gateway: Gateway
    venue: Simulator

    async def reconcile(self, *arguments: str | Path) -> Result:
        """Run the command beside the gateway."""
        return await asyncio.to_thread(fixgw, "reconcile", self.file, *arguments)

    async def buy(self) -> None:
        """Buy ten contracts, and hear of it."""
        self.venue.quote(MARKET, HouseSide.SELL, Decimal("0.50"), Decimal(10))
        order = await self.gateway.orders.submit(
            NewOrderSingle(symbol=MARKET, side=Side.BUY, order_qty=Decimal(10), price=Decimal("0.50"))
        )
        await order.closed(timeout=5)

    async def lose_a_fill(self) -> None:
        """Rest an order that is filled while the gateway is away."""
        order = await self.gateway.orders.submit(
            NewOrderSingle(symbol=MARKET, side=Side.BUY, order_qty=Decimal(3), price=Decimal("0.40"))
        )
        await order.acknowledged(timeout=5)
        key = self.venue.keys["rsa"].key_id
        self.venue.pause_reports(key)
        self.venue.quote(MARKET, HouseSide.SELL, Decimal("0.40"), Decimal(3))
        self.venue.cut(key)


@pytest.fixture
async def desk(venue: Simulator, tmp_path: Path) -> AsyncIterator[Desk]:
    file = write_sessions(venue, tmp_path / "gateway", {"orders": ("orders-nr", "rsa")})
    async with load(file) as gateway:
        yield Desk(file, gateway, venue)


@pytest.fixture
def quiet(venue: Simulator, tmp_path: Path) -> Path:
    """The configuration of a gateway that never ran."""
    return write_sessions(venue, tmp_path / "gateway", {"orders": ("orders-nr", "rsa")})


# -- what differs


async def test_a_lost_fill_is_found_and_shown_in_every_format(desk: Desk, tmp_path: Path) -> None:
    await desk.buy()
    await desk.lose_a_fill()
    await asyncio.sleep(SETTLED)

    shown = await desk.reconcile()
    assert shown.exit_code == 1
    text = shown.stdout.splitlines()
    assert text[0] == "Missing in FIX: 1"
    assert any(line.startswith(f"  {MARKET}  buy 3.00 at 0.4000  ") for line in text)
    assert text[-1] == "1 difference: the two sides differ"
    assert max(map(len, text)) <= 100
    assert shown.stderr == ""

    as_json = await desk.reconcile("--format", "json")
    assert as_json.exit_code == 1
    (found,) = json.loads(as_json.stdout)["breaks"]
    assert (found["kind"], found["theirs"]["qty"]) == ("missing in FIX", "3.00")

    as_csv = await desk.reconcile("--format", "csv")
    (row,) = csv.DictReader(as_csv.stdout.splitlines())
    assert (row["kind"], row["symbol"], row["quantity"]) == ("missing in FIX", MARKET, "3.00")
    assert as_csv.stderr == "1 difference: the two sides differ\n"

    page = tmp_path / "report.html"
    as_html = await desk.reconcile("--format", "html", "--output", page)
    assert (as_html.exit_code, as_html.stdout) == (1, "")
    assert "<h1>1 difference</h1>" in page.read_text(encoding="utf-8")

    metrics = tmp_path / "fixgw.prom"
    await desk.reconcile("--metrics", metrics)
    assert 'breaks{kind="missing_in_fix"} 1.0' in metrics.read_text(encoding="utf-8")
    told = desk.gateway.snapshot().reconciliation
    assert told is not None
    assert (told.verdict, told.breaks["missing_in_fix"]) == ("breaks", 1)
    status = await asyncio.to_thread(fixgw, "status", "-c", desk.file)
    assert status.stdout.splitlines()[-1].endswith(": breaks: 1 missing in fix")


async def test_what_agrees_ends_with_0(desk: Desk) -> None:
    await desk.buy()
    await asyncio.sleep(SETTLED)
    result = await desk.reconcile("--since", "1h")
    assert result.exit_code == 0, result.stdout
    assert result.stdout.splitlines()[-1].startswith("clean: ")
    assert f"{MARKET}  1           10.00" in result.stdout


async def test_a_venue_that_does_not_answer_is_never_clean(desk: Desk) -> None:
    await desk.buy()
    text = desk.file.read_text(encoding="utf-8")
    elsewhere = desk.file.with_name("elsewhere.yaml")
    text = text.replace(desk.venue.rest_url, "https://127.0.0.1:1").replace('{"url"', '{"attempts": 1, "url"')
    elsewhere.write_text(text, encoding="utf-8")
    result = await asyncio.to_thread(fixgw, "reconcile", elsewhere)
    assert result.exit_code == 2
    assert result.stdout.splitlines()[-1] == "failed: nothing could be compared; the feeds say why"


@pytest.mark.parametrize("more", [{}, {"copy": ("drop-copy", "listener")}])
async def test_a_gateway_that_never_ran_is_never_clean(
    venue: Simulator, tmp_path: Path, more: dict[str, tuple[str, str]]
) -> None:
    file = write_sessions(venue, tmp_path / "gateway", {"orders": ("orders-nr", "rsa"), **more})
    result = await asyncio.to_thread(fixgw, "reconcile", file)
    assert result.exit_code == 2
    assert result.stdout.splitlines()[-1] == "failed: nothing could be compared; the feeds say why"


async def test_how_far_it_is_is_shown_where_somebody_looks_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.buy()
    seen = io.StringIO()
    monkeypatch.setattr("fixgw.cli.reconcile.err", Console(file=seen, force_terminal=True, width=100))
    await desk.reconcile()
    assert "executions read" in seen.getvalue()


# -- how it is asked


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--since", "5x"], ["'5x' is no instant", "--since"]),
        (["--until", "noon"], ["'noon' is no instant", "--until"]),
        (
            ["--since", "1h", "--until", "2h"],
            ["the period ends before it begins", "--since, --until", "swap them"],
        ),
        (["--until", "2099-01-01"], ["the period ends in the future", "--until", "leave it out for now"]),
        (["--output", "/nowhere/report"], ["there is no directory /nowhere", "--output"]),
        (["--metrics", "/nowhere/fixgw.prom"], ["there is no directory /nowhere", "--metrics"]),
        (["--session", "quotes"], ["quotes is no session that sees executions", "use one of: orders"]),
    ],
)
async def test_a_mistake_is_told_with_its_place_and_ends_with_2(
    quiet: Path, arguments: list[str], said: list[str]
) -> None:
    result = await asyncio.to_thread(fixgw, "reconcile", quiet, *arguments)
    assert result.exit_code == 2
    assert lines(result)[: len(said)] == said


async def test_one_account_is_not_proven_by_what_another_has(venue: Simulator, tmp_path: Path) -> None:
    two = {"orders": ("orders-nr", "rsa"), "other": ("orders-nr", "ed25519")}
    file = write_sessions(venue, tmp_path / "gateway", two)
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    settings["sessions"][1]["account"] = "second"
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    result = await asyncio.to_thread(fixgw, "reconcile", file)
    assert result.exit_code == 2
    assert lines(result)[0].startswith("the venue is asked as one account, and the sessions are of several")
    alone = await asyncio.to_thread(fixgw, "reconcile", file, "--session", "other")
    assert "several" not in alone.output


async def test_a_configuration_that_there_is_not_ends_with_2(tmp_path: Path) -> None:
    result = await asyncio.to_thread(fixgw, "reconcile", tmp_path / "none.yaml")
    assert result.exit_code == 2
    assert lines(result)[1:] == [f"{tmp_path / 'none.yaml'}", "name an existing file"]


async def test_a_report_that_can_not_be_written_ends_with_2(quiet: Path, tmp_path: Path) -> None:
    result = await asyncio.to_thread(fixgw, "reconcile", quiet, "--output", tmp_path)
    assert result.exit_code == 2
    assert lines(result)[:2] == ["the report can not be written: Is a directory", f"{tmp_path}"]


async def test_what_nobody_foresaw_is_not_taken_for_a_difference(
    quiet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fixgw.reconcile.job.resolve_sessions", None)
    result = await asyncio.to_thread(fixgw, "reconcile", quiet)
    assert result.exit_code == 2
