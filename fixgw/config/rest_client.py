"""From a configuration to a client of the venue's REST API."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fixgw.config.problems import Problem
from fixgw.config.resolve import Resolved
from fixgw.config.rest import RestSection
from fixgw.config.settings import Loaded
from fixgw.config.values import Secret
from fixgw.errors import ConfigError
from fixgw.safety.kill_steps import KillStep
from fixgw.venues.kalshi.rest_kill import CancelAllOverRest
from fixgw.venues.kalshi.signer import Credentials
from fixgw.venues.keys import read_key_file

if TYPE_CHECKING:
    from fixgw.venues.kalshi.rest import KalshiRest

REST_HOST = "rest"  # the role of the host among those of an environment
VENUES = frozenset({"kalshi"})


def rest_client(section: RestSection | None, sessions: Sequence[Resolved]) -> KalshiRest:
    """Return a client for the account of the sessions; enter it with ``async with``.

    Args:
        section: what the file says; None for defaults alone.
        sessions: every session of the file; the first that sends orders lends what is not said.

    Raises:
        ConfigError: no session lends what is missing, or the key or a certificate can not be used.
    """
    # here, because httpx takes a tenth of a second that a gateway without REST need not wait
    from fixgw.venues.kalshi.rest import KalshiRest, RestSettings

    section = section or RestSection()
    lender = _lender(sessions)
    return KalshiRest(
        section.url or _venue_url(lender),
        _credentials(section, lender),
        settings=RestSettings(timeout=section.timeout, attempts=section.attempts),
        trust=_trust(section),
    )


def rest_known(loaded: Loaded, sessions: list[Resolved]) -> Iterator[Problem]:
    """What the file says of REST is enough to ask, where it says something."""
    settings = loaded.settings
    if settings.rest is None and not settings.kill_switch.over_rest:
        return
    if any(_key_is_wrong(session) for session in sessions if has_rest(session)):
        return  # of which the session's own check tells, also where REST borrows the key
    try:
        rest_client(settings.rest, sessions)
    except ConfigError as error:
        what = f"{error.what} ({error.where})" if error.where else error.what
        yield loaded.problem(what, ("rest",), error.remedy)
    accounts = sorted({session.account for session in sessions if has_rest(session)})
    if settings.kill_switch.over_rest and len(accounts) > 1:
        what = f"a kill over REST clears one account, and the sessions are of: {', '.join(accounts)}"
        yield loaded.problem(what, ("kill_switch", "over_rest"), "run a gateway for each account")


def over_rest(loaded: Loaded, sessions: Sequence[Resolved]) -> KillStep | None:
    """Return the step of a kill that cancels everything over REST, None when it is not asked for.

    Args:
        loaded: the settings.
        sessions: every session of the file.
    """
    if not loaded.settings.kill_switch.over_rest:
        return None
    return CancelAllOverRest(lambda: rest_client(loaded.settings.rest, sessions))


def has_rest(session: Resolved) -> bool:
    """Tell whether the session's venue has a REST API that is known here."""
    return session.section.venue in VENUES and not session.accepts


def _key_is_wrong(session: Resolved) -> bool:
    try:
        session.read_key()
    except ConfigError:
        return True
    return False


def _lender(sessions: Sequence[Resolved]) -> Resolved:
    for session in sorted(filter(has_rest, sessions), key=lambda one: not one.kind.order_entry):
        return session
    raise ConfigError(
        "no session is with a venue that has a REST API", remedy=f"have one with {', '.join(sorted(VENUES))}"
    )


def _venue_url(session: Resolved) -> str:
    environment = session.section.environment
    host = session.profile.hosts.get(environment or "", {}).get(REST_HOST)
    if host is None:
        raise ConfigError(
            "it is not known where the venue is asked over REST",
            "rest.url",
            "write `rest: {url: https://...}`, or give the session an `environment`",
        )
    return f"https://{host}"


def _credentials(section: RestSection, lender: Resolved) -> Credentials:
    if section.key_file is not None and section.key is not None:
        raise ConfigError("'key' and 'key_file' exclude each other", "rest", "keep one")
    if section.key_file is not None:
        key = read_key_file(section.key_file, section.allow_readable_key)
    elif section.key is not None:
        key = _referenced(section.key, section.allow_readable_key)
    elif section.api_key_id is not None:
        raise ConfigError("'api_key_id' stands without its key", "rest", "add `key_file`, or leave both out")
    else:
        return Credentials(lender.section.sender or "", lender.read_key())
    if section.api_key_id is None:
        raise ConfigError("a key stands without its id", "rest", "add `api_key_id`")
    return Credentials(section.api_key_id, key)


def _referenced(key: Secret, allow_readable: bool) -> bytes:
    return key.reveal().encode() if key.path is None else read_key_file(key.path, allow_readable)


def _trust(section: RestSection) -> ssl.SSLContext | None:
    if section.ca_file is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(section.ca_file))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"the certificates can not be read: {error}", str(section.ca_file), "give a PEM file"
        ) from None
