"""Which of several hosts is dialled next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fixgw.engine.ending import LinkEnd
from fixgw.errors import ConnectError
from fixgw.session.outcome import CloseCode
from fixgw.transport.base import Connector


@dataclass(frozen=True, slots=True)
class Host:
    """One place where the counterparty listens.

    Args:
        name: ``host:port``, for whoever looks at the session.
        connector: makes its streams.
    """

    name: str
    connector: Connector


class HostList:
    """Hosts in order of preference, and the one whose turn it is.

    Args:
        hosts: at least one; the first is the preferred one.
    """

    def __init__(self, hosts: Sequence[Host]) -> None:
        self._hosts = tuple(hosts)
        self._index = 0

    @property
    def current(self) -> Host:
        """The host whose turn it is."""
        return self._hosts[self._index]

    def after(self, end: LinkEnd | ConnectError) -> None:
        """Choose the host of the next attempt.

        One that took no connection or no Logon is followed by the next, the last by the first. One that had
        the session logged on and lost it is tried again first; after a Logout the first one is.
        """
        if isinstance(end, ConnectError) or not end.logged_on:
            self._index = (self._index + 1) % len(self._hosts)
        elif end.reason.code is CloseCode.LOGOUT:
            self._index = 0
