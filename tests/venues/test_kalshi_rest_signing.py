"""Signatures of REST requests, against vectors computed elsewhere."""

from __future__ import annotations

import base64

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding
from cryptography.hazmat.primitives.hashes import SHA256

from fixgw.venues.kalshi.rest import signed_headers
from fixgw.venues.kalshi.signer import Credentials, KalshiSigner
from tests.venues.test_kalshi_signer import PUBLISHED_PEM, pem

BALANCE = "/trade-api/v2/portfolio/balance"
AT_MS = 1_703_123_456_789
OF_BALANCE = "bj5XmUPv+9rVqq7jMB0vMKDeihj6SlCFuH7nYbwis4l23M3TwKOKc2epggy5UTiSPn2hw7IaV/LyGatNSVVgBw=="
OF_STREAM = "oFf3OL8Wgrau4wCZqUpFrQzQ5ex0SNIxKFKGBVcgmQBtel9JJqfxOqBatdEfJ9+TmAXcegBHTLUod+z+b8utAw=="
PSS = padding.PSS(padding.MGF1(SHA256()), 32)
LONGEST_SALT = 2048 // 8 - 32 - 2  # what a key of 2048 bits has room for, beside a digest of 32 bytes


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def signature(method: str, path: str, key: bytes = PUBLISHED_PEM) -> str:
    headers = signed_headers(Credentials("key-1", key), KalshiSigner(key), method, path, AT_MS)
    return headers["KALSHI-ACCESS-SIGNATURE"]


@pytest.mark.parametrize(
    ("path", "expected"), [(BALANCE, OF_BALANCE), ("/trade-api/ws/v2", OF_STREAM)], ids=["rest", "stream"]
)
def test_an_ed25519_signature_is_the_one_computed_elsewhere(path: str, expected: str) -> None:
    assert signature("GET", path) == expected


def test_the_headers_carry_the_key_and_the_very_characters_that_were_signed() -> None:
    headers = signed_headers(
        Credentials("key-1", PUBLISHED_PEM), KalshiSigner(PUBLISHED_PEM), "GET", BALANCE, AT_MS
    )
    assert headers == {
        "KALSHI-ACCESS-KEY": "key-1",
        "KALSHI-ACCESS-TIMESTAMP": "1703123456789",
        "KALSHI-ACCESS-SIGNATURE": OF_BALANCE,
    }


def test_a_query_is_not_signed() -> None:
    assert signature("GET", f"{BALANCE}?limit=5&cursor=x") == OF_BALANCE


def test_a_method_is_signed_in_upper_case() -> None:
    assert signature("get", BALANCE) == OF_BALANCE


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/portfolio/balance"), ("DELETE", BALANCE), ("GET", f"{BALANCE}/")],
    ids=["without the prefix", "another method", "another path"],
)
def test_what_is_signed_decides_on_the_signature(method: str, path: str) -> None:
    assert signature(method, path) != OF_BALANCE


def test_an_rsa_signature_has_a_salt_of_32_bytes(rsa_key: rsa.RSAPrivateKey) -> None:
    signed = base64.b64decode(signature("GET", BALANCE, pem(rsa_key)))
    rsa_key.public_key().verify(signed, f"{AT_MS}GET{BALANCE}".encode(), PSS, SHA256())


@pytest.mark.parametrize(
    "other",
    [padding.PSS(padding.MGF1(SHA256()), LONGEST_SALT), padding.PKCS1v15()],
    ids=["longest salt", "PKCS 1 v1.5"],
)
def test_an_rsa_signature_is_of_no_other_form(rsa_key: rsa.RSAPrivateKey, other: AsymmetricPadding) -> None:
    signed = base64.b64decode(signature("GET", BALANCE, pem(rsa_key)))
    with pytest.raises(InvalidSignature):
        rsa_key.public_key().verify(signed, f"{AT_MS}GET{BALANCE}".encode(), other, SHA256())


def test_two_rsa_signatures_of_one_request_differ(rsa_key: rsa.RSAPrivateKey) -> None:
    assert signature("GET", BALANCE, pem(rsa_key)) != signature("GET", BALANCE, pem(rsa_key))
