"""How often accounts may ask, and keys log on: docs.kalshi.com/getting_started/rate_limits.

Buckets hold tokens that come back continuously. They are shared by all sessions of an account; writes to an
exchange index from 1 on have a bucket of their own there. What is not published is decided here: a bucket for
reads holds one second of its budget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fixgw.errors import ConfigError
from fixgw.fix import tags
from fixgw.fix.message import Message
from fixgw.sim import requests
from fixgw.sim.accounts import Accounts, Tier
from fixgw.sim.quirks import RECOMMENDED, Quirks

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
READ = -1  # the bucket of reads, beside those of the exchange indices; 0 counts for no index
READS = frozenset({"V", "e", "U1"})
QUOTES = frozenset({"R", "S", "Z", "U7", "UA", "UE"})
QUOTE_SHARD = 1
RFQ_ID = 21023


@dataclass(frozen=True, slots=True)
class Budget:
    """What a tier may spend: tokens a second for reads and for writes, and how long writes can be saved up.

    Args:
        read: tokens a second.
        write: tokens a second.
        write_seconds: seconds of the budget that a full bucket for writes holds.
    """

    read: int
    write: int
    write_seconds: int = 3


BUDGETS: Mapping[Tier, Budget] = {
    Tier.BASIC: Budget(200, 100, 1),
    Tier.ADVANCED: Budget(300, 300),
    Tier.EXPERT: Budget(600, 600),
    Tier.PREMIER: Budget(1_200, 1_200),
    Tier.PARAGON: Budget(2_400, 2_400),
    Tier.PRIME: Budget(4_800, 4_800),
    Tier.PRESTIGE: Budget(12_000, 9_600),
}


COSTS: Mapping[str, int] = {"F": 2, "S": 2, "Z": 2}


@dataclass(frozen=True, slots=True)
class RateSettings:
    """What messages cost.

    Args:
        budgets: tokens by tier, where they differ from the published ones.
        costs: tokens by MsgType(35), where they differ from the published ones.
        cost: tokens of a message whose cost is neither published nor given.
        named_confirm: tokens of a QuoteConfirm(U7) that names its request in RfqId(21023).
        logons_per_minute: Logons of one key, which can be saved up for a minute; None for any number.
        symbols_per_request: markets that one MarketDataRequest(V) may name.
        subscriptions: markets whose updates one session may get.
    """

    budgets: Mapping[Tier, Budget] = field(default_factory=dict)
    costs: Mapping[str, int] = field(default_factory=dict)
    cost: int = 10
    named_confirm: int = 5
    logons_per_minute: int | None = None
    symbols_per_request: int = 1_000
    subscriptions: int = 100_000

    def __post_init__(self) -> None:
        if self.logons_per_minute is not None and self.logons_per_minute < 1:
            raise ConfigError("nobody could log on", remedy="leave logons_per_minute out, or say 1 or more")

    def budget(self, tier: Tier) -> Budget:
        """Return what a tier may spend."""
        return self.budgets.get(tier) or BUDGETS[tier]

    def of(self, message: Message) -> int:
        """Return the tokens that a message costs."""
        if message.msg_type == "U7" and RFQ_ID in message:
            return self.named_confirm
        published = COSTS.get(message.msg_type, self.cost)
        return self.costs.get(message.msg_type, published)


PUBLISHED = RateSettings()


class Bucket:
    """Tokens that come back continuously; full at first.

    Args:
        capacity: the most that it holds, tokens.
        rate: tokens that come back in a period.
        now_ns: the instant, nanoseconds.
        period_ns: the period, nanoseconds.
    """

    def __init__(self, capacity: int, rate: int, now_ns: int, period_ns: int = SECOND_NS) -> None:
        self._token = period_ns  # so that what comes back in a nanosecond is a whole number
        self._rate = rate
        self._capacity = self._level = capacity * self._token
        self._at_ns = now_ns

    def take(self, tokens: int, now_ns: int) -> bool:
        """Take tokens, if there are enough, and tell whether there were."""
        gained = (now_ns - self._at_ns) * self._rate
        self._level = min(self._capacity, self._level + gained)
        self._at_ns = now_ns
        if tokens * self._token > self._level:
            return False
        self._level -= tokens * self._token
        return True


class Rates:
    """The buckets of all accounts.

    Args:
        accounts: know their tiers; one without a tier has no limit.
        settings: what messages cost.
        quirks: what the venue's pages leave open.
    """

    def __init__(
        self, accounts: Accounts, settings: RateSettings = PUBLISHED, quirks: Quirks = RECOMMENDED
    ) -> None:
        self._accounts = accounts
        self._settings = settings
        self._quirks = quirks
        self._buckets: dict[tuple[str, int], Bucket] = {}

    def admit(self, account: str, message: Message, now_ns: int) -> bool:
        """Pay for an application message, and tell whether there was enough to pay with.

        Args:
            account: of the session.
            message: the message.
            now_ns: the instant, UTC nanoseconds.

        Raises:
            Reject: what it names as its exchange index is none.
        """
        if self._accounts.of(account).tier is None:
            return True
        return self.spend(account, self._shard(message), self._settings.of(message), now_ns)

    def spend(self, account: str, shard: int, tokens: int, now_ns: int) -> bool:
        """Take tokens out of a bucket of an account, if there are enough, and tell whether there were.

        Args:
            account: whose.
            shard: the exchange index of a write, or ``READ``.
            tokens: what it costs.
            now_ns: the instant, UTC nanoseconds.
        """
        tier = self._accounts.of(account).tier
        if tier is None:
            return True
        bucket = self._buckets.get((account, shard))
        if bucket is None:
            budget = self._settings.budget(tier)
            rate = budget.read if shard == READ else budget.write
            seconds = 1 if shard == READ else budget.write_seconds
            bucket = self._buckets[account, shard] = Bucket(rate * seconds, rate, now_ns)
        return bucket.take(tokens, now_ns)

    def budget(self, account: str) -> tuple[Tier, Budget]:
        """Return an account's tier and what it may spend; the highest where there is no limit."""
        tier = self._accounts.of(account).tier or Tier.PRESTIGE
        return tier, self._settings.budget(tier)

    def _shard(self, message: Message) -> int:
        if message.msg_type in READS:
            return READ
        quoted = message.msg_type == "D" and tags.QUOTE_ID in message
        if message.msg_type in QUOTES or (quoted and self._quirks.quote_orders_on_shard_one):
            return QUOTE_SHARD
        return 0 if quoted else requests.named(message).exchange_index or 0


class LogonLimiter:
    """How often a key may try to log on, and whether the venue has time for Logons at all.

    Args:
        per_minute: Logons of one key; None for any number.
    """

    def __init__(self, per_minute: int | None = None) -> None:
        self._per_minute = per_minute
        self._buckets: dict[str, Bucket] = {}
        self._planned: list[str] = []

    def refuse_next(self, count: int, text: str) -> None:
        """Refuse the next Logons with a text, whosever they are."""
        self._planned += [text] * count

    def refuse(self, key_id: str, now_ns: int) -> str:
        """Count a Logon and return the Text(58) that refuses it, empty when it may go on."""
        if self._planned:
            return self._planned.pop(0)
        if self._per_minute is None:
            return ""
        bucket = self._buckets.get(key_id)
        if bucket is None:
            bucket = self._buckets[key_id] = Bucket(self._per_minute, self._per_minute, now_ns, MINUTE_NS)
        return "" if bucket.take(1, now_ns) else "rate limit exceeded"
