"""What is done with two engines, step by step, and what has to hold after each step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import perf_counter

from interop.desk import Desk
from interop.peer import Peer, State
from interop.relay import Relay

STEP_SECONDS = 30.0
PAUSE = 0.02  # seconds between two looks
SOME = 100  # messages each way after an accident
GAP = 7
AGAIN = 300
ADMIN = 20  # of those, how many may be messages of the session, which are never sent again
AHEAD = 50


class Wrong(Exception):
    """A step did not end as it has to."""


@dataclass(frozen=True)
class Step:
    """What became of one step.

    Args:
        what: its name.
        seconds: how long it took.
        fault: what was wrong, or nothing.
    """

    what: str
    seconds: float
    fault: str = ""


@dataclass
class Scenario:
    """One run of fixgw against a peer.

    Args:
        desk: the fixgw end.
        peer: the other one.
        relay: the network between them.
        messages: how many go each way in the first step with traffic.
    """

    desk: Desk
    peer: Peer
    relay: Relay
    messages: int
    steps: list[Step] = field(default_factory=list)
    total: int = 0

    async def run(self) -> None:
        """Take all steps; the first that fails is the last."""
        plan: tuple[tuple[str, Callable[[], Awaitable[None]]], ...] = (
            ("logon", self.logged_on),
            (f"{self.messages} each way", lambda: self.traffic(self.messages)),
            ("peer skips numbers", self.peer_skips),
            ("peer asks again", self.peer_asks_again),
            ("logout, numbers go on", self.relogon),
            ("fixgw skips numbers", self.fixgw_skips),
            ("fixgw asks again", self.fixgw_asks_again),
            ("connection cut under load", self.cut),
            ("SequenceReset-Reset", self.reset_sequence),
            ("peer logs out, numbers go on", self.peer_logs_out),
            ("last logout, both ends agree", self.agree),
        )
        for what, step in plan:
            if not await self._take(what, step):
                return

    async def _take(self, what: str, step: Callable[[], Awaitable[None]]) -> bool:
        started = perf_counter()
        fault = ""
        try:
            async with asyncio.timeout(STEP_SECONDS):
                await step()
        except TimeoutError:
            fault = f"not done after {STEP_SECONDS:g} s: {await self._standing()}"
        except (Wrong, RuntimeError) as error:
            fault = f"{error}: {await self._standing()}"
        self.steps.append(Step(what, perf_counter() - started, fault))
        return not fault

    async def _standing(self) -> str:
        try:
            peer: object = await self.peer.state()
        except (RuntimeError, TimeoutError) as error:
            peer = error
        return f"fixgw {self.desk.ledger} {self.desk.snapshot.phase} {self.desk.rejects[:2]}, peer {peer}"

    # -- steps --

    async def logged_on(self) -> None:
        """Both ends say that the session is up."""
        await self.desk.link.became_active()
        await self._peer_is(active=True)

    async def traffic(self, count: int) -> None:
        """Both ends send at once; each has to have everything exactly once, in order."""
        await self.peer.do("send", first=self.total + 1, count=count)
        await self.desk.send(count)
        self.total += count
        await self.everything_arrived()

    async def everything_arrived(self) -> None:
        """Wait for the last message at both ends, then judge."""
        while (state := await self.peer.state()).received < self.total or self._missing():
            self._judge(state)
            await asyncio.sleep(PAUSE)
        self._judge(state)

    def _missing(self) -> bool:
        return self.desk.ledger.received < self.total

    def _judge(self, peer: State) -> None:
        ledger = self.desk.ledger
        expect(not ledger.twice and not peer.twice, "a message came twice without PossDupFlag")
        expect(not ledger.disordered and not peer.disordered, "a message is lost, or came too early")
        expect(not self.desk.rejects, "the peer rejected a message")
        most = max(ledger.received, peer.received)
        expect(most <= self.total, "more arrived than was sent")

    async def peer_skips(self) -> None:
        """Numbers of the peer are missing: fixgw asks, the peer fills the gap."""
        before = self._sent("2")
        await self.peer.do("skip", count=GAP)
        await self.traffic(SOME)
        expect(self._sent("2") > before, "fixgw did not ask for what was missing")

    async def peer_asks_again(self) -> None:
        """The peer expects old numbers: it asks, fixgw sends the same messages again."""
        before = (await self.peer.state()).repeated
        await self.peer.do("rewind", count=AGAIN)
        await self.traffic(SOME)
        repeated = (await self.peer.state()).repeated - before
        expect(AGAIN - ADMIN <= repeated <= AGAIN, f"of {AGAIN} messages {repeated} came again")

    async def relogon(self) -> None:
        """After a Logout the numbers go on."""
        await self._down_and_up(lambda: None)

    async def fixgw_skips(self) -> None:
        """Numbers of fixgw are missing: the peer asks, fixgw fills the gap."""
        before = self._received("2")
        await self._down_and_up(lambda: self.desk.shift(0, GAP))
        expect(self._received("2") > before, "the peer did not ask for what was missing")

    async def fixgw_asks_again(self) -> None:
        """fixgw expects old numbers: it asks, the peer sends the same messages again."""
        before = self.desk.ledger.repeated
        await self._down_and_up(lambda: self.desk.shift(-AGAIN, 0))
        repeated = self.desk.ledger.repeated - before
        expect(AGAIN - ADMIN <= repeated <= AGAIN, f"of {AGAIN} messages {repeated} came again")

    async def _down_and_up(self, change: Callable[[], None]) -> None:
        await self.desk.logout()
        numbers = self.desk.snapshot.next_in, self.desk.snapshot.next_out
        change()
        epoch = self.desk.snapshot.epoch
        self.desk.logon()
        await self.logged_on()
        await self.traffic(SOME)
        after = self.desk.snapshot
        expect(after.epoch == epoch, "the numbers began anew")
        expect(after.next_in > numbers[0] and after.next_out > numbers[1], "the numbers went back")

    async def cut(self) -> None:
        """The connection drops while both send: what was on the way comes again, once."""
        count = self.messages // 2
        connections = self.desk.link.connections
        await self.peer.do("send", first=self.total + 1, count=count)
        sending = asyncio.ensure_future(self.desk.send(count))
        self.total += count
        await until(lambda: self.desk.ledger.received >= self.total - count + count // 10, pause=0)
        self.relay.cut()
        await sending
        await self.everything_arrived()
        expect(self.desk.link.connections > connections, "the connection was not cut")

    async def reset_sequence(self) -> None:
        """The peer moves its number ahead without a gap fill."""
        before = self.desk.snapshot.next_in
        await self.peer.do("reset_sequence", ahead=AHEAD)
        await until(lambda: self.desk.snapshot.next_in >= before + AHEAD)
        await self.traffic(SOME)

    async def peer_logs_out(self) -> None:
        """A Logout of the peer is answered; afterwards the numbers go on."""
        connections = self.desk.link.connections
        await self.peer.do("logout")
        await until(lambda: not self.desk.link.connected or self.desk.link.connections > connections)
        await self.peer.do("logon")
        await until(lambda: self.desk.link.connections > connections)
        await self.logged_on()
        await self.traffic(SOME)

    async def agree(self) -> None:
        """Both ends expect what the other one will send next."""
        await self.desk.logout()
        state = await self._peer_is(active=False)
        own = self.desk.snapshot
        expect(
            (own.next_in, own.next_out) == (state.next_out, state.next_in),
            f"fixgw has {own.next_in} in, {own.next_out} out",
        )

    async def _peer_is(self, active: bool) -> State:
        while True:
            state = await self.peer.state()
            if state.active is active:
                return state
            await asyncio.sleep(PAUSE)

    def _sent(self, msg_type: str) -> int:
        return self.desk.snapshot.tally.sent.get(msg_type, 0)

    def _received(self, msg_type: str) -> int:
        return self.desk.snapshot.tally.received.get(msg_type, 0)


def expect(holds: bool, fault: str) -> None:
    """Raise ``Wrong`` unless it holds."""
    if not holds:
        raise Wrong(fault)


async def until(holds: Callable[[], bool], pause: float = PAUSE) -> None:
    """Wait until it holds; the caller has a deadline."""
    while not holds():  # noqa: ASYNC110 -- half of what is waited for is in another process
        await asyncio.sleep(pause)
