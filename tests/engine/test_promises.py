"""Nothing is lost and nothing is invented: orders through broken networks, full disks and restarts."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from decimal import Decimal

import pytest

from fixgw.engine.settings import RetrySettings
from fixgw.errors import FixError
from fixgw.fix.message import Message
from fixgw.handlers.base import Context, SessionPort
from fixgw.handlers.order import Ending, OrderState
from tests.conftest import soak
from tests.engine.orders import answers, cancel_reject, new_order
from tests.engine.rig import Counterparty, Rig, joined, standing
from tests.engine.stores import FailingStore

SOON = RetrySettings(base_seconds=0.5, cap_seconds=1.0)


class Venue:
    """Takes every order once, and answers it at once, or as soon as it may and can."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.living: set[str] = set()  # the ClOrdIDs by which orders can be named
        self.owed: list[Message] = []
        self.silent = False

    def on_message(self, message: Message, ctx: Context) -> None:
        name, original = message.text(11) or "", message.text(41)
        self.seen[name] += 1
        if original is not None and original not in self.living:
            self.owed.append(cancel_reject(name, original, "ORDER_NOT_FOUND"))
        else:
            self.living.discard(original or "")
            if message.msg_type != "F":
                self.living.add(name)
            self.owed += answers(message)
        self.speak(ctx.session)

    def on_logon(self, ctx: Context) -> None:
        self.speak(ctx.session)

    def speak(self, session: SessionPort) -> None:
        while self.owed and not self.silent and session.active:
            session.send(self.owed.pop(0))


class Chaos:
    """One step after the other, drawn by chance."""

    def __init__(self, seed: int, store: FailingStore, venue: Venue, party: Counterparty) -> None:
        self.chance = random.Random(seed)
        self.store = store
        self.venue = venue
        self.party = party
        self.sent: list[str] = []

    async def run(self, rig: Rig, steps: int) -> None:
        """Trade through ``steps`` accidents, then let everything come to rest."""
        self.rig = rig
        acts = (
            [self.submit] * 6
            + [self.change] * 3
            + [self.cut, self.hush, self.fill_disk, self.pause, self.leave]
        )
        for _ in range(steps):
            await self.chance.choice(acts)()
            for _ in range(self.chance.randrange(6)):
                await asyncio.sleep(0)
        await self.rest()

    async def submit(self) -> None:
        name = f"o{len(self.sent)}"
        self.sent.append(name)
        try:
            await self.rig.gateway.orders.submit(new_order(cl_ord_id=name))
        except FixError:
            if self.rig.gateway.orders.get(name) is None:
                self.sent[-1] = ""  # refused on this side: it never was an order

    async def change(self) -> None:
        living = self.rig.gateway.orders.open
        if not living:
            return
        order = self.chance.choice(living)
        try:
            if self.chance.random() < 0.5:
                await self.rig.gateway.orders.cancel(order)
            else:
                await self.rig.gateway.orders.replace(order, order_qty=Decimal(self.chance.randrange(1, 9)))
        except FixError:
            return

    async def cut(self) -> None:
        self.rig.network.cut()

    async def hush(self) -> None:
        self.venue.silent = not self.venue.silent
        self.venue.speak(self.party.link)

    async def fill_disk(self) -> None:
        self.store.failing = True
        await asyncio.sleep(self.chance.random() * 0.2)
        await self.mend()

    async def pause(self) -> None:
        await asyncio.sleep(self.chance.random() * 40.0)

    async def leave(self) -> None:
        await self.rig.gateway.logout("us")
        await self.mend()

    async def mend(self) -> None:
        """Do what a person would."""
        self.store.failing = False
        if self.rig.us.supervisor.finished.is_set():
            await self.rig.gateway.logon("us")

    async def rest(self) -> None:
        """Let the venue say what it owes, and log on once more, so that each side learns what it lacks."""
        self.venue.silent = False
        await asyncio.sleep(1.0)
        await self.mend()
        await self.rig.us.logged_on()
        await self.rig.gateway.reconnect("us")
        await self.rig.us.logged_on()
        await asyncio.sleep(30.0)
        self.venue.speak(self.party.link)
        await asyncio.sleep(1.0)


@pytest.mark.parametrize("seed", range(soak(60)))
async def test_every_order_ends_as_the_venue_has_it(seed: int) -> None:
    random.seed(seed)  # the jitter of the supervisor
    venue, store = Venue(), FailingStore()
    async with standing(handler=venue, chunk_seed=seed) as (network, party):
        chaos = Chaos(seed, store, venue, party)
        for _ in range(3):  # three processes, one after the other, on one store
            async with joined(store=lambda: store, peer=(network, party), retry=SOON) as rig:
                await chaos.run(rig, 40)
                _check(rig, chaos)
    assert len(chaos.sent) > 20


def _check(rig: Rig, chaos: Chaos) -> None:
    ours, theirs = rig.link.session, chaos.party.link.session
    assert (ours.next_out, ours.next_in) == (theirs.next_in, theirs.next_out)
    assert set(chaos.venue.seen.values()) <= {1}
    assert rig.gateway.orders.in_flight == 0
    assert rig.gateway.orders.malformed == 0
    for name in filter(None, chaos.sent):
        order = rig.gateway.orders.get(name)
        assert order is not None
        expected = Ending.ACKNOWLEDGED if chaos.venue.seen[name] else Ending.NOT_SENT
        assert (name, order.ending) == (name, expected)
        assert (order.state is OrderState.NOT_SENT) == (expected is Ending.NOT_SENT)
        for request in order.pending.values():  # none is left over
            assert (request.cl_ord_id, request.ending) == ("", None)
