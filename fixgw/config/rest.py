"""The venue's REST API beside its FIX sessions: where it is asked, and as whom."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from fixgw.config.sections import Section
from fixgw.config.values import ConfigFile, SecretReference, Text, fault

LOCAL = ("localhost", "127.0.0.1", "[::1]")
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?/?"
)


def _url(value: str) -> str:
    found = _ADDRESS.fullmatch(value)
    if found is None or not 0 <= int(found["port"] or 0) <= 65_535:
        raise fault(f"{value!r} is no address", "write scheme and host: https://external-api.kalshi.com")
    if found["scheme"] == "http" and found["host"] not in LOCAL:
        raise fault("an account is asked for in the clear", f"write https, or a host of {', '.join(LOCAL)}")
    return value.rstrip("/")


class RestSection(Section):
    """How the venue is asked over REST, by reconciliation and by the kill switch."""

    url: Annotated[str, AfterValidator(_url)] | None = None
    """scheme and host; that of the sessions' environment by default"""
    ca_file: ConfigFile | None = None
    """certificates to trust in place of the system's, PEM"""
    api_key_id: Text | None = None
    """the API key's id; that of the first order-entry session by default"""
    key: SecretReference | None = None
    """the private key in PEM form, by reference: `${file:/path}` or `${env:NAME}`"""
    key_file: ConfigFile | None = None
    """path of the private key in PEM form"""
    allow_readable_key: bool = False
    """accept a key file that other users can read"""
    timeout: Annotated[float, Field(gt=0, le=300)] = 10.0
    """seconds for one attempt"""
    attempts: Annotated[int, Field(ge=1, le=100)] = 6
    """how often a question is asked before the venue counts as unreachable"""
    grids: tuple[Text, ...] = ()
    """series whose markets' price grids are loaded at the start, such as `[KXHIGHNY]`"""
