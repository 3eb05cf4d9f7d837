"""The page stands by itself, escapes what it is given, and says every thing that a report has."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from fixgw.reconcile.model import (
    BreakKind,
    Counts,
    FeedResult,
    Period,
    SessionTimeline,
    SymbolTotals,
    Verdict,
)
from fixgw.reconcile.page.bars import FINEST
from fixgw.reconcile.page.document import MOST_BREAKS, page
from fixgw.reconcile.page.markup import Markup, element
from fixgw.reconcile.words import ADVICE
from tests.reconcile.sample import CLEAN, EVERYTHING, missing, report
from tests.reconcile.told import NOON, SECOND

VOID = {"meta"}
HOSTILE = "<script>alert(1)</script>\"'&"


class Outline(HTMLParser):
    """Reads a page: its texts, and whether every element ends where it should."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.elements: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def test_every_element_ends_where_it_should() -> None:
    assert "svg" in Outline(page(EVERYTHING)).elements


def test_nothing_is_loaded_and_nothing_is_run() -> None:
    shown = page(EVERYTHING)
    assert "default-src 'none'" in shown
    assert not re.search(r"https?://|src=|<link|<script|@import|url\((?!#)", shown)


def test_what_a_person_does_stands_with_each_kind() -> None:
    text = Outline(page(EVERYTHING)).text
    found = {one.kind for one in EVERYTHING.breaks}
    assert [kind for kind in BreakKind if ADVICE[kind].remedy in text] == [k for k in BreakKind if k in found]


def test_breaks_stand_before_everything_but_the_summary() -> None:
    text = Outline(page(EVERYTHING)).text
    titles = ("What differs", "Sessions over time", "Markets", "Feeds", "Warnings")
    assert [text.index(title) for title in titles] == sorted(text.index(title) for title in titles)


def test_both_values_of_a_field_are_shown() -> None:
    shown = page(EVERYTHING)
    assert '<th scope="row">fee</th><td>0.17</td><td>0.19</td>' in shown


def test_a_clean_report_lists_no_breaks() -> None:
    text = Outline(page(CLEAN)).text
    assert "What differs" not in text
    assert "Every execution is on both sides, and the whole period is proven." in text


def test_breaks_of_a_period_that_is_not_proven_are_no_complete_list() -> None:
    assert "there may be more" in Outline(page(EVERYTHING)).text


def test_why_a_feed_failed_is_shown() -> None:
    assert "failed: the venue refused: NO_PERMISSION" in Outline(page(EVERYTHING)).text


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_a_headline(verdict: Verdict) -> None:
    assert f'<header class="{verdict.value}">' in page(report(verdict=verdict))


def test_what_failed_is_nowhere_said_to_be_good() -> None:
    failed = replace(CLEAN, verdict=Verdict.FAILED, sessions=(), counts=Counts(), feeds=(), totals=())
    shown = page(failed)
    assert "tile good" not in shown
    assert "Sessions over time" not in shown


def test_a_comparison_that_failed_leaves_the_rest_unproven() -> None:
    feeds = (FeedResult("REST orders", failure="no reply"),)
    shown = page(replace(CLEAN, verdict=Verdict.UNPROVEN, feeds=feeds))
    assert "but not everything was compared; failed: REST orders." in shown
    assert '<dd class="figure">not everything</dd>' in shown


def test_texts_of_others_stay_texts() -> None:
    hostile = replace(
        EVERYTHING,
        run_id=HOSTILE,
        breaks=tuple(
            replace(one, symbol=HOSTILE, what=HOSTILE, order_id=HOSTILE, trade_id=HOSTILE, session=HOSTILE)
            for one in EVERYTHING.breaks
        ),
        feeds=(FeedResult(HOSTILE, failure=HOSTILE, notes=(HOSTILE,)),),
        sessions=(SessionTimeline(HOSTILE, (EVERYTHING.period,)),),
        unproven={HOSTILE: (EVERYTHING.period,)},
        warnings=(HOSTILE,),
        totals=(SymbolTotals(HOSTILE),),
    )
    shown = page(hostile)
    assert "script" not in Outline(shown).elements
    assert HOSTILE not in shown


def test_an_attribute_can_not_be_left() -> None:
    assert element("p", class_='"><b>') == '<p class="&quot;&gt;&lt;b&gt;"></p>'


def test_markup_is_not_escaped_twice() -> None:
    assert element("p", element("b", "<"), "<") == Markup("<p><b>&lt;</b>&lt;</p>")


def test_a_page_of_ten_thousand_breaks_says_how_many_it_leaves_out() -> None:
    shown = page(report(*(missing(number, 5) for number in range(10_000))))
    assert len(shown) < 500_000
    assert f"And {10_000 - MOST_BREAKS:,} more differences; --format csv or json has them all." in shown


def test_ten_thousand_connections_are_drawn_as_far_as_they_can_be_told_apart() -> None:
    width = 5 * SECOND
    begin = NOON - 100_000 * SECOND
    connected = tuple(Period(begin + n * 10 * SECOND, begin + n * 10 * SECOND + width) for n in range(10_000))
    busy = replace(CLEAN, period=Period(begin, NOON), sessions=(SessionTimeline("orders", connected),))
    assert page(busy).count('class="connected"') <= 1 / FINEST


def test_a_short_loss_is_still_to_be_seen() -> None:
    lost = (Period(NOON - SECOND, NOON - SECOND + 1),)
    brief = replace(CLEAN, sessions=(SessionTimeline("orders", (CLEAN.period,), lost),))
    (width,) = re.findall(r'width="([\d.]+)%" height="20" class="lost"', page(brief))
    assert float(width) == FINEST * 100


def test_what_happened_at_the_very_end_is_still_to_be_seen() -> None:
    last = Period(NOON - 1, NOON)
    shown = page(replace(CLEAN, sessions=(SessionTimeline("orders", (last,)),)))
    x, width = re.findall(r'x="([\d.]+)%" y="5" width="([\d.]+)%" height="20" class="connected"', shown)[0]
    assert float(x) + float(width) == 100


def test_a_loss_beyond_the_period_is_not_drawn() -> None:
    lost = (Period(NOON + SECOND, NOON + 2 * SECOND),)
    later = replace(CLEAN, sessions=(SessionTimeline("orders", (CLEAN.period,), lost),))
    assert 'height="20" class="lost"' not in page(later)


def test_a_period_without_a_beginning_is_drawn_from_the_first_connection() -> None:
    since = Period(NOON - 100 * SECOND, NOON)
    endless = replace(CLEAN, period=Period(0, NOON), sessions=(SessionTimeline("orders", (since,)),))
    shown = page(endless)
    assert "the beginning to 2026-10-09 14:30:00 UTC" in shown
    assert 'x="0.00%" y="5" width="100.00%" height="20" class="connected"' in shown
