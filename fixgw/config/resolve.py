"""Joins each session of the file with the facts of its venue."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from fixgw.config.load import SettingPath
from fixgw.config.model import SessionSection
from fixgw.config.problems import Problem, suggest
from fixgw.config.settings import Loaded
from fixgw.config.values import Secret, split_host_port
from fixgw.errors import ConfigError
from fixgw.fix.tags import PASSWORD, USERNAME
from fixgw.handlers.base import Client
from fixgw.venues.base import KindProfile, Venue, VenueProfile, venue
from fixgw.venues.keys import read_key_file

FIX50SP2 = "9"  # ApplVerID(1128)
CANCEL_OPTION = (
    "cancel_orders_on_disconnect"  # what a venue calls `cancel_on_disconnect` among its Logon options
)


class Address(NamedTuple):
    """Where a counterparty listens.

    Args:
        host: a name or an address; empty when neither the file nor the venue says.
        port: 1 to 65535; 0 when neither says.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Resolved:
    """One session and the venue's facts about it.

    Args:
        index: its place in the list of sessions.
        section: what the file says.
        venue: the venue, overrides applied.
        kind: the venue's kind of session.
        addresses: where to connect, the preferred one first.
    """

    index: int
    section: SessionSection
    venue: Venue
    kind: KindProfile
    addresses: tuple[Address, ...]

    @property
    def path(self) -> SettingPath:
        """The session's place in the file."""
        return ("sessions", self.index)

    @property
    def profile(self) -> VenueProfile:
        """The venue's facts."""
        return self.venue.profile

    @property
    def account(self) -> str:
        """Venue, environment and account: sessions that agree in it share positions and token buckets."""
        section = self.section
        return " ".join(filter(None, (section.venue, section.environment, section.account)))

    @property
    def target_comp_id(self) -> str:
        """TargetCompID(56)."""
        return self.section.target or self.kind.target_comp_id

    @property
    def heart_bt_int(self) -> int:
        """HeartBtInt(108), seconds."""
        return self.section.heartbeat or self.profile.heart_bt_int

    @property
    def store_path(self) -> Path | None:
        """The session's own directory; None for a store in memory."""
        store = self.section.store
        return store.path / self.section.name if store.kind == "tape" and store.path else None

    @property
    def begin_string(self) -> str:
        """BeginString(8)."""
        return self.section.begin_string or self.profile.begin_string

    @property
    def default_appl_ver_id(self) -> str | None:
        """DefaultApplVerID(1137); None for FIX.4, which has none."""
        if self.begin_string.startswith("FIX.4"):
            return None
        return self.section.default_appl_ver_id or self.profile.default_appl_ver_id or FIX50SP2

    @property
    def accepts(self) -> bool:
        """True when the counterparty connects to us."""
        return self.section.role == "acceptor"

    @property
    def may_cancel(self) -> bool:
        """True when the venue cancels open orders on a disconnect if it is asked to."""
        return self.kind.name in self.profile.logon_options.get(CANCEL_OPTION, (0, frozenset()))[1]

    @property
    def options(self) -> dict[str, bool | int | str]:
        """The venue's options that its Logon carries, also those that stand among the further fields."""
        further = self.section.logon_fields
        flags = {
            name: further[tag] == "Y"
            for name, (tag, _) in self.profile.logon_options.items()
            if further.get(tag) in ("Y", "N")
        }
        return flags | self.section.options

    @property
    def listens(self) -> bool:
        """True when its options make a session for orders one that only reads."""
        return self.kind.order_entry and self.venue.sends(self.kind, self.options) == frozenset()

    def clients(self) -> Sequence[Client]:
        """Return new clients for what can be asked for on the session; a listener may ask for nothing."""
        return self.venue.clients(replace(self.kind, sends=frozenset()) if self.listens else self.kind)

    def logon_fields(self) -> list[tuple[int, str]]:
        """Return user and password, the venue's options, then further fields, as they stand in the Logon.

        Raises:
            ConfigError: an option is unknown, does not apply to the kind, or conflicts with another.
        """
        options = dict(self.section.options)
        cancel = self.section.cancel_on_disconnect
        if cancel or (cancel is not None and self.may_cancel):  # false in `defaults` is for these alone
            options[CANCEL_OPTION] = cancel
        further = (
            (tag, value.reveal() if isinstance(value, Secret) else value)
            for tag, value in self.section.logon_fields.items()
        )
        return [*self._user(), *self.venue.logon_fields(self.kind, options), *further]

    def _user(self) -> Iterator[tuple[int, str]]:
        if self.accepts:
            return  # they are the peer's to say
        if self.section.username is not None:
            yield USERNAME, self.section.username
        if self.section.password is not None:
            yield PASSWORD, self.section.password.reveal()

    def read_key(self) -> bytes:
        """Return the private key in PEM form, empty when the session has none.

        Raises:
            ConfigError: the key file is missing, can not be read, or is readable by others.
        """
        key, allow = self.section.key, self.section.allow_readable_key
        if self.section.key_file is not None:
            return read_key_file(self.section.key_file, allow)
        if key is None:
            return b""
        return read_key_file(key.path, allow) if key.path is not None else key.reveal().encode()


@dataclass(slots=True)
class Resolution:
    """Every session that could be resolved, and what kept the others from it."""

    sessions: list[Resolved] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def resolve_sessions(loaded: Loaded) -> Resolution:
    """Look up venue, kind and address of each session."""
    result = Resolution()
    venues = _venues(loaded, result.problems)
    for index, section in enumerate(loaded.settings.sessions):
        found = venues.get(section.venue)
        if found is None:
            continue
        kind = found.profile.kinds.get(section.kind)
        if kind is None:
            what = f"{section.venue} has no kind of session {section.kind!r}"
            remedy = suggest(section.kind, found.profile.kinds)
            result.problems.append(loaded.problem(what, ("sessions", index, "kind"), remedy))
            continue
        addresses = _addresses(section, found.profile, kind)
        result.sessions.append(Resolved(index, section, found, kind, addresses))
    return result


def _addresses(section: SessionSection, profile: VenueProfile, kind: KindProfile) -> tuple[Address, ...]:
    connect = section.connect
    if connect.hosts:
        return tuple(Address(*split_host_port(text)) for text in connect.hosts)
    host = connect.host or profile.hosts.get(section.environment or "", {}).get(kind.host, "")
    return (Address(host, connect.port or kind.port),)


def _venues(loaded: Loaded, problems: list[Problem]) -> dict[str, Venue]:
    """Return the venues that the sessions name, overrides applied."""
    found: dict[str, Venue] = {}
    for index, section in enumerate(loaded.settings.sessions):
        if section.venue in found:
            continue
        try:
            found[section.venue] = _with_overrides(loaded, venue(section.venue))
        except ConfigError as error:
            path = setting_path(error.where) or ("sessions", index, "venue")
            problems.append(loaded.problem(error.what, path, error.remedy))
    for name in loaded.settings.venue_overrides:
        if all(section.venue != name for section in loaded.settings.sessions):
            remedy = suggest(name, {section.venue for section in loaded.settings.sessions})
            problems.append(loaded.problem(f"no session uses {name!r}", ("venue_overrides", name), remedy))
    return found


def _with_overrides(loaded: Loaded, found: Venue) -> Venue:
    changes = loaded.settings.venue_overrides.get(found.profile.name)
    return found.with_overrides(changes) if changes else found


def setting_path(text: str) -> SettingPath:
    """Return the path that a text such as ``venue_overrides.kalshi.logouts[0].action`` names."""
    parts: Sequence[str] = re.findall(r"[^.\[\]]+", text)
    return tuple(int(part) if part.isdigit() else part for part in parts)
