"""What the exchange behind the gateway does to requests on demand: docs.kalshi.com/fix/error-handling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from fixgw.errors import ConfigError
from fixgw.sim.orders import CxlRejReason, OrdRejReason
from fixgw.sim.quotes import RejectReason

FAILING = frozenset({"D", "F", "G", "U1"})  # what a failure meets that names no type
OTHER = 99  # in each of the lists of reasons

# MsgType(35) -> the codes that its refusal may bear; where that is one, it bears a text alone. What is not
# here is refused with a BusinessMessageReject(j) or not at all: that is a fault.
ANSWERED: Mapping[str, tuple[int, ...]] = {
    "D": tuple(OrdRejReason),
    "F": tuple(CxlRejReason),
    "G": tuple(CxlRejReason),
    "R": tuple(int(reason) for reason in RejectReason),
    **dict.fromkeys(("S", "Z", "U7", "UA", "UE"), (OTHER,)),
}


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
    def code(self) -> int:
        """The code of the answer."""
        return OTHER

    @property
    def applied(self) -> bool:
        """The request takes effect, though its sender is told otherwise."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is not carried out, for a reason of somebody's choice.

    Args:
        msg_type: MsgType(35): D, F, G, R, S, Z, U7, UA or UE.
        text: Text(58) of the answer.
        code: OrdRejReason(103) for D, CxlRejReason(102) for F and G, QuoteRequestRejectReason(658) for R;
            the answers to the others have none.
    """

    msg_type: str
    text: str
    code: int = OTHER

    def __post_init__(self) -> None:
        codes = ANSWERED.get(self.msg_type)
        if codes is None:
            raise ConfigError(
                f"the exchange has no answer that refuses MsgType(35) {self.msg_type!r}",
                remedy=f"say one of {', '.join(ANSWERED)}, or use the fault `reject`",
            )
        if self.code not in codes:
            known = f"say one of {', '.join(map(str, codes))}"
            raise ConfigError(f"no answer to {self.msg_type} has the code {self.code}", remedy=known)

    @property
    def applied(self) -> bool:
        """It never takes effect."""
        return False


@dataclass(slots=True)
class Planned:
    """Requests that are to fail.

    Args:
        failure: how.
        count: how many.
        msg_type: MsgType(35); empty for what an order session or a drop copy asks the exchange.
        key_id: of the sender's API key; empty for any.
    """

    failure: Failure | Refusal
    count: int = 1
    msg_type: str = ""
    key_id: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.failure, Failure) and self.msg_type not in FAILING | {""}:
            raise ConfigError(
                f"MsgType(35) {self.msg_type!r} does not fail behind the gateway",
                remedy=f"say one of {', '.join(sorted(FAILING))}, or use refuse_next",
            )

    def meets(self, session: str, msg_type: str) -> bool:
        """Tell whether a request is one of them."""
        meant = msg_type == self.msg_type if self.msg_type else msg_type in FAILING
        return meant and self.key_id in ("", session.rpartition("/")[2])


class Failures:
    """What is to fail, in the order in which it was asked for."""

    def __init__(self) -> None:
        self._planned: list[Planned] = []

    def plan(self, planned: Planned) -> None:
        """Let requests fail."""
        self._planned.append(planned)

    def take(self, session: str, msg_type: str) -> Failure | Refusal | None:
        """Return how a request fails, None when it does not."""
        for planned in self._planned:
            if planned.meets(session, msg_type):
                planned.count -= 1
                if planned.count <= 0:
                    self._planned.remove(planned)
                return planned.failure
        return None
