"""Every error that fixgw raises, in one tree.

``LocalError`` is our side's fault, ``RemoteError`` the peer's, ``StoreError`` the disk's. A ``Reject`` is
a refusal that knows its wire form. ``NotSent``, ``Rejected`` and ``OutcomeUnknown`` are the three bad endings
of a submit.
"""

from __future__ import annotations

from typing import Any


class FixError(Exception):
    """The root of everything that fixgw raises on purpose."""


class LocalError(FixError):
    """What was asked for breaks a rule on this side; nothing was sent."""


class RemoteError(FixError):
    """The peer broke a rule or refused."""


class ConfigError(LocalError):
    """The configuration can not be used.

    Args:
        what: the fault, a sentence without a full stop.
        where: file, line and path of the setting, such as ``sessions.yaml:14 sessions[0].tls.pin``.
        remedy: what a person can do about it.
    """

    def __init__(self, what: str, where: str = "", remedy: str = "") -> None:
        super().__init__(what, where, remedy)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        return "\n  ".join(part for part in (self.what, self.where, self.remedy) if part)


class ConnectError(FixError):
    """No usable connection came about: name, network, TLS, certificate or pin.

    Args:
        what: the fault, a sentence.
        remedy: what a person can do about it.
        fatal: true when trying again unchanged can not help (a wrong pin, an unknown CA).
    """

    def __init__(self, what: str, remedy: str = "", *, fatal: bool = False) -> None:
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy
        self.fatal = fatal

    def __str__(self) -> str:
        return f"{self.what}: {self.remedy}" if self.remedy else self.what


class StoreError(FixError):
    """The store can not be read or written."""


class StoreFull(StoreError):
    """No room is left on the disk; raised before a MsgSeqNum is used."""


class StoreLocked(StoreError):
    """Another process holds the store (its pid, host and start time are in the text)."""


class StoreCorrupt(StoreError):
    """A record before the last synced offset does not check; segment and offset are in the text."""


class Reject(FixError):
    """A refusal of a received message, which becomes 35=3, or 35=j when ``business`` is true.

    Args:
        reason: SessionRejectReason(373), or BusinessRejectReason(380) when ``business``.
        text: Text(58).
        ref_tag: RefTagID(371).
        business: send BusinessMessageReject(j) in place of Reject(3).
        ref_id: BusinessRejectRefID(379).
    """

    def __init__(
        self,
        reason: int,
        text: str,
        *,
        ref_tag: int | None = None,
        business: bool = False,
        ref_id: str | None = None,
    ) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text
        self.ref_tag = ref_tag
        self.business = business
        self.ref_id = ref_id


class FieldError(Reject):
    """A field whose value does not parse; out of a handler it becomes Reject(3) with 371 and 373."""

    def __init__(self, tag: int, reason: int, text: str) -> None:
        super().__init__(reason, text, ref_tag=tag)
        self.tag = tag


class EncodeError(LocalError):
    """A value can not be put on the wire (it holds SOH, or a tag is not a positive number)."""


class NotLoggedOn(LocalError):
    """The session is not ACTIVE, so nothing was numbered and nothing was sent."""


class Refused(LocalError):
    """One of the session's guards does not let the message leave; nothing was numbered and nothing was sent.

    Args:
        text: what is wrong, and what to do.
        rule: the name of the rule, under which refusals are counted.
    """

    def __init__(self, text: str, rule: str) -> None:
        super().__init__(text)
        self.rule = rule


class NotAllowed(Refused):
    """This kind of session does not send such messages."""

    def __init__(self, text: str) -> None:
        super().__init__(text, "kind")


class LimitBreached(Refused):
    """A limit of the desk's own says no.

    Args:
        rule: the name of its setting.
        what: value and limit.
        where: what holds the setting, such as ``sessions.orders.risk``.
    """

    def __init__(self, rule: str, what: str, where: str) -> None:
        super().__init__(f"{rule}: {what} (set by {where}.{rule})", rule)


class RateLimited(Refused):
    """The venue's rate limit has no room for it now.

    Args:
        text: which limit, and what to do.
        retry_in: seconds after which there is room.
    """

    def __init__(self, text: str, retry_in: float) -> None:
        super().__init__(text, "rate")
        self.retry_in = retry_in


class Held(Refused):
    """The venue does not take such messages now.

    Args:
        text: what holds it, and until when.
        reason: the kind of pause.
    """

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text, "held")
        self.reason = reason


class Killed(Refused):
    """The kill switch is on: only cancels leave."""

    def __init__(self, text: str) -> None:
        super().__init__(text, "killed")


class NotSent(FixError):
    """The order never left, or the venue asked for it and was given a gap fill: safe to send again."""

    def __init__(self, text: str, cl_ord_id: str = "") -> None:
        super().__init__(text)
        self.cl_ord_id = cl_ord_id


class Rejected(RemoteError):
    """The venue said no.

    Args:
        text: Text(58), or a sentence made from the reason code.
        report: the ExecutionReport, OrderCancelReject, Reject or BusinessMessageReject that said it.
        meaning: what the venue's table says that it means, and what to do; empty when it says nothing.
    """

    def __init__(self, text: str, report: Any = None, meaning: str = "") -> None:
        super().__init__(f"{text}: {meaning}" if meaning else text)
        self.text = text
        self.report = report
        self.meaning = meaning


class OutcomeUnknown(FixError):
    """The order left and no answer is known: ask the venue before doing anything else."""

    def __init__(self, text: str, cl_ord_id: str = "") -> None:
        super().__init__(text)
        self.cl_ord_id = cl_ord_id
