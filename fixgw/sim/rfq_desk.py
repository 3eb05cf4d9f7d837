"""Requests for quote between sessions: who hears of what, and what executes.

Makers are the sessions on KalshiRFQ of all accounts but the creator's. What a maker's quote trades is
reported on the order-entry sessions of its account. Source: docs.kalshi.com/fix/rfq-messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TypeAlias

from fixgw.errors import FieldError
from fixgw.fix import tags
from fixgw.fix.message import Message
from fixgw.sim import requests, rfq_reports
from fixgw.sim.accounts import sees
from fixgw.sim.admission import OrderRefusal
from fixgw.sim.client import Client
from fixgw.sim.failures import Failures
from fixgw.sim.matching import MatchingEngine
from fixgw.sim.orders import Accepted, Cause, EngineEvent, Order, Side, State, Terms, TimeInForce
from fixgw.sim.quotes import Acceptance, Quote, QuoteState, Refused, RejectReason, Request
from fixgw.sim.rfq import CLOSED, EXPIRED, Rfqs

Handler: TypeAlias = Callable[[Client, Message, int], None]


class RfqDesk:
    """Carries requests, quotes and acceptances between the sessions.

    Args:
        engine: executes what was confirmed.
        clients: every session by name.
        publish: reports the engine's events to those that they concern.
        failures: requests that are to fail.

    Attributes:
        rfqs: what is open.
        handlers: by MsgType(35).
    """

    def __init__(
        self,
        engine: MatchingEngine,
        clients: Mapping[str, Client],
        publish: Callable[[list[EngineEvent]], None],
        failures: Failures,
    ) -> None:
        self.rfqs = Rfqs(engine)
        self.handlers: dict[str, Handler] = {
            "R": self._request,
            "UE": self._cancel_request,
            "S": self._quote,
            "Z": self._cancel_quote,
            "UA": self._accept,
            "U7": self._confirm,
        }
        self._engine = engine
        self._clients = clients
        self._publish = publish
        self._failures = failures

    def order(
        self,
        client: Client,
        terms: Terms,
        rfq_id: str | None,
        now_ns: int,
        *,
        barred: OrderRefusal | None = None,
    ) -> list[EngineEvent]:
        """Take in an order that accepts a quote: it is held until the quote executes.

        Args:
            client: who sent it.
            terms: the order.
            rfq_id: RfqId(21023); a check.
            now_ns: the instant, UTC nanoseconds.
            barred: why it can not be taken, whatever it says; None when it may.
        """
        refusal = self.rfqs.order_refusal(terms, rfq_id)
        events = self._engine.submit(terms, now_ns, refusal, barred=barred)
        for order in [self._engine.held[one.order.order_id] for one in events if isinstance(one, Accepted)]:
            qty = min(terms.qty, self.rfqs.size(self.rfqs.quotes[terms.quote or ""], terms.side))
            wanted = Acceptance(terms.quote or "", terms.owner, terms.side, qty=qty, order=order)
            self._tell_maker(self.rfqs.accept(wanted, now_ns))
        return events

    def run_due(self, now_ns: int) -> None:
        """Carry out what is due: executions, acceptances that were not confirmed, the end of requests."""
        for item in self.rfqs.due(now_ns):
            if isinstance(item, Request):
                self._end(item, rfq_reports.EXPIRED, EXPIRED)
            elif item.state is QuoteState.CONFIRMED:
                self._publish(self._execute(item, now_ns))
            elif item.state is QuoteState.ACCEPTED:
                self._void(item, now_ns)

    def close_market(self, symbol: str) -> None:
        """End the open requests of a market; nobody asked for it."""
        for request in [one for one in self.rfqs.requests.values() if one.ask.symbol == symbol and one.open]:
            self._end(request, rfq_reports.EXPIRED, CLOSED)

    def _request(self, client: Client, message: Message, now_ns: int) -> None:
        owner, barred = client.principal(message, self._engine.accounts)
        ask = requests.quote_request(message, owner)
        try:
            self._allow(client, message, barred)
            request, older = self.rfqs.open(ask, now_ns)
        except Refused as refusal:
            client.deliver(rfq_reports.refused_request(ask.quote_req_id, refusal))
            return
        for one in older:
            self._end(one, rfq_reports.EXPIRED, CLOSED)
        index = self._engine.books[request.ask.symbol].exchange_index
        client.deliver(rfq_reports.opened(request, index))
        for maker in self._makers(request):
            maker.deliver(rfq_reports.asked(request))

    def _cancel_request(self, client: Client, message: Message, now_ns: int) -> None:
        quote_req_id, rfq_id = message.text(tags.QUOTE_REQ_ID), message.text(requests.RFQ_ID)
        if quote_req_id is None and rfq_id is None:
            raise FieldError(tags.QUOTE_REQ_ID, 1, "Required tag missing, QuoteReqID(131)")
        owner, barred = client.principal(message, self._engine.accounts)
        try:
            self._allow(client, message, barred)
            request = self.rfqs.find(owner.account, rfq_id=rfq_id, quote_req_id=quote_req_id)
        except Refused as refusal:
            named = quote_req_id or rfq_id or ""
            client.deliver(rfq_reports.request_ended(named, rfq_id, rfq_reports.REJECTED, refusal.text))
            return
        self._end(request, rfq_reports.CANCELED, CLOSED)

    def _end(self, request: Request, status: str, text: str) -> None:
        """Close a request; RFQCancelStatus(UB) to its creator, QuoteRequestReject(AG) to the makers."""
        ask = request.ask
        self.rfqs.close(request)
        told = text if status == rfq_reports.EXPIRED else ""
        ended = rfq_reports.request_ended(ask.quote_req_id, request.rfq_id, status, told)
        self._clients[ask.owner.session].deliver(ended)
        self._withdraw(request, text)

    def _withdraw(self, request: Request, text: str) -> None:
        for maker in self._makers(request):
            maker.deliver(rfq_reports.withdrawn(request, text))

    def _quote(self, client: Client, message: Message, now_ns: int) -> None:
        owner, barred = client.principal(message, self._engine.accounts)
        offer = requests.quote(message, owner, use_dollars=client.flags.use_dollars)
        try:
            self._allow(client, message, barred)
            quote = self.rfqs.quote(offer, now_ns)
        except Refused as refusal:
            client.deliver(rfq_reports.quote_rejected(offer, refusal.text))
            return
        self._tell_maker(quote)
        creator = self._clients[quote.request.ask.owner.session]
        flags = rfq_reports.DOLLARS if self._engine.quirks.quotes_in_dollars else creator.flags
        creator.deliver(rfq_reports.offered(quote, self._sizes(quote), flags))

    def _cancel_quote(self, client: Client, message: Message, now_ns: int) -> None:
        """QuoteCancelStatus(U9) first, then QuoteStatusReport(AI): the venue's pages name either."""
        quote_id = message.text(tags.QUOTE_ID) or ""
        try:
            self._allow(client, message)
            quote = self.rfqs.cancel_quote(client.account, quote_id, message.text(requests.RFQ_ID))
        except Refused as refusal:
            client.deliver(rfq_reports.quote_canceled(quote_id, refusal.text))
            return
        client.deliver(rfq_reports.quote_canceled(quote_id))
        self._tell_maker(quote)

    def _accept(self, client: Client, message: Message, now_ns: int) -> None:
        owner, barred = client.principal(message, self._engine.accounts)
        wanted = requests.accept_quote(message, owner)
        try:
            self._allow(client, message, barred)
            quote = self.rfqs.accept(wanted, now_ns)
        except Refused as refusal:
            client.deliver(rfq_reports.acceptance(wanted, None, refusal.text))
            return
        client.deliver(rfq_reports.acceptance(wanted, quote))
        self._tell_maker(quote)

    def _confirm(self, client: Client, message: Message, now_ns: int) -> None:
        quote_id = message.text(tags.QUOTE_ID) or ""
        try:
            self._allow(client, message)
            self.rfqs.confirm(client.account, quote_id, message.text(requests.RFQ_ID), now_ns)
        except Refused as refusal:
            client.deliver(rfq_reports.quote_confirmed(quote_id, refusal.text))
            return
        client.deliver(rfq_reports.quote_confirmed(quote_id))

    def _void(self, quote: Quote, now_ns: int) -> None:
        """Nothing is published on who is told: the maker is, and an order that accepted is cancelled."""
        self.rfqs.void(quote)
        self._tell_maker(quote)
        held = quote.taken.order
        if held is not None:
            self._publish(self._engine.cancel_where(lambda one: one is held, now_ns, Cause.QUOTE_VOID))

    def _execute(self, quote: Quote, now_ns: int) -> list[EngineEvent]:
        """Let both orders into the book, the maker's first; what the maker does not leave there is cancelled.

        An order that accepted and was cancelled meanwhile leaves nothing to execute.
        """
        held, engine = quote.taken.order, self._engine
        if held is not None and held.state is not State.OPEN:
            self.rfqs.void(quote)
            self._tell_maker(quote)
            return []
        quote.state = QuoteState.EXECUTED
        self.rfqs.close(quote.request)
        self._withdraw(quote.request, CLOSED)
        maker, taker = self._terms(quote)
        events = engine.submit(maker, now_ns)
        events += engine.submit(taker, now_ns) if held is None else engine.release(held, now_ns)
        if not quote.offer.rest_remainder:
            events += engine.cancel_where(_is(maker), now_ns, Cause.IOC)
        return events

    def _terms(self, quote: Quote) -> tuple[Terms, Terms]:
        """The orders of maker and creator."""
        taken, ask, offer = quote.taken, quote.request.ask, quote.offer
        price = quote.price(taken.side)
        assert price is not None
        maker = Terms(
            cl_ord_id=offer.quote_id,
            owner=offer.owner,
            symbol=ask.symbol,
            side=taken.side.opposite,
            qty=taken.qty or self.rfqs.size(quote, taken.side),
            price=price,
            post_only=offer.post_only,
            echo=offer.echo,
        )
        taker = replace(
            maker,
            cl_ord_id=taken.cl_ord_id or self._engine.new_id(),
            owner=taken.owner,
            side=taken.side,
            time_in_force=TimeInForce.GTC if ask.rest_remainder else TimeInForce.IOC,
            post_only=False,
            echo=ask.echo,
        )
        return maker, taker

    def _tell_maker(self, quote: Quote) -> None:
        maker = self._clients[quote.offer.owner.session]
        of_maker = self._engine.quirks.accepted_side_of_maker
        maker.deliver(rfq_reports.quote_status(quote, self._sizes(quote), maker.flags, of_maker=of_maker))

    def _sizes(self, quote: Quote) -> dict[Side, Decimal]:
        return {side: self.rfqs.size(quote, side) for side in Side}

    def _allow(self, client: Client, message: Message, barred: str = "") -> None:
        """Refuse what its sender may not do, and what is to fail.

        Raises:
            Refused: with Text(58) and the reason.
        """
        if barred:
            raise Refused(barred)
        failure = self._failures.take(client.name, message.msg_type)
        if failure is not None:
            raise Refused(failure.text, RejectReason(str(failure.code)))

    def _makers(self, request: Request) -> Iterator[Client]:
        for client in self._clients.values():
            if "S" in client.kind.accepts and not sees(request.ask.owner.account, client.account):
                yield client


def _is(terms: Terms) -> Callable[[Order], bool]:
    return lambda order: order.terms is terms
