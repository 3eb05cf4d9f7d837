"""A venue, a configuration that can be spoilt, and what a person gets to read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from fixgw.clock import Clock
from fixgw.config.build import load
from fixgw.engine.gateway import Gateway
from fixgw.fix.framing import Framer
from fixgw.fix.message import Message
from fixgw.fix.values import sending_time
from fixgw.messages.order_entry import Side
from fixgw.sim.pki import Algorithm, ClientSpec
from fixgw.sim.sessions import write_sessions
from fixgw.sim.venue import SimSettings, Simulator
from fixgw.venues.kalshi.messages import NewOrderSingle
from tests.settings import change
from tests.wire import wire

CLIENTS = (ClientSpec("desk", Algorithm.ED25519, "alpha"), ClientSpec("other", Algorithm.ED25519, "beta"))
MARKET = "HIGHNY-26DEC31"


def settings(state: Path, **changes: Any) -> SimSettings:
    """Return what a quick simulator is made of: its clients sign with Ed25519."""
    return SimSettings(state, **{"clients": CLIENTS, "logout_timeout": 0.2, **changes})


class Desk:
    """One directory with a configuration, tapes and a control socket.

    Args:
        venue: whom the configuration names.
        path: the directory.
        kind: the kind of its one session, ``orders``.
        key: the name of the client's key.
    """

    def __init__(self, venue: Simulator, path: Path, kind: str = "orders-rt", key: str = "desk") -> None:
        self.path = path
        self.file = write_sessions(venue, path, {"orders": (kind, key)})
        self.patience = 5.0  # seconds to wait for the Logon
        self.spoil({"defaults.reconnect.base_seconds": 0.01, "defaults.timing.logout_timeout": 0.1})

    @property
    def tape(self) -> Path:
        """The directory of the session's tape."""
        return self.path / "tapes" / "orders"

    def spoil(self, changes: Mapping[str, object]) -> Desk:
        """Change settings: ``{"sessions.0.connect.port": 1}``; a value of ``...`` removes the key."""
        data = yaml.safe_load(self.file.read_text())
        change(data, changes)
        self.file.write_text(yaml.safe_dump(data, sort_keys=False))
        return self

    def open(self, **options: Any) -> Gateway:
        """Return the gateway; see ``fixgw.load``."""
        return load(self.file, **options)

    async def refusal(self, clock: Clock | None = None) -> str:
        """Start the gateway and return what the error of its one session says."""
        with pytest.raises(ExceptionGroup) as caught:
            async with self.open(clock=clock, timeout=self.patience):
                pass
        (error,) = caught.value.exceptions
        return str(error)


class Peer(asyncio.Protocol):
    """A venue that says what a test tells it to; it answers a Logon, and nothing else by itself.

    Args:
        answers: a Logon is answered with a Logon.
    """

    def __init__(self, *, answers: bool = True) -> None:
        self.answers = answers
        self.frames: list[bytes] = []
        self.connections = 0
        self._framer = Framer()
        self._arrived = asyncio.Event()
        self._number = 1
        self._sender = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._framer = Framer()
        self._number = 1
        self.connections += 1

    def data_received(self, data: bytes) -> None:
        for frame in self._framer.feed(data):
            assert isinstance(frame, bytes)
            self.frames.append(frame)
            message = Message.decode(frame)
            if message.msg_type == "A" and self.answers:
                self._sender = message[49]
                self.say("35=A|98=0|108=30|141=Y|1137=9")
        self._arrived.set()

    def say(self, body: str, number: int | None = None) -> None:
        """Send a message: ``35=...|...``; header and trailer are filled in, the number counts up."""
        self.write(self.frame(body, number))

    def frame(self, body: str, number: int | None = None) -> bytes:
        """Return the frame of a message, as ``say`` would send it."""
        if number is None:
            number, self._number = self._number, self._number + 1
        msg_type, _, rest = body.partition("|")
        stamp = sending_time(time.time_ns()).decode()
        head = f"{msg_type}|34={number}|49=KalshiRT|52={stamp}|56={self._sender.decode()}"
        return wire(f"{head}|{rest}" if rest else head)

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        assert self._transport is not None
        self._transport.write(data)

    def has(self, msg_type: str) -> bool:
        """Return whether a message of a type has come."""
        return any(b"\x0135=%b\x01" % msg_type.encode() in frame for frame in self.frames)

    async def received(self, msg_type: str, count: int = 1) -> list[Message]:
        """Wait until so many messages of a type have come, and return them."""
        while True:
            found = [m for m in map(Message.decode, self.frames) if m.msg_type == msg_type]
            if len(found) >= count:
                return found
            self._arrived.clear()
            await self._arrived.wait()


def limit_order(price: str = "0.40", qty: int = 5) -> NewOrderSingle:
    """Return a bid that rests, as nobody offers."""
    return NewOrderSingle(symbol=MARKET, side=Side.BUY, order_qty=Decimal(qty), price=Decimal(price))


async def until(condition: Callable[[], object]) -> None:
    """Wait for what comes about on the loop and has no event of its own."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
