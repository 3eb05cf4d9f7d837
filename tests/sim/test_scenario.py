"""A file says what a venue is, who is there and what happens: it is read, told off, and played."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from fixgw.config.problems import InvalidConfigError
from fixgw.engine.gateway import Gateway
from fixgw.errors import ConfigError, Held, NotLoggedOn, NotSent, Rejected
from fixgw.handlers.order import Ending, Order
from fixgw.messages.order_entry import Side
from fixgw.sim.admission import Trading
from fixgw.sim.compare import differences
from fixgw.sim.faults import Fault
from fixgw.sim.jumploop import JumpLoop
from fixgw.sim.orders import State
from fixgw.sim.participants import Participants
from fixgw.sim.product import Product
from fixgw.sim.scenario import ELSEWHERE, HAPPENINGS, Scenario, load_scenario
from fixgw.sim.sessions import memory_plans, memory_settings
from fixgw.sim.stage import ACTIONS, playing
from fixgw.sim.venue import SimSettings, Simulator
from fixgw.venues.kalshi.messages import NewOrderSingle
from fixgw.venues.kalshi.rest_errors import RestError
from tests.sim.rest import rest_of

EXAMPLES = Path(__file__).parents[2] / "examples" / "scenarios"
MARKET = "HIGHNY-26DEC31"


def written(directory: Path, text: str) -> Path:
    file = directory / "scenario.yaml"
    file.write_text(text)
    return file


def read(directory: Path, text: str) -> Scenario:
    return load_scenario(written(directory, text), SimSettings(directory))


def play(directory: Path, file: Path, act: Callable[[Simulator], Awaitable[None]]) -> Simulator:
    """Play a scenario in memory, on a loop whose time jumps; return the venue as it was left."""

    async def played() -> Simulator:
        base = memory_settings(directory)
        async with playing(load_scenario(file, base), base) as venue:
            await act(venue)
            return venue

    with asyncio.Runner(loop_factory=JumpLoop) as runner:
        return runner.run(played())


def waits(seconds: float) -> Callable[[Simulator], Awaitable[None]]:
    async def act(_: Simulator) -> None:
        await asyncio.sleep(seconds)

    return act


def plain(value: Any) -> Any:
    """Return a value as somebody writes it into a file."""
    if isinstance(value, Enum):
        return value.value if value.value in (value.name.lower(), value.name) else value.name.lower()
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {plain(key): plain(one) for key, one in value.items()}
    if isinstance(value, tuple | frozenset):
        return [plain(one) for one in value]
    return str(value) if isinstance(value, Decimal) else value


class TestReading:
    def test_what_the_simulator_can_be_told_can_be_written_down(self, tmp_path: Path) -> None:
        scenario = read(
            tmp_path,
            """
seed: 7
venue:
  markets: [{symbol: A, subpenny: true}]
  clients: [{name: desk, algorithm: rsa, account: alpha}]
  accounts: [{name: alpha, tier: premier, balances: {0: 12.5}}]
  quirks: {replaced_status: false, default_time_in_force: day}
faults: [{fault: delay, lasts: 250ms, key: desk}]
""",
        )
        settings = scenario.settings(SimSettings(tmp_path, host="::1"))
        assert (settings.host, settings.seed, settings.markets[0].subpenny) == ("::1", 7, True)
        assert settings.accounts[0].balances == {0: Decimal("12.5")}
        assert (settings.quirks.replaced_status, settings.quirks.default_time_in_force.name) == (False, "DAY")
        assert [(rule.fault, rule.lasts) for rule in settings.faults] == [(Fault.DELAY, 0.25)]

    def test_whatever_the_simulator_is_made_of_can_be_written_down_and_read_again(
        self, tmp_path: Path
    ) -> None:
        base = SimSettings(tmp_path)
        names = [field.name for field in fields(base) if field.name not in ELSEWHERE]
        said = {"venue": {name: plain(getattr(base, name)) for name in names}}
        scenario = read(tmp_path, json.dumps(said))
        assert set(scenario.venue) == set(names)
        assert scenario.settings(base) == base

    def test_a_price_of_a_perpetual_future_may_be_above_one(self, tmp_path: Path) -> None:
        text = """
venue: {product: margin, markets: [{symbol: P}]}
house: [{symbol: P, bid: 19.4, offer: 19.5, size: 1}]
"""
        scenario = read(tmp_path, text)
        assert scenario.settings(SimSettings(tmp_path)).product is Product.MARGIN
        assert scenario.house[0].offer == Decimal("19.5")

    def test_an_empty_file_changes_nothing(self, tmp_path: Path) -> None:
        base = SimSettings(tmp_path)
        assert read(tmp_path, "").settings(base) == base

    @pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.yaml")))
    def test_the_examples_are_sound(self, name: str, tmp_path: Path) -> None:
        scenario = load_scenario(EXAMPLES / name, SimSettings(tmp_path))
        assert scenario.house
        assert scenario.events or scenario.participants.makers

    @pytest.mark.parametrize(
        ("text", "what", "where"),
        [
            ("[1]", "the scenario holds no mapping", ":1"),
            ("venu: {}", "unknown setting 'venu'", ":1 venu"),
            ("venue: {ports: {}}", "unknown setting 'ports'", ":1 venue.ports"),
            ("venue: [1]", "'venue' can not be used: a mapping belongs here", ":1 venue"),
            ("venue: {quirks: {replaced: 1}}", "unknown setting 'replaced'", ":1 venue.quirks.replaced"),
            ("seed: x", "'seed' can not be used", ":1 seed"),
            ("house: [{symbol: X, bid: 0.4, offer: 0.5, size: 1}]", "no market 'X'", ":1 house[0].symbol"),
            (
                f"house: [{{symbol: {MARKET}, bid: 0.4, offer: 1.5, size: 1}}]",
                "a price of 1.5 is too much: a contract pays one dollar",
                ":1 house[0].offer",
            ),
            (
                f"events: [{{at: 1, order: {{symbol: {MARKET}, side: buy, price: 1, qty: 2}}}}]",
                "a price of 1 is too much",
                ":1 events[0].order.price",
            ),
            (
                f"house: [{{symbol: {MARKET}, bid: 0.5, offer: 0.5, size: 1}}]",
                "trade with itself",
                ":1 house[0]",
            ),
            (
                "participants: {rfq_quoters: [{name: q, bid: 0.6, offer: 0.5}]}",
                "bid is not",
                "rfq_quoters[0]",
            ),
            (
                "participants: {rfq_quoters: [{name: q}, {name: r}, {name: q}]}",
                "there are two rfq_quoters with the name 'q'",
                ":1 participants.rfq_quoters[2].name",
            ),
            (
                f"house: [{{symbol: {MARKET}, bid: 0.485, offer: 0.5, size: 1}}]",
                f"{MARKET} takes no price of 0.485",
                ":1 house[0].bid",
            ),
            (
                f"participants: {{makers: [{{name: m, symbol: {MARKET}, size: 1.001}}]}}",
                f"{MARKET} takes no quantity of 1.001",
                ":1 participants.makers[0].size",
            ),
            ("venue: {markets: [{symbol: A}, {symbol: A}]}", "two markets with the symbol 'A'", "markets[1]"),
            ("venue: {clients: [{name: ../x, algorithm: rsa, account: a}]}", "'name'", "clients[0].name"),
            ("events: [{at: 1, flush_quotes: false}]", "this one says 0", ":1 events[0]"),
            ("participants: {takers: [{name: t, symbol: X}]}", "no market 'X'", "takers[0].symbol"),
            ("participants: {rfq_quoters: [{name: q, answer: 3}]}", "'answer'", "rfq_quoters[0].answer"),
            ("events: [{at: 10x, flush_quotes: true}]", "'10x' is no duration", ":1 events[0].at"),
            ("events: [{at: 10s}]", "an event says one thing that happens, and this one says 0", "events[0]"),
            ("events: [{at: 1, cut: rsa, trading: open}]", "this one says 2", ":1 events[0]"),
            ("events: [{at: 1, every: 0, cut: rsa}]", "every is 0", ":1 events[0]"),
            ("events: [{at: 1, cut: nobody}]", "there is no API key 'nobody'", ":1 events[0].cut"),
            ("events: [{at: 1, trading: pause}]", "'pause' can not be used here", ":1 events[0].trading"),
            ("events: [{at: 1, settle: {symbol: X, result: scalar}}]", "a scalar result", "events[0].settle"),
            ("events: [{at: 1, close_market: X}]", "there is no market 'X'", ":1 events[0].close_market"),
            ("faults: [{fault: drop, key: nobody}]", "there is no API key 'nobody'", ":1 faults[0].key"),
            ("faults: [{fault: dorp}]", "'dorp' can not be used here", ":1 faults[0].fault"),
            ("faults: [{fault: delay}]", "a delay needs a time", ":1 faults[0]"),
            ("faults:\n- {fault: drop, probability: 2}", "'probability' can not be used", ":2 faults[0]"),
        ],
    )
    def test_a_mistake_is_told_with_its_place(self, text: str, what: str, where: str, tmp_path: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            read(tmp_path, text)
        assert what in caught.value.what
        assert where in caught.value.where
        assert caught.value.remedy

    def test_mistakes_of_both_parts_are_told_together(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidConfigError) as caught:
            read(tmp_path, "seed: x\nvenue: {fees: 3}")
        assert [problem.where.partition(":")[2] for problem in caught.value.problems] == [
            "1 seed",
            "2 venue.fees",
        ]

    def test_a_word_that_is_close_is_proposed(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            read(tmp_path, "events: [{at: 1, cut: ras}]")
        assert caught.value.remedy == "did you mean 'rsa'?"

    def test_whatever_an_event_can_say_happens(self) -> None:
        assert set(HAPPENINGS) == set(ACTIONS)

    def test_the_guide_names_everything_that_can_happen(self) -> None:
        guide = (EXAMPLES.parents[1] / "docs" / "how-to" / "script-the-venue.md").read_text()
        lists = [field.name for field in fields(Participants)]
        said = [f"`{name}: " for name in HAPPENINGS] + [f"| `{name}` |" for name in [*Fault, *lists]]
        assert [words for words in said if words not in guide] == []

    def test_the_guides_own_example_is_sound(self, tmp_path: Path) -> None:
        guide = (EXAMPLES.parents[1] / "docs" / "how-to" / "script-the-venue.md").read_text()
        assert read(tmp_path, guide.split("```yaml")[1].split("```")[0]).events


class TestEvents:
    def test_they_happen_at_their_instants(self, tmp_path: Path) -> None:
        seen: list[tuple[Trading, bool]] = []

        async def look(venue: Simulator) -> None:
            for _ in range(4):
                seen.append((venue.engine.trading, venue.engine.books[MARKET].active))
                await asyncio.sleep(1)

        text = f"""
events:
  - {{at: 2.5s, trading: open}}
  - {{at: 500ms, trading: paused}}
  - {{at: 1500ms, close_market: {MARKET}}}
"""
        play(tmp_path, written(tmp_path, text), look)
        assert seen == [
            (Trading.OPEN, True),
            (Trading.PAUSED, True),
            (Trading.PAUSED, False),
            (Trading.OPEN, False),
        ]

    def test_one_that_comes_again_and_again(self, tmp_path: Path) -> None:
        text = f"events: [{{at: 1s, every: 10s, order: {{symbol: {MARKET}, side: buy, price: 0.3, qty: 2}}}}]"
        venue = play(tmp_path, written(tmp_path, text), waits(35))
        assert len(venue.ledger.orders) == 4

    def test_a_settlement_pays(self, tmp_path: Path) -> None:
        text = f"""
house: [{{symbol: {MARKET}, bid: 0.4, offer: 0.6, size: 10}}]
participants: {{takers: [{{name: t, symbol: {MARKET}, rate: 1}}]}}
events: [{{at: 60s, settle: {{symbol: {MARKET}, result: no}}}}]
"""
        venue = play(tmp_path, written(tmp_path, text), waits(61))
        assert [market.symbol for market in venue.ledger.settlements] == [MARKET]

    def test_a_reopened_market_trades(self, tmp_path: Path) -> None:
        text = f"events: [{{at: 1, close_market: {MARKET}}}, {{at: 2, reopen_market: {MARKET}}}]"
        venue = play(tmp_path, written(tmp_path, text), waits(3))
        assert venue.engine.books[MARKET].active

    def test_one_that_can_not_happen_is_logged_and_the_rest_goes_on(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        text = f"""
events:
  - {{at: 1, close_market: {MARKET}}}
  - {{at: 2, settle: {{symbol: {MARKET}, result: yes}}}}
  - {{at: 3, trading: exchange_paused}}
"""
        with caplog.at_level(logging.INFO, "fixgw.sim"):
            venue = play(tmp_path, written(tmp_path, text), waits(4))
        assert venue.engine.trading is Trading.EXCHANGE_PAUSED
        assert [record.__dict__["event"] for record in caplog.records if record.name == "fixgw.sim"] == [
            "close_market",
            "settle",
            "trading",
        ]

    def test_what_concerns_one_desk_reaches_its_gateway(self, tmp_path: Path) -> None:
        told: list[str] = []

        async def trade(venue: Simulator) -> None:
            plans = memory_plans(venue, {"orders": ("orders-nr", "desk")})
            async with Gateway(plans, clock=venue.settings.clock) as gateway:
                await asyncio.sleep(0.5)
                order = await bid(gateway, "held")
                await asyncio.sleep(2)
                told.append(str(order.ending))
                await asyncio.sleep(2)
                told.append(str(order.ending))
                with pytest.raises(Rejected, match="INTERNAL_ERROR"):
                    await (await bid(gateway, "fails")).acknowledged(timeout=1)
                await asyncio.sleep(5)
                told.append(f"connections: {gateway.sessions[0].snapshot().connections}")

        text = """
venue: {clients: [{name: desk, algorithm: ed25519, account: alpha}]}
events:
  - {at: 100ms, pause_reports: desk}
  - {at: 3, resume_reports: desk}
  - {at: 3, fail_next: {failure: internal_error, msg_type: D, key: desk}}
  - {at: 5, refuse_logons: {count: 1}}
  - {at: 5, cut: desk}
"""
        play(tmp_path, written(tmp_path, text), trade)
        assert told == ["None", "acknowledged", "connections: 3"]

    def test_orders_are_refused_and_cancelled_in_the_words_of_the_file(self, tmp_path: Path) -> None:
        told: list[str] = []

        async def trade(venue: Simulator) -> None:
            plans = memory_plans(venue, {"orders": ("orders-nr", "desk")})
            async with Gateway(plans, clock=venue.settings.clock) as gateway:
                await asyncio.sleep(2)
                for name in ("refused", "cancelled"):
                    order = await bid(gateway, name)
                    await asyncio.sleep(2)
                    told.append(f"{order.state} {order.text}")

        text = """
venue: {clients: [{name: desk, algorithm: ed25519, account: alpha}]}
events:
  - {at: 1, refuse_next: {msg_type: D, text: INSUFFICIENT_BALANCE, code: 3, key: desk}}
  - {at: 5, raise_floor: {symbol: HIGHNY-26DEC31, floor: 0.98}}
"""
        play(tmp_path, written(tmp_path, text), trade)
        assert told == ["rejected INSUFFICIENT_BALANCE", "canceled SETTLEMENT_BOUNDS_CANCEL"]

    def test_the_rest_side_fails_and_is_well_again(self, tmp_path: Path) -> None:
        told: list[str] = []

        async def ask(venue: Simulator) -> None:
            rest = rest_of(venue, "desk", attempts=1)
            for _ in range(4):
                try:
                    await rest.balance()
                    told.append("well")
                except RestError as error:
                    told.append(str(error.status))
                await asyncio.sleep(10)

        text = """
venue: {clients: [{name: desk, algorithm: ed25519, account: alpha}]}
events:
  - {at: 5, rest: {down: true}}
  - {at: 15, rest: {statuses: [503]}}
  - {at: 25, rest: {}}
"""
        play(tmp_path, written(tmp_path, text), ask)
        assert told == ["well", "0", "503", "well"]

    def test_a_status_that_is_no_failure_is_told(self, tmp_path: Path) -> None:
        text = "events: [{at: 5, rest: {statuses: [200]}}]"
        with pytest.raises(ConfigError, match="200 is no status of a failure"):
            play(tmp_path, written(tmp_path, text), waits(1))


class TestParticipants:
    def test_makers_and_takers_trade(self, tmp_path: Path) -> None:
        text = f"""
participants:
  makers: [{{name: m, symbol: {MARKET}, rate: 1}}]
  takers: [{{name: t, symbol: {MARKET}, rate: 2}}]
"""
        venue = play(tmp_path, written(tmp_path, text), waits(60))
        trades = [one for one in venue.ledger.executions if type(one).__name__ == "Traded"]
        states = Counter(order.state for order in venue.ledger.orders.values())
        assert len(trades) > 50
        assert states[State.REJECTED] == 0
        assert states[State.OPEN] <= 2
        assert venue.ledger.positions["m", MARKET] == -venue.ledger.positions["t", MARKET]

    def test_quotes_are_asked_for_given_taken_and_executed(self, tmp_path: Path) -> None:
        text = f"""
participants:
  rfq_creators: [{{name: c, symbol: {MARKET}, rate: 0.1, size: 5, accept: 1}}]
  rfq_quoters: [{{name: q}}]
"""
        venue = play(tmp_path, written(tmp_path, text), waits(600))
        assert venue.ledger.positions["c", MARKET] == -venue.ledger.positions["q", MARKET]
        assert len([one for one in venue.ledger.executions if type(one).__name__ == "Traded"]) > 20

    def test_they_stop_with_the_venue(self, tmp_path: Path) -> None:
        text = f"participants: {{makers: [{{name: m, symbol: {MARKET}}}]}}"
        venue = play(tmp_path, written(tmp_path, text), waits(10))
        count = len(venue.ledger.orders)
        with asyncio.Runner(loop_factory=JumpLoop) as runner:
            runner.run(asyncio.sleep(60))
        assert len(venue.ledger.orders) == count


async def bid(gateway: Gateway, cl_ord_id: str) -> Order:
    new = NewOrderSingle(
        cl_ord_id=cl_ord_id, symbol=MARKET, side=Side.BUY, order_qty=Decimal(3), price=Decimal("0.49")
    )
    return await gateway.sessions[0].orders.submit(new)


async def trade_through(venue: Simulator) -> None:
    """Send an order a second through a rough day, whatever comes of each; then wait until all is known."""
    plans = memory_plans(venue, {"orders": ("orders-rt", "desk")})
    async with Gateway(plans, clock=venue.settings.clock) as gateway:
        for number in range(150):
            with suppress(NotSent, NotLoggedOn, Held):  # told at once, and safe to send again
                await bid(gateway, f"a{number}")
            await asyncio.sleep(1)
        await asyncio.sleep(120)
        snapshot = gateway.sessions[0].snapshot()
        assert snapshot.orders is not None
        assert snapshot.connections > 3
        wrong = differences(venue.ledger, f"KalshiRT/{venue.keys['desk'].key_id}", snapshot.orders.each)
        endings = Counter(order.ending for order in snapshot.orders.each)
        unknown = [order.cl_ord_id for order in snapshot.orders.each if order.ending is Ending.UNKNOWN]
        assert [line for line in wrong if line.partition(":")[0] not in unknown] == []
        assert len(unknown) <= 2  # those that were carried out though the venue said that nobody knows
        assert endings[Ending.ACKNOWLEDGED] > 100


class TestARoughDay:
    def rough_day(self, directory: Path, seed: int) -> Simulator:
        text = (EXAMPLES / "rough_day.yaml").read_text().replace("seed: 20261009", f"seed: {seed}")
        text = text.replace("name: desk, algorithm", "name: desk, key_id: desk-key, algorithm")
        directory.mkdir()
        return play(directory, written(directory, text), trade_through)

    def test_the_gateway_knows_in_the_end_what_the_venue_knows_and_the_day_can_be_repeated(
        self, tmp_path: Path
    ) -> None:
        first = self.rough_day(tmp_path / "first", 1)
        again = self.rough_day(tmp_path / "again", 1)
        assert {mishap.fault for mishap in first.log.mishaps} >= {"delay", "drop", "reject", "disconnect"}
        assert again.ledger.to_json() == first.ledger.to_json()

    def test_another_seed_brings_another_day(self, tmp_path: Path) -> None:
        days = [
            play(tmp_path, written(tmp_path, (EXAMPLES / "quiet_market.yaml").read_text() + extra), waits(20))
            for extra in ("", "\n# again", "")
        ]
        text = (EXAMPLES / "quiet_market.yaml").read_text().replace("seed: 1", "seed: 2")
        other = play(tmp_path, written(tmp_path, text), waits(20))
        assert len({day.ledger.to_json() for day in days}) == 1
        assert other.ledger.to_json() != days[0].ledger.to_json()
