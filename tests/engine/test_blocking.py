"""The gateway of a program without asyncio: calls that wait, from any thread."""

# mypy: disable-error-code=comparison-overlap

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator, KeysView
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Self

import pytest

from fixgw.clock import SystemClock
from fixgw.engine.blocked import BlockingIterator
from fixgw.engine.blocking import BlockingGateway
from fixgw.engine.gateway import Gateway
from fixgw.engine.settings import RetrySettings, SessionPlan
from fixgw.errors import LocalError, NotAllowed, OutcomeUnknown, Rejected
from fixgw.fix.message import Message
from fixgw.handlers.arrivals import Arrivals
from fixgw.handlers.base import Client, Context
from fixgw.handlers.order import Ending, OrderState
from fixgw.transport.memory import MemoryNetwork
from fixgw.venues.kalshi.messages import OrderMassCancelRequest
from tests.engine.orders import Acknowledging, new_order, report
from tests.engine.rig import DIALECT, UNAVAILABLE, Counterparty, counterparty, plan_for


class Ticker(Client):
    """A client with everything that a client may have."""

    name = "ticker"

    def __init__(self) -> None:
        super().__init__()
        self.seen = [1, 2]
        self.by_name = {"a": self}
        self.shared = MappingProxyType(self.by_name)
        self._news: Arrivals[str] = Arrivals(10)

    def __len__(self) -> int:
        return len(self._news)

    def __contains__(self, word: str) -> bool:
        return word == "known"

    def __getitem__(self, key: str) -> Ticker:
        return self.by_name[key]

    def __aiter__(self) -> AsyncIterator[str]:
        return aiter(self._news)

    @property
    def on_the_loop(self) -> bool:
        return threading.current_thread().name == "fixgw loop"

    def tell(self, word: str) -> str:
        self._news.append(word)
        return f"{word} told on {threading.current_thread().name}"

    def later(self, loop_seconds: float, word: str) -> None:
        asyncio.get_running_loop().call_later(loop_seconds, self.tell, word)

    def names(self) -> KeysView[str]:
        return self.by_name.keys()

    def end(self) -> None:
        self._news.end()

    def kinds(self, names: list[object]) -> tuple[object, set[str]]:
        return names[0], {"a"}

    async def broken(self) -> AsyncIterator[str]:
        yield "one"
        raise TimeoutError("not ours")

    async def fail(self) -> None:
        await asyncio.sleep(0)
        raise Rejected("no")

    async def same(self, other: object) -> bool:
        return other is self

    async def words(self, count: int) -> AsyncIterator[str]:
        for number in range(count):
            yield f"word {number}"

    async def forever(self) -> None:
        await asyncio.Event().wait()


class Venue(Acknowledging):
    """A venue that lives on the gateway's loop; it takes mass cancels as well."""

    def __init__(self) -> None:
        super().__init__()
        self.network = MemoryNetwork()
        self.party: Counterparty | None = None

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        self.party = counterparty(SystemClock(), handler=self)
        listener = self.network.listen("them", self.party.reception.protocol)
        yield
        await listener.close()
        self.party.link.close()

    def on_message(self, message: Message, ctx: Context) -> None:
        super().on_message(message, ctx)
        if message.msg_type == "q":
            ctx.session.send(Message("r", [(11, message.text(11) or ""), (37, "M"), (531, "6")]))
            for cl_ord_id in self.ids():
                ctx.session.send(report(cl_ord_id, "4", leaves=0, order_id=f"V-{cl_ord_id}"))

    def report(self, cl_ord_id: str, exec_type: str = "0", text: str | None = None) -> None:
        assert self.party is not None
        self.party.link.send(report(cl_ord_id, exec_type, text=text))


class BesideVenue(Gateway):
    """A gateway whose venue comes before it and goes after it."""

    def __init__(self, venue: Venue, plan: SessionPlan, timeout: float, drain_timeout: float) -> None:
        super().__init__([plan], timeout=timeout, drain_timeout=drain_timeout)
        self._venue = venue
        self._serving = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._serving.enter_async_context(self._venue.serving())
        return await super().__aenter__()

    async def __aexit__(self, *details: object) -> None:
        await super().__aexit__(*details)
        await self._serving.aclose()


def made(
    venue: Venue,
    *,
    host: str = "them",
    handler: object | None = None,
    patience: float = 0.2,
    timeout: float = 5.0,
    **more: Any,
) -> Gateway:
    """Return a gateway that nothing has entered."""
    plan = plan_for(venue.network.connector(host), handler=handler)
    plan = replace(plan, **{"clients": lambda: [Ticker()], **more})
    return BesideVenue(venue, plan, timeout, patience)


@pytest.fixture
def venue() -> Venue:
    return Venue()


@contextmanager
def entered(venue: Venue, **more: Any) -> Iterator[BlockingGateway]:
    """Enter a gateway; its thread has to be gone afterwards."""
    with BlockingGateway(made(venue, **more)) as gateway:
        yield gateway
    assert "fixgw loop" not in [thread.name for thread in threading.enumerate()]


def test_an_order_over_its_life(venue: Venue) -> None:
    with entered(venue) as gateway:
        order = gateway.orders.submit(new_order())
        answer = order.acknowledged(timeout=5)
        assert answer is not None
        assert answer.text(150) == "0"
        assert (order.state, order.open, order.order_qty) == (OrderState.NEW, True, 10)
        change = order.replace(order_qty=Decimal(4))
        change.acknowledged(timeout=5)
        assert (order.order_qty, change.ending) == (4, Ending.ACKNOWLEDGED)
        gateway.orders.cancel(order).acknowledged(timeout=5)
        assert order.closed(timeout=5) is OrderState.CANCELED
        assert gateway.orders.get(order.cl_ord_id) == order
        assert gateway.orders.open == []
        assert [one.state for one in gateway.orders.snapshot()] == [OrderState.CANCELED]
        assert len({order, gateway.orders.get(order.cl_ord_id)}) == 1
        assert list(gateway.orders) == [order]
    assert venue.types == "DGF"


def test_errors_are_the_same_ones(venue: Venue) -> None:
    with entered(venue) as gateway:
        with pytest.raises(LocalError, match="no session is named 'other'"):
            gateway["other"]
        venue.answer = False
        order = gateway.orders.submit(new_order(cl_ord_id="a"))
        with pytest.raises(LocalError, match="ClOrdID a is in use"):
            gateway.orders.submit(new_order(cl_ord_id="a"))
        with pytest.raises(LocalError, match="no mass cancel"):
            gateway.orders.mass_cancel()
        with pytest.raises(LocalError, match="not answered yet"):
            order.retry()
        with pytest.raises(Rejected, match="no"):
            gateway.client(Ticker).fail()
        with pytest.raises(AttributeError):
            gateway.client(Ticker).nothing  # noqa: B018


def on_the_loop(gateway: BlockingGateway, function: Callable[..., object], *arguments: object) -> None:
    """Let something happen on the loop."""
    gateway._running.call(lambda: function(*arguments), lambda _: None)


def test_a_wait_that_takes_too_long_decides_nothing(venue: Venue) -> None:
    with entered(venue) as gateway:
        venue.answer = False
        order = gateway.orders.submit(new_order())
        with pytest.raises(TimeoutError):
            order.acknowledged(timeout=0.01)
        assert order.ending is None
        on_the_loop(gateway, venue.report, order.cl_ord_id)
        order.acknowledged(timeout=5)


def interrupt_soon() -> None:
    """Let Ctrl-C be pressed while the main thread waits."""
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(0.05, signal.pthread_kill, (main, signal.SIGINT)).start()


def test_an_interrupt_ends_the_wait_and_leaves_the_order(venue: Venue) -> None:
    with entered(venue) as gateway:
        venue.answer = False
        order = gateway.orders.submit(new_order())

        def wait() -> None:
            interrupt_soon()
            order.acknowledged()

        with pytest.raises(KeyboardInterrupt):
            wait()
        assert (order.ending, gateway.orders.in_flight) == (None, 1)
        on_the_loop(gateway, venue.report, order.cl_ord_id)
        order.acknowledged(timeout=5)


def test_an_interrupt_cuts_short_what_leaving_waits_for(venue: Venue) -> None:
    def trade() -> None:
        with entered(venue, patience=60) as gateway:
            venue.answer = False
            gateway.orders.submit(new_order())
            interrupt_soon()

    with pytest.raises(KeyboardInterrupt):
        trade()
    assert "fixgw loop" not in [thread.name for thread in threading.enumerate()]


def test_an_interrupt_ends_the_wait_for_a_logon(venue: Venue) -> None:
    seldom = RetrySettings(base_seconds=60, cap_seconds=60, jitter=lambda: 1.0)
    gateway = BlockingGateway(made(venue, host="nobody", timeout=60, retry=seldom))

    def enter() -> None:
        interrupt_soon()
        with gateway:
            raise AssertionError

    with pytest.raises(KeyboardInterrupt):
        enter()
    assert "fixgw loop" not in [thread.name for thread in threading.enumerate()]


def test_an_order_of_unknown_outcome_is_sent_again(venue: Venue) -> None:
    with entered(venue) as gateway:
        venue.answer = False
        order = gateway.orders.submit(new_order())
        on_the_loop(gateway, venue.report, order.cl_ord_id, "8", UNAVAILABLE)
        with pytest.raises(OutcomeUnknown):
            order.acknowledged(timeout=5)
        venue.answer = True
        assert order.retry() == order
        order.acknowledged(timeout=5)
        assert order.snapshot().state is OrderState.NEW


def test_a_mass_cancel_brings_the_orders_that_ended(venue: Venue) -> None:
    with entered(venue, messages=(*DIALECT, OrderMassCancelRequest)) as gateway:
        orders = tuple(gateway.orders.submit(new_order()) for _ in range(3))
        asked = gateway.orders.mass_cancel()
        assert asked.closed(timeout=5) == orders
        assert (asked.response, asked.ended) == ("6", orders)


def test_many_threads_send_at_once(venue: Venue) -> None:
    with entered(venue) as gateway, ThreadPoolExecutor(8) as pool:

        def trade(_: int) -> OrderState:
            order = gateway.orders.submit(new_order())
            order.acknowledged(timeout=5)
            order.cancel().acknowledged(timeout=5)
            return order.closed(timeout=5)

        assert set(pool.map(trade, range(80))) == {OrderState.CANCELED}
        assert len(gateway.orders) == 80


def test_a_call_inside_a_handler_is_refused(venue: Venue) -> None:
    said: list[str] = []

    class Asking:
        def on_message(self, message: Message, ctx: Context) -> None: ...

        def on_execution_report(self, report: object, ctx: Context) -> None:
            with pytest.raises(LocalError) as caught:
                gateway.orders.submit(new_order())
            said.append(str(caught.value))
            with pytest.raises(LocalError, match="wait for the thread"):
                gateway.__exit__(None, None, None)

    with entered(venue, handler=Asking()) as gateway:
        gateway.orders.submit(new_order()).acknowledged(timeout=5)
    assert len(said) == 1
    assert "ctx.orders.place()" in said[0]


def test_it_is_entered_once_at_a_time_and_may_be_entered_again(venue: Venue) -> None:
    gateway = BlockingGateway(made(venue))
    with pytest.raises(LocalError, match="use it in `with`"):
        gateway.snapshot()
    for _ in range(2):
        with gateway:
            with pytest.raises(LocalError, match="entered already"):
                gateway.__enter__()
            assert gateway.snapshot().sessions["us"].active
            order = gateway.orders.submit(new_order())
            order.acknowledged(timeout=5)
        assert order.state is OrderState.NEW  # what is known can be looked at
        for call in (order.cancel, gateway.snapshot, lambda: gateway.orders.submit(new_order())):
            with pytest.raises(LocalError, match="the gateway was left"):
                call()


def test_what_can_not_be_entered_says_why_and_leaves_no_thread(venue: Venue) -> None:
    def refuse() -> list[Client]:
        raise NotAllowed("not today")

    with pytest.raises(NotAllowed, match="not today"), BlockingGateway(made(venue, clients=refuse)):
        raise AssertionError
    nobody = BlockingGateway(made(Venue(), host="nobody", timeout=0.05))
    with pytest.raises(ExceptionGroup, match="sessions are not logged on"), nobody:
        raise AssertionError
    assert "fixgw loop" not in [thread.name for thread in threading.enumerate()]


def test_leaving_waits_for_answers_and_logs_out(venue: Venue) -> None:
    with entered(venue) as gateway:
        order = gateway.orders.submit(new_order())
    assert order.ending is Ending.ACKNOWLEDGED
    assert venue.party is not None
    assert venue.party.link.ending is not None


def test_whoever_waits_when_the_gateway_is_left_is_told(venue: Venue) -> None:
    with ThreadPoolExecutor(2) as pool:
        with entered(venue) as gateway:
            ticker = gateway.client(Ticker)
            waiting = pool.submit(ticker.forever)
            reading = pool.submit(lambda: next(iter(ticker)))
            while len(gateway._running._calls) < 2:
                ticker.seen  # noqa: B018
        for one in (waiting, reading):
            with pytest.raises(LocalError, match="the gateway was left"):
                one.result(timeout=5)


class TestClients:
    def test_calls_and_attributes_are_carried_out_on_the_loop(self, venue: Venue) -> None:
        with entered(venue) as gateway:
            ticker = gateway.client(Ticker)
            assert ticker.tell("x") == "x told on fixgw loop"
            assert ticker.on_the_loop is True
            assert gateway["us"].client(Ticker) == ticker

    def test_what_can_change_is_copied_or_stays_on_the_loop(self, venue: Venue) -> None:
        with entered(venue) as gateway:
            ticker = gateway.client(Ticker)
            assert (ticker.seen, ticker.by_name) == ([1, 2], {"a": ticker})
            assert (type(ticker.shared), ticker.shared, ticker.names()) == (dict, {"a": ticker}, ["a"])
            ticker.seen.append(3)
            assert ticker.seen == [1, 2]
            assert ticker.same(ticker)
            assert ("known" in ticker, "other" in ticker, len(ticker)) == (True, False, 0)
            assert ticker["a"] == ticker
            assert gateway["us"].name == "us"
            assert ticker.kinds([ticker]) == (ticker, {"a"})
            assert not ticker
            assert (gateway.sessions, gateway.served) == ([gateway["us"]], {})
            assert repr(gateway["us"]).startswith("<Blocking <fixgw.engine.handle.SessionHandle")

    def test_what_arrives_is_waited_for(self, venue: Venue) -> None:
        with entered(venue) as gateway:
            ticker = gateway.client(Ticker)
            ticker.tell("a")
            ticker.later(0.02, "b")
            arriving = iter(ticker)
            assert [next(arriving), next(arriving)] == ["a", "b"]
            ticker.end()
            assert list(ticker) == ["a", "b"]

    def test_a_wait_for_the_next_one_that_is_given_up_loses_nothing(self, venue: Venue) -> None:
        with entered(venue) as gateway:
            ticker = gateway.client(Ticker)
            arriving = iter(ticker)
            assert isinstance(arriving, BlockingIterator)
            with pytest.raises(TimeoutError, match="nothing came within"):
                arriving.next(timeout=0.01)
            ticker.tell("a")
            assert arriving.next(timeout=5) == "a"

    def test_an_iterator_that_fails_says_what_it_failed_with(self, venue: Venue) -> None:
        with entered(venue) as gateway:
            words = gateway.client(Ticker).broken()
            assert next(words) == "one"
            with pytest.raises(TimeoutError, match="not ours"):
                next(words)

    def test_a_method_that_yields_is_iterated_over(self, venue: Venue) -> None:
        with entered(venue) as gateway:
            assert list(gateway.client(Ticker).words(3)) == ["word 0", "word 1", "word 2"]


def test_what_is_private_stays_so(venue: Venue) -> None:
    with entered(venue) as gateway, pytest.raises(AttributeError, match="not for other threads"):
        gateway["us"]._lock  # noqa: B018
