"""Routes each application message to the books first and then to the user's handler method for its class."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fixgw.errors import ConfigError
from fixgw.fix.message import Message
from fixgw.fix.schema import TypedMessage
from fixgw.handlers.base import Book, Handler
from fixgw.handlers.passage import OPEN, Passage

Call = Callable[..., Any]


def method_name(message_class: type[TypedMessage]) -> str:
    """Return the handler method for a message class: ``ExecutionReport`` -> ``on_execution_report``."""
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in message_class.__name__)
    return f"on{words}"


@dataclass(frozen=True, slots=True)
class Route:
    """Where messages of one type go.

    Args:
        view: makes the typed message, None for the plain ``Message``.
        call: the handler's method.
        name: the method's name, for metrics and logs.
        waits: the method is ``async def``.
    """

    view: Callable[[Message], TypedMessage] | None
    call: Call
    name: str
    waits: bool


class Routes(dict[str, Route | None]):
    """MsgType(35) -> where such messages go.

    Args:
        fallback: where all others go: ``on_message``, or nowhere.
    """

    def __init__(self, fallback: Route | None) -> None:
        super().__init__()
        self._fallback = fallback

    def __missing__(self, msg_type: str) -> Route | None:
        return self._fallback


class Router:
    """The table from MsgType(35) to a handler method, made once.

    Args:
        handler: the user's object, or None; any ``on_<message>`` method is found by name.
        messages: the typed messages of the venue's dialect.
        books: settled first, in order, for every message.
        passage: what messages pass on their way out and in.

    Raises:
        ConfigError: the handler has an ``on_...`` method that no message or event calls, or a ``before_send``
            that waits.
    """

    def __init__(
        self,
        handler: object | None,
        messages: Iterable[type[TypedMessage]],
        books: Sequence[Book] = (),
        passage: Passage = OPEN,
    ) -> None:
        self.handler = handler
        self.books = list(books)
        self.passage = passage
        classes = {cls.MSG_TYPE: cls for cls in messages}
        self.routes = Routes(self._route(None, "on_message"))
        for msg_type, cls in classes.items():
            route = self._route(cls, method_name(cls))
            if route is not None:
                self.routes[msg_type] = route
        self.hooks = {name: hook for name in _HOOKS if (hook := self._hook(name)) is not None}
        before_send = getattr(handler, "before_send", None)
        overridden = getattr(type(handler), "before_send", None) is not Handler.before_send
        self.before_send: Callable[[Message], None] | None = before_send if overridden else None
        if inspect.iscoroutinefunction(self.before_send):
            raise ConfigError(
                f"{type(handler).__name__}.before_send is an async def",
                remedy="make it a plain def: a message is numbered as soon as it returns",
            )
        self._refuse_strangers({method_name(cls) for cls in classes.values()})

    def _route(self, cls: type[TypedMessage] | None, name: str) -> Route | None:
        call = getattr(self.handler, name, None)
        if call is None:
            return None
        return Route(cls.view if cls is not None else None, call, name, inspect.iscoroutinefunction(call))

    def _hook(self, name: str) -> Route | None:
        call = getattr(self.handler, name, None)
        if call is None or getattr(type(self.handler), name, None) is getattr(Handler, name):
            return None
        return Route(None, call, name, inspect.iscoroutinefunction(call))

    def _refuse_strangers(self, known: set[str]) -> None:
        """A misspelt method would never be called, and its messages would be missed in silence."""
        names = {n for n in dir(self.handler) if n.startswith("on_")} if self.handler is not None else set()
        strangers = sorted(names - known - set(_HOOKS) - {"on_message"})
        if strangers:
            raise ConfigError(
                f"{type(self.handler).__name__} has methods that nothing calls: {', '.join(strangers)}",
                remedy=f"use one of: {', '.join(sorted(known | set(_HOOKS) | {'on_message'}))}",
            )


_HOOKS = ("on_logon", "on_logout", "on_disconnect", "on_gap", "on_reject")
