"""Who may open which session: user, password and certificate, compared with what a peer shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest

from fixgw.engine.acceptor import Identity, identity_of
from fixgw.fix.message import Message
from fixgw.fix.tags import PASSWORD, USERNAME
from fixgw.session.verdict import Accept, Refuse, Verdict
from fixgw.transport.base import Peer


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a peer has to show to open a session; what is not said is not asked for.

    Args:
        username: Username(553) of its Logon.
        password: Password(554) of its Logon.
        certificates: SHA-256 of its client certificate, 64 hex digits; one of them.
    """

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    certificates: frozenset[str] = frozenset()

    def fit(self, logon: Message, peer: Peer) -> bool:
        """Return true when the Logon and its sender show all of it."""
        said = ((USERNAME, self.username), (PASSWORD, self.password))
        fits = [
            compare_digest(logon.get(tag) or b"", text.encode()) for tag, text in said if text is not None
        ]
        if self.certificates:
            fits.append(peer.certificate is not None and peer.certificate.sha256 in self.certificates)
        return all(fits)


class CredentialTable:
    """Judges Logons by a table; an ``Authenticator`` of an acceptor.

    Args:
        rows: BeginString, SenderCompID and TargetCompID of a Logon -> what it takes.
    """

    def __init__(self, rows: Mapping[Identity, Credentials]) -> None:
        self._rows = dict(rows)

    async def authenticate(self, logon: Message, peer: Peer) -> Verdict:
        """Accept what fits, and close without a word what does not: its identity is in doubt."""
        wanted = self._rows.get(identity_of(logon))
        return Accept() if wanted is not None and wanted.fit(logon, peer) else Refuse.silently()
