"""A counterparty as data and hooks: what an engine has to know to talk to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import entry_points
from typing import Any, Protocol

from fixgw.errors import ConfigError
from fixgw.fix.schema import TypedMessage
from fixgw.handlers.base import Client
from fixgw.handlers.meanings import Meanings
from fixgw.handlers.passage import Edge
from fixgw.handlers.positions import Positions
from fixgw.safety.buckets import RateLimits
from fixgw.safety.kill_steps import KillStep
from fixgw.safety.pauses import PauseRule
from fixgw.safety.traffic import Traffic
from fixgw.session.hooks import LogonSigner, ResendPolicy


class Retry(StrEnum):
    """What to do after the venue ended or refused a connection."""

    RETRY = "retry"  # with back-off
    WAIT = "wait"  # not before a floor given by the venue's table
    FATAL = "fatal"  # a person has to change something first


@dataclass(frozen=True, slots=True)
class LogoutRule:
    """One row of a venue's table of Logout texts.

    Args:
        contains: the text that Text(58) has to contain, compared without case.
        action: what to do.
        wait_seconds: for WAIT, the least time to the next attempt.
        meaning: a sentence for a person.
        remedy: what a person can do.
        passes: it passes by itself, so that Logons refused with it do not count towards ``max_refusals``.
    """

    contains: str
    action: Retry
    wait_seconds: float = 0.0
    meaning: str = ""
    remedy: str = ""
    passes: bool = False


@dataclass(frozen=True, slots=True)
class KindProfile:
    """One kind of session that a venue offers.

    Args:
        name: the name in the configuration, such as ``orders-rt``.
        target_comp_id: TargetCompID(56) that selects it.
        port: the venue's port.
        retransmission: ResendRequest and SequenceReset are supported.
        must_reset: every Logon has to carry ResetSeqNumFlag(141)=Y.
        host: which of the venue's hosts serves it (``orders`` or ``market-data``).
        order_entry: orders are sent on it, so ``cancel_on_disconnect`` has to be said.
        sends: MsgTypes that the client may send.
        receives: MsgTypes that the venue sends.
        handler: which handler key of the configuration its messages go to.
    """

    name: str
    target_comp_id: str
    port: int
    retransmission: bool
    must_reset: bool
    host: str
    order_entry: bool
    sends: frozenset[str]
    receives: frozenset[str]
    handler: str


@dataclass(frozen=True, slots=True)
class CentsFields:
    """Prices that stand on the wire in cents, unless a session asks for dollars.

    Args:
        unless: the Logon option that asks for dollars.
        sends: MsgType -> tags of what a client sends.
        receives: MsgType -> tags of what the venue sends.
    """

    unless: str
    sends: Mapping[str, tuple[int, ...]]
    receives: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Maintenance:
    """The hours of the week in which a venue works on itself.

    Args:
        time_zone: an IANA time zone, by whose clocks the windows are told.
        windows: as a schedule has them, such as ``thu 03:00-05:00``.
    """

    time_zone: str
    windows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VenueProfile:
    """The facts of a venue that may change next month, read from its TOML file.

    Args:
        name: the venue's name in the configuration.
        begin_string: BeginString(8).
        default_appl_ver_id: DefaultApplVerID(1137), or None for FIX.4.x.
        kinds: session kinds by name.
        hosts: environment (``production``, ``demo``) -> host role -> host name.
        accepted_sender_comp_ids: values of the venue's SenderCompID(49) beside the kind's target_comp_id.
        heart_bt_int: default HeartBtInt(108), seconds.
        heart_bt_int_min: the least that the venue accepts, seconds.
        sending_time_window: how far SendingTime(52) may be off at the venue, seconds.
        time_precision: ``ms``, ``us`` or ``ns`` in SendingTime(52) that we send.
        logouts: the table of Logout texts, first match wins.
        default_action: for a text that no row matches.
        resend_always: message types that are replayed whatever their age.
        resend_max_age: age in seconds up to which others of the same connection are replayed.
        unknown_outcome_texts: values of Text(58) on a report which mean that the outcome is not known.
        remainders_option: the Logon option without which the venue does not report what an immediate order
            leaves; empty when it always does.
        order_id_option: the Logon option with which a replace has to name OrderID(37); empty when none does.
        meanings: what its texts and codes mean, and what to do.
        logon_options: option name in the configuration -> (tag, kind names it applies to).
        field_names: tag -> the venue's name for it, for dictionaries; tags that FIX has are named by FIX.
        cents: which prices may be in cents; None where all are dollars.
        event_contracts: a contract pays one dollar to YES or to NO, so a seller puts up what YES does not
            cost, and every whole cent between is a price.
        rate_limits: what accounts may send; None where nothing is known.
        traffic: which messages add risk, and which take it away.
        pauses: values of Text(58) in a refusal that tell of a pause.
        maintenance: its weekly window, None where it has none.
    """

    name: str
    begin_string: str
    default_appl_ver_id: str | None
    kinds: Mapping[str, KindProfile]
    hosts: Mapping[str, Mapping[str, str]]
    accepted_sender_comp_ids: frozenset[str]
    heart_bt_int: int
    heart_bt_int_min: int
    sending_time_window: float
    time_precision: str
    logouts: Sequence[LogoutRule]
    default_action: Retry
    resend_always: frozenset[str]
    resend_max_age: float
    unknown_outcome_texts: frozenset[str]
    remainders_option: str = ""
    order_id_option: str = ""
    meanings: Meanings = field(default_factory=Meanings)
    logon_options: Mapping[str, tuple[int, frozenset[str]]] = field(default_factory=dict)
    field_names: Mapping[int, str] = field(default_factory=dict)
    cents: CentsFields | None = None
    event_contracts: bool = False
    rate_limits: RateLimits | None = None
    traffic: Traffic = field(default_factory=Traffic)
    pauses: Mapping[str, PauseRule] = field(default_factory=dict)
    maintenance: Maintenance | None = None

    @property
    def senders(self) -> Mapping[str, Sequence[str]]:
        """MsgType -> the names of the kinds that send it."""
        types = sorted({msg_type for kind in self.kinds.values() for msg_type in kind.sends})
        return {
            msg_type: [name for name, kind in self.kinds.items() if msg_type in kind.sends]
            for msg_type in types
        }

    def judge_logout(self, text: str) -> LogoutRule:
        """Return the first row whose text is contained in ``text``, else a row with the default action."""
        lowered = text.lower()
        for rule in self.logouts:
            if rule.contains.lower() in lowered:
                return rule
        return LogoutRule("", self.default_action, meaning="the venue gave a text that is not in its table")


class Venue(Protocol):
    """What a venue's package exports under the entry point group ``fixgw.venues``."""

    @property
    def profile(self) -> VenueProfile:
        """The venue's facts."""
        ...

    @property
    def messages(self) -> Sequence[type[TypedMessage]]:
        """The typed messages of its dialect."""
        ...

    def with_overrides(self, overrides: Mapping[str, Any]) -> Venue:
        """Return the venue with facts changed by the configuration (``venue_overrides``).

        Args:
            overrides: in the shape of the venue's table of facts.

        Raises:
            ConfigError: a fact is unknown, missing, or has the wrong type.
        """
        ...

    def signer(self, key: bytes) -> LogonSigner:
        """Return the Logon signer for a key in PEM form, empty when the session has none.

        Raises:
            ConfigError: the key is missing, has the wrong type, is encrypted or does not parse.
        """
        ...

    def logon_fields(self, kind: KindProfile, options: Mapping[str, Any]) -> Sequence[tuple[int, str]]:
        """Return the venue's own Logon fields for the session's options, in wire order.

        Raises:
            ConfigError: an option is unknown, does not apply to the kind, or conflicts with another.
        """
        ...

    def sends(self, kind: KindProfile, options: Mapping[str, Any]) -> frozenset[str] | None:
        """Return the MsgTypes that a session with these options may send; None when nothing says so."""
        ...

    def clients(self, kind: KindProfile) -> Sequence[Client]:
        """Return new clients for what a session of this kind can ask for, orders aside."""
        ...

    def positions(self, kind: KindProfile) -> Callable[[], Positions] | None:
        """Return what makes the positions of a session of this kind; None where no executions are told."""
        ...

    def edge(self, kind: KindProfile, options: Mapping[str, Any]) -> Edge | None:
        """Return what translates between the desk's dollars and the wire; None where the wire has dollars."""
        ...

    def kill_steps(
        self, kind: KindProfile, options: Mapping[str, Any], *, cancel_on_disconnect: bool
    ) -> Sequence[KillStep]:
        """Return how the kill switch takes a session's open orders out of the market, the mildest step first.

        Args:
            kind: the kind of session.
            options: the venue's options that its Logon carries.
            cancel_on_disconnect: the venue cancels its orders when its connection ends.
        """
        ...

    def resend_policy(self, kind: KindProfile) -> ResendPolicy:
        """Return which old messages may be sent again."""
        ...


def venue(name: str) -> Venue:
    """Return the venue registered under ``name``.

    Raises:
        ConfigError: no installed package offers it.
    """
    found = {entry.name: entry for entry in entry_points(group="fixgw.venues")}
    if name not in found:
        raise ConfigError(f"venue {name!r} is not known", remedy=f"use one of: {', '.join(sorted(found))}")
    loaded: Venue = found[name].load()
    return loaded
