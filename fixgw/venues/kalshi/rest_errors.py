"""What a REST request can end in beside its reply: docs.kalshi.com/getting_started/api_keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fixgw.errors import RemoteError

CLOCK_CODES = frozenset({"header_timestamp_expired"})


class RestError(RemoteError):
    """A request was refused, or could not be carried out.

    Args:
        what: the request and what came of it.
        remedy: what a person can do about it.
        status: of the HTTP reply; 0 when there was none.
        code: the venue's own code, empty when it gave none.
    """

    def __init__(self, what: str, remedy: str = "", *, status: int = 0, code: str = "") -> None:
        super().__init__(f"{what}: {remedy}" if remedy else what)
        self.status = status
        self.code = code


class ClockSkewed(RestError):
    """The venue did not accept the timestamp: this machine's clock is off."""


class KeyRefused(RestError):
    """The venue does not know the key, or the key does not fit its id."""


class NotPermitted(RestError):
    """The key may not do this."""


class NotFound(RestError):
    """There is no such thing at the venue."""


class TooManyRequests(RestError):
    """The read budget is used up, and stayed so over every attempt."""


class Unavailable(RestError):
    """No usable reply came over every attempt: network, time-out, or a fault at the venue."""


class MalformedReply(RestError):
    """A reply can not be read: the venue has changed it, or it is damaged."""


class EndlessPages(RestError):
    """A list repeats its cursor, or has more pages than any list should."""


def silence(request: str, error: Exception) -> Unavailable:
    """Return the error for a request that got no reply.

    Args:
        request: method and path, for the text.
        error: of the network.
    """
    why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    distrust = "CERTIFICATE_VERIFY_FAILED" in why
    return Unavailable(f"{request}: no reply ({why})", _UNTRUSTED if distrust else _UNREACHED)


_UNTRUSTED = "check the host and the clock, or give the certificate of who signs the host's as rest.ca_file"
_UNREACHED = "check the network and the host"


def refusal(request: str, status: int, body: str, skew_seconds: float | None = None) -> RestError:
    """Return the error for a reply that is no success.

    Args:
        request: method and path, for the text.
        status: of the reply.
        body: of the reply; nested, flat or plain text.
        skew_seconds: the venue's clock minus ours, None when it is not known.
    """
    code, message = error_of(body)
    said = message or code or "no reason given"
    what = f"{request}: {status} {said}"
    if status == 401 and code in CLOCK_CODES:
        return ClockSkewed(
            what, f"synchronise this machine's clock{_off(skew_seconds)}", status=status, code=code
        )
    kind, remedy = _KINDS.get(status, (Unavailable if status >= 500 else RestError, ""))
    return kind(what, remedy, status=status, code=code)


def _off(skew_seconds: float | None) -> str:
    if skew_seconds is None:
        return ""
    return f", which is {abs(skew_seconds):.0f} s {'behind' if skew_seconds > 0 else 'ahead of'} the venue's"


_KINDS: Mapping[int, tuple[type[RestError], str]] = {
    401: (
        KeyRefused,
        "check that the API key id belongs to this private key and environment, and is not revoked",
    ),
    403: (NotPermitted, "give the key the scope for it, or use another key"),
    404: (NotFound, ""),
    429: (TooManyRequests, "ask less often, or raise the attempts"),
}


def error_of(body: str) -> tuple[str, str]:
    """Return code and message of an error's body: nested, flat, a text under ``error``, or plain text."""
    try:
        plain: Any = json.loads(body)
    except ValueError:
        return "", body.strip()[:200]
    inner = plain.get("error", plain) if isinstance(plain, dict) else plain
    if isinstance(inner, dict):
        words = [str(inner[key]) for key in ("message", "details") if inner.get(key)]
        return str(inner.get("code") or ""), ": ".join(words)[:200]
    return "", str(inner)[:200]
