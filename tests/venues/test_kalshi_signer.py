"""Logon signatures against vectors computed elsewhere, and what is said about keys that can not be used."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from fixgw.errors import ConfigError
from fixgw.session.hooks import LogonContext
from fixgw.venues.kalshi.signer import KalshiSigner, key_from_environment, pre_hash

# RFC 8032, section 7.1, test 1
RFC_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
)
# the key that Binance publishes for tests
PUBLISHED_PEM = b"""-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u
-----END PRIVATE KEY-----
"""


def context(sending_time: str, sender: str, target: str = "KalshiNR", msg_seq_num: int = 1) -> LogonContext:
    return LogonContext("FIXT.1.1", "A", msg_seq_num, sender, target, sending_time, 30, 0)


RFC_CONTEXT = context("20261009-14:30:00.000", "00000000-0000-4000-8000-000000000001")


def pem(
    key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    form: PrivateFormat = PrivateFormat.PKCS8,
    protection: KeySerializationEncryption | None = None,
) -> bytes:
    return key.private_bytes(Encoding.PEM, form, protection or NoEncryption())


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def test_the_signed_bytes_are_the_fields_with_soh_between_and_none_at_the_end() -> None:
    assert pre_hash(RFC_CONTEXT).hex() == (
        "32303236313030392d31343a33303a30302e303030014101310130303030303030302d303030302d343030302d383030302d"
        "303030303030303030303031014b616c7368694e52"
    )


def test_an_ed25519_signature_is_the_one_computed_elsewhere() -> None:
    signature = b"VNUnxjlSlBltpn5e7fl8BeDzm5wwQ/rovlGKaKgFoGEMN3Vn9vbKSK6r0BBabG6UVRllByl59uwKoa1KxCX8BA=="
    assert KalshiSigner(pem(RFC_KEY)).logon_fields(RFC_CONTEXT) == ((95, "88"), (96, signature))


def test_an_ed25519_signature_with_the_published_key() -> None:
    fields = KalshiSigner(PUBLISHED_PEM).logon_fields(
        context("20230809-05:28:18.035", "a952bcbe-ec3b-4b5b-b8f9-11dae589608c")
    )
    assert fields[1] == (
        96,
        b"Dkf7vGYUeSoNNuiQDZoj7c3AyktOXAH9xFeP5FcRTUi/+hHkjuOgoNJkQzNzIJIw3ZV4xIh4DwkNUPfP2IBwBg==",
    )


def test_a_trailing_soh_would_be_another_signature() -> None:
    signed = base64.b64decode(KalshiSigner(pem(RFC_KEY)).logon_fields(RFC_CONTEXT)[1][1])
    RFC_KEY.public_key().verify(signed, pre_hash(RFC_CONTEXT))
    with pytest.raises(InvalidSignature):
        RFC_KEY.public_key().verify(signed, pre_hash(RFC_CONTEXT) + b"\x01")


def test_every_signed_field_changes_the_signature() -> None:
    signer = KalshiSigner(pem(RFC_KEY))
    others = [
        context("20261009-14:30:00.001", RFC_CONTEXT.sender_comp_id),
        context(RFC_CONTEXT.sending_time, "other"),
        context(RFC_CONTEXT.sending_time, RFC_CONTEXT.sender_comp_id, "KalshiRT"),
        context(RFC_CONTEXT.sending_time, RFC_CONTEXT.sender_comp_id, msg_seq_num=2),
    ]
    assert len({signer.logon_fields(each)[1][1] for each in (RFC_CONTEXT, *others)}) == 5


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_an_rsa_signature_has_a_salt_of_32_bytes_and_no_other(
    rsa_key: rsa.RSAPrivateKey, form: PrivateFormat
) -> None:
    (length_tag, length), (tag, value) = KalshiSigner(pem(rsa_key, form)).logon_fields(RFC_CONTEXT)
    assert (length_tag, length, tag, len(value)) == (95, "344", 96, 344)
    signature, public = base64.b64decode(value, validate=True), rsa_key.public_key()
    public.verify(signature, pre_hash(RFC_CONTEXT), padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
    for salt_length in (0, 20, 31, 33, 222):
        with pytest.raises(InvalidSignature):
            public.verify(
                signature, pre_hash(RFC_CONTEXT), padding.PSS(padding.MGF1(SHA256()), salt_length), SHA256()
            )


def test_line_ends_may_be_written_as_in_an_environment_variable(rsa_key: rsa.RSAPrivateKey) -> None:
    escaped = pem(rsa_key).replace(b"\n", b"\\n")
    assert repr(KalshiSigner(escaped)) == repr(KalshiSigner(pem(rsa_key)))


def test_the_signature_is_declared_secret() -> None:
    assert KalshiSigner(PUBLISHED_PEM).secret_tags == {96}


def test_the_repr_names_the_public_key_only(rsa_key: rsa.RSAPrivateKey) -> None:
    assert repr(KalshiSigner(PUBLISHED_PEM)).startswith("KalshiSigner(Ed25519, public key sha256/")
    text = repr(KalshiSigner(pem(rsa_key)))
    assert text.startswith("KalshiSigner(RSA-2048, public key sha256/")
    secret = pem(rsa_key).split(b"\n")[1].decode()
    assert secret not in text


def public_pem() -> bytes:
    return RFC_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


UNUSABLE: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "not in PEM form"),
    "der": (lambda: base64.b64decode(PUBLISHED_PEM.split(b"\n")[1]), "not in PEM form"),
    "public": (public_pem, "public key"),
    "certificate": (lambda: b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate"),
    "openssh": (lambda: pem(RFC_KEY, PrivateFormat.OpenSSH), "OpenSSH"),
    "elliptic": (lambda: pem(ec.generate_private_key(ec.SECP256R1())), "neither RSA nor Ed25519"),
    "encrypted": (
        lambda: pem(RFC_KEY, protection=BestAvailableEncryption(b"password")),
        "encrypted",
    ),
    "encrypted PKCS#1": (
        lambda: pem(
            rsa.generate_private_key(65537, 2048),
            PrivateFormat.TraditionalOpenSSL,
            BestAvailableEncryption(b"password"),
        ),
        "encrypted",
    ),
    "short": (lambda: pem(rsa.generate_private_key(65537, 1024)), "1024 bits"),
    "damaged": (lambda: PUBLISHED_PEM.replace(b"MC4C", b"AAAA"), "damaged"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_key_that_can_not_be_used_is_refused_at_once_without_quoting_it(name: str) -> None:
    make, words = UNUSABLE[name]
    key = make()
    with pytest.raises(ConfigError, match=words) as caught:
        KalshiSigner(key)
    assert caught.value.remedy
    assert caught.value.__cause__ is None
    for line in key.splitlines():
        if len(line) > 12 and not line.startswith(b"-----"):
            assert repr(line)[2:-1] not in str(caught.value)


def test_credentials_come_from_the_environment() -> None:
    environ = {"KALSHI_API_KEY_ID": " key-id\n", "KALSHI_PY_PRIVATE_KEY_PEM": PUBLISHED_PEM.decode()}
    credentials = key_from_environment(environ)
    assert credentials is not None
    assert (credentials.api_key_id, credentials.key) == ("key-id", PUBLISHED_PEM)
    assert "PRIVATE" not in repr(credentials)
    assert key_from_environment({}) is None


@pytest.mark.parametrize("name", ["KALSHI_API_KEY_ID", "KALSHI_PY_PRIVATE_KEY_PEM"])
def test_half_of_the_credentials_is_an_error_that_names_the_other_half(name: str) -> None:
    other = {"KALSHI_API_KEY_ID", "KALSHI_PY_PRIVATE_KEY_PEM"} - {name}
    with pytest.raises(ConfigError, match=other.pop()):
        key_from_environment({name: "something"})
