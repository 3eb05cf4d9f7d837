"""Asks for past ExecutionReports: a query on KalshiDC, or on KalshiNR between two orders.

Source: docs.kalshi.com/fix/drop-copy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from fixgw.errors import FieldError, LocalError, OutcomeUnknown, Rejected
from fixgw.fix.message import Message
from fixgw.fix.tags import REF_SEQ_NUM, TEXT
from fixgw.handlers.base import Client, Context
from fixgw.handlers.meanings import Meanings
from fixgw.venues.kalshi.exec_id import ExecID
from fixgw.venues.kalshi.messages import (
    BusinessMessageReject,
    EventResendComplete,
    EventResendReject,
    EventResendRequest,
    ExecutionReport,
)


class ResendRefused(Rejected):
    """The venue refused a query.

    Args:
        reject: the EventResendReject.
        meaning: what its reason means, and what to do.
    """

    def __init__(self, reject: EventResendReject, meaning: str) -> None:
        self.reason = reject.event_resend_reject_reason
        unknown = "the venue gave a reason that is not in its table"
        super().__init__(f"EventResendRejectReason(21004) {self.reason}", reject, meaning or unknown)


@dataclass(frozen=True, slots=True)
class Resent:
    """What a query brought.

    Args:
        reports: the ExecutionReports of the range, each once, in the order of their ExecIDs.
        announced: how many the venue says that it sent.
    """

    reports: tuple[ExecutionReport, ...]
    announced: int

    @property
    def complete(self) -> bool:
        """True when as many reports came as the venue says that it sent."""
        return len(self.reports) == self.announced


@dataclass(slots=True)
class _Query:
    """A query that waits for its end.

    Args:
        begin: the first ExecID.
        end: the last one, None for the newest.
        answer: done when the venue has said its last word.
    """

    begin: ExecID
    end: ExecID | None
    answer: asyncio.Future[Resent]
    ref_seq_num: int = 0
    reports: dict[ExecID, ExecutionReport] = field(default_factory=dict)

    def wants(self, exec_id: ExecID) -> bool:
        """Return true for an ExecID of the range; live reports come between those of a query."""
        if exec_id.exchange_index != self.begin.exchange_index:
            return False
        return self.begin <= exec_id and (self.end is None or exec_id <= self.end)

    def fail(self, error: Exception) -> None:
        """End with an error, unless it has ended."""
        if not self.answer.done():
            self.answer.set_exception(error)


class DropCopy(Client):
    """Queries of one session; nothing is kept over a restart.

    One query runs at a time, because reports do not say which query they answer.

    Args:
        meanings: what the venue's texts and codes mean.
    """

    name = "dropcopy"

    def __init__(self, meanings: Meanings) -> None:
        super().__init__()
        self._meanings = meanings
        self._turn = asyncio.Lock()
        self._query: _Query | None = None
        self._takers: dict[str, Callable[[_Query, Message], None]] = {
            "8": self._report,
            "U2": self._complete,
            "U3": self._refused,
            "j": self._business_reject,
        }

    async def query(
        self,
        begin: ExecID | str,
        end: ExecID | str | None = None,
        *,
        timeout: float = 30.0,  # noqa: ASYNC109
    ) -> Resent:
        """Ask for the reports from one ExecID to another, both included, of one exchange index.

        Args:
            begin: the first ExecID, at most three hours old.
            end: the last one; the newest of that index when None.
            timeout: seconds for the whole answer.

        Raises:
            ResendRefused: the venue refused, with its reason and what to do.
            Rejected: it refused the message itself.
            NotLoggedOn: the session is not up; nothing was sent.
            OutcomeUnknown: the link was lost or the answer did not come in time; ask again from the last
                report that is known.
            LocalError: an ExecID has no identity, or the range is none.
        """
        first, last = _identity(begin), None if end is None else _identity(end)
        if last is not None and (last.exchange_index != first.exchange_index or last < first):
            raise LocalError(f"{first} to {last} is no range: both are of one exchange index, in that order")
        async with self._turn:
            query = _Query(first, last, asyncio.get_running_loop().create_future())
            self._query = query
            try:
                return await self._ask(query, timeout)
            finally:
                self._query = None

    async def _ask(self, query: _Query, patience: float) -> Resent:
        end = None if query.end is None else str(query.end)
        query.ref_seq_num = self.port.send(
            EventResendRequest(begin_exec_id=str(query.begin), end_exec_id=end)
        )
        try:
            return await asyncio.wait_for(query.answer, patience)
        except TimeoutError:
            raise OutcomeUnknown(f"the drop copy did not end within {patience:g} s") from None

    # -- handlers.base.Book --

    def on_message(self, message: Message, context: Context) -> None:
        """Take in what answers the query that runs."""
        taker = self._takers.get(message.msg_type)
        if self._query is None or taker is None or context.reconciled:
            return
        try:
            taker(self._query, message)
        except FieldError as fault:
            self._query.fail(Rejected(f"an answer can not be read: {fault}", message))
            context.refuse(fault)

    def on_reject(self, reject: Message, ref_seq_num: int) -> None:
        """A Reject(3) of our query."""
        if self._query is not None and ref_seq_num == self._query.ref_seq_num:
            text = reject.text(TEXT) or "rejected by the session"
            self._query.fail(Rejected(text, reject, self._meanings.explain(reject)))

    def on_disconnect(self) -> None:
        """No further answer will come."""
        if self._query is not None:
            self._query.fail(OutcomeUnknown("the link was lost before the drop copy was complete"))

    def _report(self, query: _Query, message: Message) -> None:
        report = ExecutionReport.view(message)
        exec_id = ExecID.parse(report.exec_id)
        if exec_id is not None and query.wants(exec_id):
            query.reports[exec_id] = report

    def _complete(self, query: _Query, message: Message) -> None:
        complete = EventResendComplete.view(message)
        if complete.ref_seq_num == query.ref_seq_num and not query.answer.done():
            reports = tuple(query.reports[exec_id] for exec_id in sorted(query.reports))
            query.answer.set_result(Resent(reports, complete.resend_event_count))

    def _refused(self, query: _Query, message: Message) -> None:
        reject = EventResendReject.view(message)
        if reject.ref_seq_num == query.ref_seq_num:
            query.fail(ResendRefused(reject, self._meanings.explain(message)))

    def _business_reject(self, query: _Query, message: Message) -> None:
        if message.text(REF_SEQ_NUM) == str(query.ref_seq_num):
            reject = BusinessMessageReject.view(message)
            query.fail(
                Rejected(reject.text or "refused by the venue", reject, self._meanings.explain(message))
            )


def _identity(exec_id: ExecID | str) -> ExecID:
    found = ExecID.parse(exec_id) if isinstance(exec_id, str) else exec_id
    if found is None:
        raise LocalError(f"{exec_id!r} is no ExecID such as 104;1: pending reports have none")
    return found
