"""What both sides of a request for quote need: messages that wait for answers, and states one can await.

Source: docs.kalshi.com/fix/rfq-messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from enum import StrEnum
from typing import Generic, TypeVar

from fixgw.errors import OutcomeUnknown
from fixgw.fix.message import Message
from fixgw.fix.schema import TypedMessage
from fixgw.fix.tags import REF_SEQ_NUM, TEXT
from fixgw.handlers.base import Client
from fixgw.handlers.meanings import Meanings
from fixgw.handlers.order import Ending, Request

KEPT = 10_000
TAKEN_BACK = frozenset({"Z", "UE"})  # MsgTypes that also leave when nothing new does
GONE = frozenset({"NOT_FOUND", "EXPIRED"})  # Text(58) for a quote that no longer stands

S = TypeVar("S", bound=StrEnum)


class Waiting:
    """Requests by the id that their answers name; of several about one id, the oldest is answered first."""

    def __init__(self) -> None:
        self._by_name: dict[str, list[Request]] = {}

    def add(self, request: Request) -> Request:
        """Await an answer to a request, and return it."""
        self._by_name.setdefault(request.cl_ord_id, []).append(request)
        return request

    def next(self, name: str) -> Request | None:
        """Return the request that the next answer about an id is for."""
        return next((request for request in self._by_name.get(name, ()) if request.ending is None), None)

    def remove(self, request: Request) -> None:
        """Await it no more."""
        waiting = self._by_name[request.cl_ord_id]
        waiting.remove(request)
        if not waiting:
            del self._by_name[request.cl_ord_id]


class Life(Generic[S]):
    """A state that one can wait for.

    Args:
        state: the first one.

    Attributes:
        state: the present one.
        text: Text(58) of the message that brought it, if there was one.
    """

    def __init__(self, state: S) -> None:
        self.state = state
        self.text = ""
        self._waiters: list[asyncio.Future[None]] = []

    def move(self, state: S, text: str | None = None) -> None:
        """Set the state and wake whoever waits."""
        self.state = state
        self.text = text or self.text
        self.wake()

    def wake(self) -> None:
        """Let whoever waits look again."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def changed(self) -> None:
        """Wait for the next ``wake``."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    async def reached(self, states: Collection[S], timeout: float | None) -> S:  # noqa: ASYNC109
        """Wait until the state is one of these, and return it.

        Args:
            states: those that are waited for.
            timeout: seconds to wait.

        Raises:
            TimeoutError: it is none of them yet.
        """
        async with asyncio.timeout(timeout):
            while self.state not in states:
                await self.changed()
        return self.state


class Asking(Client):
    """A client whose messages wait for their answers; nothing is kept over a restart.

    Args:
        meanings: what the venue's texts and codes mean.
    """

    def __init__(self, meanings: Meanings) -> None:
        super().__init__()
        self._meanings = meanings
        self._asked: dict[int, tuple[Request, Callable[[Request], None]]] = {}

    def _ask(
        self, message: TypedMessage, name: str, ended: Callable[[Request], None] = lambda _: None
    ) -> Request:
        """Send, and return what waits for the answer.

        Args:
            message: what to send.
            name: the id by which it is known.
            ended: called with each ending.
        """
        msg_seq_num = self.port.send(message, urgent=message.MSG_TYPE in TAKEN_BACK)
        request = Request(message.MSG_TYPE, name, msg_seq_num)
        self._asked[request.msg_seq_num] = (request, ended)
        if len(self._asked) > KEPT:
            del self._asked[next(iter(self._asked))]
        return request

    def _answer(
        self, request: Request | None, ending: Ending, text: str = "", report: Message | None = None
    ) -> None:
        """Settle a request; one whose outcome is unknown may be settled later."""
        if request is None:
            return
        if ending is Ending.REFUSED and request.ending in (None, Ending.UNKNOWN) and report is not None:
            request.meaning = self._meanings.explain(report)
        if not request.settle(ending, text, report):
            return
        _, ended = self._asked.get(request.msg_seq_num, (None, None))
        if ending is not Ending.UNKNOWN:
            self._asked.pop(request.msg_seq_num, None)
        if ended is not None:
            ended(request)

    async def _answered(self, request: Request, patience: float) -> Message | None:
        try:
            return await request.acknowledged(patience)
        except TimeoutError:
            text = f"no answer to {request.msg_type} within {patience:g} s"
            raise OutcomeUnknown(text, request.cl_ord_id) from None

    # -- handlers.base.Book --

    def on_reject(self, reject: Message, ref_seq_num: int) -> None:
        """A Reject(3) of one of our messages."""
        self._refuse(ref_seq_num, reject.text(TEXT) or "rejected by the session", reject)

    def on_not_sent(self, msg_seq_num: int) -> None:
        """One of our messages never reached the venue."""
        found = self._asked.get(msg_seq_num)
        if found is not None:
            self._answer(found[0], Ending.NOT_SENT, "it never reached the venue")

    def on_disconnect(self) -> None:
        """Whatever was not answered has an unknown outcome."""
        for request, _ in list(self._asked.values()):
            self._answer(request, Ending.UNKNOWN, "the link was lost before an answer came")

    def on_reset(self, epoch: int, utc_ns: int) -> None:
        """Nothing of the former numbers is answered by number any more."""
        self._asked.clear()

    def _business_reject(self, message: Message) -> None:
        number = message.text(REF_SEQ_NUM) or ""
        if number.isdigit():
            self._refuse(int(number), message.text(TEXT) or "refused by the venue", message)

    def _refuse(self, number: int, text: str, message: Message) -> None:
        found = self._asked.get(number)
        if found is not None:
            self._answer(found[0], Ending.REFUSED, text, message)
