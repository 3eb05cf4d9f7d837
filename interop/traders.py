"""Another engine as a trader at the venue: its sessions, what it is told to send, and what it has heard."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from interop.peer import Peer, started
from interop.simulator import Venue

Fields: TypeAlias = "Mapping[int, str | list[Mapping[int, Any]]]"

PAUSE = 0.02  # seconds between two looks
MARKET = "HIGHNY-26DEC31"

# Tags, to read the steps by.
CL_ORD_ID, EXEC_ID, ORD_STATUS, ORIG_CL_ORD_ID, TEXT = 11, 17, 39, 41, 58
EXEC_TYPE, QUOTE_ID, QUOTE_REQ_ID, SYMBOL, QUOTE_STATUS, RFQ_ID = 150, 117, 131, 55, 297, 21023
GROUP_ID, GROUP_ACTION, BUSINESS_REASON = 20130, 20131, 380


@dataclass(frozen=True)
class Trader:
    """A kind of session that the trader has, and the key that it has for it.

    Args:
        target: TargetCompID(56).
        key: the name of its key.
        reset: every Logon begins anew.
        logon: the venue's own Logon fields.
    """

    target: str
    key: str
    reset: bool = True
    logon: Mapping[int, str] = field(default_factory=dict)


DOLLARS = {21005: "Y"}
STREAM = {**DOLLARS, 21011: "Y", 21012: "Y", 21026: "Y", 20127: "Y"}
TRADERS = {
    "nr": Trader("KalshiNR", "ed25519", logon={**DOLLARS, 21007: "Y", 20127: "Y"}),
    "rt": Trader("KalshiRT", "rsa", reset=False, logon=STREAM),
    "rfq": Trader("KalshiRFQ", "maker", logon=DOLLARS),
    "dc": Trader("KalshiDC", "listener", logon=DOLLARS),
    "md": Trader("KalshiMD", "watcher"),
    "pt": Trader("KalshiPT", "clearing", reset=False),
}
KEYS_MADE = ("maker", "watcher", "clearing")


class Heard:
    """A message that came in, as QuickFIX writes it.

    Args:
        text: with SOH behind each field.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        pairs = [pair.partition("=") for pair in text.split("\x01") if pair]
        self.pairs = [(int(tag), value) for tag, _, value in pairs]
        self.fields = dict(reversed(self.pairs))  # of a field in a group, that of the first entry
        self.msg_type = self.fields[35]

    @property
    def poss_dup(self) -> bool:
        """It was sent before."""
        return self.fields.get(43) == "Y"

    def __getitem__(self, tag: int) -> str:
        return self.fields[tag]

    def is_one(self, msg_type: str, fields: Mapping[int, str]) -> bool:
        """It has this type and these fields."""
        return self.msg_type == msg_type and all(self.fields.get(tag) == text for tag, text in fields.items())


class Session:
    """One session of the trader.

    Args:
        peer: the trader's process.
        name: in ``TRADERS``.
    """

    def __init__(self, peer: Peer, name: str) -> None:
        self.name = name
        self.heard: list[Heard] = []
        self.sent = 0
        self._peer = peer

    async def send(self, msg_type: str, fields: Fields) -> None:
        """Send a message."""
        self.sent += 1
        await self._peer.do("send", session=self.name, msg_type=msg_type, fields=fields)

    async def get(self, msg_type: str, fields: Mapping[int, str]) -> Heard:
        """Wait for the first message of a type with these fields, and return it."""
        while True:
            for one in self.heard:
                if one.is_one(msg_type, fields):
                    return one
            await self.listen()
            await asyncio.sleep(PAUSE)

    async def listen(self) -> None:
        """Fetch what has come in."""
        more = await self._peer.do("heard", session=self.name, after=len(self.heard))
        self.heard += map(Heard, more)

    async def order(self, cl_ord_id: str, side: str, price: str, qty: str = "10", **more: str) -> None:
        """Send NewOrderSingle(D), good till cancelled; other fields, or another market, as ``t18="6"``."""
        fields = {CL_ORD_ID: cl_ord_id, 38: qty, 40: "2", 44: price, 54: side, SYMBOL: MARKET, 59: "1"}
        await self.send("D", {**fields, **{int(name[1:]): text for name, text in more.items()}})

    async def cancel(self, cl_ord_id: str, orig_cl_ord_id: str, side: str) -> None:
        """Send OrderCancelRequest(F)."""
        fields = {CL_ORD_ID: cl_ord_id, ORIG_CL_ORD_ID: orig_cl_ord_id, SYMBOL: MARKET, 54: side}
        await self.send("F", fields)

    async def report(self, cl_ord_id: str, exec_type: str, **more: str) -> Heard:
        """Wait for an ExecutionReport(8)."""
        named = {int(name[1:]): text for name, text in more.items()}
        return await self.get("8", {CL_ORD_ID: cl_ord_id, EXEC_TYPE: exec_type, **named})


@asynccontextmanager
async def trader(
    directory: Path, venue: Venue, dictionaries: tuple[Path, Path], relayed: int
) -> AsyncIterator[Peer]:
    """Run QuickFIX with a session of every kind.

    Args:
        directory: an empty directory.
        venue: where it trades.
        dictionaries: of FIXT.1.1 and of the application.
        relayed: the port at which it finds KalshiRT.
    """
    sessions = {
        name: {
            "key_id": venue.keys[one.key].key_id,
            "key_file": str(venue.keys[one.key].path),
            "target": one.target,
            "port": relayed if name == "rt" else venue.ports[one.target],
            "reset": one.reset,
            "logon": one.logon,
        }
        for name, one in TRADERS.items()
    }
    setup = {"directory": str(directory), "ca": str(venue.ca), "sessions": sessions}
    setup |= dict(zip(("transport", "application"), map(str, dictionaries), strict=True))
    path = directory / "setup.json"
    path.write_text(json.dumps(setup), encoding="utf-8")
    async with started("interop.peers.quickfix_trader", [str(path)], directory) as peer:
        yield peer
