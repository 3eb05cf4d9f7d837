"""A request to the REST side of the venue: who sent it, what it asks for, and how it is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from fixgw.clock import rfc3339
from fixgw.sim.pki import RegisteredKey
from fixgw.sim.rest import views

Plain: TypeAlias = dict[str, Any]

NS = 1_000_000_000
LAST_NS = 4_102_444_800 * NS  # 2100-01-01
PRIMARY = 0  # the subaccount of positions and balance unless another is named
TOO_MANY = {"error": "too many requests"}


class Refusal(Exception):
    """A request that gets an error.

    Args:
        status: of the answer.
        code: the venue's code.
        message: the sentence with it.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body: Plain = {"error": {"code": code, "message": message}}


class TooMany(Refusal):
    """A request for which the account's budget has no tokens left."""

    def __init__(self) -> None:
        super().__init__(429, "", "")
        self.body = TOO_MANY


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose sender is known.

    Args:
        key: signed it.
        as_of_ns: the instant up to which the replica has the account's data, UTC nanoseconds.
        parameters: of the query.
        name: the last part of the path, where the route has one.
    """

    key: RegisteredKey
    as_of_ns: int
    parameters: Mapping[str, str]
    name: str = ""

    def whole(self, name: str, default: int) -> int:
        """Return a whole number of the query."""
        try:
            return int(self.parameters.get(name, default))
        except ValueError:
            raise Refusal(400, "invalid_parameters", f"{name} is no number") from None

    @property
    def everything(self) -> views.Account:
        """The account with all its subaccounts, or with the one that is named or that the key is for."""
        return views.Account(self.key.account, self.as_of_ns, self._subaccount(None))

    @property
    def one(self) -> views.Account:
        """One subaccount: the one that is named, else that of the key, else the primary one."""
        return views.Account(self.key.account, self.as_of_ns, self._subaccount(PRIMARY))

    def _subaccount(self, usual: int | None) -> int | None:
        only = self.key.subaccount
        named = self.whole("subaccount", PRIMARY) if "subaccount" in self.parameters else None
        if None not in (only, named) and only != named:
            raise Refusal(403, "permission_denied", "the key is restricted to another subaccount")
        return next((one for one in (only, named) if one is not None), usual)


def filtered(rows: Iterable[Plain], call: Call, names: tuple[str, ...]) -> Iterable[Plain]:
    """Keep the rows that the query lets through; every exchange is shown unless one is named."""
    events = call.parameters.get("event_ticker", "")
    if events:
        rows = (row for row in rows if views.event_of(row["ticker"]) in events.split(","))
    for name in names:
        rows = among(rows, name, call.parameters.get(name, ""))
    if "exchange_index" in call.parameters:
        wanted = call.whole("exchange_index", 0)
        rows = (row for row in rows if row["exchange_index"] == wanted)
    return rows


def among(rows: Iterable[Plain], name: str, wanted: str) -> Iterable[Plain]:
    """Keep the rows whose field is one of those with commas between them; all of them when none is wanted."""
    values = wanted.split(",")
    return (row for row in rows if row[name] in values) if wanted else rows


def of_period(rows: Iterable[Plain], call: Call, name: str = "created_time") -> Iterable[Plain]:
    """Keep the rows between the seconds of the query, both included."""
    first = rfc3339(call.whole("min_ts", 0) * NS)
    last = rfc3339(call.whole("max_ts", LAST_NS // NS) * NS)
    return (row for row in rows if first <= row[name] <= last)
