"""The venue's accounts, and what each of them may do: docs.kalshi.com/fix/connectivity, /getting_started.

By default an account may do everything, with as much money and as often as it likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from fixgw.errors import ConfigError
from fixgw.sim.orders import Holder, Named, Owner

MOST_SUBACCOUNT = 63
MOST_CUSTOMER_ACCOUNT = 53  # characters of ``<fcm>_<suffix>``


class Tier(StrEnum):
    """How much an account may use the venue's interfaces, least first."""

    BASIC = "basic"
    ADVANCED = "advanced"
    EXPERT = "expert"
    PREMIER = "premier"
    PARAGON = "paragon"
    PRIME = "prime"
    PRESTIGE = "prestige"

    @property
    def has_fix(self) -> bool:
        """FIX begins with Premier."""
        return self not in (Tier.BASIC, Tier.ADVANCED, Tier.EXPERT)


class Scope(StrEnum):
    """What an API key is good for."""

    READ = "read"
    WRITE = "write"


ALL_SCOPES = frozenset(Scope)


def check_subaccount(number: int | None) -> None:
    """Check that there is such a subaccount.

    Raises:
        ConfigError: it is neither 0 to 63 nor None.
    """
    if number is not None and not 0 <= number <= MOST_SUBACCOUNT:
        raise ConfigError(f"there is no subaccount {number}", remedy=f"choose one of 0 to {MOST_SUBACCOUNT}")


@dataclass(frozen=True, slots=True)
class AccountSpec:
    """One account.

    Args:
        name: what keys name it; ``<fcm>_<suffix>`` for a customer of an FCM.
        tier: decides on FIX and on rates; None for FIX without any limit on rates.
        retransmission: KalshiRT and KalshiPT are enabled.
        drop_copy: EventResendRequest(U1) is allowed.
        balances: dollars at the start by subaccount; a subaccount that is left out has no end of money.
        direct: a direct member, whose balance is kept in $0.0001; otherwise in $0.01.
        customers: suffixes of its customers' accounts; None when it is no FCM, and parties are only echoed.
        market_limit: contracts that it may hold of one side of one market, open orders included; None for
            any number.
        sell_floor: the least net YES contracts of a market to which its sales may lead, open orders included;
            None for any number.
        daily_cap: dollars that its orders of a day may cost, on sessions with UseCapReservation(21032) alone;
            None: none is set, and such sessions can not send its orders.
    """

    name: str
    tier: Tier | None = None
    retransmission: bool = True
    drop_copy: bool = True
    balances: Mapping[int, Decimal] = field(default_factory=dict)
    direct: bool = True
    customers: frozenset[str] | None = None
    market_limit: Decimal | None = None
    sell_floor: Decimal | None = None
    daily_cap: Decimal | None = None

    def __post_init__(self) -> None:
        for subaccount, dollars in self.balances.items():
            check_subaccount(subaccount)
            if dollars < 0:
                raise ConfigError(
                    f"the balance of subaccount {subaccount} is below zero", remedy="say how much it has"
                )

    @property
    def precision(self) -> Decimal:
        """What its balance is kept in, dollars."""
        return Decimal("0.0001") if self.direct else Decimal("0.01")

    @property
    def limited(self) -> bool:
        """True when an order of it may be too much."""
        return bool(self.balances) or self.market_limit is not None or self.sell_floor is not None


class Accounts:
    """The accounts that differ from the default, and everybody else.

    Args:
        specs: those that differ.

    Raises:
        ConfigError: two of them have one name.
    """

    def __init__(self, specs: Iterable[AccountSpec] = ()) -> None:
        self._specs: dict[str, AccountSpec] = {}
        for spec in specs:
            if spec.name in self._specs:
                raise ConfigError(
                    f"the account {spec.name} is there twice", remedy="say all of it in one place"
                )
            self._specs[spec.name] = spec

    def of(self, name: str) -> AccountSpec:
        """Return what is known of an account."""
        spec = self._specs.get(name)
        if spec is None:
            spec = self._specs[name] = AccountSpec(name)
        return spec

    def start(self, holder: Holder) -> Decimal | None:
        """Return the dollars that a subaccount began with; None for no end of money."""
        return self.of(holder.account).balances.get(holder.subaccount)

    def principal(self, owner: Owner, named: Named, only: int | None = None) -> tuple[Owner, str]:
        """Return whose order a message works on, and the Text(58) that refuses it, if any.

        Args:
            owner: the sender, for its primary subaccount.
            named: the subaccount and customer that the message names.
            only: the one subaccount that the sender's key may use; None for all.
        """
        if only is not None:
            refused = "" if named.subaccount in (None, only) else "PERMISSION_DENIED_FOR_SUBACCOUNT"
            return replace(owner, subaccount=only), refused
        if named.subaccount:
            owner = replace(owner, subaccount=named.subaccount)
        customers = self.of(owner.account).customers
        if named.customer is None or customers is None:
            return owner, ""
        fcm, _, suffix = named.customer.rpartition("_")
        if fcm != owner.account:
            return owner, "PERMISSION_DENIED_FOR_CUSTOMER_ACCOUNT"
        if suffix not in customers or len(named.customer) > MOST_CUSTOMER_ACCOUNT:
            return owner, "CUSTOMER_ACCOUNT_NOT_FOUND"
        return replace(owner, account=named.customer), ""


def sees(account: str, reader: str) -> bool:
    """Tell whether a reader is told of an account: of its own, and of its customers ``<reader>_...``."""
    return account == reader or account.startswith(f"{reader}_")
