"""Order groups: a limit on the contracts that fill in any 15 seconds.

Source: docs.kalshi.com/fix/order-groups.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from fixgw.errors import FieldError, LocalError, OutcomeUnknown, Rejected
from fixgw.fix.message import Message
from fixgw.fix.tags import REF_SEQ_NUM, TEXT
from fixgw.handlers.base import Client, Context
from fixgw.handlers.meanings import Meanings
from fixgw.venues.kalshi.messages import (
    BusinessMessageReject,
    OrderGroupAction,
    OrderGroupRequest,
    OrderGroupResponse,
)

MOST_CONTRACTS = 1_000_000
CANCELLING = frozenset({OrderGroupAction.TRIGGER, OrderGroupAction.DELETE})  # leave when nothing new does


@dataclass(frozen=True, slots=True)
class OrderGroup:
    """A group, as the venue last confirmed it; orders join by ``secondary_cl_ord_id=group.order_group_id``.

    Args:
        order_group_id: the venue's id.
        contracts_limit: contracts that may fill in any 15 seconds; more cancel all of the group's orders.
        alloc_account: the subaccount whose orders may join, ``"0"`` for the primary one.
    """

    order_group_id: str
    contracts_limit: int
    alloc_account: str = "0"


class OrderGroups(Client):
    """Makes, changes and ends order groups on one session; nothing is kept over a restart.

    One request runs at a time, because an answer does not say which request it answers.

    Args:
        meanings: what the venue's texts and codes mean.
        subaccounts: a group belongs to a subaccount; if not, none is named.
    """

    name = "order_groups"

    def __init__(self, meanings: Meanings, *, subaccounts: bool = True) -> None:
        super().__init__()
        self._meanings = meanings
        self._subaccounts = subaccounts
        self._turn = asyncio.Lock()
        self._answer: asyncio.Future[OrderGroupResponse] | None = None
        self._request_number = 0
        self._asked_id: str | None = None
        self._takers: dict[str, Callable[[Message], None]] = {
            "UOH": self._confirmed,
            "j": self._business_reject,
        }

    async def create(
        self,
        contracts_limit: int,
        *,
        alloc_account: str | None = None,
        timeout: float = 5.0,  # noqa: ASYNC109
    ) -> OrderGroup:
        """Make a group.

        Args:
            contracts_limit: 1 to 1,000,000 contracts in any 15 seconds.
            alloc_account: the subaccount; the primary one when None.
            timeout: seconds for the answer.

        Raises:
            Rejected: the venue refused, with its text.
            NotLoggedOn: the session is not up; nothing was sent.
            OutcomeUnknown: the link was lost or no answer came in time.
            LocalError: the limit is none, or a subaccount is named where groups belong to none.
        """
        if alloc_account is not None and not self._subaccounts:
            raise LocalError("order groups belong to no subaccount here: leave alloc_account out")
        request = self._with_limit(OrderGroupAction.CREATE, contracts_limit, None, alloc_account)
        made = await self._ask(request, None, timeout)
        return OrderGroup(made.order_group_id, contracts_limit, made.alloc_account or "0")

    async def update(self, group: OrderGroup, contracts_limit: int, *, timeout: float = 5.0) -> OrderGroup:  # noqa: ASYNC109
        """Give a group another limit; one below what has filled in the window triggers it at once.

        Args and errors as for ``create``.
        """
        request = self._with_limit(
            OrderGroupAction.UPDATE, contracts_limit, group.order_group_id, self._account(group)
        )
        await self._ask(request, group.order_group_id, timeout)
        return OrderGroup(group.order_group_id, contracts_limit, group.alloc_account)

    async def reset(self, group: OrderGroup, *, timeout: float = 5.0) -> None:  # noqa: ASYNC109
        """Let orders join a triggered group again, and count from nought; errors as for ``create``."""
        await self._act(OrderGroupAction.RESET, group, timeout)

    async def trigger(self, group: OrderGroup, *, timeout: float = 5.0) -> None:  # noqa: ASYNC109
        """Cancel all orders of a group now, and let none join until it is reset; errors as for ``create``."""
        await self._act(OrderGroupAction.TRIGGER, group, timeout)

    async def delete(self, group: OrderGroup, *, timeout: float = 5.0) -> None:  # noqa: ASYNC109
        """Cancel all orders of a group and forget it; errors as for ``create``."""
        await self._act(OrderGroupAction.DELETE, group, timeout)

    async def _act(self, action: OrderGroupAction, group: OrderGroup, patience: float) -> None:
        request = OrderGroupRequest(
            order_group_action=action,
            order_group_id=group.order_group_id,
            alloc_account=self._account(group),
        )
        await self._ask(request, group.order_group_id, patience)

    def _account(self, group: OrderGroup) -> str | None:
        return group.alloc_account if self._subaccounts else None

    @staticmethod
    def _with_limit(
        action: OrderGroupAction, contracts_limit: int, group_id: str | None, alloc_account: str | None
    ) -> OrderGroupRequest:
        if not 1 <= contracts_limit <= MOST_CONTRACTS:
            raise LocalError(f"a limit of {contracts_limit} contracts is none: 1 to {MOST_CONTRACTS:,}")
        return OrderGroupRequest(
            order_group_action=action,
            order_group_id=group_id,
            order_group_contracts_limit=contracts_limit,
            alloc_account=alloc_account,
        )

    async def _ask(
        self, request: OrderGroupRequest, group_id: str | None, patience: float
    ) -> OrderGroupResponse:
        async with self._turn:
            self._answer = asyncio.get_running_loop().create_future()
            self._asked_id = group_id
            try:
                urgent = request.order_group_action in CANCELLING
                self._request_number = self.port.send(request, urgent=urgent)
                return await asyncio.wait_for(self._answer, patience)
            except TimeoutError:
                raise OutcomeUnknown(f"no answer about the order group within {patience:g} s") from None
            finally:
                self._answer = None

    # -- handlers.base.Book --

    def on_message(self, message: Message, context: Context) -> None:
        """Take in what answers the request that runs."""
        taker = self._takers.get(message.msg_type)
        if self._answer is None or taker is None:
            return
        try:
            taker(message)
        except FieldError as fault:
            self._fail(Rejected(f"an answer can not be read: {fault}", message))
            context.refuse(fault)

    def on_reject(self, reject: Message, ref_seq_num: int) -> None:
        """A Reject(3) of our request."""
        if ref_seq_num == self._request_number:
            text = reject.text(TEXT) or "rejected by the session"
            self._fail(Rejected(text, reject, self._meanings.explain(reject)))

    def on_not_sent(self, msg_seq_num: int) -> None:
        """The request never reached the venue."""
        if msg_seq_num == self._request_number:
            self._fail(OutcomeUnknown("the request about the order group did not leave in time"))

    def on_disconnect(self) -> None:
        """No answer will come."""
        self._fail(OutcomeUnknown("the link was lost before an answer about the order group came"))

    def _confirmed(self, message: Message) -> None:
        response = OrderGroupResponse.view(message)
        answer = self._answer
        if answer is not None and not answer.done() and self._asked_id in (None, response.order_group_id):
            answer.set_result(response)

    def _business_reject(self, message: Message) -> None:
        if message.text(REF_SEQ_NUM) == str(self._request_number):
            reject = BusinessMessageReject.view(message)
            self._fail(
                Rejected(reject.text or "refused by the venue", reject, self._meanings.explain(message))
            )

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
