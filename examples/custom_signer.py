"""Log on to a venue that wants another proof: an HMAC in Password(554), as Kraken's FIX 4.4 asks for.

    python examples/custom_signer.py

A signer is a pure function of a ``LogonContext`` and a key: it returns fields, and touches neither socket nor
clock. The context holds the very characters that will stand in the Logon, so a signature can cover them. Here
the venue's side is an acceptor, whose authenticator checks the HMAC as a venue would.

Source: docs.kraken.com/api/docs/fix-api/logon-fix.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import replace

from fixgw import Acceptor, AcceptorPlan, Gateway, LogonContext, Message
from fixgw.engine.acceptor_settings import AcceptorSession
from fixgw.engine.settings import SessionPlan
from fixgw.fix.tags import MSG_SEQ_NUM, PASSWORD, USERNAME
from fixgw.observe import logs
from fixgw.session.state import Role, SessionSettings
from fixgw.session.verdict import Accept, Refuse, Verdict
from fixgw.store.memory import MemoryStore
from fixgw.transport.base import Peer
from fixgw.transport.listen import ListenSettings
from fixgw.transport.tcp import TcpConnector, TcpSettings
from fixgw.venues.base import LogoutRule, Retry

NONCE = 5025


class HmacSigner:
    """Proves the possession of a secret; implements ``fixgw.LogonSigner``.

    Args:
        api_key: goes into Username(553).
        secret: as the venue hands it out, base64.
    """

    secret_tags = frozenset({PASSWORD})  # never on a tape, in a log or in an error

    def __init__(self, api_key: str, secret: str) -> None:
        self._api_key = api_key
        self._secret = base64.b64decode(secret)

    def logon_fields(self, context: LogonContext) -> Sequence[tuple[int, str | bytes]]:
        nonce = str(context.utc_ns // 1_000_000)
        names = {35: context.msg_type, 34: context.msg_seq_num, 49: context.sender_comp_id}
        names |= {56: context.target_comp_id, USERNAME: self._api_key}
        text = "".join(f"{tag}={value}\x01" for tag, value in names.items()) + nonce
        digest = hmac.digest(self._secret, hashlib.sha256(text.encode()).digest(), "sha512")
        return ((USERNAME, self._api_key), (PASSWORD, base64.b64encode(digest)), (NONCE, nonce))


def check_known_vector() -> None:
    """A signer is tested best against an example whose answer is known."""
    context = LogonContext(
        "FIX.4.4", "A", 7, "CLIENT", "KRAKEN-TRD", "", 60, utc_ns=1_724_512_345_678_000_000
    )
    fields = dict(HmacSigner("APIKEY", "c2VjcmV0").logon_fields(context))
    assert fields[PASSWORD] == (
        b"MwX+M7nvuHXxD5aGI/TFpghXxg2iblxXYyz7lRzLCPMA4UJYI3osNrUKWCiI3fDnOLkEQ5WKSK58Mp3nvu1Klw=="
    )


def settings(role: Role, sender: str, target: str) -> SessionSettings:
    return SessionSettings(
        sender, role, sender, target, begin_string="FIX.4.4", default_appl_ver_id=None, heart_bt_int=60
    )


class Directory:
    """The venue's side: it makes the same HMAC out of the same characters, and compares."""

    async def authenticate(self, logon: Message, peer: Peer) -> Verdict:
        number, utc_ns = int(logon[MSG_SEQ_NUM]), int(logon[NONCE]) * 1_000_000
        context = LogonContext("FIX.4.4", "A", number, "CLIENT", "VENUE", "", 60, utc_ns)
        expected = dict(HmacSigner("APIKEY", "c2VjcmV0").logon_fields(context))[PASSWORD]
        assert isinstance(expected, bytes)
        genuine = hmac.compare_digest(expected, logon[PASSWORD])
        return Accept() if genuine else Refuse.with_logout("Invalid credentials")


def judge_logout(text: str) -> LogoutRule:
    """What the venue's refusals mean: without this the gateway tries again, with back-off."""
    return LogoutRule(
        "", Retry.FATAL, meaning="the venue does not know this secret", remedy="check API key and secret"
    )


async def log_on(port: int, secret: str) -> str:
    """Log on once and return how it went."""
    session = settings(Role.INITIATOR, "CLIENT", "VENUE")
    session = replace(session, signer=HmacSigner("APIKEY", secret))
    connector = TcpConnector(TcpSettings(host="127.0.0.1", port=port, tls=None))
    plan = SessionPlan(session, connector, MemoryStore, judge_logout=judge_logout)
    try:
        async with Gateway([plan]):
            return "logged on"
    except ExceptionGroup as group:
        return "\n".join(str(error) for error in group.exceptions)


async def main() -> None:
    logs.setup("critical")  # the refusal below is meant to happen
    check_known_vector()
    session = AcceptorSession(settings(Role.ACCEPTOR, "VENUE", "CLIENT"), MemoryStore)
    async with Acceptor(AcceptorPlan(ListenSettings(), [session], Directory())) as venue:
        print("with the right secret:", await log_on(venue.port, "c2VjcmV0"))
        print("with another secret:", await log_on(venue.port, "b3RoZXI="))


if __name__ == "__main__":
    asyncio.run(main())
