"""What a peer has to show to open a session."""

from __future__ import annotations

import pytest

from fixgw.engine.credentials import Credentials, CredentialTable
from fixgw.fix.message import Message
from fixgw.session.verdict import Accept, Refuse
from fixgw.transport.base import Peer, PeerCertificate
from tests.wire import wire

DIGEST = "ab" * 32
STRANGER = Peer("10.0.0.1:5")
DESK = Peer("10.0.0.1:5", "TLSv1.3", PeerCertificate("CN=desk", DIGEST))


def logon(*fields: tuple[int, str]) -> Message:
    further = "".join(f"|{tag}={value}" for tag, value in fields)
    return Message.decode(wire(f"35=A|34=1|49=DESK|56=GATE|52=20261009-14:30:00|98=0|108=30{further}"))


@pytest.mark.parametrize(
    ("wanted", "fields", "peer", "fits"),
    [
        (Credentials(), [], STRANGER, True),
        (Credentials("me", "pw"), [(553, "me"), (554, "pw")], STRANGER, True),
        (Credentials("me", "pw"), [(553, "me"), (554, "pw2")], STRANGER, False),
        (Credentials("me", "pw"), [(553, "me")], STRANGER, False),
        (Credentials("me"), [(553, "you")], STRANGER, False),
        (Credentials(certificates=frozenset({DIGEST})), [], DESK, True),
        (Credentials(certificates=frozenset({"cd" * 32})), [], DESK, False),
        (Credentials(certificates=frozenset({DIGEST})), [], STRANGER, False),
        (Credentials("me", None, frozenset({DIGEST})), [(553, "you")], DESK, False),
    ],
)
def test_everything_that_is_asked_for_has_to_be_shown(
    wanted: Credentials, fields: list[tuple[int, str]], peer: Peer, fits: bool
) -> None:
    assert wanted.fit(logon(*fields), peer) is fits


async def test_a_table_judges_by_the_identity_of_the_logon() -> None:
    table = CredentialTable({("FIXT.1.1", "DESK", "GATE"): Credentials("me")})
    assert await table.authenticate(logon((553, "me")), STRANGER) == Accept()
    assert await table.authenticate(logon((553, "you")), STRANGER) == Refuse.silently()
    other = CredentialTable({("FIXT.1.1", "OTHER", "GATE"): Credentials()})
    assert await other.authenticate(logon(), STRANGER) == Refuse.silently()


def test_a_password_is_in_no_repr() -> None:
    assert "sesame" not in repr(Credentials("me", "sesame"))
