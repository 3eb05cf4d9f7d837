"""TLS over real sockets: what is trusted, what is refused, and what the refusal says."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import socket
import ssl
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fixgw.errors import ConfigError, ConnectError
from fixgw.transport.base import Peer
from fixgw.transport.listen import ListenSettings, TcpListener
from fixgw.transport.tcp import TcpConnector, TcpSettings
from fixgw.transport.tls import TlsSettings, certificate_digests, handshake_error, parse_pin, server_context

from .conftest import GREETING, Echo, Greeter, HangUp, PemFiles, Recorders, Serve, late_turn

ABSENT_PIN = "sha256/" + base64.b64encode(bytes(32)).decode()


def connector(listener: TcpListener, tls: TlsSettings | None, **settings: float) -> TcpConnector:
    return TcpConnector(TcpSettings(host="localhost", port=listener.port, tls=tls, **settings))  # type: ignore[arg-type]


async def refused(connector: TcpConnector) -> ConnectError:
    """Connect in vain; the protocol factory must never have been called."""
    recorders = Recorders()
    with pytest.raises(ConnectError) as caught:
        await connector.connect(recorders)
    assert recorders.all == []
    assert caught.value.remedy
    return caught.value


async def connected(connector: TcpConnector) -> Peer:
    """Connect, pass a message to an echo and back, close."""
    recorders = Recorders()
    peer = await connector.connect(recorders)
    [client] = recorders.all
    transport = await client.made
    transport.write(b"8=FIXT.1.1")
    assert await client.until(10) == b"8=FIXT.1.1"
    assert transport.get_protocol() is client
    transport.close()
    assert await client.lost is None
    return peer


def pins_of(pem: PemFiles) -> tuple[bytes, bytes]:
    der = ssl.PEM_cert_to_DER_cert(pem.leaf.cert_chain_pems[0].bytes().decode())
    return certificate_digests(der)


def as_text(digest: bytes) -> str:
    return "sha256/" + base64.b64encode(digest).decode()


async def test_a_trusted_certificate_with_the_right_name_is_accepted(serve: Serve, pem: PemFiles) -> None:
    listener = await serve(pem.listen_settings(), Recorders(Echo))
    peer = await connected(connector(listener, TlsSettings(ca_file=pem.ca)))
    assert peer.tls.startswith("TLSv1.3 TLS_")
    assert peer.address.endswith(f":{listener.port}")


async def test_a_pin_names_the_certificate_or_its_key_in_base64_or_hex(serve: Serve, pem: PemFiles) -> None:
    listener = await serve(pem.listen_settings(), Recorders(Echo))
    leaf, spki = pins_of(pem)
    for pin in (as_text(leaf), as_text(spki), leaf.hex(), spki.hex(":").upper()):
        await connected(connector(listener, TlsSettings(ca_file=pem.ca, pins=(pin,))))


async def test_one_pin_of_a_rotation_list_is_enough(serve: Serve, pem: PemFiles) -> None:
    listener = await serve(pem.listen_settings(), Recorders(Echo))
    pins = (ABSENT_PIN, as_text(pins_of(pem)[1]))
    await connected(connector(listener, TlsSettings(ca_file=pem.ca, pins=pins)))


async def test_a_wrong_pin_is_fatal_and_names_the_key_that_was_shown(serve: Serve, pem: PemFiles) -> None:
    listener = await serve(pem.listen_settings(), Recorders())
    error = await refused(connector(listener, TlsSettings(ca_file=pem.ca, pins=(ABSENT_PIN,))))
    assert error.fatal
    assert "none of the 1 pins" in error.what
    assert as_text(pins_of(pem)[1]) in error.what


async def test_with_a_wrong_pin_no_byte_reaches_the_application(serve: Serve, pem: PemFiles) -> None:
    servers, settings = Recorders(), pem.listen_settings()
    assert settings.tls is not None
    settings.tls.maximum_version = ssl.TLSVersion.TLSv1_2  # so that the server's handshake completes too
    listener = await serve(settings, servers)
    await refused(connector(listener, TlsSettings(ca_file=pem.ca, pins=(ABSENT_PIN,))))
    await servers.all[0].lost
    assert servers.all[0].received == b""


def test_the_spki_digest_is_the_one_that_openssl_prints(pem: PemFiles) -> None:
    certificate = x509.load_pem_x509_certificate(pem.leaf.cert_chain_pems[0].bytes())
    spki = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert pins_of(pem) == (certificate.fingerprint(hashes.SHA256()), hashlib.sha256(spki).digest())


@pytest.mark.parametrize("pin", ["", "sha256/", "sha256/AAAA", "sha256/*" + "A" * 43, "zz" * 32, "00" * 31])
def test_a_malformed_pin_is_a_configuration_error_that_shows_how_to_make_one(pin: str) -> None:
    with pytest.raises(ConfigError, match="SHA-256") as caught:
        parse_pin(pin)
    assert "openssl x509" in caught.value.remedy


async def test_an_unknown_authority_is_fatal(serve: Serve, pem: PemFiles, tmp_path: Path) -> None:
    listener = await serve(pem.listen_settings(), Recorders())
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    for settings in (TlsSettings(ca_file=other), TlsSettings()):
        error = await refused(connector(listener, settings))
        assert error.fatal
        assert "not trusted" in error.what


async def test_the_venues_own_certificate_may_be_the_trust_anchor(serve: Serve, pem: PemFiles) -> None:
    listener = await serve(pem.listen_settings(), Recorders(Echo))
    await connected(connector(listener, TlsSettings(ca_file=pem.cert)))


async def test_an_expired_certificate_is_fatal(serve: Serve, authority: trustme.CA, tmp_path: Path) -> None:
    past = datetime.now(UTC) - timedelta(days=2)
    leaf = authority.issue_cert("localhost", not_before=past, not_after=past + timedelta(days=1))
    pem = PemFiles(tmp_path, authority, leaf)
    listener = await serve(pem.listen_settings(), Recorders())
    error = await refused(connector(listener, TlsSettings(ca_file=pem.ca)))
    assert error.fatal
    assert "expired" in error.what


async def test_a_certificate_of_tomorrow_points_at_the_clock(
    serve: Serve, authority: trustme.CA, tmp_path: Path
) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    leaf = authority.issue_cert("localhost", not_before=tomorrow, not_after=tomorrow + timedelta(days=1))
    pem = PemFiles(tmp_path, authority, leaf)
    listener = await serve(pem.listen_settings(), Recorders())
    error = await refused(connector(listener, TlsSettings(ca_file=pem.ca)))
    assert error.fatal
    assert "clock" in error.remedy


def expired_authority(folder: Path) -> tuple[Path, Path, Path]:
    """Write a CA that ended yesterday and a valid certificate of it; return paths: CA, certificate, key."""
    now = datetime.now(UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Old CA")])

    def draft(subject: x509.Name, public: ec.EllipticCurvePublicKey, days: int) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=30))
            .not_valid_after(now + timedelta(days=days))
        )

    ca = draft(ca_name, ca_key.public_key(), -1).add_extension(x509.BasicConstraints(True, None), True)
    leaf = draft(x509.Name([]), key.public_key(), 30).add_extension(
        x509.SubjectAlternativeName([x509.DNSName("localhost")]), True
    )
    paths = folder / "old-ca.pem", folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(leaf.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    paths[2].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


async def test_an_expired_authority_is_fatal(serve: Serve, tmp_path: Path) -> None:
    ca, cert, key = expired_authority(tmp_path)
    listener = await serve(ListenSettings(tls=server_context(cert, key)), Recorders())
    error = await refused(connector(listener, TlsSettings(ca_file=ca)))
    assert error.fatal
    assert "expired" in error.what


async def test_a_certificate_for_another_name_is_fatal(serve: Serve, pem: PemFiles) -> None:
    listener = await serve(pem.listen_settings(), Recorders())
    error = await refused(connector(listener, TlsSettings(ca_file=pem.ca, server_name="fix.example")))
    assert error.fatal
    assert "another host name" in error.what
    assert "server_name" in error.remedy


async def test_a_certificate_without_the_address_dialled_is_fatal(serve: Serve, pem: PemFiles) -> None:
    listener = await serve(pem.listen_settings(), Recorders())
    settings = TcpSettings(host="127.0.0.1", port=listener.port, tls=TlsSettings(ca_file=pem.ca))
    error = await refused(TcpConnector(settings))
    assert error.fatal
    assert "another address" in error.what


async def test_the_server_name_is_sent_and_checked_in_place_of_the_host(
    serve: Serve, authority: trustme.CA, tmp_path: Path
) -> None:
    pem = PemFiles(tmp_path, authority, authority.issue_cert("mm.fix.example"))
    settings = pem.listen_settings()
    names: list[str | None] = []
    assert settings.tls is not None
    settings.tls.sni_callback = lambda sslobject, name, context: names.append(name)
    listener = await serve(settings, Recorders(Echo))
    await connected(connector(listener, TlsSettings(ca_file=pem.ca, server_name="mm.fix.example")))
    assert names == ["mm.fix.example"]


async def test_the_host_is_sent_as_server_name(serve: Serve, pem: PemFiles) -> None:
    settings = pem.listen_settings()
    names: list[str | None] = []
    assert settings.tls is not None
    settings.tls.sni_callback = lambda sslobject, name, context: names.append(name)
    listener = await serve(settings, Recorders(Echo))
    await connected(connector(listener, TlsSettings(ca_file=pem.ca)))
    assert names == ["localhost"]


def answer_one(server: socket.socket, context: ssl.SSLContext) -> None:
    """Serve one handshake as other programs do, alert included; asyncio closes without sending it."""
    stream, _ = server.accept()
    with stream, contextlib.suppress(ssl.SSLError):
        context.wrap_socket(stream, server_side=True)


async def test_a_server_that_ends_at_tls_1_1_is_refused(pem: PemFiles) -> None:
    context = server_context(pem.cert, pem.key)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = asyncio.ensure_future(asyncio.to_thread(answer_one, server, context))
        settings = TcpSettings(
            host="localhost", port=server.getsockname()[1], tls=TlsSettings(ca_file=pem.ca)
        )
        error = await refused(TcpConnector(settings))
        await answering
    assert error.fatal
    assert "TLS 1.1" in error.what


async def test_a_server_that_ends_at_tls_1_2_is_accepted(serve: Serve, pem: PemFiles) -> None:
    context = server_context(pem.cert, pem.key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    listener = await serve(ListenSettings(tls=context), Recorders(Echo))
    peer = await connected(connector(listener, TlsSettings(ca_file=pem.ca)))
    assert peer.tls.startswith("TLSv1.2 ")


async def test_a_peer_that_answers_in_plain_text_is_not_fatal(serve: Serve, pem: PemFiles) -> None:
    class Answerer(Echo):
        def data_received(self, data: bytes) -> None:
            self.made.result().write(b"8=FIXT.1.1\x019=5\x0135=0\x01")

    listener = await serve(ListenSettings(), Recorders(Answerer))
    error = await refused(connector(listener, TlsSettings(ca_file=pem.ca)))
    assert not error.fatal
    assert "does not speak TLS" in error.what


async def test_plain_text_before_the_handshake_never_passes_for_protected(
    serve: Serve, pem: PemFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    late_turn(monkeypatch)
    listener = await serve(ListenSettings(), Recorders(Greeter))
    error = await refused(connector(listener, TlsSettings(ca_file=pem.ca)))
    assert not error.fatal
    assert "does not speak TLS" in error.what


async def test_a_peer_that_hangs_up_before_the_handshake_is_not_fatal(
    serve: Serve, pem: PemFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    late_turn(monkeypatch)
    listener = await serve(ListenSettings(), Recorders(HangUp))
    error = await refused(connector(listener, TlsSettings(ca_file=pem.ca)))
    assert not error.fatal
    assert "closed the connection at once" in error.what


async def test_a_server_that_speaks_first_within_tls_is_heard(serve: Serve, pem: PemFiles) -> None:
    listener, clients = await serve(pem.listen_settings(), Recorders(Greeter)), Recorders()
    await connector(listener, TlsSettings(ca_file=pem.ca)).connect(clients)
    assert await clients.all[0].until(len(GREETING)) == GREETING
    (await clients.all[0].made).abort()


async def test_a_plain_client_gets_nothing_from_a_tls_port(serve: Serve, pem: PemFiles) -> None:
    servers, clients = Recorders(), Recorders()
    listener = await serve(pem.listen_settings(), servers)
    await connector(listener, None).connect(clients)
    transport = await clients.all[0].made
    transport.write(b"8=FIXT.1.1\x019=5\x0135=0\x01")
    await clients.all[0].lost
    assert not clients.all[0].received.startswith(b"8=")
    assert not servers.all[0].made.done()


async def test_a_handshake_that_hangs_ends_at_its_timeout(serve: Serve, pem: PemFiles) -> None:
    listener = await serve(ListenSettings(), Recorders())
    error = await refused(connector(listener, TlsSettings(ca_file=pem.ca), handshake_timeout=0.05))
    assert not error.fatal
    assert "not finished in time" in error.what


async def test_a_peer_that_hangs_up_during_the_handshake_is_not_fatal(serve: Serve, pem: PemFiles) -> None:
    class Refuser(Echo):
        def data_received(self, data: bytes) -> None:
            self.made.result().close()

    listener = await serve(ListenSettings(), Recorders(Refuser))
    error = await refused(connector(listener, TlsSettings(ca_file=pem.ca)))
    assert not error.fatal
    assert "closed the connection during the TLS handshake" in error.what


async def test_a_server_that_wants_a_client_certificate_ends_the_stream(serve: Serve, pem: PemFiles) -> None:
    context = server_context(pem.cert, pem.key, client_ca=pem.ca)
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # with 1.3 the client's handshake is over by then
    listener = await serve(ListenSettings(tls=context), Recorders())
    error = await refused(connector(listener, TlsSettings(ca_file=pem.ca)))
    assert not error.fatal
    assert "handshake" in error.what


def test_a_certificate_fault_without_a_row_keeps_openssls_words() -> None:
    fault = ssl.SSLCertVerificationError(1, "verify failed")
    fault.verify_code, fault.verify_message = 23, "certificate revoked"
    error = handshake_error(fault, "fix.example:8230")
    assert error.fatal
    assert str(error).startswith("fix.example:8230: its certificate was not accepted: certificate revoked")


def test_session_keys_are_never_written_to_a_key_log(pem: PemFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(pem.ca.with_name("keys.log")))
    TcpConnector(TcpSettings(host="localhost", port=1, tls=TlsSettings(ca_file=pem.ca)))
    server_context(pem.cert, pem.key)
    assert not pem.ca.with_name("keys.log").exists()


def test_a_ca_file_that_can_not_be_used_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    for path, words in ((empty, "no certificate"), (tmp_path / "absent.pem", "No such file")):
        with pytest.raises(ConfigError, match=words) as caught:
            TcpConnector(TcpSettings(host="localhost", port=1, tls=TlsSettings(ca_file=path)))
        assert caught.value.where == str(path)


def test_a_server_key_that_does_not_fit_or_is_encrypted_is_named(pem: PemFiles, tmp_path: Path) -> None:
    other, encrypted = tmp_path / "other.pem", tmp_path / "encrypted.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    for path, protection in (
        (other, serialization.NoEncryption()),
        (encrypted, serialization.BestAvailableEncryption(b"secret")),
    ):
        path.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
        )
    for path, words in (
        (other, "mismatch"),
        (encrypted, "encrypted"),
        (tmp_path / "absent.pem", "No such file"),
    ):
        with pytest.raises(ConfigError, match=words) as caught:
            server_context(pem.cert, path)
        assert str(path) in caught.value.where
