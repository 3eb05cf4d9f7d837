"""The time line: when each session was connected, what it lost, and what nothing proves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fixgw.reconcile.model import Period, ReconciliationReport, SessionTimeline
from fixgw.reconcile.page.markup import Markup, element, joined
from fixgw.reconcile.words import counted, instant, stretch

FINEST = 0.004  # of the width: what is shorter is drawn so long, what lies closer is drawn as one
HEIGHT = 30
LEGEND = (
    ("connected", "connected"),
    ("away", "not connected"),
    ("lost", "reports were lost"),
    ("unproven", "not proven"),
    ("break", "a difference"),
)
PATTERNS = """\
<svg width="0" height="0" aria-hidden="true" class="patterns"><defs>
<pattern id="hatch-lost" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">\
<rect width="6" height="6" class="paper"/><rect width="3" height="6" class="stripe lost"/></pattern>
<pattern id="hatch-unproven" width="6" height="6" patternUnits="userSpaceOnUse" \
patternTransform="rotate(-45)">\
<rect width="6" height="6" class="paper"/><rect width="2" height="6" class="stripe unproven"/></pattern>
</defs></svg>"""


def timeline(report: ReconciliationReport) -> Markup | None:
    """Return a bar for each session, an axis and a legend; None where no session is known."""
    if not report.sessions:
        return None
    window = _window(report)
    rows = (_row(one, report, window) for one in report.sessions)
    legend = (element("li", _swatch(kind), text) for kind, text in LEGEND)
    return element(
        "figure",
        Markup(PATTERNS),
        *rows,
        _axis(window),
        element("ul", *legend, class_="legend"),
        class_="timeline",
    )


def _window(report: ReconciliationReport) -> Period:
    """Return what is drawn: the period, from the first thing that is known of it if it has no beginning."""
    begin, end = report.period
    if begin <= 0:
        known = [one.connected[0].begin_ns for one in report.sessions if one.connected]
        begin = min(known, default=end - 1)
    return Period(begin, max(end, begin + 1))


def _row(session: SessionTimeline, report: ReconciliationReport, window: Period) -> Markup:
    unproven = report.unproven.get(session.name, ())
    marks = [
        Period(one.utc_ns, one.utc_ns)
        for one in report.breaks
        if one.utc_ns is not None and one.session in (session.name, "")
    ]
    bars = joined(
        *_bars("connected", session.connected, window, 5, 20),
        *_bars("lost", session.lost, window, 5, 20),
        *_bars("unproven", unproven, window, 0, HEIGHT),
        *_bars("break", marks, window, 0, HEIGHT),
    )
    said = _spoken(session, unproven)
    picture = element("svg", bars, width="100%", height=str(HEIGHT), role="img", aria_label=said)
    again = "with retransmission" if session.retransmission else "without retransmission"
    name = element("div", element("b", session.name), " ", element("span", again), class_="session")
    return element("div", name, picture, element("p", said, class_="spoken"), class_="track")


def _spoken(session: SessionTimeline, unproven: Sequence[Period]) -> str:
    lost = ", ".join(map(stretch, session.lost[:3]))
    more = f" and {len(session.lost) - 3} more" if len(session.lost) > 3 else ""
    parts = [
        f"connected {counted(len(session.connected), 'time')}",
        f"lost reports {lost}{more}" if lost else "",
        f"{counted(len(unproven), 'stretch')} not proven" if unproven else "",
    ]
    return "; ".join(part for part in parts if part)


def _bars(kind: str, periods: Iterable[Period], window: Period, top: int, height: int) -> Iterator[Markup]:
    for begin, end in _merged(periods, window):
        yield element(
            "rect",
            x=f"{min(begin, 1 - FINEST) * 100:.2f}%",
            y=str(top),
            width=f"{max(end - begin, FINEST) * 100:.2f}%",
            height=str(height),
            class_=kind,
        )


def _merged(periods: Iterable[Period], window: Period) -> Iterator[tuple[float, float]]:
    """Yield where periods lie in the window, from 0 to 1; no more of them than can be told apart."""
    width = window.end_ns - window.begin_ns
    begin, end = None, 0.0
    for one in sorted(periods):
        if one.end_ns < window.begin_ns or one.begin_ns > window.end_ns:
            continue
        left = max((one.begin_ns - window.begin_ns) / width, 0.0)
        right = min((one.end_ns - window.begin_ns) / width, 1.0)
        if begin is not None and left - end < FINEST:
            end = max(end, right)
            continue
        if begin is not None:
            yield begin, end
        begin, end = left, right
    if begin is not None:
        yield begin, end


def _axis(window: Period) -> Markup:
    middle = (window.begin_ns + window.end_ns) // 2
    ends = (window.begin_ns, middle, window.end_ns)
    return element("div", *(element("span", instant(one)[:16]) for one in ends), class_="axis")


def _swatch(kind: str) -> Markup:
    box = element("rect", width="100%", height="100%", class_=kind)
    return element("svg", box, width="18", height="12", aria_hidden="true")
