"""Keeps orders back while the venue is paused: what it says in its refusals, and its weekly window.

A hold is learnt from a refusal and ends by what the venue does. After ``recheck_seconds`` one message is let
through to ask: a refusal renews the hold, an order that is taken ends it.
Source: docs.kalshi.com/getting_started/maintenance_and_pauses.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from fixgw.clock import Now
from fixgw.errors import Held
from fixgw.fix.message import Message
from fixgw.fix.tags import CL_ORD_ID, EXEC_TYPE, ORIG_CL_ORD_ID, SECURITY_TRADING_STATUS, SYMBOL, TEXT
from fixgw.handlers.base import Book, Context
from fixgw.safety.traffic import Traffic

log = logging.getLogger("fixgw.safety")

RECHECK_SECONDS = 5.0
EVERY_MARKET = ""

_REFUSED = b"8"  # values of ExecType(150)
_TAKEN = (b"0", b"5", b"F")
_CANCELED = b"4"
_HALTED, _RESUMED = b"2", b"3"  # values of SecurityTradingStatus(326)


class HoldReason(StrEnum):
    """Why messages are kept back."""

    TRADING_PAUSED = "trading paused"
    EXCHANGE_PAUSED = "exchange paused"
    MARKET_INACTIVE = "market inactive"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class PauseRule:
    """What a text in a refusal tells.

    Args:
        reason: the kind of pause.
        market: it is about the one market; else about the whole venue.
        cancels: cancels are still carried out.
    """

    reason: HoldReason
    market: bool = False
    cancels: bool = True


HALT = PauseRule(HoldReason.MARKET_INACTIVE, market=True, cancels=False)


class Hours(Protocol):
    """The venue's weekly window, such as ``engine.schedule.Schedule``; instants in nanoseconds since 1970."""

    def is_open(self, utc_ns: int) -> bool:
        """Return true inside the window."""
        ...

    def next_change(self, utc_ns: int) -> int:
        """Return the next instant at which it begins or ends."""
        ...

    def local_text(self, utc_ns: int) -> str:
        """Return an instant as a person reads it."""
        ...


@dataclass(slots=True)
class Hold:
    """A pause that the venue has told of.

    Args:
        rule: what it means.
        symbol: the market, ``EVERY_MARKET`` for the whole venue.
        ask_at: monotonic seconds from which one message may leave to ask.
    """

    rule: PauseRule
    symbol: str
    ask_at: float


class Pauses:
    """What is known of a venue's pauses; all sessions with the venue share it.

    Args:
        recheck_seconds: seconds after a refusal, or after such a message, until one may leave to ask.
    """

    def __init__(self, recheck_seconds: float = RECHECK_SECONDS) -> None:
        self._recheck = recheck_seconds
        self._holds: dict[str, Hold] = {}

    @property
    def any(self) -> bool:
        """True while anything is held."""
        return bool(self._holds)

    @property
    def holds(self) -> list[Hold]:
        """The pauses that are thought to last."""
        return list(self._holds.values())

    def learn(self, rule: PauseRule, symbol: str, mono: float) -> None:
        """Take in that the venue is paused, or still is; of a market without a name nothing is learnt."""
        if rule.market and not symbol:  # an OrderCancelReject has no Symbol(55)
            return
        key = symbol if rule.market else EVERY_MARKET
        known = self._holds.get(key)
        if known is None or known.rule.reason is not rule.reason:
            log.warning("paused by the venue", extra={"reason": rule.reason.value, "symbol": key})
        self._holds[key] = Hold(rule, key, mono + self._recheck)

    def taken(self, symbol: str) -> None:
        """Take in that the venue has taken an order in this market."""
        for key in (EVERY_MARKET, symbol):
            self._forget(key)

    def cancelled(self, symbol: str) -> None:
        """Take in that the venue has carried out a cancel in this market."""
        for key in (EVERY_MARKET, symbol):
            if key in self._holds and not self._holds[key].rule.cancels:
                self._forget(key)

    def resumed(self, symbol: str) -> None:
        """Take in that the venue says that this market trades again."""
        if symbol:
            self._forget(symbol)

    def resume(self) -> None:
        """Hold nothing any more: a person knows better."""
        for key in list(self._holds):
            self._forget(key)

    def admit(self, symbol: str, mono: float, *, cancel: bool) -> None:
        """Let a message leave that no pause keeps back, or as the one that asks if it is time for that.

        Args:
            symbol: its market, empty when it has none.
            mono: the instant, monotonic seconds.
            cancel: it only takes something back.

        Raises:
            Held: the venue would refuse it.
        """
        for hold in self._applying(symbol, cancel):
            if mono < hold.ask_at:
                raise _held(hold, mono)

    def asked(self, symbol: str, mono: float, *, cancel: bool) -> None:
        """Take in that a message has left; the next one asks later. Arguments as above."""
        for hold in self._applying(symbol, cancel):
            hold.ask_at = mono + self._recheck

    def _applying(self, symbol: str, cancel: bool) -> Iterator[Hold]:
        for key in (EVERY_MARKET, symbol) if symbol else (EVERY_MARKET,):
            hold = self._holds.get(key)
            if hold is not None and not (cancel and hold.rule.cancels):
                yield hold

    def _forget(self, key: str) -> None:
        hold = self._holds.pop(key, None)
        if hold is not None:
            log.warning("no longer paused", extra={"reason": hold.rule.reason.value, "symbol": key})


def _held(hold: Hold, mono: float) -> Held:
    where = f" in {hold.symbol}" if hold.symbol else ""
    cancels = "cancels still leave" if hold.rule.cancels else "cancels are held too"
    text = (
        f"{hold.rule.reason}{where}: the venue has refused for that, so this is not sent; {cancels}; "
        f"try again in {hold.ask_at - mono:.1f} s, or resume by hand if it trades"
    )
    return Held(text, hold.rule.reason)


class WindowGuard:
    """The venue's maintenance window, and what it means for orders; a ``handlers.passage.Guard``.

    Args:
        session: its name, for the log.
        traffic: which messages add risk.
        hours: the window.
        hold: keep orders back; else tell once in a window that they may be refused.
    """

    def __init__(self, session: str, traffic: Traffic, hours: Hours, *, hold: bool) -> None:
        self._session = session
        self._opens = traffic.opens
        self._hours = hours
        self._hold = hold
        self._known = range(0)  # the instants for which what is known holds
        self._on = False
        self._told = False

    def admit(self, message: Message, now: Now) -> None:
        """Let a message leave, unless it may lead to a trade and the window holds that back.

        Raises:
            Held: it does; nothing was numbered.
        """
        if message.msg_type not in self._opens:
            return
        if now.utc_ns not in self._known:
            self._look(now.utc_ns)
        if self._on:
            self._maintained()

    def delay(self, message: Message, now: Now) -> float:
        """Return 0: nobody waits for hours."""
        return 0.0

    def _look(self, utc_ns: int) -> None:
        self._known = range(utc_ns, self._hours.next_change(utc_ns))
        self._on = self._hours.is_open(utc_ns)
        self._told = False

    def _maintained(self) -> None:
        ends = self._hours.local_text(self._known.stop)
        if self._hold:
            text = f"{HoldReason.MAINTENANCE}: orders are held until {ends}; cancels still leave"
            raise Held(text, HoldReason.MAINTENANCE)
        if not self._told:
            self._told = True
            log.warning(
                "the venue's maintenance window is on", extra={"session": self._session, "ends": ends}
            )


class PauseGuard(Book):
    """Implements ``handlers.passage.Guard`` over what is known of the venue's pauses, and learns of them.

    Args:
        pauses: shared by the sessions with the venue.
        traffic: which messages add risk, and which take it away.
        rules: what a Text(58) in a refusal tells.
    """

    name = "pauses"

    def __init__(self, pauses: Pauses, traffic: Traffic, rules: Mapping[str, PauseRule]) -> None:
        self.pauses = pauses
        self._traffic = traffic
        self._held = traffic.opens | traffic.cancels
        self._rules = rules
        self._takers = {"8": self._report, "9": self._refused, "f": self._security_status}

    def admit(self, message: Message, now: Now) -> None:
        """Let a message leave unless the venue is paused for it.

        Raises:
            Held: it is; nothing was numbered.
        """
        if self.pauses.any and message.msg_type in self._held:
            cancel = message.msg_type not in self._traffic.opens
            self.pauses.admit(message.text(SYMBOL) or "", now.mono, cancel=cancel)

    def left(self, message: Message, msg_seq_num: int, now: Now) -> None:
        """Let the venue's answer to this message tell whether the pause is over."""
        if self.pauses.any and message.msg_type in self._held:
            cancel = message.msg_type not in self._traffic.opens
            self.pauses.asked(message.text(SYMBOL) or "", now.mono, cancel=cancel)

    def delay(self, message: Message, now: Now) -> float:
        """Return 0: nobody knows how long a pause lasts, so orders are refused and do not wait."""
        return 0.0

    def on_message(self, message: Message, context: Context) -> None:
        """Learn from reports, refusals and the status of markets; what is told again is old."""
        taker = self._takers.get(message.msg_type)
        if taker is not None and not (context.redelivered or context.reconciled or message.poss_dup):
            taker(message, context)

    def _report(self, message: Message, context: Context) -> None:
        exec_type = message.get(EXEC_TYPE)
        if exec_type == _REFUSED:
            self._refused(message, context)
        elif not self.pauses.any:
            return
        elif exec_type in _TAKEN:
            self.pauses.taken(message.text(SYMBOL) or "")
        elif exec_type == _CANCELED and message.get(ORIG_CL_ORD_ID) not in (None, message.get(CL_ORD_ID)):
            self.pauses.cancelled(message.text(SYMBOL) or "")  # by request: at a pause the venue cancels too

    def _refused(self, message: Message, context: Context) -> None:
        rule = self._rules.get(message.text(TEXT) or "")
        if rule is not None:
            self.pauses.learn(rule, message.text(SYMBOL) or "", context.session.now().mono)

    def _security_status(self, message: Message, context: Context) -> None:
        status, symbol = message.get(SECURITY_TRADING_STATUS), message.text(SYMBOL) or ""
        if status == _HALTED:
            self.pauses.learn(HALT, symbol, context.session.now().mono)
        elif status == _RESUMED:
            self.pauses.resumed(symbol)
