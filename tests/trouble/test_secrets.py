"""No secret reaches a log or a tape, whatever happens."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest

from fixgw.fix.tags import RAW_DATA
from fixgw.session.hooks import LogonContext
from fixgw.sim.venue import Simulator
from fixgw.store.reader import records
from fixgw.venues.kalshi.signer import KalshiSigner
from tests.trouble.conftest import Scripted
from tests.trouble.desk import Desk, Peer, limit_order


@pytest.fixture
def signatures(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every signature that was made."""
    made: list[bytes] = []
    sign = KalshiSigner.logon_fields

    def noted(self: KalshiSigner, context: LogonContext) -> Sequence[tuple[int, str | bytes]]:
        fields = sign(self, context)
        signature = dict(fields)[RAW_DATA]
        assert isinstance(signature, bytes)
        made.append(signature)
        return fields

    monkeypatch.setattr(KalshiSigner, "logon_fields", noted)
    return made


def tapes(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file())


async def test_keys_and_signatures_stay_out_of_logs_and_tapes(
    venue: Simulator, desk: Desk, log_text: io.StringIO, signatures: list[bytes]
) -> None:
    key = venue.keys["desk"].path.read_text().splitlines()
    desk.spoil({"defaults.reconnect.max_refusals": 1})
    async with desk.open() as gateway:
        await (await gateway.orders.submit(limit_order())).acknowledged(2)
        venue.cut(venue.keys["desk"].key_id)
        await gateway["orders"].link.ended()
        await gateway["orders"].logged_on()
    desk.spoil({"sessions.0.key_file": str(venue.keys["other"].path)})
    told = await desk.refusal()
    written = log_text.getvalue().encode() + tapes(desk.path / "tapes") + told.encode()
    assert len(signatures) == 3
    assert [s for s in signatures if s in written] == []
    assert [line for line in key[1:-1] if line.encode() in written] == []
    assert b"logon refused" in written
    assert b"96=***" in written  # the field is there, its value is not


async def test_a_garbled_frame_shows_no_secret(scripted: Scripted, log_text: io.StringIO) -> None:
    peer = Peer()
    desk = await scripted(peer)
    async with desk.open() as gateway:
        peer.write(b"8=FIXT.1.1\x019=12\x0135=A\x01554=hunter2\x0195=7\x0196=swordfi\x0110=000\x01")
        peer.say("35=1|112=after")
        await peer.received("0")
        assert gateway["orders"].snapshot().session.tally.garbled == 1
    garbled = [record.payload for record in records(desk.tape) if b"554=" in record.payload]
    assert garbled
    written = log_text.getvalue().encode() + tapes(desk.path / "tapes")
    assert b"garbled bytes skipped" in written
    assert [word for word in (b"hunter2", b"swordfi") if word in written] == []
