"""Gives a repair to whoever has the tapes: a running gateway, or the tapes themselves where nobody does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from fixgw.admin.client import AdminClient
from fixgw.clock import Clock
from fixgw.engine.gateway import Gateway
from fixgw.engine.reconciled import append_reports, read_reports
from fixgw.engine.settings import SessionPlan
from fixgw.errors import LocalError, StoreLocked
from fixgw.reconcile.repair import Batch
from fixgw.reconcile.synthesis import Fields

AT_ONCE = 25  # reports in one turn of a gateway
MOST_CHARACTERS = 32_000  # of them; the control socket takes 64 KiB
PUNCTUATION = 16  # around a value and its tag

Deliver: TypeAlias = Callable[[str, Batch], Awaitable[int]]


def to_gateway(gateway: Gateway) -> Deliver:
    """Return what applies to a gateway in this process."""

    async def deliver(run_id: str, batch: Batch) -> int:
        applied = 0
        for rows in _portions(batch):
            applied += await gateway.apply(batch.session, rows, run_id, batch.source)
            await asyncio.sleep(0)  # sessions go on meanwhile
        return applied

    return deliver


@dataclass(frozen=True, slots=True)
class Holder:
    """Applies to whoever holds the lock of a tape: nobody, or a gateway behind its control socket.

    Args:
        plans: the sessions, by name.
        socket: of the running gateway; None where its configuration names none.
        clock: stamps what is written without a gateway.
    """

    plans: Mapping[str, SessionPlan]
    socket: Path | None
    clock: Clock

    async def __call__(self, run_id: str, batch: Batch) -> int:
        """Apply one batch; return how many reports were new.

        Raises:
            FixError: the tape can not be written, or the gateway not be reached.
        """
        plan = self.plans[batch.session]
        try:
            reports = read_reports(batch.rows, run_id, batch.source)
            return await asyncio.to_thread(append_reports, plan, reports, self.clock)
        except StoreLocked as locked:
            if self.socket is None:
                raise LocalError(
                    f"{locked}: it could take the reports, but its configuration names no control socket: "
                    "add `admin.socket` and start it anew, or run this again while it is stopped"
                ) from None
        client = AdminClient(self.socket)
        return await asyncio.to_thread(_hand_over, client, run_id, batch)


def _hand_over(client: AdminClient, run_id: str, batch: Batch) -> int:
    applied = 0
    for rows in _portions(batch):
        answer = client.call(
            "apply",
            session=batch.session,
            run_id=run_id,
            source=batch.source,
            reports=[[list(pair) for pair in row] for row in rows],
        )
        applied += answer["applied"]
    return applied


def _portions(batch: Batch) -> Iterator[Sequence[Fields]]:
    portion: list[Fields] = []
    characters = 0
    for row in batch.rows:
        length = sum(len(value) + PUNCTUATION for _, value in row)
        if len(portion) == AT_ONCE or (portion and characters + length > MOST_CHARACTERS):
            yield portion
            portion, characters = [], 0
        portion.append(row)
        characters += length
    if portion:
        yield portion
