"""One FIX session as the venue's application sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from fixgw.fix.message import Message
from fixgw.handlers.base import SessionPort
from fixgw.sim import requests
from fixgw.sim.accounts import Accounts
from fixgw.sim.kinds import SessionKind
from fixgw.sim.logon import LogonFlags
from fixgw.sim.orders import Owner

MASS_CANCEL_INTERVAL_NS = 1_000_000_000


class VenuePort(SessionPort, Protocol):
    """The venue's side of one FIX session, connected or not."""

    @property
    def connections(self) -> int:
        """How many connections it has had; the present one included."""
        ...

    def keep(self, message: Message) -> None:
        """Number and store a message while nobody is there to read it: it is sent on a ResendRequest."""
        ...


@dataclass(slots=True)
class Client:
    """One FIX session as the application sees it.

    Args:
        name: ``KalshiNR/<key id>``.
        kind: what it is for.
        account: whose orders it works on.
        port: sends to it; None until its first Logon.
        flags: of its latest Logon.
        subaccount: the one that its key is restricted to; None when it is not.
        held: reports that wait because reports are paused; None when they are not.
    """

    name: str
    kind: SessionKind
    account: str
    subaccount: int | None = None
    port: VenuePort | None = None
    flags: LogonFlags = field(default_factory=LogonFlags)
    held: list[Message] | None = None
    mass_cancelled_ns: int = -MASS_CANCEL_INTERVAL_NS

    def deliver(self, message: Message) -> None:
        """Send; a session that is down keeps it when its kind retransmits, and misses it otherwise."""
        if self.port is None:
            return
        if self.held is not None:
            self.held.append(message)
        elif self.port.active:
            self.port.send(message)
        elif self.kind.retransmission:
            self.port.keep(message)

    def release(self) -> None:
        """Deliver what was held back."""
        held, self.held = self.held or [], None
        for message in held:
            self.deliver(message)

    @property
    def wants_settlements(self) -> bool:
        """ReceiveSettlementReports(20127): on unless N on KalshiPT, off unless Y where orders are entered."""
        chosen = self.flags.receive_settlement_reports
        return chosen is not False if self.kind.post_trade else self.kind.order_entry and chosen is True

    def principal(self, message: Message, accounts: Accounts) -> tuple[Owner, str]:
        """Return whose order a message works on, and the Text(58) that refuses it, if any.

        Raises:
            Reject: what it names is malformed.
        """
        return accounts.principal(self.owner, requests.named(message), self.subaccount)

    @property
    def owner(self) -> Owner:
        """Who stands behind what it sends now."""
        return Owner(self.account, self.name, 0 if self.port is None else self.port.connections)
