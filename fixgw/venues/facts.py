"""A venue as a table of facts: read, changed by the configuration, checked, and made into a ``Venue``."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from importlib.resources import files
from typing import Any, TypeVar, get_type_hints

from fixgw.errors import ConfigError
from fixgw.handlers.base import Client
from fixgw.handlers.meanings import Meanings
from fixgw.handlers.passage import Edge
from fixgw.handlers.positions import Positions
from fixgw.messages.order_entry import ExecutionReport
from fixgw.safety.buckets import MessageCost, RateLimits, Tier
from fixgw.safety.kill_steps import CancelAll, CancelEach, Disconnect, KillStep
from fixgw.safety.pauses import HoldReason, PauseRule
from fixgw.safety.traffic import Traffic
from fixgw.session.hooks import ResendFresh, ResendPolicy
from fixgw.venues.base import CentsFields, KindProfile, LogoutRule, Maintenance, Retry, VenueProfile

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LogonOption:
    """A Logon field of the venue's own that a session may ask for.

    Args:
        name: the option's name in the configuration.
        tag: its tag.
        kinds: names of the kinds that know it.
        least: the least whole number that it may be; None for a flag.
        most: the greatest.
        requires: options that have to be on with it.
        forbids: options that must not be on with it.
        listens: a session with it sends no application messages.
    """

    name: str
    tag: int
    kinds: frozenset[str]
    least: int | None = None
    most: int | None = None
    requires: tuple[str, ...] = ()
    forbids: tuple[str, ...] = ()
    listens: bool = False

    def encode(self, value: object) -> str:
        """Return the value as it stands on the wire.

        Raises:
            ConfigError: it has the wrong type or is out of range.
        """
        if self.least is None or self.most is None:
            if isinstance(value, bool):
                return "Y" if value else "N"
            raise ConfigError(f"option {self.name} is {value!r}", remedy="say true or false")
        if isinstance(value, int) and not isinstance(value, bool) and self.least <= value <= self.most:
            return str(value)
        raise ConfigError(
            f"option {self.name} is {value!r}", remedy=f"say a number from {self.least} to {self.most}"
        )

    def check_company(self, options: Mapping[str, Any]) -> None:
        """Check an option that is on against the others.

        Raises:
            ConfigError: one that it needs is off, or one that it excludes is on.
        """
        for other in self.requires:
            if options.get(other) is not True:
                raise ConfigError(f"option {self.name} needs {other}", remedy=f"set {other}: true as well")
        for other in self.forbids:
            if options.get(other) is True:
                raise ConfigError(
                    f"options {self.name} and {other} exclude each other", remedy="switch one of them off"
                )


class FactsVenue:
    """The part of a ``Venue`` that its table of facts decides; a venue adds its signer and its messages.

    Args:
        table: the facts, as ``read_facts`` returns them.
        overrides: changes in the same shape: a value replaces a value, tables are merged key by key, rows of
            ``logouts`` go before the venue's own, because the first match wins.

    Raises:
        ConfigError: a fact is unknown, missing, or has the wrong type.
    """

    def __init__(self, table: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> None:
        table = _laid_over(table, overrides or {})
        path = f"venue_overrides.{table['name']}"
        self._options = {
            name: _record(LogonOption, row, f"{path}.logon_options.{name}", name=name)
            for name, row in _rows(table, "logon_options", path)
        }
        self.profile = _profile(table, self._options, path)

    def logon_fields(self, kind: KindProfile, options: Mapping[str, Any]) -> Sequence[tuple[int, str]]:
        """Return the venue's own Logon fields for a session's options, by ascending tag.

        Raises:
            ConfigError: an option is unknown, does not apply to the kind, or conflicts with another.
        """
        encoded = [self._logon_field(kind, name, value) for name, value in options.items()]
        for name, value in options.items():
            if value is True:
                self._options[name].check_company(options)
        return sorted(encoded)

    def sends(self, kind: KindProfile, options: Mapping[str, Any]) -> frozenset[str] | None:
        """Return the MsgTypes that a session may send; None for a kind that names none, either way."""
        if any(options.get(name) is True for name, option in self._options.items() if option.listens):
            return frozenset()
        return kind.sends if kind.sends or kind.receives else None

    def clients(self, kind: KindProfile) -> Sequence[Client]:
        """Return nothing: what a session can be asked for is the venue's own."""
        return ()

    def positions(self, kind: KindProfile) -> Callable[[], Positions] | None:
        """Return what makes positions of the standard's own reports."""
        return Positions if kind.order_entry or ExecutionReport.MSG_TYPE in kind.receives else None

    def edge(self, kind: KindProfile, options: Mapping[str, Any]) -> Edge | None:
        """Return None: the wire's units are the desk's."""
        return None

    def kill_steps(
        self, kind: KindProfile, options: Mapping[str, Any], *, cancel_on_disconnect: bool
    ) -> Sequence[KillStep]:
        """Return a mass cancel where there is one, a cancel for each order, then what the venue adds.

        Where the venue cancels on a disconnect, the connection ends at last, and what the venue then says of
        each order is asked for by one more cancel.
        """
        sends = self.sends(kind, options)
        if not kind.order_entry or sends == frozenset():
            return ()
        mass: list[KillStep] = [CancelAll()] if "q" in kind.sends else []
        last: list[KillStep] = [Disconnect(), CancelEach()] if cancel_on_disconnect else []
        return [*mass, CancelEach(), *self.further_kill_steps(kind), *last]

    def further_kill_steps(self, kind: KindProfile) -> Sequence[KillStep]:
        """Return nothing: what a kill can do beside cancels is the venue's own."""
        return ()

    def resend_policy(self, kind: KindProfile) -> ResendPolicy:
        """Return the rule that an order of a former connection never executes late."""
        return ResendFresh(self.profile.resend_always, self.profile.resend_max_age)

    def _logon_field(self, kind: KindProfile, name: str, value: object) -> tuple[int, str]:
        option = self._options.get(name)
        if option is None:
            raise ConfigError(
                f"{self.profile.name} has no Logon option {name}", remedy=_hint(name, self._options)
            )
        if kind.name not in option.kinds:
            raise ConfigError(
                f"option {name} does not apply to {kind.name}",
                remedy=f"leave it out; it is for {', '.join(sorted(option.kinds))}",
            )
        return option.tag, option.encode(value)


def read_facts(package: str, *names: str) -> dict[str, Any]:
    """Return a table of facts that is shipped in a package as TOML.

    Args:
        package: where the files are.
        names: each file is laid over those before it; ``without`` lists the dotted paths of facts that it
            takes out first.
    """
    table: dict[str, Any] = {}
    for name in names:
        upper = tomllib.loads(files(package).joinpath(name).read_text(encoding="utf-8"))
        for path in upper.pop("without", ()):
            _take_out(table, path.split("."))
        table = _laid_over(table, upper)
    return table


def _take_out(table: dict[str, Any], path: Sequence[str]) -> None:
    *above, last = path
    for key in above:
        table = table[key]
    del table[last]


def _laid_over(facts: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(facts)
    for written, value in overrides.items():
        key = str(written)  # YAML reads the tag of a reason as a number
        present = facts.get(key)
        if isinstance(present, Mapping) and isinstance(value, Mapping):
            result[key] = _laid_over(present, value)
        elif key == "logouts" and isinstance(value, list):
            result[key] = [*value, *facts.get("logouts", ())]
        else:
            result[key] = value
    return result


def _profile(table: Mapping[str, Any], options: Mapping[str, LogonOption], path: str) -> VenueProfile:
    logouts = _checked(list, table["logouts"], f"{path}.logouts")
    nested = {
        "hosts": {name: _words(row, f"{path}.hosts.{name}") for name, row in _rows(table, "hosts", path)},
        "kinds": {
            name: _record(KindProfile, row, f"{path}.kinds.{name}", name=name)
            for name, row in _rows(table, "kinds", path)
        },
        "logouts": tuple(
            _record(LogoutRule, row, f"{path}.logouts[{index}]") for index, row in enumerate(logouts)
        ),
        "meanings": _meanings(table.get("meanings", {}), f"{path}.meanings"),
        "field_names": _by_tag(table.get("field_names", {}), f"{path}.field_names"),
        "rate_limits": _rate_limits(table.get("rate_limits"), f"{path}.rate_limits"),
        "traffic": _record(Traffic, table.get("traffic", {}), f"{path}.traffic"),
        "pauses": {
            text: _record(PauseRule, row, f"{path}.pauses.{text}")
            for text, row in _rows({"pauses": {}, **table}, "pauses", path)
        },
        "maintenance": _optional(Maintenance, table.get("maintenance"), f"{path}.maintenance"),
        "logon_options": {name: (option.tag, option.kinds) for name, option in options.items()},
        "cents": _cents(table["cents"], f"{path}.cents") if "cents" in table else None,
    }
    return _record(VenueProfile, {**table, **nested}, path)


def _cents(table: Mapping[str, Any], path: str) -> CentsFields:
    tags = {
        way: {
            str(msg_type): _checked(tuple[int, ...], row, f"{path}.{way}.{msg_type}")
            for msg_type, row in _checked(Mapping, table.get(way, {}), f"{path}.{way}").items()
        }
        for way in ("sends", "receives")
    }
    return _record(CentsFields, {**_checked(Mapping, table, path), **tags}, path)


def _meanings(table: Mapping[str, Any], path: str) -> Meanings:
    codes = _by_tag(table.get("codes", {}), f"{path}.codes")
    return Meanings(
        _words(table.get("texts", {}), f"{path}.texts"),
        {tag: _words(row, f"{path}.codes.{tag}") for tag, row in codes.items()},
    )


def _by_tag(table: Any, path: str) -> dict[int, Any]:
    rows: Mapping[Any, Any] = _checked(Mapping, table, path)
    for tag in rows:
        if not str(tag).isdigit():
            raise ConfigError(f"{tag!r} is no tag", path, "name a tag by its number")
    return {int(tag): row for tag, row in rows.items()}


def _rate_limits(table: Any, path: str) -> RateLimits | None:
    if table is None:
        return None
    limits: Mapping[str, Any] = {"tiers": {}, "messages": {}, **_checked(Mapping, table, path)}
    nested = {
        "tiers": {
            name: _record(Tier, row, f"{path}.tiers.{name}") for name, row in _rows(limits, "tiers", path)
        },
        "messages": {
            name: _record(MessageCost, row, f"{path}.messages.{name}")
            for name, row in _rows(limits, "messages", path)
        },
        "default": _record(MessageCost, limits.get("default", {}), f"{path}.default"),
    }
    return _record(RateLimits, {**limits, **nested}, path)


def _words(row: Any, path: str) -> dict[str, str]:
    words: dict[str, Any] = _checked(Mapping, row, path)
    return {str(key): _checked(str, word, f"{path}.{key}") for key, word in words.items()}


def _rows(table: Mapping[str, Any], name: str, path: str) -> Iterable[tuple[str, Any]]:
    rows: Mapping[str, Any] = _checked(Mapping, table[name], f"{path}.{name}")
    return rows.items()


def _record(record: type[T], row: Mapping[str, Any], path: str, **given: Any) -> T:
    """Make a dataclass of a table whose keys and types have to be those of its fields."""
    hints = get_type_hints(record)
    values = {**_checked(Mapping, row, path), **given}
    for key in values:
        if key not in hints:
            raise ConfigError(f"{key} is no fact of a venue", f"{path}.{key}", _hint(str(key), hints))
    for field in fields(record):  # type: ignore[arg-type]
        if field.name not in values and field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError(f"{field.name} is missing", path, f"add {field.name}")
    return record(**{key: _checked(hints[key], value, f"{path}.{key}") for key, value in values.items()})


def _numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int for item in value)


def _optional(record: type[T], row: Mapping[str, Any] | None, path: str) -> T | None:
    return None if row is None else _record(record, row, path)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


# type of a field -> (what a table may hold for it, how it is made, the words for it)
_TYPES: Mapping[Any, tuple[Callable[[Any], bool], Callable[[Any], Any], str]] = {
    str: (lambda value: isinstance(value, str), str, "a text"),
    bool: (lambda value: isinstance(value, bool), bool, "true or false"),
    int: (lambda value: type(value) is int, int, "a whole number"),
    float: (lambda value: type(value) in (int, float), float, "a number"),
    list: (lambda value: isinstance(value, list), list, "a list"),
    Mapping: (lambda value: isinstance(value, Mapping), dict, "a mapping"),
    int | None: (lambda value: type(value) is int, int, "a whole number"),
    str | None: (lambda value: isinstance(value, str), str, "a text"),
    frozenset[str]: (_texts, frozenset, "a list of texts"),
    tuple[str, ...]: (_texts, tuple, "a list of texts"),
    tuple[int, ...]: (_numbers, tuple, "a list of whole numbers"),
    HoldReason: (lambda value: value in list(HoldReason), HoldReason, "one of " + ", ".join(HoldReason)),
    Retry: (lambda value: value in list(Retry), Retry, "one of " + ", ".join(Retry)),
}


def _checked(hint: Any, value: Any, path: str) -> Any:
    """Return the value as the type of its field; what has no row in the table is made already."""
    if hint not in _TYPES:
        return value
    fits, make, words = _TYPES[hint]
    if not fits(value):
        raise ConfigError(f"{value!r} can not be used here", path, f"it has to be {words}")
    return make(value)


def _hint(name: str, known: Mapping[str, Any]) -> str:
    if not known:
        return "remove it"
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"use one of: {', '.join(sorted(known))}"
