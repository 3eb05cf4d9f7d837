"""fixgw: a FIX 5.0SP2 / FIXT.1.1 trading gateway engine."""

import logging as _logging
from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

if _TYPE_CHECKING:
    from fixgw.config.build import load
    from fixgw.engine.acceptor import Acceptor
    from fixgw.engine.acceptor_settings import AcceptorPlan, AcceptorSession, Authenticator
    from fixgw.engine.blocking import BlockingGateway
    from fixgw.engine.gateway import Gateway
    from fixgw.engine.handle import SessionHandle
    from fixgw.engine.loop import event_loop
    from fixgw.errors import (
        ConfigError,
        ConnectError,
        FixError,
        LocalError,
        NotLoggedOn,
        NotSent,
        OutcomeUnknown,
        Reject,
        Rejected,
        RemoteError,
        StoreError,
        StoreFull,
    )
    from fixgw.fix.message import Message
    from fixgw.handlers.base import Context, Handler
    from fixgw.handlers.order import Ending, Order, OrderState
    from fixgw.session.hooks import LogonContext, LogonSigner

# Whoever embeds the library and sets up no logging is told nothing by it; errors are raised all the same.
_logging.getLogger("fixgw").addHandler(_logging.NullHandler())

# Looked up when first asked for: whoever needs the framer alone does not load the whole gateway.
_HOMES = {
    "fixgw.config.build": ("load",),
    "fixgw.engine.acceptor": ("Acceptor",),
    "fixgw.engine.acceptor_settings": ("AcceptorPlan", "AcceptorSession", "Authenticator"),
    "fixgw.engine.blocking": ("BlockingGateway",),
    "fixgw.engine.gateway": ("Gateway",),
    "fixgw.engine.handle": ("SessionHandle",),
    "fixgw.engine.loop": ("event_loop",),
    "fixgw.errors": (
        "ConfigError",
        "ConnectError",
        "FixError",
        "LocalError",
        "NotLoggedOn",
        "NotSent",
        "OutcomeUnknown",
        "Reject",
        "Rejected",
        "RemoteError",
        "StoreError",
        "StoreFull",
    ),
    "fixgw.fix.message": ("Message",),
    "fixgw.handlers.base": ("Context", "Handler"),
    "fixgw.handlers.order": ("Ending", "Order", "OrderState"),
    "fixgw.session.hooks": ("LogonContext", "LogonSigner"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Acceptor",
    "AcceptorPlan",
    "AcceptorSession",
    "Authenticator",
    "BlockingGateway",
    "ConfigError",
    "ConnectError",
    "Context",
    "Ending",
    "FixError",
    "Gateway",
    "Handler",
    "LocalError",
    "LogonContext",
    "LogonSigner",
    "Message",
    "NotLoggedOn",
    "NotSent",
    "Order",
    "OrderState",
    "OutcomeUnknown",
    "Reject",
    "Rejected",
    "RemoteError",
    "SessionHandle",
    "StoreError",
    "StoreFull",
    "event_loop",
    "load",
]


def __getattr__(name: str) -> _Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'fixgw' has no attribute {name!r}")
    return getattr(_import_module(home), name)


def __dir__() -> list[str]:
    return __all__
