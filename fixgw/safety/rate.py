"""Keeps a session inside its account's rate limits: new orders wait, cancels have a reserve."""

from __future__ import annotations

import logging
from enum import StrEnum

from fixgw.clock import Now
from fixgw.errors import RateLimited
from fixgw.fix.message import Message
from fixgw.fix.tags import BUSINESS_REJECT_REASON, REF_MSG_TYPE
from fixgw.handlers.base import Book, Context
from fixgw.safety.buckets import Budget

log = logging.getLogger("fixgw.safety")

_BUSINESS_REJECT = "j"
_THROTTLED = b"8"  # BusinessRejectReason(380): the rate limit was exceeded, and nothing was done
# What the sums of floats may be off by; without it, who slept to the end of a wait could be told to wait on.
INSTANT = 1e-6


class Policy(StrEnum):
    """What becomes of a new order for which there are no tokens."""

    WAIT = "wait"  # ``submit`` waits its turn; whatever can not wait is refused
    REFUSE = "refuse"


class RateGuard(Book):
    """Implements ``handlers.passage.Guard`` over the budget of an account.

    Cancels may use the reserve, new orders may not. What the venue refuses for its rate all the same empties
    the budget, because others draw on the same account.

    Args:
        budget: the account's, shared by its sessions.
        policy: whether ``submit`` waits.
        reserve: tokens that only cancels may use.

    Raises:
        ConfigError: the reserve leaves no room for anything else.
    """

    name = "rate_limit"

    def __init__(self, budget: Budget, policy: Policy = Policy.WAIT, reserve: float = 0.0) -> None:
        budget.check_reserve(reserve)
        self.budget = budget
        self.refused_by_venue = 0
        self._waits = policy is Policy.WAIT
        self._reserve = reserve
        self._next: dict[str, float] = {}  # MsgType -> monotonic seconds from which another one may leave

    def admit(self, message: Message, now: Now) -> None:
        """Let a message leave for which there are tokens.

        Raises:
            RateLimited: there are no tokens for it; nothing was numbered.
        """
        seconds = self._seconds(message, now.mono)
        if seconds > 0:
            what = f"35={message.msg_type} would exceed the venue's rate limit"
            raise RateLimited(f"{what}: try again in {seconds:.3f} s, or send less", seconds)

    def left(self, message: Message, msg_seq_num: int, now: Now) -> None:
        """Pay for a message that leaves."""
        self.budget.take(message, now.mono)
        interval = self.budget.limits.cost_of(message.msg_type).interval
        if interval:
            self._next[message.msg_type] = now.mono + interval

    def delay(self, message: Message, now: Now) -> float:
        """Return the seconds until there are tokens for it; 0 when nobody is to wait."""
        return self._seconds(message, now.mono) if self._waits else 0.0

    def on_message(self, message: Message, context: Context) -> None:
        """Learn from a refusal for the rate that others draw on the account as well."""
        if message.msg_type != _BUSINESS_REJECT or message.get(BUSINESS_REJECT_REASON) != _THROTTLED:
            return
        if context.redelivered or message.poss_dup:  # long ago
            return
        self.refused_by_venue += 1
        msg_type = message.text(REF_MSG_TYPE) or ""
        self.budget.empty(msg_type, context.session.now().mono)
        detail = {"session": context.session.name, "ref_msg_type": msg_type}
        log.warning("the venue refused a message for its rate: the budget is taken for used up", extra=detail)

    def _seconds(self, message: Message, mono: float) -> float:
        paced = self._next.get(message.msg_type, 0.0) - mono
        seconds = max(paced, self.budget.seconds_to(message, self._reserve, mono))
        return seconds if seconds > INSTANT else 0.0
