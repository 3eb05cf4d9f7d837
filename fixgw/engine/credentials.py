"""Who may open which session: user, password and certificate, compared with what a peer shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest

from fixgw.engine.acceptor import Identity, identity_of
from fixgw.fix.message import Message
from fixgw.fix.tags import PASSWORD, USERNAME
from fixgw.session.verdict import Accept, Answer, Refuse, Verdict
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

    def lacking(self, logon: Message, peer: Peer) -> list[str]:
        """Return the names of what the Logon and its sender do not show as they should."""
        said = (
            ("Username(553)", USERNAME, self.username),
            ("Password(554)", PASSWORD, self.password),
        )
        lacking = [
            name
            for name, tag, text in said
            if text is not None and not compare_digest(logon.get(tag) or b"", text.encode())
        ]
        if self.certificates and (
            peer.certificate is None or peer.certificate.sha256 not in self.certificates
        ):
            lacking.append("client certificate")
        return lacking


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
        lacking = ["identity"] if wanted is None else wanted.lacking(logon, peer)
        if not lacking:
            return Accept()
        return Refuse(Answer.SILENT, f"missing or another one: {', '.join(lacking)}")  # told to the log alone
