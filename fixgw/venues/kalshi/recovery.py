"""Finds out what became of orders of unknown outcome: asks for all reports since the last one that was heard.

Source: docs.kalshi.com/fix/drop-copy.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass

from fixgw.errors import LocalError, NotLoggedOn, OutcomeUnknown
from fixgw.fix.message import Message
from fixgw.fix.tags import EXEC_ID, LAST_MKT, TEXT
from fixgw.handlers.base import Client, Context
from fixgw.handlers.order import Request
from fixgw.venues.kalshi.dropcopy import DropCopy
from fixgw.venues.kalshi.exec_id import ExecID
from fixgw.venues.kalshi.messages import ExecutionReport

ANSWERS = frozenset({"8", "9"})
FIRST = (ExecID(0, 0, 0),)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What came of it.

    Args:
        reports: what the account did since the last report that was heard before the doubt began, each once,
            in the order of their ExecIDs; most of them were known.
        settled: the requests of which nothing was told: they never arrived, or were refused.
        unknown: those that were sent too recently to say so; ask again.
    """

    reports: tuple[ExecutionReport, ...]
    settled: tuple[Request, ...]
    unknown: tuple[Request, ...]


class Recovery(Client):
    """Brings the orders of one session up to date after a loss.

    It remembers the last report before the first loss that was not made good: the end of a connection, a gap,
    or the venue's own word that it does not know. A query tells of the whole account, so that the orders of
    its other sessions appear as ``foreign`` ones.

    Args:
        copy: asks on this session; None where the session may not.
        unknown_outcome_texts: values of Text(58) which mean that nobody knows.
        replays: the venue sends again what was missed, so that neither a gap nor the end of a connection
            loses anything.
    """

    name = "recovery"

    def __init__(
        self, copy: DropCopy | None, unknown_outcome_texts: Iterable[str], *, replays: bool = False
    ) -> None:
        super().__init__()
        self._copy = copy
        self._unknown_texts = frozenset(text.encode() for text in unknown_outcome_texts)
        self._replays = replays
        self._heard: dict[bytes | None, bytes] = {}  # LastMkt(30) -> ExecID(17)
        self._since: dict[int, ExecID] | None = None
        self._losses = 0
        self._turn = asyncio.Lock()

    @property
    def due(self) -> bool:
        """True when something may have passed unheard, or is of unknown outcome, until it was asked for."""
        return self._since is not None or bool(self.port.orders.doubtful)

    async def recover(
        self,
        copy: DropCopy | None = None,
        *,
        first: Iterable[ExecID] = FIRST,
        grace: float = 5.0,
        timeout: float = 30.0,  # noqa: ASYNC109
    ) -> Recovered:
        """Ask for what was not heard, bring the orders up to date, and settle those of unknown outcome.

        Reports that come on another session's query change the orders of this one, and nothing else that it
        has; the gateway's positions count them.

        Args:
            copy: asks on another session of the account, such as one on KalshiDC; on this one when None.
            first: from where to ask in each exchange index of which nothing was heard before.
            grace: seconds; what was sent less than that ago stays unknown, because the venue may still be
                at work on it.
            timeout: seconds for the answer of each exchange index.

        Raises:
            ResendRefused: the venue refused: the last report that was heard may be more than three hours old.
            Rejected: it refused the message itself.
            NotLoggedOn: the session is not up.
            OutcomeUnknown: the link was lost, or the answer did not come whole; nothing was settled.
            LocalError: this session may not ask, and no other one was named.
        """
        copy = copy or self._copy
        if copy is None:
            raise LocalError(
                f"{self.port.name}: this session can not ask for reports: name the DropCopy of another one"
            )
        async with self._turn:
            return await self._run(copy, first, grace, timeout)

    async def _run(self, copy: DropCopy, first: Iterable[ExecID], grace: float, patience: float) -> Recovered:
        if not self.port.active:
            raise NotLoggedOn(f"{self.port.name} is not logged on: recover when it is")
        orders, since, losses = self.port.orders, self._since, self._losses
        if since is None and not orders.doubtful:
            return Recovered((), (), ())
        asked_at = self.port.now().mono
        reports: list[ExecutionReport] = []
        for begin in ({one.exchange_index: one for one in first} | (since or {})).values():
            resent = await copy.query(begin, timeout=patience)
            if not resent.complete:
                text = f"{len(resent.reports)} of {resent.announced} reports came from {begin}: ask again"
                raise OutcomeUnknown(text)
            reports += resent.reports
        if copy is not self._copy:
            for report in reports:
                orders.on_message(report.message, Context(self.port, 0, reconciled=True))
        settled = orders.settle_untold(asked_at - grace)
        unknown = orders.doubtful
        if not unknown and losses == self._losses:
            self._since = None
        return Recovered(tuple(reports), tuple(settled), tuple(unknown))

    # -- handlers.base.Book --

    def on_message(self, message: Message, context: Context) -> None:
        """Note how far the venue has told, and when it says that it does not know."""
        if message.msg_type not in ANSWERS or context.reconciled:  # of those, some are older than others
            return
        index = message.index
        exec_id = index.get(EXEC_ID)
        if exec_id is not None and not exec_id.startswith(b"-"):
            self._heard[index.get(LAST_MKT)] = exec_id
        if index.get(TEXT) in self._unknown_texts:
            self._lost()

    def on_gap(self, first: int, last: int) -> None:
        """Reports are lost."""
        if not self._replays:
            self._lost()

    def on_disconnect(self) -> None:
        """What was on its way is lost, unless the venue sends it again."""
        if not self._replays:
            self._lost()

    def dump(self) -> bytes:
        """Return how far was told for a checkpoint."""
        marks = self._marks() if self._since is None else self._since
        plain = {"lost": self._since is not None, "marks": [str(mark) for mark in marks.values()]}
        return json.dumps(plain, separators=(",", ":")).encode()

    def load(self, blob: bytes) -> None:
        """Take what a checkpoint says."""
        plain = json.loads(blob)
        marks = [mark for mark in map(ExecID.parse, plain["marks"]) if mark is not None]
        self._heard = {str(mark.exchange_index).encode(): str(mark).encode() for mark in marks}
        if plain["lost"]:
            self._since = {mark.exchange_index: mark for mark in marks}

    # -- bookkeeping --

    def _lost(self) -> None:
        self._losses += 1
        if self._since is None:
            self._since = self._marks() or None  # with nothing heard there is nothing to begin from

    def _marks(self) -> dict[int, ExecID]:
        """Return the last ExecID that was heard of each exchange index."""
        found = [ExecID.parse(exec_id.decode("latin-1")) for exec_id in self._heard.values()]
        return {mark.exchange_index: mark for mark in sorted(filter(None, found))}
