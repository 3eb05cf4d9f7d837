"""Failures of the exchange behind the gateway, on demand: docs.kalshi.com/fix/error-handling."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Failure(Enum):
    """What becomes of a request; the value is the Text(58) that its sender reads."""

    INTERNAL_ERROR = ("INTERNAL_ERROR", False)  # it was not carried out: to send it again is safe
    UNAVAILABLE = ("EXCHANGE_UNAVAILABLE", False)  # nobody knows; it was not carried out
    APPLIED = ("EXCHANGE_UNAVAILABLE", True)  # nobody knows; it was carried out

    @property
    def text(self) -> str:
        """Text(58)."""
        return self.value[0]

    @property
    def applied(self) -> bool:
        """The request takes effect, though its sender is told otherwise."""
        return self.value[1]


@dataclass(slots=True)
class Planned:
    """Requests that are to fail.

    Args:
        failure: how.
        count: how many.
        msg_type: MsgType(35); empty for any.
        key_id: of the sender's API key; empty for any.
    """

    failure: Failure
    count: int = 1
    msg_type: str = ""
    key_id: str = ""

    def meets(self, session: str, msg_type: str) -> bool:
        """Tell whether a request is one of them."""
        return self.msg_type in ("", msg_type) and self.key_id in ("", session.rpartition("/")[2])


class Failures:
    """What is to fail, in the order in which it was asked for."""

    def __init__(self) -> None:
        self._planned: list[Planned] = []

    def plan(self, planned: Planned) -> None:
        """Let requests fail."""
        self._planned.append(planned)

    def take(self, session: str, msg_type: str) -> Failure | None:
        """Return how a request fails, None when it does not."""
        for planned in self._planned:
            if planned.meets(session, msg_type):
                planned.count -= 1
                if planned.count <= 0:
                    self._planned.remove(planned)
                return planned.failure
        return None
