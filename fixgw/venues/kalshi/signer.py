"""The signature that stands in RawData(96) of a Kalshi Logon."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from fixgw.errors import ConfigError
from fixgw.session.hooks import LogonContext

RAW_DATA_LENGTH = 95
RAW_DATA = 96

_RSA_BITS_MIN = 2048
_SALT_LENGTH = 32  # bytes: as long as the digest, which the venue demands
_PSS = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=_SALT_LENGTH)
_GET_A_KEY = "give the private key that Kalshi handed out with the API key id, as PEM"

PrivateKey: TypeAlias = Ed25519PrivateKey | RSAPrivateKey


class KalshiSigner:
    """Signs Logons with Ed25519 or RSA-PSS-SHA256, whichever the key is for.

    Args:
        key: the private key, PEM in PKCS#8 or PKCS#1, not encrypted; line ends may be written as ``\\n``, as
            they often are in environment variables.

    Raises:
        ConfigError: the key has another type, is encrypted, is too short or does not parse.
    """

    secret_tags: frozenset[int] = frozenset({RAW_DATA})

    def __init__(self, key: bytes) -> None:
        self._key = _load(key.replace(b"\\n", b"\n"))

    def logon_fields(self, context: LogonContext) -> Sequence[tuple[int, str | bytes]]:
        """Return RawDataLength(95) and RawData(96); see docs.kalshi.com/fix/authentication."""
        signature = base64.b64encode(self.sign(pre_hash(context)))
        return ((RAW_DATA_LENGTH, str(len(signature))), (RAW_DATA, signature))

    def sign(self, data: bytes) -> bytes:
        """Return the signature of any bytes; REST requests are signed with the same key."""
        if isinstance(self._key, Ed25519PrivateKey):
            return self._key.sign(data)
        return self._key.sign(data, _PSS, SHA256())

    def __repr__(self) -> str:
        """Name the kind of key and its public half, so that two keys can be told apart."""
        public = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        digest = base64.b64encode(hashlib.sha256(public).digest()).decode()
        kind = "Ed25519" if isinstance(self._key, Ed25519PrivateKey) else f"RSA-{self._key.key_size}"
        return f"KalshiSigner({kind}, public key sha256/{digest})"


def pre_hash(context: LogonContext) -> bytes:
    """Return what is signed: 52, 35, 34, 49 and 56 as on the wire, SOH between them and none at the end."""
    return "\x01".join(
        (
            context.sending_time,
            context.msg_type,
            str(context.msg_seq_num),
            context.sender_comp_id,
            context.target_comp_id,
        )
    ).encode()


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are at Kalshi.

    Args:
        api_key_id: the API key's id, which is our SenderCompID(49).
        key: the private key in PEM form.
    """

    api_key_id: str
    key: bytes = field(repr=False)


def key_from_environment(environ: Mapping[str, str]) -> Credentials | None:
    """Return what ``KALSHI_API_KEY_ID`` and ``KALSHI_PY_PRIVATE_KEY_PEM`` hold, or None if neither is set.

    Raises:
        ConfigError: only one of the two is set.
    """
    api_key_id = environ.get("KALSHI_API_KEY_ID", "").strip()
    pem = environ.get("KALSHI_PY_PRIVATE_KEY_PEM", "")
    if not api_key_id and not pem:
        return None
    if not api_key_id or not pem:
        absent = "KALSHI_PY_PRIVATE_KEY_PEM" if api_key_id else "KALSHI_API_KEY_ID"
        raise ConfigError(f"the environment variable {absent} is not set", remedy="set both, or neither")
    return Credentials(api_key_id, pem.encode())


def _load(pem: bytes) -> PrivateKey:
    _check_label(pem)
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:  # what the library says when a password is needed
        raise ConfigError(
            "the private key is encrypted",
            remedy="decrypt it with `openssl pkey -in KEY -out PLAIN`, then chmod 600 PLAIN",
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        # the cause is left out: it could quote the key
        raise ConfigError("the private key is damaged PEM", remedy=_GET_A_KEY) from None
    if isinstance(key, RSAPrivateKey):
        if key.key_size < _RSA_BITS_MIN:
            raise ConfigError(
                f"the RSA key has {key.key_size} bits, fewer than {_RSA_BITS_MIN}",
                remedy="make a new API key",
            )
        return key
    if isinstance(key, Ed25519PrivateKey):
        return key
    raise ConfigError("the private key is neither RSA nor Ed25519", remedy=_GET_A_KEY)


# label of the PEM block -> (what is wrong with it, remedy)
_OTHER_LABELS = {
    b"PUBLIC KEY": ("this is a public key; the signature needs the private one", _GET_A_KEY),
    b"RSA PUBLIC KEY": ("this is a public key; the signature needs the private one", _GET_A_KEY),
    b"CERTIFICATE": ("this is a certificate; the signature needs a private key", _GET_A_KEY),
    b"OPENSSH PRIVATE KEY": (
        "this key is in OpenSSH's own form",
        "ssh-keygen -p -m PKCS8 -f COPY_OF_THE_KEY",
    ),
}


def _check_label(pem: bytes) -> None:
    """Name the commonest mix-ups by the label of the PEM block."""
    label, found, _ = pem.partition(b"-----BEGIN ")[2].partition(b"-----")
    if not found:
        raise ConfigError("the private key is not in PEM form (no BEGIN line)", remedy=_GET_A_KEY)
    if label in _OTHER_LABELS:
        what, remedy = _OTHER_LABELS[label]
        raise ConfigError(what, remedy=remedy)
