"""Token buckets: what a venue lets an account send, counted on our side before the venue has to refuse.

Source: docs.kalshi.com/getting_started/rate_limits, docs.kalshi.com/fix/connectivity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fixgw.errors import ConfigError
from fixgw.fix.message import Message
from fixgw.fix.tags import EX_DESTINATION, QUOTE_ID

READ = "read"
WRITE = "write"
SHARD = "shard"  # the write bucket of the exchange shard that ExDestination(100) names

_UNSCOPED = (None, b"", b"0", b"-1")  # values of ExDestination(100) that name no shard of its own


@dataclass(frozen=True, slots=True)
class Tier:
    """What an account of one tier may use.

    Args:
        read_per_s: tokens a second that come back to the read bucket.
        read_capacity: tokens that it holds.
        write_per_s: tokens a second that come back to each write bucket.
        write_capacity: tokens that each holds.
    """

    read_per_s: float
    read_capacity: float
    write_per_s: float
    write_capacity: float


@dataclass(frozen=True, slots=True)
class MessageCost:
    """What messages of one type cost.

    Args:
        cost: tokens.
        buckets: which buckets pay, each the whole cost: ``read``, ``write``, ``write-1`` (of shard 1); or
            ``shard`` alone, for the one that ExDestination(100) names.
        buckets_with_quote: the same for a message with QuoteID(117); empty for no difference.
        reserve: may use what is kept back for cancels.
        interval: the least seconds between two of them on one session.
    """

    cost: float = 10.0
    buckets: tuple[str, ...] = (WRITE,)
    buckets_with_quote: tuple[str, ...] = ()
    reserve: bool = False
    interval: float = 0.0


@dataclass(frozen=True, slots=True)
class RateLimits:
    """A venue's limits.

    Args:
        tiers: what accounts may use, by the name of the tier.
        messages: what messages cost, by MsgType(35).
        default: what a message of any other type costs.
    """

    tiers: Mapping[str, Tier] = field(default_factory=dict)
    messages: Mapping[str, MessageCost] = field(default_factory=dict)
    default: MessageCost = MessageCost()

    def cost_of(self, msg_type: str) -> MessageCost:
        """Return what a message of this type costs."""
        return self.messages.get(msg_type, self.default)


class TokenBucket:
    """Tokens that come back all the time, up to a capacity; full at first.

    Args:
        per_s: tokens a second.
        capacity: the most that it holds.
    """

    __slots__ = ("_at", "_level", "capacity", "per_s")

    def __init__(self, per_s: float, capacity: float) -> None:
        self.per_s = per_s
        self.capacity = capacity
        self._level = capacity
        self._at = 0.0

    def level(self, mono: float) -> float:
        """Return the tokens that it holds at an instant of the monotonic clock."""
        return min(self.capacity, self._level + max(0.0, mono - self._at) * self.per_s)

    def seconds_to(self, tokens: float, mono: float) -> float:
        """Return the seconds until it holds so many tokens, 0 when it does."""
        return max(0.0, (tokens - self.level(mono)) / self.per_s)

    def take(self, tokens: float, mono: float) -> None:
        """Take tokens out."""
        self._level = self.level(mono) - tokens
        self._at = mono

    def empty(self, mono: float) -> None:
        """Hold no token now: the venue has just said so."""
        self._level = 0.0
        self._at = mono


class Budget:
    """The buckets of one account; every session of the process that uses the account draws on the same.

    Args:
        limits: the venue's.
        tier: the account's.
        share: the part of it that this process may use; REST clients and other processes draw on the rest.
        jitter: seconds by which one message may be slower on its way than the next. What comes back in that
            time is left in the buckets: the venue counts when a message arrives, not when it leaves.
    """

    def __init__(self, limits: RateLimits, tier: Tier, share: float = 1.0, jitter: float = 0.0) -> None:
        self.limits = limits
        self.tier = tier
        self._share = share
        self._jitter = jitter
        self._buckets: dict[str, TokenBucket] = {}

    def check_reserve(self, reserve: float) -> None:
        """Check that what is kept back leaves room for the dearest message.

        Args:
            reserve: tokens kept back for cancels.

        Raises:
            ConfigError: nothing but cancels would ever leave.
        """
        dearest = max(row.cost for row in (self.limits.default, *self.limits.messages.values()))
        room = self._filled(self.tier.write_per_s, self.tier.write_capacity).capacity - dearest
        if reserve > room:
            less = f"keep back {room:g} at most, or " if room >= 0 else ""
            raise ConfigError(
                f"a reserve of {reserve:g} tokens would keep every new order back",
                remedy=f"{less}give this process a larger share",
            )

    def seconds_to(self, message: Message, reserve: float, mono: float) -> float:
        """Return the seconds until every bucket that pays for a message can; 0 when they can.

        Args:
            message: what is to leave.
            reserve: tokens that stay in each write bucket, unless the message may use them.
            mono: the instant, monotonic seconds.
        """
        row = self.limits.cost_of(message.msg_type)
        kept = 0.0 if row.reserve else reserve
        seconds = 0.0
        for name in _paying(row, message):
            needed = row.cost if name == READ else row.cost + kept
            seconds = max(seconds, self._bucket(name).seconds_to(needed, mono))
        return seconds

    def take(self, message: Message, mono: float) -> None:
        """Pay for a message that leaves."""
        row = self.limits.cost_of(message.msg_type)
        for name in _paying(row, message):
            self._bucket(name).take(row.cost, mono)

    def empty(self, msg_type: str, mono: float) -> None:
        """Take in that the venue refused a message of this type for its rate: others have drawn as well.

        Which shard it was for is not told, so every bucket that may have paid is taken for empty.
        """
        reads = self.limits.cost_of(msg_type).buckets == (READ,)
        for name, bucket in self._buckets.items():
            if (name == READ) is reads:
                bucket.empty(mono)

    def levels(self, mono: float) -> dict[str, float]:
        """Return the tokens in each bucket that was ever used, by its name."""
        return {name: bucket.level(mono) for name, bucket in self._buckets.items()}

    def _bucket(self, name: str) -> TokenBucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            tier = self.tier
            bucket = self._buckets[name] = (
                self._filled(tier.read_per_s, tier.read_capacity)
                if name == READ
                else self._filled(tier.write_per_s, tier.write_capacity)
            )
        return bucket

    def _filled(self, per_s: float, capacity: float) -> TokenBucket:
        return TokenBucket(per_s * self._share, (capacity - per_s * self._jitter) * self._share)


def _paying(row: MessageCost, message: Message) -> tuple[str, ...]:
    """Return the names of the buckets that pay for a message."""
    names = row.buckets_with_quote if row.buckets_with_quote and QUOTE_ID in message else row.buckets
    return (_of_shard(message),) if names == (SHARD,) else names


def _of_shard(message: Message) -> str:
    index = message.get(EX_DESTINATION)
    return WRITE if index in _UNSCOPED else f"{WRITE}-{index.decode('latin-1')}"
