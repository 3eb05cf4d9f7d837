"""One venue, one configuration, one tape, and as many processes as it takes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any

import fixgw
from fixgw.handlers.holdings import Holdings
from fixgw.handlers.order import Ending
from fixgw.sim.kinds import KINDS
from fixgw.sim.orders import Side
from fixgw.sim.sessions import write_sessions
from fixgw.sim.venue import Simulator
from fixgw.store.base import Sync
from tests.crash.judge import Case, Tape, run_name
from tests.crash.process import Orders, Process
from tests.crash.trader import MARKET, Death, Trader

CLIENT = "ed25519"  # the name of its key
PACE = 0.004  # mean seconds between two orders


class Kill(StrEnum):
    """Instants at which it is killed from outside."""

    HELD = "held"  # the venue has taken orders in and holds the reports back
    CUT = "cut"  # as held, then the connection was reset; the kill comes within half a second of that
    RANDOM = "random"  # within half a second of the first sign of life
    STARTING = "starting"  # within a second of its start


# Five of nine come between a submit and its report, whatever the others hit.
INSTANTS = (
    Kill.HELD,
    Death.COMMITTED,
    Kill.RANDOM,
    Death.SUBMITTED,
    Kill.CUT,
    Kill.HELD,
    Death.REPORTED,
    Death.SUBMITTED,
    Kill.STARTING,
)


@dataclass(frozen=True)
class Setup:
    """What is restarted again and again.

    Args:
        kind: of session.
        sync: what the tape is to survive.
        trader: the handler class.
        seed: of every decision.
    """

    kind: str
    sync: Sync
    trader: type[Trader]
    seed: int


class Campaign:
    """Kills and restarts `fixgw run` on one tape.

    Args:
        venue: the simulator.
        directory: for the configuration, the tape and the logs.
        setup: what runs.
    """

    def __init__(self, venue: Simulator, directory: Path, setup: Setup) -> None:
        self.venue = venue
        self.rng = Random(setup.seed)
        self.between = 0  # kills that came before the report of an order on the tape
        self.never_left: list[str] = []  # ClOrdIDs that were committed by a process that died on the spot
        self._kind = next(each for each in KINDS if each.name == setup.kind)
        self._key = venue.keys[CLIENT].key_id
        self._session = f"{self._kind.target_comp_id}/{self._key}"
        self._tape = directory / "tapes" / "desk"
        self._sync = setup.sync
        self._processes: list[Process] = []
        self._connections: list[int] = []
        self._file = write_sessions(venue, directory, {"desk": (setup.kind, CLIENT)})
        tape = '"kind": "tape"'
        text = self._file.read_text().replace(tape, f'{tape}, "sync": "{setup.sync.value}"')
        assert setup.sync.value in text
        self._plain = self._file.with_name("plain.yaml")
        self._plain.write_text(text)
        self._file.write_text(f"{text}    handlers: {{orders: trader:{setup.trader.__name__}}}\n")
        venue.make_market(MARKET, Decimal("0.47"), Decimal("0.53"), Decimal(5))

    async def crash(self, instant: Kill | Death) -> None:
        """Let one process trade and die at an instant, then let the market move without it."""
        dies = f"{instant}:{self.rng.randint(1, 20)}" if isinstance(instant, Death) else ""
        process = await self._start(PACE, dies)
        if instant is Kill.STARTING:
            await asyncio.sleep(self.rng.uniform(0, 1))  # an instant that nothing marks
        elif instant is Kill.RANDOM:
            await process.until(lambda: bool(process.lines))
            await asyncio.sleep(self.rng.uniform(0, 0.5))
        else:
            await process.recovered(self._settled)
            await self._approach(process, instant)
        process.kill()
        assert await process.ended() == -signal.SIGKILL, process.log.read_text()
        self._note(instant)
        self._move_the_market()

    async def stop(self, pace: float = PACE) -> None:
        """Let one process trade and come to a clean end, which leaves a checkpoint on the tape."""
        process = await self._start(pace)
        await process.recovered(self._settled)
        await process.until(lambda: not pace or len(process.told("submitted")) >= 10)
        assert await process.stop() == 0, process.log.read_text()

    async def verdict(self) -> list[str]:
        """Stop cleanly, start from the checkpoint, look, and hold everything together."""
        await self.stop()
        await self.stop(pace=0)
        self._note_connections()
        async with fixgw.load(self._plain) as gateway:
            return self._case(list(gateway.orders), gateway.positions).faults() + self._revived()

    async def close(self) -> None:
        """End what a failure has left behind."""
        for process in self._processes:
            process.kill()
            await process.ended()

    async def _start(self, pace: float, dies: str = "") -> Process:
        name = run_name(len(self._processes))
        if self._processes:
            self._note_connections()
        process = Process(self._file, Orders(name, self.rng.getrandbits(32), pace, dies))
        self._processes.append(process)
        await process.start()
        return process

    def _settled(self, view: dict[str, Any]) -> bool:
        """True when every order of the former processes has its ending."""
        own = self._processes[-1].orders.run
        open_endings = (None, Ending.UNKNOWN) if self._kind.retransmission else (None,)
        each: Sequence[dict[str, Any]] = view["orders"]["each"]
        return all(o["ending"] not in open_endings for o in each if not o["chain"][0].startswith(own))

    async def _approach(self, process: Process, instant: Kill | Death) -> None:
        """Bring a trading process to its instant."""
        if isinstance(instant, Death):
            process.arm()
            await process.ended()
            return
        self.venue.pause_reports(self._key)
        enough = len(self.venue.ledger.orders) + self.rng.randint(1, 15)
        await process.until(lambda: len(self.venue.ledger.orders) >= enough)
        if instant is Kill.CUT:
            self.venue.cut(self._key)
            await asyncio.sleep(self.rng.uniform(0, 0.5))

    def _note(self, instant: Kill | Death) -> None:
        own = self._processes[-1].orders.run
        tape = Tape.read(self._tape) if self._tape.exists() else Tape([], [], [], set())
        self.between += any(cl_ord_id.startswith(own) for cl_ord_id in tape.unanswered)
        if instant is Death.COMMITTED and self._sync is Sync.ALWAYS:
            self.never_left.append(tape.sent[-1])

    def _note_connections(self) -> None:
        link = self.venue.links.get(self._session)
        self._connections.append(0 if link is None else link.connections)

    def _move_the_market(self) -> None:
        """Trade against orders whose owner is away."""
        mine = [o for o in self.venue.engine.open_orders() if o.terms.owner.session == self._session]
        for order in self.rng.sample(mine, min(2, len(mine))):
            self.venue.fill(order.terms.cl_ord_id, Decimal(self.rng.randint(1, 5)))
        self.venue.quote(MARKET, self.rng.choice((Side.BUY, Side.SELL)), Decimal("0.50"), Decimal(3))

    def _case(self, orders: list[Any], positions: Holdings) -> Case:
        return Case(
            venue=self.venue,
            session=self._session,
            tape=Tape.read(self._tape),
            orders=orders,
            positions=positions,
            submitted=[name for process in self._processes for name in process.told("submitted")],
            handled={exec_id for process in self._processes for exec_id in process.told("report")},
            connections=self._connections,
            retransmission=self._kind.retransmission,
        )

    def _revived(self) -> list[str]:
        """Orders that had not left when their process died, and that the venue has all the same."""
        there = {order.terms.cl_ord_id for order in self.venue.ledger.orders.values()}
        return [f"{cl_ord_id} was revived" for cl_ord_id in self.never_left if cl_ord_id in there]
