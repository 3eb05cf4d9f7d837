"""What a peer has to show to open a session."""

from __future__ import annotations

import pytest

from fixgw.engine.credentials import Credentials, CredentialTable
from fixgw.fix.message import Message
from fixgw.session.verdict import Accept, Answer, Refuse
from fixgw.transport.base import Peer, PeerCertificate
from tests.wire import wire

DIGEST = "ab" * 32
STRANGER = Peer("10.0.0.1:5")
DESK = Peer("10.0.0.1:5", "TLSv1.3", PeerCertificate("CN=desk", DIGEST))


def logon(*fields: tuple[int, str]) -> Message:
    further = "".join(f"|{tag}={value}" for tag, value in fields)
    return Message.decode(wire(f"35=A|34=1|49=DESK|56=GATE|52=20261009-14:30:00|98=0|108=30{further}"))


@pytest.mark.parametrize(
    ("wanted", "fields", "peer", "lacking"),
    [
        (Credentials(), [], STRANGER, []),
        (Credentials("me", "pw"), [(553, "me"), (554, "pw")], STRANGER, []),
        (Credentials("me", "pw"), [(553, "me"), (554, "pw2")], STRANGER, ["Password(554)"]),
        (Credentials("me", "pw"), [(553, "me")], STRANGER, ["Password(554)"]),
        (Credentials("me", "pw"), [], STRANGER, ["Username(553)", "Password(554)"]),
        (Credentials("me"), [(553, "you")], STRANGER, ["Username(553)"]),
        (Credentials(certificates=frozenset({DIGEST})), [], DESK, []),
        (Credentials(certificates=frozenset({"cd" * 32})), [], DESK, ["client certificate"]),
        (Credentials(certificates=frozenset({DIGEST})), [], STRANGER, ["client certificate"]),
        (Credentials("me", None, frozenset({DIGEST})), [(553, "you")], DESK, ["Username(553)"]),
    ],
)
def test_everything_that_is_asked_for_has_to_be_shown(
    wanted: Credentials, fields: list[tuple[int, str]], peer: Peer, lacking: list[str]
) -> None:
    assert wanted.lacking(logon(*fields), peer) == lacking


async def test_a_table_judges_by_the_identity_of_the_logon() -> None:
    table = CredentialTable({("FIXT.1.1", "DESK", "GATE"): Credentials("me")})
    assert await table.authenticate(logon((553, "me")), STRANGER) == Accept()
    refusal = Refuse(Answer.SILENT, "missing or another one: Username(553)")
    assert await table.authenticate(logon((553, "you")), STRANGER) == refusal
    other = CredentialTable({("FIXT.1.1", "OTHER", "GATE"): Credentials()})
    assert await other.authenticate(logon(), STRANGER) == Refuse(
        Answer.SILENT, "missing or another one: identity"
    )


def test_a_password_is_in_no_repr() -> None:
    assert "sesame" not in repr(Credentials("me", "sesame"))
