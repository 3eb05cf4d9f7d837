"""A scripted day at the venue: a file says who is there, what happens when, and what goes wrong.

What may stand under ``venue`` are the fields of ``SimSettings``, so whatever the simulator can be told can be
written down.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from fixgw.config.load import Document, SettingPath, read
from fixgw.config.problems import InvalidConfigError, Problem, raise_errors, suggest
from fixgw.config.records import read_fields, read_record, section_of
from fixgw.config.values import Count, Dollars, Duration, Quantity
from fixgw.errors import ConfigError
from fixgw.sim.admission import Trading
from fixgw.sim.book import CONTRACT, Book
from fixgw.sim.failures import OTHER, Failure, Planned, Refusal
from fixgw.sim.faults import FaultRule
from fixgw.sim.orders import Side
from fixgw.sim.participants import Participants
from fixgw.sim.product import RULES
from fixgw.sim.rest.faults import RestTrouble
from fixgw.sim.settlement import Result
from fixgw.sim.venue import SimSettings

# Settings that belong to whoever runs the venue, or have a place of their own in the file.
ELSEWHERE = frozenset({"state", "host", "ports", "tls", "network", "clock", "known_keys", "faults", "seed"})
PRICES = frozenset({"bid", "offer", "price"})
# lists under venue -> the setting that no two entries may share
NAMED = (("markets", "symbol"), ("clients", "name"), ("clients", "key_id"), ("accounts", "name"))
SYMBOLS = ("symbol", "close_market", "reopen_market")  # settings that name a market
KEYS = ("key", "cut", "pause_reports", "resume_reports")  # settings that name an API key


@dataclass(frozen=True, slots=True)
class HouseQuotes:
    """Prices that the house keeps on both sides of a market; what is taken whole is quoted again.

    Args:
        symbol: the market.
        bid: the price at which it buys YES, dollars.
        offer: the price at which it sells.
        size: contracts on each side.
    """

    symbol: str
    bid: Dollars
    offer: Dollars
    size: Quantity

    def __post_init__(self) -> None:
        if self.bid >= self.offer:
            raise ConfigError("the house would trade with itself", remedy="say a bid below the offer")


@dataclass(frozen=True, slots=True)
class HouseOrder:
    """One order of the house.

    Args:
        symbol: the market.
        side: ``buy`` or ``sell`` YES.
        price: YES price, dollars.
        qty: contracts.
    """

    symbol: str
    side: Side
    price: Dollars
    qty: Quantity


@dataclass(frozen=True, slots=True)
class Settle:
    """The end of a market.

    Args:
        symbol: the market.
        result: ``yes``, ``no`` or ``scalar``.
        price: what a YES contract pays when the result is scalar, dollars.
    """

    symbol: str
    result: Result
    price: Decimal | None = None

    def __post_init__(self) -> None:
        if (self.result is Result.SCALAR) is (self.price is None):
            raise ConfigError(
                "a scalar result needs a price, and no other has one", remedy="see result and price"
            )


@dataclass(frozen=True, slots=True)
class FailNext:
    """Requests that fail behind the venue's gateway.

    Args:
        failure: ``internal_error``, ``unavailable`` (not carried out) or ``applied`` (carried out, and the
            sender is told that nobody knows).
        count: how many.
        msg_type: D, F, G or U1; any of them when empty.
        key: the name or the id of the API key that sends them; any when empty.
    """

    failure: Failure
    count: Count = 1
    msg_type: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        Planned(self.failure, self.count, self.msg_type)  # or nothing of that kind fails


@dataclass(frozen=True, slots=True)
class RefuseNext:
    """Requests that the exchange refuses.

    Args:
        msg_type: D, F, G, R, S, Z, U7, UA or UE.
        text: Text(58) of the answer.
        code: OrdRejReason(103), CxlRejReason(102) or QuoteRequestRejectReason(658), where the answer has one.
        count: how many.
        key: the name or the id of the API key that sends them; any when empty.
    """

    msg_type: str
    text: str
    code: int = OTHER
    count: Count = 1
    key: str = ""

    def __post_init__(self) -> None:
        Refusal(self.msg_type, self.text, self.code)  # or there is no such answer


@dataclass(frozen=True, slots=True)
class RaiseFloor:
    """A settlement floor that is raised.

    Args:
        symbol: the market.
        floor: what a YES contract will pay at least, dollars.
    """

    symbol: str
    floor: Dollars


@dataclass(frozen=True, slots=True)
class RefuseLogons:
    """Logons that are refused, whosever they are.

    Args:
        count: how many.
        text: Text(58) of the Logout.
    """

    count: Count = 1
    text: str = "FIX logon service busy; retry with backoff"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens at an instant.

    Args:
        at: seconds from the venue's start.
        every: seconds after which it happens again, and again; left out: it happens once.
        trading: ``paused``, ``exchange_paused`` or ``open``.
        close_market: deactivate a market.
        reopen_market: activate a market that was closed.
        settle: determine a market and pay it out.
        cut: reset the connections of an API key, by its name or id.
        pause_reports: hold back the reports to an API key's sessions.
        resume_reports: send what was held back.
        flush_quotes: forget every pending quote without a word.
        raise_floor: raise the settlement floor of a market.
        fail_next: let the next requests fail.
        refuse_next: let the exchange refuse the next requests.
        refuse_logons: refuse the next Logons.
        fault: let a fault happen from now on.
        rest: let this be wrong at the REST side from now on.
        order: let the house enter an order.
    """

    at: Duration
    every: Duration | None = None
    trading: Trading | None = None
    close_market: str | None = None
    reopen_market: str | None = None
    settle: Settle | None = None
    cut: str | None = None
    pause_reports: str | None = None
    resume_reports: str | None = None
    flush_quotes: bool | None = None
    raise_floor: RaiseFloor | None = None
    fail_next: FailNext | None = None
    refuse_next: RefuseNext | None = None
    refuse_logons: RefuseLogons | None = None
    fault: FaultRule | None = None
    rest: RestTrouble | None = None
    order: HouseOrder | None = None

    def __post_init__(self) -> None:
        if len(self.happenings) != 1:
            raise ConfigError(
                f"an event says one thing that happens, and this one says {len(self.happenings)}",
                remedy=f"beside at and every, say one of: {', '.join(sorted(HAPPENINGS))}",
            )
        if self.every == 0:
            raise ConfigError("every is 0", remedy="say how long it is until it happens again")

    @property
    def happenings(self) -> list[tuple[str, Any]]:
        """What the event says that happens, and to whom."""
        said = [(name, getattr(self, name)) for name in HAPPENINGS]
        return [(name, about) for name, about in said if about is not None and about is not False]


HAPPENINGS = tuple(one.name for one in fields(Event) if one.name not in ("at", "every"))


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a file says.

    Args:
        venue: settings of the simulator: markets, clients, accounts, quirks and so on.
        seed: what is left to chance comes out of it.
        house: prices that the house keeps.
        participants: who else is there.
        events: what happens when.
        faults: what goes wrong on the way to the clients and back.
    """

    venue: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    house: Sequence[HouseQuotes] = ()
    participants: Participants = field(default_factory=Participants)
    events: Sequence[Event] = ()
    faults: Sequence[FaultRule] = ()

    def settings(self, base: SimSettings) -> SimSettings:
        """Return what the simulator is made of.

        Args:
            base: what the file does not say.
        """
        return replace(base, **self.venue, faults=self.faults, seed=self.seed)


def load_scenario(path: Path, base: SimSettings) -> Scenario:
    """Read a scenario.

    Args:
        path: the YAML file.
        base: what the simulator is made of besides: its keys may be named in the file.

    Raises:
        ConfigError: the file can not be read, or is no YAML.
        InvalidConfigError: with every fault that was found in it, each with file, line and path.
    """
    document = read(path)
    if document.data is None:
        document.data = {}
    if not isinstance(document.data, dict):
        raise ConfigError("the scenario holds no mapping", f"{document.name}:1", "begin with `venue:`")
    scenario, venue = _both(document)
    scenario = replace(scenario, venue=venue)
    settings = scenario.settings(base)
    problems = (
        _unknown_names(document, settings),
        _namesakes(document),
        _impossible(document, scenario, settings),
    )
    raise_errors([one for found in problems for one in found])
    return scenario


def scenario_schema() -> dict[str, Any]:
    """Return the JSON schema of a scenario's file."""
    schema = section_of(Scenario).model_json_schema()
    venue = section_of(SimSettings, ELSEWHERE).model_json_schema()
    schema["$defs"].update(venue.pop("$defs"))
    schema["properties"]["venue"] = venue
    return schema


def _both(document: Document) -> tuple[Scenario, dict[str, Any]]:
    """Read the file's own part and the venue's, and tell the faults of both together."""
    problems: list[Problem] = []
    scenario, venue = Scenario(), {}
    try:
        scenario = read_record(document, Scenario)
    except InvalidConfigError as error:
        problems += error.problems
    if isinstance(document.data.get("venue"), dict):
        try:
            venue = read_fields(document, SimSettings, ("venue",), ELSEWHERE)
        except InvalidConfigError as error:
            problems += error.problems
    raise_errors(problems)
    return scenario, venue


def _unknown_names(document: Document, settings: SimSettings) -> Iterator[Problem]:
    """Yield a problem for each market and API key that is named and is not there."""
    keys = {name for one in settings.clients for name in (one.name, one.key_id) if name}
    known = {
        "market": (SYMBOLS, {market.symbol for market in settings.markets}),
        "API key": (KEYS, keys | {one.key_id for one in settings.known_keys}),
    }
    said = {name: part for name, part in document.data.items() if name != "venue"}
    for path, value in _texts(said, ()):
        for what, (settings_of_it, there) in known.items():
            if path[-1] in settings_of_it and value not in there:
                yield Problem(f"there is no {what} {value!r}", document.where(path), _remedy(value, there))


def _namesakes(document: Document) -> Iterator[Problem]:
    """Yield a problem for each entry of a list whose name another one has."""
    participants = [("participants", group) for group in document.data.get("participants", ())]
    for lists, setting in ((participants, "name"), *(([("venue", part)], name) for part, name in NAMED)):
        seen: set[str] = set()
        for path in lists:
            for index, entry in enumerate(document.data.get(path[0], {}).get(path[1], ())):
                name = entry.get(setting)
                if name and name in seen:
                    what = f"there are two {path[1]} with the {setting} {name!r}"
                    yield Problem(what, document.where((*path, index, setting)), "give each one of its own")
                seen.add(name)


def _impossible(document: Document, scenario: Scenario, settings: SimSettings) -> Iterator[Problem]:
    """Yield a problem for each price and quantity that the market would refuse."""
    perpetual = RULES[settings.product].perpetual
    books = {
        market.symbol: Book(market.symbol, subpenny=market.subpenny, perpetual=perpetual)
        for market in settings.markets
    }
    for path, symbol, number in _numbers(scenario):
        if symbol in books:
            judge = _price_fault if path[-1] in PRICES else _quantity_fault
            fault = judge(books[symbol], number)
            if fault is not None:
                yield Problem(fault[0], document.where(path), fault[1])


def _price_fault(book: Book, price: Decimal) -> tuple[str, str] | None:
    if book.on_grid(price):
        return None
    if price >= 1 and not book.perpetual:
        what = f"a price of {price} is too much: a contract pays one dollar"
        return what, "say less than 1, or product: margin under venue"
    return f"{book.symbol} takes no price of {price}", f"say a multiple of {book.tick}"


def _quantity_fault(book: Book, qty: Decimal) -> tuple[str, str] | None:
    if book.is_size(qty):
        return None
    return (
        f"{book.symbol} takes no quantity of {qty}",
        f"say a multiple of {1 if book.perpetual else CONTRACT}",
    )


def _numbers(scenario: Scenario) -> Iterator[tuple[SettingPath, str, Decimal]]:
    """Yield every price and quantity that is said of a market, and where."""
    for index, quotes in enumerate(scenario.house):
        for name in ("bid", "offer", "size"):
            yield ("house", index, name), quotes.symbol, getattr(quotes, name)
    for index, event in enumerate(scenario.events):
        for name in ("price", "qty") if event.order is not None else ():
            assert event.order is not None
            yield ("events", index, "order", name), event.order.symbol, getattr(event.order, name)
    for group in ("makers", "rfq_creators"):
        for index, one in enumerate(getattr(scenario.participants, group)):
            yield ("participants", group, index, "size"), one.symbol, one.size


def _remedy(value: str, known: Collection[str]) -> str:
    return suggest(value, known) if known else "name one under venue"


def _texts(data: Any, path: SettingPath) -> Iterator[tuple[SettingPath, str]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        if isinstance(value, str) and value:
            yield (*path, key), value
        else:
            yield from _texts(value, (*path, key))
