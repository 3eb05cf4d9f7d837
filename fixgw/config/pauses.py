"""What a session's settings and its venue's table say of pauses, as guards."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic_core import PydanticCustomError

from fixgw.config.hours import parse_time_zone, parse_windows
from fixgw.config.problems import Problem
from fixgw.config.resolve import Resolved
from fixgw.config.settings import Loaded
from fixgw.engine.schedule import Schedule
from fixgw.handlers.passage import Guard
from fixgw.safety.pauses import PauseGuard, Pauses, WindowGuard

# Venue, environment and the setting that sessions have to share to ask as one.
PausesKey = tuple[str, str, float]

_SECURITY_STATUS = "f"


def pause_guards(session: Resolved, known: dict[PausesKey, Pauses]) -> list[Guard]:
    """Return the guards of a session against pauses, none where they have nothing to do.

    Args:
        session: the session and its venue's facts.
        known: what the gateway's sessions know of pauses; what is missing is added.
    """
    settings, traffic = session.section.pauses, session.profile.traffic
    guards: list[Guard] = []
    sends = traffic.opens | traffic.cancels
    if session.profile.maintenance is not None and settings.window != "ignore" and session.kind.sends & sends:
        hold = settings.window == "hold"
        guards.append(WindowGuard(session.section.name, traffic, _hours(session), hold=hold))
    hears = bool(session.kind.sends & sends) or _SECURITY_STATUS in session.kind.receives
    if settings.hold and session.profile.pauses and hears:
        key = (session.section.venue, session.section.environment or "", settings.recheck_seconds)
        pauses = known.setdefault(key, Pauses(settings.recheck_seconds))
        guards.append(PauseGuard(pauses, traffic, session.profile.pauses))
    return guards


def maintenance(loaded: Loaded, session: Resolved) -> Iterator[Problem]:
    """The venue's window can be read; it is right unless the configuration has changed it."""
    try:
        if session.profile.maintenance is not None:
            _hours(session)
    except PydanticCustomError as error:
        path = ("venue_overrides", session.section.venue, "maintenance")
        told = error.context or {}
        yield loaded.problem(told["what"], path, told["remedy"])


def _hours(session: Resolved) -> Schedule:
    maintenance = session.profile.maintenance
    assert maintenance is not None
    windows = [window for text in maintenance.windows for window in parse_windows(text)]
    return Schedule(windows, parse_time_zone(maintenance.time_zone))
