"""Decides what follows the end of a connection; a pure function of what happened, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from fixgw.engine.ending import LinkEnd
from fixgw.engine.settings import RetrySettings
from fixgw.errors import ConnectError
from fixgw.session.outcome import CloseCode
from fixgw.session.state import OnMismatch
from fixgw.venues.base import LogoutRule, Retry

Judge: TypeAlias = Callable[[str], LogoutRule]

SESSION = "{session}"  # stands for the session's name in a remedy
BEGIN_ANEW = f"fixgw seqnum reset {SESSION}, then fixgw session logon {SESSION}"


class Next(StrEnum):
    """What a supervisor does next."""

    DIAL = "dial"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, when, and why.

    Args:
        next: dial again or stop.
        delay: seconds until then.
        reset: begin a new epoch with the next Logon.
        why: a sentence for a person.
        remedy: what a person can do; empty when nothing is needed.
        mendable: after a stop, a person can mend it while the gateway runs (``fixgw seqnum``).
    """

    next: Next
    delay: float = 0.0
    reset: bool = False
    why: str = ""
    remedy: str = ""
    mendable: bool = False

    def of(self, session: str) -> Decision:
        """Return it with the session's name in the commands of its remedy, to be copied as they are."""
        return replace(self, remedy=self.remedy.replace(SESSION, session))


@dataclass(frozen=True, slots=True)
class Tries:
    """How it went so far.

    Args:
        failures: ends in a row without a connection that lasted.
        refusals: refused Logons in a row, those apart whose reason passes by itself.
    """

    failures: int = 0
    refusals: int = 0

    def after(self, end: LinkEnd | ConnectError, retry: RetrySettings, judge: Judge) -> Tries:
        """Return the counts after one more end; arguments as for ``decide``."""
        if isinstance(end, ConnectError):
            return Tries(self.failures + 1, self.refusals)
        if end.logged_on:
            return Tries(0 if end.seconds >= retry.reset_seconds else self.failures + 1, 0)
        counts = end.refused is not None and not judge(end.refused.text).passes
        return Tries(self.failures + 1, self.refusals + counts)


# Ends that trying again can not cure.
FINAL: dict[CloseCode, tuple[str, str]] = {
    CloseCode.STORE: ("the store failed", "make room or mend the disk, then start the session again"),
    CloseCode.RESEND_LIMIT: (
        "the peer asked for more messages than resend_limit",
        f"agree on the numbers with the venue, {BEGIN_ANEW}",
    ),
    CloseCode.STOPPED: ("the session was stopped", ""),
}

SENDING_TIME_ACCURACY = 10  # SessionRejectReason(373)

# What a person can look at while the session is tried again.
REMEDIES: dict[CloseCode, str] = {
    CloseCode.LOGON_TIMEOUT: "see that host and port are those of the FIX service; it may be in maintenance",
    CloseCode.SILENT: "look at the network on the way, or ask the venue whether it was down",
    CloseCode.GAP_TIMEOUT: "ask the venue why it does not send again what was asked for",
    CloseCode.PROTOCOL: "the tape holds what the venue sent last: show it to the venue",
    CloseCode.FRAME_TOO_LONG: "see that the port is that of the FIX service, then ask the venue",
    CloseCode.SLOW_HANDLER: "make the handlers quicker, or raise limits.queue_size",
}
BEFORE_LOGON = (
    "the peer closed before it answered the Logon: see that port, TLS and CompIDs are those of the service"
)


def decide(
    end: LinkEnd | ConnectError,
    tries: Tries,
    retry: RetrySettings,
    judge: Judge,
    on_mismatch: OnMismatch,
    jitter: float,
) -> Decision:
    """Return what follows an end.

    Args:
        end: how the connection ended, or why there was none.
        tries: the counts, this end included.
        retry: back-off settings.
        judge: the venue's table of Logout texts.
        on_mismatch: what to do when the two sides disagree on a number.
        jitter: a random number from 0 to 1, drawn for this decision.
    """
    delay = backoff(tries.failures, retry) * jitter
    if isinstance(end, ConnectError):
        if end.fatal:
            return Decision(Next.STOP, why=end.what, remedy=end.remedy)
        return Decision(Next.DIAL, delay, why=end.what, remedy=end.remedy)
    if end.reason.code in FINAL:
        why, remedy = FINAL[end.reason.code]
        why = f"{why}: {end.reason.text}" if end.reason.text else why
        mendable = end.reason.code is CloseCode.RESEND_LIMIT
        return Decision(Next.STOP, why=why, remedy=remedy, mendable=mendable)
    if end.too_low is not None:
        return _mismatch(end, on_mismatch, delay)
    return _by_text(end, tries, retry, judge, delay)


def backoff(failures: int, retry: RetrySettings) -> float:
    """Return the upper bound of the delay after ``failures`` in a row, seconds."""
    doubled = retry.base_seconds * 2.0 ** min(max(failures - 1, 0), 30)
    return min(retry.cap_seconds, doubled)


def _mismatch(end: LinkEnd, on_mismatch: OnMismatch, delay: float) -> Decision:
    low = end.too_low
    assert low is not None
    side = "the venue" if low.by_peer else "this side"
    why = f"MsgSeqNum too low: {side} expects {low.expected} and got {low.received}"
    if on_mismatch is OnMismatch.RESET:
        return Decision(Next.DIAL, delay, reset=True, why=f"{why}; on_mismatch is reset")
    mend = f"--out {low.expected}" if low.by_peer else f"--in {low.received}"
    remedy = (
        f"take the venue's number (fixgw seqnum set {SESSION} {mend}) or reset both "
        f"(fixgw seqnum reset {SESSION}), then fixgw session logon {SESSION}"
    )
    return Decision(Next.STOP, why=why, remedy=remedy, mendable=True)


def _by_text(end: LinkEnd, tries: Tries, retry: RetrySettings, judge: Judge, delay: float) -> Decision:
    text = end.refused.text if end.refused is not None else end.logout_text
    rule = _about_clock(end) or (judge(text) if text else LogoutRule("", Retry.RETRY, remedy=_remedy(end)))
    told = text or end.reason.text
    if rule.meaning and (rule.contains or rule.action is Retry.FATAL):  # an ordinary Logout needs no comment
        told = f"{told} ({rule.meaning})"
    why = f"{end.reason.code.value}: {told}" if told else end.reason.code.value
    if rule.action is Retry.FATAL:
        return Decision(Next.STOP, why=why, remedy=rule.remedy)
    if retry.max_refusals and tries.refusals >= retry.max_refusals and not rule.passes:
        remedy = rule.remedy or "look at the venue's text, then start the session again"
        last = told or "without a text"
        return Decision(
            Next.STOP, why=f"{tries.refusals} refused Logons in a row, last: {last}", remedy=remedy
        )
    floor = rule.wait_seconds if rule.action is Retry.WAIT else 0.0
    return Decision(Next.DIAL, floor + delay, why=why, remedy=rule.remedy)


def _remedy(end: LinkEnd) -> str:
    """Return what a person can look at when the peer gave no reason."""
    lost_early = end.reason.code is CloseCode.LOST and not end.logged_on
    return BEFORE_LOGON if lost_early else REMEDIES.get(end.reason.code, "")


def _about_clock(end: LinkEnd) -> LogoutRule | None:
    """Return what a refusal because of SendingTime(52) means, by the time that it bears itself."""
    refused = end.refused
    if refused is None or refused.reason != SENDING_TIME_ACCURACY or refused.clock_offset is None:
        return None
    side = "behind" if refused.clock_offset > 0 else "ahead of"
    meaning = f"this clock is {abs(refused.clock_offset):.1f} s {side} the venue's"
    return LogoutRule(refused.text, Retry.RETRY, meaning=meaning, remedy="set this machine's clock, by NTP")
