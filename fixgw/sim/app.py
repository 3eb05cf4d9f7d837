"""What the venue does with messages: requests go to the matching engine, its events to sessions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from fixgw.errors import Reject
from fixgw.fix import tags
from fixgw.fix.message import Message
from fixgw.handlers.base import SessionPort
from fixgw.sim import dialect, requests
from fixgw.sim.admission import Trading
from fixgw.sim.client import MASS_CANCEL_INTERVAL_NS, Client, VenuePort
from fixgw.sim.groups import GroupAction, OrderGroup
from fixgw.sim.kinds import SessionKind
from fixgw.sim.logon import LogonFlags
from fixgw.sim.market_data import Feed, TradingState
from fixgw.sim.matching import MatchingEngine
from fixgw.sim.orders import (
    CancelRejected,
    CancelRequest,
    EngineEvent,
    Order,
    Owner,
    Pending,
    ReplaceRequest,
)
from fixgw.sim.reports import render
from fixgw.sim.rfq_desk import RfqDesk
from fixgw.sim.settlement import Result, is_told, pages
from fixgw.sim.trail import trail

UNKNOWN_ID = 1  # BusinessRejectReason(380)
UNSUPPORTED_MESSAGE_TYPE = 3
NOT_AUTHORIZED = 6
RATE_LIMIT_EXCEEDED = 8
SETTLEMENT_PAGE = 100


class VenueApp:
    """The application of the venue.

    Args:
        engine: matches and keeps the ledger.
        settled: called after each matching cycle that the application has reported, and whatever may have
            set a timer.

    Attributes:
        rfq: requests for quote.
        settlement_page: accounts on one page of a MarketSettlementReport.
        feed: market data.
    """

    def __init__(self, engine: MatchingEngine, settled: Callable[[], None] = lambda: None) -> None:
        self.engine = engine
        self.clients: dict[str, Client] = {}
        self.settlement_page = SETTLEMENT_PAGE
        self.feed = Feed(engine.books)
        self._settled = settled
        self._handlers = {
            "D": self._new_order,
            "F": self._cancel,
            "G": self._replace,
            "q": self._mass_cancel,
            "U1": self._resend_events,
            "V": self._request_books,
            "e": self._request_state,
            "UOG": self._order_group,
        }
        self.rfq = RfqDesk(engine, self.clients, self.publish)

    def client(self, name: str, kind: SessionKind, account: str) -> Client:
        """Return the client of a session, made at the first call."""
        return self.clients.setdefault(name, Client(name, kind, account))

    def on_logon(self, port: VenuePort, logon: Message) -> None:
        """A session is up; its Logon was accepted."""
        client = self.clients[port.name]
        client.port = port
        client.flags = LogonFlags.of(logon)

    def on_message(self, port: SessionPort, message: Message) -> None:
        """Carry out a request.

        Raises:
            Reject: the message is not for this session, or malformed; it becomes 35=3 or 35=j.
        """
        client = self.clients[port.name]
        if message.msg_type not in client.kind.accepts:
            raise Reject(
                UNSUPPORTED_MESSAGE_TYPE,
                "unsupported message type",
                business=True,
                ref_id=message.text(tags.CL_ORD_ID),
            )
        if client.flags.listener_session:
            raise Reject(
                NOT_AUTHORIZED,
                "listener sessions are read-only",
                business=True,
                ref_id=message.text(tags.CL_ORD_ID),
            )
        dialect.check(message)
        now_ns = port.now().utc_ns
        if message.msg_type in self.rfq.handlers:
            self.rfq.handlers[message.msg_type](client, message, now_ns)
            self._settled()
        else:
            self._handlers[message.msg_type](client, message, now_ns)

    def on_disconnect(self, port: SessionPort) -> None:
        """A session is down, however it ended: CancelOrdersOnDisconnect(8013) takes effect."""
        client = self.clients[port.name]
        self.feed.leave(client.name)
        if client.held is not None:
            client.release()
        if client.flags.cancel_orders_on_disconnect:
            self.publish(self.engine.cancel_where(_entered_on(client), port.now().utc_ns))

    def publish(self, events: Sequence[EngineEvent]) -> None:
        """Report events of a cycle to the sessions that they concern: the order's own, listeners, readers."""
        for event in events:
            owner = _owner(event)
            for client in self.clients.values():
                if self._hears(client, owner):
                    report = render(event, client.flags)
                    if report is not None:
                        client.deliver(report)
        self.feed.tell(events)
        self._settled()

    def _hears(self, client: Client, owner: Owner) -> bool:
        """Tell whether reports of an owner's orders go to a session; what a quote trades goes to each."""
        if not client.kind.order_entry:
            return False
        sender = self.clients.get(owner.session)
        quoted = sender is not None and not sender.kind.order_entry
        shared = client.flags.listener_session or quoted
        return client.name == owner.session or (shared and client.account == owner.account)

    def close_market(self, symbol: str, now_ns: int) -> None:
        """Deactivate a market: its orders are cancelled, its requests for quote closed."""
        was_active = self.engine.books[symbol].active
        self._close(symbol, now_ns)
        if was_active:
            self.feed.tell_state(symbol, TradingState.HALTED)

    def reopen_market(self, symbol: str) -> None:
        """Activate a market that was closed; no order is left in it."""
        book = self.engine.books[symbol]
        if not book.active:
            book.active = True
            self.feed.tell_state(symbol, TradingState.RESUMED)

    def _close(self, symbol: str, now_ns: int) -> None:
        self.rfq.close_market(symbol)
        self.publish(self.engine.close_market(symbol, now_ns))

    def settle(self, symbol: str, result: Result, price: Decimal, now_ns: int) -> None:
        """Close a market, pay its positions out, and tell those who asked to be told; see ``Ledger.pay``."""
        self._close(symbol, now_ns)
        self.feed.tell_state(symbol, TradingState.DETERMINED)
        market = self.engine.ledger.pay(symbol, result, price, now_ns)
        for client in self.clients.values():
            told = [one for one in market.payouts if is_told(one.account, client.account)]
            if told and client.wants_settlements:
                for page in pages(market, told, self.settlement_page, self.engine.new_id):
                    client.deliver(page)
        self.feed.tell_state(symbol, TradingState.SETTLED)

    def _new_order(self, client: Client, message: Message, now_ns: int) -> None:
        terms = requests.new_order(message, client.owner, use_dollars=client.flags.use_dollars)
        if terms.quote is None:
            self.publish(self.engine.submit(terms, now_ns))
        else:
            self.publish(self.rfq.order(client, terms, message.text(requests.RFQ_ID), now_ns))

    def _cancel(self, client: Client, message: Message, now_ns: int) -> None:
        self.publish(self.engine.cancel(requests.cancel(message, client.owner), now_ns))

    def _replace(self, client: Client, message: Message, now_ns: int) -> None:
        request = requests.replace(message, client.owner, use_dollars=client.flags.use_dollars)
        self.publish(self.engine.replace(request, now_ns))

    def _mass_cancel(self, client: Client, message: Message, now_ns: int) -> None:
        """OrderMassCancelReport(r) first, then one report an order; at most one request a second."""
        request = requests.mass_cancel(message)
        if now_ns - client.mass_cancelled_ns < MASS_CANCEL_INTERVAL_NS:
            raise Reject(RATE_LIMIT_EXCEEDED, "rate limit exceeded", business=True, ref_id=request)
        client.mass_cancelled_ns = now_ns
        refused = self.engine.trading is Trading.EXCHANGE_PAUSED
        report = Message("r", [(11, request), (37, self.engine.new_id()), (531, "0" if refused else "6")])
        if refused:
            report.append(532, "99")
            report.append(58, self.engine.trading.value)
        client.deliver(report)
        if not refused:
            self.publish(self.engine.cancel_where(_entered_on(client), now_ns))

    def _order_group(self, client: Client, message: Message, now_ns: int) -> None:
        """OrderGroupResponse(UOH) first, then one report for each order that the group's end cancels."""
        request, groups = requests.order_group(message), self.engine.groups
        if request.action is GroupAction.CREATE:
            group = OrderGroup(self.engine.new_id(), client.account, request.subaccount, request.limit)
            groups.add(group)
        else:
            found = groups.find(client.account, request.subaccount, request.group_id)
            if found is None:
                raise Reject(UNKNOWN_ID, "ORDER_GROUP_NOT_FOUND", business=True, ref_id=request.group_id)
            group = found
        reply = Message("UOH", [(requests.ORDER_GROUP_ID, group.group_id)])
        if request.action.has_limit:
            group.limit = request.limit
            reply.append(requests.ORDER_GROUP_CONTRACTS_LIMIT, str(request.limit))
        reply.append(tags.ALLOC_ACCOUNT, group.subaccount)
        client.deliver(reply)
        self._carry_out(request.action, group, now_ns)

    def _carry_out(self, action: GroupAction, group: OrderGroup, now_ns: int) -> None:
        if action is GroupAction.RESET:
            group.reset()
        elif action in (GroupAction.DELETE, GroupAction.TRIGGER) or group.exceeded(now_ns):
            self.publish(self.engine.trigger(group, now_ns))
        if action is GroupAction.DELETE:
            self.engine.groups.remove(group)

    def _request_books(self, client: Client, message: Message, now_ns: int) -> None:
        reader = self.feed.reader(client.name, client.account, client.deliver)
        self.feed.request_books(reader, message, now_ns)

    def _request_state(self, client: Client, message: Message, now_ns: int) -> None:
        self.feed.request_state(self.feed.reader(client.name, client.account, client.deliver), message)

    def _resend_events(self, client: Client, message: Message, now_ns: int) -> None:
        for reply in trail(message, self.engine.ledger, client.account, client.flags, now_ns):
            client.deliver(reply)


def _entered_on(client: Client) -> Callable[[Order], bool]:
    return lambda order: order.terms.owner.session == client.name


def _owner(event: EngineEvent) -> Owner:
    """Who gets the report: the order's owner, or the sender of a refused request."""
    if isinstance(event, CancelRejected) or (isinstance(event, Pending) and event.request is not None):
        request: CancelRequest | ReplaceRequest | None = event.request
        assert request is not None
        return request.owner
    return event.order.terms.owner
