"""How a connection ended, gathered while it lives, for whoever decides what to do next."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from fixgw.session.events import LogonRefused, NumberTooLow
from fixgw.session.outcome import CloseReason


@dataclass(frozen=True, slots=True)
class LinkEnd:
    """The end of one connection.

    Args:
        reason: why.
        logged_on: the Logon handshake had been completed.
        refused: the peer's refusal of our Logon.
        too_low: the disagreement on a number, when there was one.
        logout_text: Text(58) of the peer's Logout, empty when there was none.
        seconds: how long the session was logged on.
    """

    reason: CloseReason
    logged_on: bool = False
    refused: LogonRefused | None = None
    too_low: NumberTooLow | None = None
    logout_text: str = ""
    seconds: float = 0.0


class Ending:
    """Collects what is known about the end of one connection; made anew for each."""

    def __init__(self) -> None:
        self.refused: LogonRefused | None = None
        self.too_low: NumberTooLow | None = None
        self.logout_text = ""
        self.active_since: float | None = None
        self.result: asyncio.Future[LinkEnd] = asyncio.get_running_loop().create_future()

    def begin(self, mono: float) -> None:
        """The Logon handshake is complete."""
        self.active_since = mono

    def conclude(self, reason: CloseReason, mono: float) -> None:
        """Make the verdict known to whoever waits for it."""
        since = self.active_since
        end = LinkEnd(
            reason,
            logged_on=since is not None,
            refused=self.refused,
            too_low=self.too_low,
            logout_text=self.logout_text,
            seconds=mono - since if since is not None else 0.0,
        )
        self.result.set_result(end)
