"""The report of a reconciliation in a browser: on a desk, on a phone, at night and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fixgw.reconcile.model import FeedResult, ReconciliationReport, SessionTimeline, SymbolTotals, Verdict
from fixgw.reconcile.page.document import page
from tests.reconcile.sample import CLEAN, EVERYTHING, report
from tests.screenshots.browser import Browser, chromium, running

pytestmark = [pytest.mark.screenshot, pytest.mark.xdist_group("browser")]

LONG = "ONE-WORD-" * 25
UNWIELDY = replace(
    EVERYTHING,
    run_id=LONG,
    breaks=tuple(
        replace(one, symbol=LONG, what=LONG, order_id=LONG, trade_id=LONG, session=LONG)
        for one in EVERYTHING.breaks
    ),
    sessions=(SessionTimeline(LONG, (EVERYTHING.period,)),),
    unproven={LONG: (EVERYTHING.period,) * 100},
    feeds=(FeedResult(LONG, 10**12, notes=(LONG,)), FeedResult(LONG, failure=LONG)),
    warnings=(LONG,) * 3,
    totals=(SymbolTotals(LONG, 10**12, 10**12 + 1, Decimal(10**14), Decimal(1), Decimal("0.1") ** 12),) * 3,
)
REPORTS = {
    "breaks": EVERYTHING,
    "clean": CLEAN,
    "unproven": report(verdict=Verdict.UNPROVEN),
    "unwieldy": UNWIELDY,
}
WINDOWS: dict[str, dict[str, Any]] = {
    "desk": {"width": 1280, "height": 800},
    "night": {"width": 1280, "height": 800, "dark": True},
    "phone": {"width": 390, "height": 844, "mobile": True},
    "paper": {"width": 680, "height": 1000, "paper": True, "dark": True},
}
# elements whose text does not fit into them, or that stick out of the window
CUT_OFF = """[...document.querySelectorAll('body *')].filter(e => {
  const box = e.getBoundingClientRect();
  const hidden = getComputedStyle(e).overflow !== 'visible' && e.scrollWidth > e.clientWidth + 1;
  return !e.closest('svg') && (hidden || box.right > innerWidth + 1 || box.left < -1);
}).map(e => e.tagName + '.' + e.className + ': ' + e.textContent.slice(0, 40))"""
# texts that can hardly be told from what is behind them (WCAG AA asks for 4.5)
FAINT = """[...document.querySelectorAll('body *')].filter(e =>
  [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())).filter(e => {
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(v => v / 255).map(v =>
    v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  let behind = e; const colour = x => getComputedStyle(x).backgroundColor;
  while (behind.parentElement && colour(behind) === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
  const pair = [light(getComputedStyle(e).color), light(colour(behind))].sort((a, b) => b - a);
  return (pair[0] + 0.05) / (pair[1] + 0.05) < 4.5;
}).map(e => e.tagName + '.' + e.className + ': ' + e.textContent.slice(0, 40))"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip("no Chromium is installed")
    with running(program, tmp_path_factory.mktemp("profile")) as one:
        yield one


@pytest.fixture(params=REPORTS)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made: ReconciliationReport = REPORTS[request.param]
    file = tmp_path / f"{request.param}.html"
    file.write_text(page(made), encoding="utf-8")
    return file


@pytest.mark.parametrize("window", WINDOWS)
def test_nothing_is_cut_off_and_nothing_scrolls_sideways(
    browser: Browser, written: Path, window: str
) -> None:
    browser.open(written, **WINDOWS[window])
    browser.picture(written.with_name(f"{written.stem}-{window}.png"))
    assert browser.ask("document.documentElement.scrollWidth") <= WINDOWS[window]["width"]
    assert browser.ask(CUT_OFF) == []


@pytest.mark.parametrize("window", WINDOWS)
def test_every_text_stands_out_from_its_background(browser: Browser, written: Path, window: str) -> None:
    browser.open(written, **WINDOWS[window])
    assert browser.ask(FAINT) == []


def test_the_first_break_is_above_the_fold_of_a_desk(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "breaks.html"
    file.write_text(page(EVERYTHING), encoding="utf-8")
    browser.open(file, **WINDOWS["desk"])
    bottom = browser.ask("document.querySelector('.breaks > li').getBoundingClientRect().bottom")
    assert 0 < bottom < WINDOWS["desk"]["height"]


def test_a_lost_stretch_is_drawn_in_its_place(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "breaks.html"
    file.write_text(page(EVERYTHING), encoding="utf-8")
    browser.open(file, **WINDOWS["phone"])
    left = browser.ask(
        "(() => { const bar = document.querySelector('.track svg').getBoundingClientRect();"
        " const lost = document.querySelector('.track rect.lost').getBoundingClientRect();"
        " return (lost.left - bar.left) / bar.width })()"
    )
    assert left == pytest.approx(18 / 24, abs=0.02)  # six hours before the end of a day
