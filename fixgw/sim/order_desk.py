"""Orders and order groups: what sessions ask for, and what they are answered: docs.kalshi.com/fix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from fixgw.errors import Reject
from fixgw.fix import tags
from fixgw.fix.message import Message
from fixgw.sim import requests
from fixgw.sim.accounts import sees
from fixgw.sim.admission import CancelRefusal, OrderRefusal, Trading
from fixgw.sim.caps import CapLane
from fixgw.sim.client import MASS_CANCEL_INTERVAL_NS, Client
from fixgw.sim.failures import Failure, Failures, Refusal
from fixgw.sim.groups import GroupAction, OrderGroup
from fixgw.sim.matching import MatchingEngine
from fixgw.sim.orders import (
    CancelRejected,
    CancelRequest,
    CxlRejReason,
    EngineEvent,
    Order,
    OrdRejReason,
    Rejected,
    ReplaceRequest,
    State,
    Terms,
)
from fixgw.sim.product import EVENTS, ProductRules
from fixgw.sim.quirks import CancelScope
from fixgw.sim.rfq_desk import RfqDesk

UNKNOWN_ID = 1  # BusinessRejectReason(380)
NOT_AUTHORIZED = 6
RATE_LIMIT_EXCEEDED = 8

Handler: TypeAlias = Callable[[Client, Message, int], None]


@dataclass(frozen=True, slots=True)
class Veil:
    """A request whose sender is told that the exchange is not available, though it was carried out.

    Args:
        client: the sender; it hears nothing else of this matching cycle.
        told: what it hears.
    """

    client: Client
    told: Rejected | CancelRejected


class Publish(Protocol):
    """Reports the engine's events to those that they concern."""

    def __call__(self, events: Sequence[EngineEvent], veil: Veil | None = None) -> None:
        """Report events; one sender may be kept from knowing."""
        ...


class OrderDesk:
    """Carries orders, cancels and order groups from the sessions to the engine.

    Args:
        engine: carries them out.
        rfq: knows the quotes that orders accept.
        publish: reports what came of them.
        failures: requests that are to fail.
        rules: of the product that is traded.

    Attributes:
        handlers: by MsgType(35).
    """

    def __init__(
        self,
        engine: MatchingEngine,
        rfq: RfqDesk,
        publish: Publish,
        failures: Failures,
        rules: ProductRules = EVENTS,
    ) -> None:
        self.handlers: dict[str, Handler] = {
            "D": self._new_order,
            "F": self._cancel,
            "G": self._replace,
            "q": self._mass_cancel,
            "UOG": self._order_group,
        }
        self._failures = failures
        self._engine = engine
        self._caps = CapLane(engine)
        self._rfq = rfq
        self._publish = publish
        self._rules = rules

    def disconnected(self, client: Client, now_ns: int) -> None:
        """CancelOrdersOnDisconnect(8013) takes effect."""
        chosen = in_scope(client, self._engine.quirks.disconnect_scope)
        self._publish(self._engine.cancel_where(chosen, now_ns))

    def _new_order(self, client: Client, message: Message, now_ns: int) -> None:
        owner, barred = client.principal(message, self._engine.accounts)
        terms = requests.new_order(
            message,
            owner,
            use_dollars=client.flags.use_dollars,
            default=self._engine.quirks.default_time_in_force,
        )
        failure = self._failures.take(client.name, "D")
        refusal = self._order_refusal(client, terms, failure, barred, now_ns)
        if terms.quote is None:
            events = self._engine.submit(terms, now_ns, barred=refusal)
        else:
            rfq_id = message.text(requests.RFQ_ID)
            events = self._rfq.order(client, terms, rfq_id, now_ns, barred=refusal)
        self._keep_reserved(client, events)
        self._publish(events, self._veil(client, failure, lambda: self._unknown_order(terms, now_ns)))

    def _order_refusal(
        self, client: Client, terms: Terms, failure: Failure | Refusal | None, barred: str, now_ns: int
    ) -> OrderRefusal | None:
        """Why an order does not reach the exchange: it is to fail, or sender or cap do not allow it."""
        if failure is not None and not failure.applied:
            return OrdRejReason(failure.code), failure.text
        if barred:
            return OrdRejReason.UNKNOWN_ACCOUNT, barred
        return self._caps.refuse_order(terms, now_ns) if client.flags.use_cap_reservation else None

    def _keep_reserved(self, client: Client, events: Sequence[EngineEvent]) -> None:
        if client.flags.use_cap_reservation:
            self._caps.reserve(events)

    def _cancel(self, client: Client, message: Message, now_ns: int) -> None:
        owner, barred = client.principal(message, self._engine.accounts)
        request = requests.cancel(message, owner)
        failure = self._failures.take(client.name, "F")
        refusal = _refusal(failure, barred)
        veil = self._veil(client, failure, lambda: self._unknown_cancel(request, now_ns))
        self._publish(self._engine.cancel(request, now_ns, barred=refusal), veil)

    def _replace(self, client: Client, message: Message, now_ns: int) -> None:
        owner, barred = client.principal(message, self._engine.accounts)
        request = requests.replace(message, owner, use_dollars=client.flags.use_dollars)
        failure = self._failures.take(client.name, "G")
        refusal = _refusal(failure, barred) or self._cap_refusal(client, request, now_ns)
        veil = self._veil(client, failure, lambda: self._unknown_cancel(request, now_ns))
        events = self._engine.replace(request, now_ns, barred=refusal)
        self._keep_reserved(client, events)
        self._publish(events, veil)

    def _cap_refusal(self, client: Client, request: ReplaceRequest, now_ns: int) -> CancelRefusal | None:
        """Why a session with UseCapReservation(21032) may not amend so.

        Raises:
            Reject: it does not name OrderID(37).
        """
        if not client.flags.use_cap_reservation:
            return None
        if request.order_id is None:
            text = "OrderID(37) is required with UseCapReservation(21032)"
            raise Reject(requests.CONDITIONALLY_REQUIRED, text, business=True, ref_id=request.cl_ord_id)
        return self._caps.refuse_replace(client, request, now_ns)

    def _veil(
        self, client: Client, failure: Failure | Refusal | None, told: Callable[[], Rejected | CancelRejected]
    ) -> Veil | None:
        return Veil(client, told()) if failure is not None and failure.applied else None

    def _unknown_order(self, terms: Terms, now_ns: int) -> Rejected:
        order = replace(Order("", terms).snapshot(), order_id=self._engine.new_id(), state=State.REJECTED)
        return Rejected(now_ns, order, OrdRejReason.OTHER, Failure.APPLIED.text)

    def _unknown_cancel(self, request: CancelRequest | ReplaceRequest, now_ns: int) -> CancelRejected:
        order = self._engine.ledger.find(request.owner.session, request.orig_cl_ord_id)
        before = None if order is None else order.snapshot()
        return CancelRejected(now_ns, request, before, CxlRejReason.OTHER, Failure.APPLIED.text)

    def _mass_cancel(self, client: Client, message: Message, now_ns: int) -> None:
        """OrderMassCancelReport(r) first, then one report an order; at most one request a second."""
        request = requests.mass_cancel(message)
        if now_ns - client.mass_cancelled_ns < MASS_CANCEL_INTERVAL_NS:
            raise Reject(RATE_LIMIT_EXCEEDED, "rate limit exceeded", business=True, ref_id=request)
        client.mass_cancelled_ns = now_ns
        refused = self._engine.trading is Trading.EXCHANGE_PAUSED
        report = Message("r", [(11, request), (37, self._engine.new_id()), (531, "0" if refused else "6")])
        if refused:
            report.append(532, "99")
            report.append(58, self._engine.trading.value)
        client.deliver(report)
        if not refused:
            chosen = in_scope(client, self._engine.quirks.mass_cancel_scope)
            self._publish(self._engine.cancel_where(chosen, now_ns))

    def _order_group(self, client: Client, message: Message, now_ns: int) -> None:
        """OrderGroupResponse(UOH) first, then one report for each order that the group's end cancels."""
        request, groups = requests.order_group(message), self._engine.groups
        owner, barred = client.principal(message, self._engine.accounts)
        if barred:
            raise Reject(NOT_AUTHORIZED, barred, business=True, ref_id=request.group_id or None)
        index = request.named.exchange_index or 0
        if request.action is GroupAction.CREATE:
            group = OrderGroup(self._engine.new_id(), owner.holder, index, request.limit)
            groups.add(group)
        else:
            found = groups.find(owner.holder, index, request.group_id)
            if found is None:
                raise Reject(UNKNOWN_ID, "ORDER_GROUP_NOT_FOUND", business=True, ref_id=request.group_id)
            group = found
        if request.action.has_limit:
            group.limit = request.limit
        client.deliver(self._about(group, with_limit=request.action.has_limit))
        self._carry_out(request.action, group, now_ns)

    def _about(self, group: OrderGroup, *, with_limit: bool) -> Message:
        reply = Message("UOH", [(requests.ORDER_GROUP_ID, group.group_id)])
        if not self._rules.plain_groups:
            if with_limit:
                reply.append(requests.ORDER_GROUP_CONTRACTS_LIMIT, str(group.limit))
            reply.append(tags.ALLOC_ACCOUNT, str(group.holder.subaccount))
        return reply

    def _carry_out(self, action: GroupAction, group: OrderGroup, now_ns: int) -> None:
        if action is GroupAction.RESET:
            group.reset()
        elif action in (GroupAction.DELETE, GroupAction.TRIGGER) or group.exceeded(now_ns):
            self._publish(self._engine.trigger(group, now_ns))
        if action is GroupAction.DELETE:
            self._engine.groups.remove(group)


def _refusal(failure: Failure | Refusal | None, barred: str) -> CancelRefusal | None:
    """Why a cancel or replace is not carried out: because it is to fail, or its sender may not."""
    if failure is not None and not failure.applied:
        return CxlRejReason(failure.code), failure.text
    return (CxlRejReason.OTHER, barred) if barred else None


def in_scope(client: Client, scope: CancelScope) -> Callable[[Order], bool]:
    """Return which orders a mass cancel or the end of a connection cancels."""
    present = client.owner

    def chosen(order: Order) -> bool:
        owner = order.terms.owner
        if scope is CancelScope.ACCOUNT:
            return sees(owner.account, present.account)
        mine = owner.session == present.session
        return mine and (scope is CancelScope.SESSION or owner.connection == present.connection)

    return chosen
