"""Certificates and keys: made once, private, and used again."""

from __future__ import annotations

import asyncio
import os
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa

from fixgw.errors import ConfigError
from fixgw.sim.accounts import Scope
from fixgw.sim.pki import DEFAULT_CLIENTS, Algorithm, ClientSpec, KeyRegistry, StateDirectory, public_pem
from tests.sim.desk import NOON

YEAR_NS = 365 * 86_400 * 1_000_000_000
FAST = (ClientSpec("one", Algorithm.ED25519, "a"), ClientSpec("two", Algorithm.ED25519, "b"))


def pem(key: object) -> bytes:
    assert hasattr(key, "public_bytes")
    encoded: bytes = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


def test_private_files_are_readable_by_the_owner_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        directory = StateDirectory(tmp_path / "deep" / "state", NOON)
        keys = directory.clients(FAST, KeyRegistry())
    finally:
        os.umask(old)
    private = [
        *(key.path for key in keys.values()),
        directory.path / "server.key",
        directory.path / "keys.json",
    ]
    assert {path.stat().st_mode & 0o777 for path in private} == {0o600}
    assert directory.path.stat().st_mode & 0o777 == 0o700
    assert directory.ca_path.stat().st_mode & 0o777 == 0o644


def test_what_is_there_is_used_again(tmp_path: Path) -> None:
    def start() -> tuple[bytes, dict[str, tuple[str, bytes]]]:
        directory = StateDirectory(tmp_path, NOON)
        keys = directory.clients(FAST, KeyRegistry())
        return directory.ca_path.read_bytes(), {n: (k.key_id, k.path.read_bytes()) for n, k in keys.items()}

    assert start() == start()


def test_each_key_id_stands_in_a_file_of_its_own(tmp_path: Path) -> None:
    keys = StateDirectory(tmp_path, NOON).clients(FAST, KeyRegistry())
    assert {key.path.with_suffix(".id").read_text() for key in keys.values()} == {
        key.key_id for key in keys.values()
    }


def test_a_lost_key_file_gets_a_new_id(tmp_path: Path) -> None:
    directory = StateDirectory(tmp_path, NOON)
    before = directory.clients(FAST, KeyRegistry())
    before["one"].path.unlink()
    after = directory.clients(FAST, KeyRegistry())
    assert after["one"].key_id != before["one"].key_id
    assert after["two"] == before["two"]


def test_certificates_that_are_over_are_made_anew(tmp_path: Path) -> None:
    before = StateDirectory(tmp_path, NOON).server_path.read_bytes()
    assert StateDirectory(tmp_path, NOON + YEAR_NS // 2).server_path.read_bytes() == before
    assert StateDirectory(tmp_path, NOON + YEAR_NS).server_path.read_bytes() != before


def test_a_missing_certificate_is_made_anew(tmp_path: Path) -> None:
    StateDirectory(tmp_path, NOON).ca_path.unlink()
    assert StateDirectory(tmp_path, NOON).ca_path.exists()


def test_a_directory_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="state directory can not be made") as raised:
        StateDirectory(tmp_path / "file" / "state", NOON)
    assert raised.value.where == str(tmp_path / "file" / "state")


def test_the_default_clients_have_both_algorithms(tmp_path: Path) -> None:
    registry = KeyRegistry()
    keys = StateDirectory(tmp_path, NOON).clients(DEFAULT_CLIENTS, registry)
    kinds = {name: type(registry.get(key.key_id).public_key) for name, key in keys.items()}  # type: ignore[union-attr]
    assert issubclass(kinds["rsa"], rsa.RSAPublicKey)
    assert issubclass(kinds["ed25519"], ed25519.Ed25519PublicKey)
    assert keys["rsa"].account == keys["listener"].account != keys["ed25519"].account
    assert {key.key_id for key in registry} == {key.key_id for key in keys.values()}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_client_that_trusts_the_ca_trusts_the_server(tmp_path: Path, host: str) -> None:
    directory = StateDirectory(tmp_path, int(datetime.now(UTC).timestamp()) * 1_000_000_000)
    server = await asyncio.start_server(
        lambda _, writer: writer.close(), "127.0.0.1", ssl=directory.server_context()
    )
    context = ssl.create_default_context(cafile=str(directory.ca_path))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    port = server.sockets[0].getsockname()[1]
    async with server:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)
        assert await reader.read() == b""
        assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
        writer.close()
        await writer.wait_closed()


def test_the_server_certificate_names_this_machine(tmp_path: Path) -> None:
    path = StateDirectory(tmp_path, NOON).server_path
    names = (
        x509.load_pem_x509_certificate(path.read_bytes())
        .extensions.get_extension_for_class(x509.SubjectAlternativeName)
        .value
    )
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


class TestRegistry:
    def test_rsa_has_to_be_pss_with_a_salt_of_32(self) -> None:
        key = rsa.generate_private_key(65537, 2048)
        registry = KeyRegistry()
        registry.add("k", pem(key.public_key()))
        known = registry.get("k")
        assert known is not None
        assert known.account == "k"

        def signed(salt: int) -> bytes:
            return key.sign(b"text", padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256())

        assert known.verifies(signed(32), b"text")
        assert not known.verifies(signed(20), b"text")
        assert not known.verifies(signed(32), b"other")
        assert not known.verifies(key.sign(b"text", padding.PKCS1v15(), hashes.SHA256()), b"text")

    def test_ed25519(self) -> None:
        key = ed25519.Ed25519PrivateKey.generate()
        registry = KeyRegistry()
        registry.add("k", pem(key.public_key()), "desk", scopes=frozenset({Scope.READ}), subaccount=3)
        known = registry.get("k")
        assert known is not None
        assert (known.account, known.scopes, known.subaccount) == ("desk", frozenset({Scope.READ}), 3)
        assert known.verifies(key.sign(b"text"), b"text")
        assert not known.verifies(b"", b"text")

    def test_other_kinds_of_key_are_refused(self) -> None:
        public = ec.generate_private_key(ec.SECP256R1()).public_key()
        with pytest.raises(ConfigError, match="neither RSA nor Ed25519"):
            KeyRegistry().add("k", pem(public))

    @pytest.mark.parametrize(
        "content", [b"", b"no key", pem(dsa.generate_private_key(1024).public_key())[:-40]]
    )
    def test_what_does_not_parse_is_refused_with_a_remedy(self, content: bytes) -> None:
        with pytest.raises(ConfigError, match="does not parse") as raised:
            KeyRegistry().add("key-7", content)
        assert "BEGIN PUBLIC KEY" in raised.value.remedy

    def test_an_unknown_key(self) -> None:
        assert KeyRegistry().get("nobody") is None


def test_the_public_half_does_not_hold_the_private_one(tmp_path: Path) -> None:
    keys = StateDirectory(tmp_path, NOON).clients(FAST, KeyRegistry())
    public = public_pem(keys["one"].path.read_bytes())
    assert public.startswith(b"-----BEGIN PUBLIC KEY-----")
