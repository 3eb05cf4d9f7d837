"""fixgw: a FIX 5.0SP2 / FIXT.1.1 trading gateway engine."""

from fixgw.config.build import load
from fixgw.engine.gateway import Gateway
from fixgw.engine.handle import SessionHandle
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

__all__ = [
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
    "load",
]
