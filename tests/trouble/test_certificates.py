"""What a person reads when the peer's certificate, or the lack of one, ends the attempt to connect."""

from __future__ import annotations

import base64
import hashlib
import time
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fixgw.clock import ManualClock
from fixgw.sim.venue import Simulator
from tests.trouble.desk import Desk, settings

YEAR_NS = 365 * 86_400 * 10**9


async def test_a_wrong_pin(venue: Simulator, desk: Desk, state: Path) -> None:
    key = x509.load_pem_x509_certificate((state / "server.pem").read_bytes()).public_key()
    spki = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    desk.spoil({"sessions.0.connect.tls": {"pins": ["sha256/" + base64.b64encode(bytes(32)).decode()]}})
    assert await desk.refusal() == (
        f"orders: 127.0.0.1:{venue.ports['orders-rt']}: its certificate matches none of the 1 pins; "
        f"its key is sha256/{base64.b64encode(spki).decode()}; "
        "confirm the new key with the venue over another channel before adding it to the pins"
    )
    assert len(venue.log) == 0  # nothing of ours was sent to whoever it is


async def test_an_unknown_authority(venue: Simulator, desk: Desk) -> None:
    other = desk.path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    desk.spoil({"defaults.connect.tls.ca_file": str(other)})
    assert await desk.refusal() == (
        f"orders: 127.0.0.1:{venue.ports['orders-rt']}: its certificate was issued by an authority that is "
        "not trusted; set ca_file to the authority's PEM file, or find out who answers in the venue's place"
    )


async def test_a_certificate_for_another_name(venue: Simulator, desk: Desk) -> None:
    desk.spoil({"defaults.connect.tls.server_name": "fix.example.com"})
    assert await desk.refusal() == (
        f"orders: 127.0.0.1:{venue.ports['orders-rt']}: its certificate is for another host name; "
        "check host; behind a private link set server_name to the name in the certificate"
    )


@pytest.mark.parametrize(
    ("years", "told"),
    [
        (-2, "its certificate, or its authority's, has expired; check the clock of this machine, then ask"),
        (-11, "its certificate, or its authority's, has expired; check the clock of this machine, then ask"),
        (2, "its certificate is not valid yet; check the clock of this machine"),
    ],
    ids=["certificate expired", "authority expired", "not valid yet"],
)
async def test_a_certificate_out_of_its_time(tmp_path: Path, years: int, told: str) -> None:
    then = ManualClock(time.time_ns() + years * YEAR_NS)
    async with Simulator(settings(tmp_path / "venue", clock=then)) as venue:
        refusal = await Desk(venue, tmp_path / "desk").refusal()
    assert refusal.startswith(f"orders: 127.0.0.1:{venue.ports['orders-rt']}: {told}")


async def test_plain_text_to_a_port_with_tls(desk: Desk) -> None:
    desk.patience = 0.3
    desk.spoil({"defaults.connect.tls": "off"})
    assert await desk.refusal() == (
        "orders: not logged on after 0.3 s: connection lost; the peer closed before it answered the Logon: "
        "see that port, TLS and CompIDs are those of the service"
    )


async def test_tls_to_a_port_with_plain_text(tmp_path: Path) -> None:
    async with Simulator(settings(tmp_path / "venue", tls=False)) as venue:
        desk = Desk(venue, tmp_path / "desk")
        desk.patience = 0.3
        refusal = await desk.refusal()
    assert refusal == (
        f"orders: not logged on after 0.3 s: 127.0.0.1:{venue.ports['orders-rt']}: the peer closed the "
        "connection during the TLS handshake; it may speak no TLS on this port, be in maintenance, or refuse "
        "this address"
    )


async def test_nobody_listens(desk: Desk) -> None:
    desk.patience = 0.2
    desk.spoil({"sessions.0.connect.port": 1})
    assert await desk.refusal() == (
        "orders: not logged on after 0.2 s: 127.0.0.1:1: connection refused; "
        "nothing listens on that port; check it, or wait for the venue"
    )
