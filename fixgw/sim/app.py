"""What the venue does with messages: requests go to the matching engine, its events to sessions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from fixgw.errors import Reject
from fixgw.fix import tags
from fixgw.fix.message import Message
from fixgw.handlers.base import SessionPort
from fixgw.sim import dialect, requests
from fixgw.sim.accounts import sees
from fixgw.sim.client import Client, VenuePort
from fixgw.sim.failures import Failures
from fixgw.sim.kinds import SessionKind
from fixgw.sim.logon import LogonFlags
from fixgw.sim.market_data import Feed, TradingState
from fixgw.sim.matching import MatchingEngine
from fixgw.sim.order_desk import NOT_AUTHORIZED, RATE_LIMIT_EXCEEDED, OrderDesk, Veil
from fixgw.sim.orders import CancelRejected, CancelRequest, EngineEvent, Owner, Pending, ReplaceRequest
from fixgw.sim.product import EVENTS, ProductRules
from fixgw.sim.rates import PUBLISHED, Rates, RateSettings
from fixgw.sim.reports import render
from fixgw.sim.rfq_desk import RfqDesk
from fixgw.sim.settlement import Result, pages
from fixgw.sim.trail import ResendRefusal, refused, trail

INVALID_MSG_TYPE = 11  # SessionRejectReason(373)
UNSUPPORTED_MESSAGE_TYPE = 3  # BusinessRejectReason(380)
SETTLEMENT_PAGE = 100
NAMES = (tags.CL_ORD_ID, tags.QUOTE_ID, tags.QUOTE_REQ_ID, requests.ORDER_GROUP_ID)  # of a request


class VenueApp:
    """The application of the venue.

    Args:
        engine: matches and keeps the ledger.
        settled: called after each matching cycle that the application has reported, and whatever may have
            set a timer.
        rates: what messages cost.
        rules: of the product that is traded.

    Attributes:
        rfq: requests for quote.
        failures: requests that are to fail.
        settlement_page: accounts on one page of a MarketSettlementReport.
        feed: market data.
        rates: the budgets of all accounts.
    """

    def __init__(
        self,
        engine: MatchingEngine,
        settled: Callable[[], None] = lambda: None,
        rates: RateSettings = PUBLISHED,
        rules: ProductRules = EVENTS,
    ) -> None:
        self.engine = engine
        self.clients: dict[str, Client] = {}
        self.settlement_page = SETTLEMENT_PAGE
        self.feed = Feed(engine.books, rates.symbols_per_request, rates.subscriptions)
        self.failures = Failures()
        self.rfq = RfqDesk(engine, self.clients, self.publish, self.failures)
        self._settled = settled
        self._rules = rules
        self.rates = Rates(engine.accounts, rates, engine.quirks)
        self._orders = OrderDesk(engine, self.rfq, self.publish, self.failures, rules)
        self._handlers = {
            "U1": self._resend_events,
            "V": self._request_books,
            "e": self._request_state,
            **self._orders.handlers,
            **self.rfq.handlers,
        }

    def client(self, name: str, kind: SessionKind, account: str, subaccount: int | None = None) -> Client:
        """Return the client of a session, made at the first call."""
        return self.clients.setdefault(name, Client(name, kind, account, subaccount))

    def on_logon(self, port: VenuePort, logon: Message) -> None:
        """A session is up; its Logon was accepted."""
        client = self.clients[port.name]
        client.port = port
        client.flags = LogonFlags.of(logon, self._rules)

    def on_message(self, port: SessionPort, message: Message) -> None:
        """Carry out a request.

        Raises:
            Reject: the message is not for this session, or malformed, or one too many; it becomes 35=3 or
                35=j.
        """
        client = self.clients[port.name]
        self._check_permission(client, message)
        dialect.check(message, self._rules.absent)
        now_ns = port.now().utc_ns
        if not self.rates.admit(client.account, message, now_ns):
            if message.msg_type == "U1":
                client.deliver(refused(message, ResendRefusal.TOO_MANY_REQUESTS))
                return
            raise _refusal(RATE_LIMIT_EXCEEDED, "rate limit exceeded", message)
        self._handlers[message.msg_type](client, message, now_ns)
        if message.msg_type in self.rfq.handlers:
            self._settled()

    def _check_permission(self, client: Client, message: Message) -> None:
        if message.msg_type not in client.kind.accepts:
            if self.engine.quirks.wrong_session_by_reject:
                raise Reject(INVALID_MSG_TYPE, "Invalid MsgType")
            raise _refusal(UNSUPPORTED_MESSAGE_TYPE, "unsupported message type", message)
        if client.flags.listener_session:
            raise _refusal(NOT_AUTHORIZED, "listener sessions are read-only", message)

    def on_disconnect(self, port: SessionPort) -> None:
        """A session is down, however it ended: CancelOrdersOnDisconnect(8013) takes effect."""
        client = self.clients[port.name]
        self.feed.leave(client.name)
        if client.held is not None:
            client.release()
        if client.flags.cancel_orders_on_disconnect:
            self._orders.disconnected(client, port.now().utc_ns)

    def publish(self, events: Sequence[EngineEvent], veil: Veil | None = None) -> None:
        """Report events of a cycle to the sessions that they concern: the order's own, listeners, readers."""
        clients = list(self.clients.values())
        if veil is not None:
            self._report(veil.told, [veil.client])
        for event in events:
            self._report(event, [one for one in clients if veil is None or one is not veil.client])
        self.feed.tell(events)
        self._settled()

    def _report(self, event: EngineEvent, clients: Sequence[Client]) -> None:
        owner = _owner(event)
        for client in clients:
            if self._hears(client, owner):
                report = render(event, client.flags, self.engine.quirks)
                if report is not None:
                    client.deliver(report)

    def _hears(self, client: Client, owner: Owner) -> bool:
        """Tell whether reports of an owner's orders go to a session; what a quote trades goes to each."""
        if not client.kind.order_entry:
            return False
        if client.name == owner.session:
            return True
        sender = self.clients.get(owner.session)
        quoted = sender is not None and not sender.kind.order_entry and self.engine.quirks.maker_fills
        shared = client.flags.listener_session or quoted
        return shared and sees(owner.account, client.account)

    def close_market(self, symbol: str, now_ns: int) -> None:
        """Deactivate a market: its orders are cancelled, its requests for quote closed."""
        was_active = self.engine.books[symbol].active
        self._close(symbol, now_ns)
        if was_active:
            self.feed.tell_state(symbol, TradingState.HALTED)

    def reopen_market(self, symbol: str) -> None:
        """Activate a market that was closed and has not paid; no order is left in it."""
        book = self.engine.books[symbol]
        if not book.active and not book.settled:
            book.active = True
            self.feed.tell_state(symbol, TradingState.RESUMED)

    def _close(self, symbol: str, now_ns: int) -> None:
        self.rfq.close_market(symbol)
        self.publish(self.engine.close_market(symbol, now_ns))

    def settle(self, symbol: str, result: Result, price: Decimal, now_ns: int) -> None:
        """Close a market, pay its positions out, and tell those who asked to be told; see ``Ledger.pay``."""
        self._close(symbol, now_ns)
        self.engine.books[symbol].settled = True
        self.feed.tell_state(symbol, TradingState.DETERMINED)
        accounts = self.engine.accounts
        market = self.engine.ledger.pay(
            symbol, result, price, now_ns, lambda account: accounts.of(account).precision
        )
        for client in self.clients.values():
            told = [one for one in market.payouts if sees(one.account, client.account)]
            if told and client.wants_settlements:
                for page in pages(market, told, self.settlement_page, self.engine.new_id):
                    client.deliver(page)
        self.feed.tell_state(symbol, TradingState.SETTLED)

    def _request_books(self, client: Client, message: Message, now_ns: int) -> None:
        reader = self.feed.reader(client.name, client.account, client.deliver)
        self.feed.request_books(reader, message, now_ns)

    def _request_state(self, client: Client, message: Message, now_ns: int) -> None:
        self.feed.request_state(self.feed.reader(client.name, client.account, client.deliver), message)

    def _resend_events(self, client: Client, message: Message, now_ns: int) -> None:
        engine = self.engine
        if client.subaccount is not None or not engine.accounts.of(client.account).drop_copy:
            client.deliver(refused(message, ResendRefusal.NOT_ENABLED))
            return
        if self.failures.take(client.name, "U1") is not None:
            client.deliver(refused(message, ResendRefusal.SERVER_ERROR))
            return
        for reply in trail(message, engine.ledger, client.account, client.flags, now_ns, engine.quirks):
            client.deliver(reply)


def _refusal(reason: int, text: str, message: Message) -> Reject:
    ref_id = next((name for name in map(message.text, NAMES) if name), None)
    return Reject(reason, text, business=True, ref_id=ref_id)


def _owner(event: EngineEvent) -> Owner:
    """Who gets the report: the order's owner, or the sender of a refused request."""
    if isinstance(event, CancelRejected) or (isinstance(event, Pending) and event.request is not None):
        request: CancelRequest | ReplaceRequest | None = event.request
        assert request is not None
        return request.owner
    return event.order.terms.owner
