"""A report as one self-contained page: verdict, breaks first, then time line, markets, feeds, warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from importlib.metadata import version
from importlib.resources import files
from typing import TypeVar

from fixgw.clock import rfc3339
from fixgw.reconcile.model import (
    Break,
    BreakKind,
    FeedResult,
    Period,
    ReconciliationReport,
    SymbolTotals,
    Verdict,
)
from fixgw.reconcile.page.bars import timeline
from fixgw.reconcile.page.markup import Content, Markup, element, joined
from fixgw.reconcile.words import (
    ADVICE,
    agree,
    conclusion,
    counted,
    duration,
    headline,
    how_matched,
    instant,
    sentence,
    stretch,
    terms,
)

MOST_BREAKS = 250  # of a kind; a page with all of them would open in no browser
MOST_ROWS = 500
MOST_STRETCHES = 12
LISTED = "; --format csv or json has them all"
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'"  # whatever a text may hold, a browser runs none of it
)
T = TypeVar("T")


def page(report: ReconciliationReport) -> str:
    """Return the page; it loads nothing and runs no script."""
    style = (files("fixgw.reconcile.page") / "page.css").read_text(encoding="utf-8")
    title = f"Reconciliation: {headline(report)}, {stretch(report.period)}"
    head = element(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        element("title", title),
        element("style", Markup(style)),
    )
    sections = (_breaks(report), _timeline(report), _markets(report), _feeds(report), _warnings(report))
    main = element("main", _summary(report), *sections, _footer(report))
    return f"<!doctype html>\n{element('html', head, element('body', _header(report), main), lang='en')}\n"


# -- verdict and summary --


def _header(report: ReconciliationReport) -> Markup:
    return element(
        "header",
        element("p", "Reconciliation of executions", class_="eyebrow"),
        element("h1", _titled(headline(report))),
        element("p", sentence(conclusion(report)), class_="conclusion"),
        element("p", f"{stretch(report.period)} UTC", class_="period"),
        class_=report.verdict.value,
    )


def _summary(report: ReconciliationReport) -> Markup:
    counts, compared = report.counts, report.verdict is not Verdict.FAILED
    tiles = [
        (
            "matched",
            f"{counts.matched:,}",
            how_matched(counts) or "executions, of both sides",
            "good" if counts.matched else "",
        ),
        (
            "differences",
            f"{len(report.breaks):,}" if compared else "unknown",
            _kinds_found(report),
            "bad" if report.breaks else "good" if compared else "doubtful",
        ),
        ("not proven", *_unproven(report)),
        ("too young to judge", f"{counts.pending:,}", "the next run judges them", ""),
    ]
    if report.applied:
        tiles.append(("given to the books", f"{report.applied:,}", "by this run", "good"))
    return element("dl", *(_tile(*tile) for tile in tiles), class_="summary")


def _unproven(report: ReconciliationReport) -> tuple[str, str, str]:
    """Return for how long nothing proves the most doubtful session, why, and the tone of it."""
    open_for = {
        name: sum(one.end_ns - one.begin_ns for one in left) for name, left in report.unproven.items()
    }
    if open_for:
        return duration(max(open_for.values())), f"on {', '.join(open_for)}", "doubtful"
    if report.verdict in (Verdict.CLEAN, Verdict.BREAKS):
        return "nothing", f"judged up to {instant(report.judged_until_ns)}", "good"
    return "not everything", "see the feeds", "doubtful"


def _tile(name: str, value: str, note: str, tone: str) -> Markup:
    return element(
        "div",
        element("dt", name),
        element("dd", value, class_="figure"),
        element("dd", note, class_="note"),
        class_=f"tile {tone}".strip(),
    )


def _kinds_found(report: ReconciliationReport) -> str:
    found = Counter(one.kind.value for one in report.breaks)
    return ", ".join(f"{count:,} {kind}" for kind, count in found.items()) or "of any kind"


# -- breaks --


def _breaks(report: ReconciliationReport) -> Markup | None:
    groups = [(kind, [one for one in report.breaks if one.kind is kind]) for kind in BreakKind]
    return _section("What differs", *(_group(kind, found) for kind, found in groups if found))


def _group(kind: BreakKind, found: Sequence[Break]) -> Markup:
    advice = ADVICE[kind]
    shown, rest = _capped(found, MOST_BREAKS)
    return element(
        "section",
        element("h3", _titled(kind.value), " ", element("span", f"{len(found):,}", class_="count")),
        element("p", advice.meaning),
        element("p", element("strong", "What to do: "), advice.remedy, class_="remedy"),
        element("ul", *map(_break, shown), class_="breaks"),
        _more(rest, "difference"),
        class_="group",
    )


def _break(one: Break) -> Markup:
    execution = one.theirs or one.ours
    ids = (("order", one.order_id), ("trade", one.trade_id))
    return element(
        "li",
        element(
            "p",
            element("b", one.symbol),
            element("span", terms(execution)) if execution is not None else None,
            _time(one.utc_ns) if one.utc_ns is not None else None,
            element("span", f"session {one.session}") if one.session else None,
            class_="subject",
        ),
        element("p", sentence(one.what), class_="what"),
        _fields(one) if one.fields else None,
        element(
            "p",
            *(element("span", f"{name} ", element("code", value)) for name, value in ids if value),
            class_="ids",
        ),
    )


def _fields(one: Break) -> Markup:
    head = element("tr", *(element("th", name, scope="col") for name in ("", "here", "at the venue")))
    rows = (
        element("tr", element("th", f.name, scope="row"), element("td", f.ours), element("td", f.theirs))
        for f in one.fields
    )
    return element("table", element("thead", head), element("tbody", *rows), class_="fields")


# -- the rest --


def _timeline(report: ReconciliationReport) -> Markup | None:
    notes = [
        element("li", element("b", name), " is not proven: ", _stretches(left))
        for name, left in report.unproven.items()
    ]
    said = element("ul", *notes, class_="plain") if notes else None
    return _section("Sessions over time", timeline(report), said)


def _stretches(periods: Sequence[Period]) -> Markup:
    shown, rest = _capped(periods, MOST_STRETCHES)
    said = [f"{stretch(one)} ({duration(one.end_ns - one.begin_ns)})" for one in shown]
    return joined("; ".join(said), f"; and {rest:,} more" if rest else None)


def _markets(report: ReconciliationReport) -> Markup | None:
    different_first = sorted(report.totals, key=agree)
    shown, rest = _capped(different_first, MOST_ROWS)
    columns = ("Market", "Executions", "Contracts", "Fees, dollars")
    return _section("Markets", _table(columns, map(_market_cells, shown), "markets"), _more(rest, "market"))


def _market_cells(one: SymbolTotals) -> Sequence[Content]:
    return (
        one.symbol,
        _both(one.our_count, one.their_count),
        _both(one.our_qty, one.their_qty),
        _both(one.our_fees, one.their_fees),
    )


def _both(ours: int | Decimal, theirs: int | Decimal) -> Markup:
    """Say what both sides agree on once, and what they do not twice."""
    if ours == theirs:
        return joined(_figure(ours))
    here = element("span", f"{_figure(ours)} here", class_="ours")
    return element("span", here, " ", element("span", f"{_figure(theirs)} there", class_="theirs"))


def _figure(value: int | Decimal) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,f}"


def _feeds(report: ReconciliationReport) -> Markup | None:
    columns = ("Feed", "Executions", "What it proves", "Notes")
    return _section("Feeds", _table(columns, map(_feed_cells, report.feeds), "feeds"))


def _feed_cells(feed: FeedResult) -> Sequence[Content]:
    shown, rest = _capped(feed.proofs, MOST_STRETCHES)
    proofs = (
        element("li", f"{', '.join(sorted(one.subjects))}: {stretch(one.period)}", class_="proof")
        for one in shown
    )
    proved: Content = element("ul", *proofs, class_="plain") if shown else "nothing"
    if feed.failure:
        proved = element("span", f"failed: {feed.failure}", class_="failure")
    return feed.name, f"{feed.executions:,}", joined(proved, _more(rest, "stretch")), "; ".join(feed.notes)


def _warnings(report: ReconciliationReport) -> Markup | None:
    shown, rest = _capped(report.warnings, MOST_ROWS)
    if not shown:
        return None
    warnings = (element("li", sentence(one)) for one in shown)
    return _section("Warnings", element("ul", *warnings), _more(rest, "warning"))


def _footer(report: ReconciliationReport) -> Markup:
    took = duration(report.ended_ns - report.started_ns)
    return element(
        "footer",
        element(
            "p",
            "Run ",
            element("code", report.run_id),
            ", begun ",
            _time(report.started_ns),
            f" UTC, took {took}.",
        ),
        element("p", f"fixgw {version('fixgw')}. All instants are UTC, prices in dollars of YES."),
    )


# -- parts --


def _section(title: str, *content: Content) -> Markup | None:
    made = joined(*content)
    return element("section", element("h2", title), made) if made else None


def _table(columns: Sequence[str], rows: Iterable[Sequence[Content]], kind: str) -> Markup | None:
    body = [
        element(
            "tr", *(element("td", cell, data_label=name) for name, cell in zip(columns, row, strict=True))
        )
        for row in rows
    ]
    if not body:
        return None
    head = element("thead", element("tr", *(element("th", name, scope="col") for name in columns)))
    return element("table", head, element("tbody", *body), class_=kind)


def _capped(found: Sequence[T], most: int) -> tuple[Sequence[T], int]:
    """Return what is shown, and how many are not."""
    return found[:most], max(len(found) - most, 0)


def _more(rest: int, what: str) -> Markup | None:
    return element("p", f"And {counted(rest, f'more {what}')}{LISTED}.", class_="more") if rest else None


def _time(utc_ns: int) -> Markup:
    return element("time", instant(utc_ns), datetime=rfc3339(utc_ns))


def _titled(text: str) -> str:
    return sentence(text).removesuffix(".")
