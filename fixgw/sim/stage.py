"""Plays a scenario: events at their instants, and participants that act."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fixgw.errors import FixError
from fixgw.sim.participants import Participant, seats
from fixgw.sim.scenario import FailNext, HouseOrder, RefuseNext, Scenario, Settle
from fixgw.sim.venue import SimSettings, Simulator

log = logging.getLogger("fixgw.sim")


@asynccontextmanager
async def playing(scenario: Scenario, base: SimSettings) -> AsyncIterator[Simulator]:
    """Run a simulator, and let happen in it what the scenario says.

    Args:
        scenario: what a file says.
        base: what it does not say.
    """
    async with Simulator(scenario.settings(base)) as venue:
        stage = _Stage(venue, scenario)
        stage.begin()
        try:
            yield venue
        finally:
            stage.end()


class _Stage:
    """Lets events happen, and participants act."""

    def __init__(self, venue: Simulator, scenario: Scenario) -> None:
        self._venue = venue
        self._house = scenario.house
        self._due = [(event.at, index, event) for index, event in enumerate(scenario.events)]
        self._participants: list[Participant] = seats(
            scenario.participants, venue.app, venue.settings.clock, scenario.seed
        )
        self._timer: asyncio.TimerHandle | None = None
        self._start = 0.0

    def begin(self) -> None:
        self._start = asyncio.get_running_loop().time()
        for quotes in self._house:
            self._venue.make_market(quotes.symbol, quotes.bid, quotes.offer, quotes.size)
        for participant in self._participants:
            participant.start()
        self._arm()

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for participant in self._participants:
            participant.stop()

    def _arm(self) -> None:
        self._due.sort(key=lambda item: item[:2])
        if self._due:
            at = self._start + self._due[0][0]
            self._timer = asyncio.get_running_loop().call_at(at, self._happen)

    def _happen(self) -> None:
        at, index, event = self._due.pop(0)
        if event.every is not None:
            self._due.append((at + event.every, index, event))
        for name, about in event.happenings:
            detail = {"event": name, "at_seconds": at}
            try:
                ACTIONS[name](self._venue, about)
                log.info("scenario", extra=detail)
            except FixError as error:
                log.error("an event of the scenario failed", extra={**detail, "error": str(error)})
        self._arm()


def _settle(venue: Simulator, settle: Settle) -> None:
    venue.settle_market(settle.symbol, settle.result, settle.price)


def _fail_next(venue: Simulator, wanted: FailNext) -> None:
    key_id = _key_id(venue, wanted.key) if wanted.key else ""
    venue.fail_next(wanted.failure, wanted.count, msg_type=wanted.msg_type, key_id=key_id)


def _refuse_next(venue: Simulator, wanted: RefuseNext) -> None:
    key_id = _key_id(venue, wanted.key) if wanted.key else ""
    venue.refuse_next(wanted.msg_type, wanted.text, wanted.code, count=wanted.count, key_id=key_id)


def _order(venue: Simulator, order: HouseOrder) -> None:
    venue.quote(order.symbol, order.side, order.price, order.qty)


# setting of an event -> what it does
ACTIONS: Mapping[str, Callable[[Simulator, Any], object]] = {
    "trading": lambda venue, trading: venue.pause(trading),
    "close_market": lambda venue, symbol: venue.close_market(symbol),
    "reopen_market": lambda venue, symbol: venue.reopen_market(symbol),
    "settle": _settle,
    "cut": lambda venue, key: venue.cut(_key_id(venue, key)),
    "pause_reports": lambda venue, key: venue.pause_reports(_key_id(venue, key)),
    "resume_reports": lambda venue, key: venue.resume_reports(_key_id(venue, key)),
    "flush_quotes": lambda venue, _: venue.flush_quotes(),
    "fail_next": _fail_next,
    "raise_floor": lambda venue, wanted: venue.raise_floor(wanted.symbol, wanted.floor),
    "refuse_next": _refuse_next,
    "refuse_logons": lambda venue, wanted: venue.refuse_logons(wanted.count, wanted.text),
    "fault": lambda venue, rule: venue.inject(rule),
    "rest": lambda venue, trouble: venue.rest.faults.begin(trouble),
    "order": _order,
}


def _key_id(venue: Simulator, key: str) -> str:
    """Return the id of an API key that is called by its name or its id."""
    return venue.keys[key].key_id if key in venue.keys else key
