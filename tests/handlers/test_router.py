"""Which method a message goes to."""

from __future__ import annotations

from typing import Any

import pytest

from fixgw.errors import ConfigError
from fixgw.fix.message import Message
from fixgw.handlers.base import Context, Handler
from fixgw.handlers.router import Router, method_name
from fixgw.messages.business import BusinessMessageReject
from fixgw.messages.order_entry import ExecutionReport, OrderCancelReject
from tests.handlers.port import Port

DIALECT = (ExecutionReport, OrderCancelReject)


class Desk(Handler):
    """Plain, async, and what is left."""

    def on_execution_report(self, report: ExecutionReport, ctx: Context) -> None: ...

    async def on_message(self, message: Message, ctx: Context) -> None: ...

    async def on_gap(self, first: int, last: int) -> None: ...

    def before_send(self, message: Message) -> None: ...


@pytest.mark.parametrize(
    ("cls", "name"),
    [(ExecutionReport, "on_execution_report"), (BusinessMessageReject, "on_business_message_reject")],
)
def test_methods_are_named_after_their_messages(cls: Any, name: str) -> None:
    assert method_name(cls) == name


def test_a_message_goes_to_its_method_and_the_rest_to_on_message() -> None:
    router = Router(Desk(), DIALECT)
    typed, rest = router.routes["8"], router.routes["9"]
    assert typed is not None
    assert rest is not None
    assert (typed.name, typed.waits, typed.view) == ("on_execution_report", False, ExecutionReport.view)
    assert (rest.name, rest.waits, rest.view) == ("on_message", True, None)
    assert router.routes["B"] is rest


def test_only_what_is_overridden_is_called() -> None:
    router = Router(Desk(), DIALECT)
    assert {name: hook.waits for name, hook in router.hooks.items()} == {"on_gap": True}
    assert router.before_send is not None
    bare = Router(Handler(), DIALECT)
    assert (bare.hooks, bare.before_send, bare.routes["8"]) == ({}, None, None)


def test_without_a_handler_nothing_is_called() -> None:
    router = Router(None, DIALECT)
    assert (router.hooks, router.before_send, router.routes["8"]) == ({}, None, None)


class Misspelt:
    def on_execution_reprot(self, report: ExecutionReport, ctx: Context) -> None: ...

    def on_error(self, error: Exception) -> None: ...


class OfAnotherVenue:
    def on_business_message_reject(self, reject: BusinessMessageReject, ctx: Context) -> None: ...


@pytest.mark.parametrize(
    ("handler", "strangers"),
    [(Misspelt, "on_error, on_execution_reprot"), (OfAnotherVenue, "on_business_message_reject")],
)
def test_methods_that_nothing_calls_are_refused(handler: type, strangers: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Router(handler(), DIALECT)
    assert caught.value.what == f"{handler.__name__} has methods that nothing calls: {strangers}"
    assert "on_execution_report" in caught.value.remedy


class Late:
    async def before_send(self, message: Message) -> None: ...


def test_a_message_can_not_wait_for_its_stamp() -> None:
    with pytest.raises(ConfigError, match=r"Late\.before_send is an async def"):
        Router(Late(), DIALECT)


def test_the_base_of_handlers_does_nothing() -> None:
    handler, ctx, message = Handler(), Context(Port(), 1), Message("B")
    assert [
        handler.on_logon(ctx),
        handler.on_logout("text"),
        handler.on_disconnect("reason"),
        handler.on_gap(1, 2),
        handler.on_reject(message, 1),
    ] == [None] * 5
    handler.before_send(message)
    assert (ctx.poss_dup, ctx.redelivered) == (False, False)
