"""The venue's certificates and its clients' keys, made once and kept in a state directory."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import os
import ssl
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID

from fixgw.config.values import Name
from fixgw.errors import ConfigError
from fixgw.sim.accounts import ALL_SCOPES, Scope, check_subaccount

PublicKey: TypeAlias = rsa.RSAPublicKey | ed25519.Ed25519PublicKey
PrivateKey: TypeAlias = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey

CA_YEARS = 10
SERVER_DAYS = 365
_CA_USAGE = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
RSA_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
RSA_PSS_ANY_SALT = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.AUTO)


class Algorithm(StrEnum):
    """What a client signs its Logon with."""

    RSA = "rsa"
    ED25519 = "ed25519"


@dataclass(frozen=True, slots=True)
class ClientSpec:
    """A client to make a key for.

    Args:
        name: what tests and demos call it; also the file's name.
        algorithm: RSA with 2048 bits, or Ed25519.
        account: whose orders and positions it works on.
        key_id: the API key id; drawn when empty.
        scopes: what the key is good for.
        subaccount: the one that the key is restricted to; None for all.
    """

    name: Name
    algorithm: Algorithm
    account: str
    key_id: str = ""
    scopes: frozenset[Scope] = ALL_SCOPES
    subaccount: int | None = None

    def __post_init__(self) -> None:
        check_subaccount(self.subaccount)


DEFAULT_CLIENTS = (
    ClientSpec("rsa", Algorithm.RSA, "alpha"),
    ClientSpec("ed25519", Algorithm.ED25519, "beta"),
    ClientSpec("listener", Algorithm.ED25519, "alpha"),
)


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A client's API key, both halves.

    Args:
        name: what tests and demos call it.
        key_id: the API key id, which is the client's SenderCompID(49).
        path: the private key, PKCS#8 PEM, mode 0600.
        account: whose orders and positions it works on.
    """

    name: str
    key_id: str
    path: Path
    account: str


@dataclass(frozen=True, slots=True)
class RegisteredKey:
    """What the venue knows of an API key.

    Args:
        key_id: the API key id.
        public_key: verifies its Logons.
        account: whose orders and positions it works on.
        scopes: what it is good for.
        subaccount: the one that it is restricted to; None for all.
    """

    key_id: str
    public_key: PublicKey
    account: str
    scopes: frozenset[Scope] = ALL_SCOPES
    subaccount: int | None = None

    def verifies(self, signature: bytes, signed: bytes, *, any_salt_length: bool = False) -> bool:
        """Return true when the signature is this key's: RSA-PSS-SHA256 with salt 32, or Ed25519.

        Args:
            signature: of the Logon.
            signed: what it covers.
            any_salt_length: take an RSA signature with any salt length.
        """
        padded = RSA_PSS_ANY_SALT if any_salt_length else RSA_PSS
        try:
            if isinstance(self.public_key, rsa.RSAPublicKey):
                self.public_key.verify(signature, signed, padded, hashes.SHA256())
            else:
                self.public_key.verify(signature, signed)
        except InvalidSignature:
            return False
        return True


class KeyRegistry:
    """The API keys that the venue knows."""

    def __init__(self) -> None:
        self._keys: dict[str, RegisteredKey] = {}

    def add(
        self,
        key_id: str,
        public_key: bytes,
        account: str = "",
        *,
        scopes: frozenset[Scope] = ALL_SCOPES,
        subaccount: int | None = None,
    ) -> None:
        """Register a key.

        Args:
            key_id: the API key id.
            public_key: the public half, PEM.
            account: whose orders it works on; one of its own when empty.
            scopes: what it is good for.
            subaccount: the one that it is restricted to; None for all.

        Raises:
            ConfigError: it is no public key, or of a kind that the venue does not take.
        """
        try:
            loaded = serialization.load_pem_public_key(public_key)
        except ValueError as error:
            raise ConfigError(
                f"the public key of {key_id} does not parse",
                remedy="pass a PEM file that begins with BEGIN PUBLIC KEY, as `fixgw keys public` writes it",
            ) from error
        if not isinstance(loaded, rsa.RSAPublicKey | ed25519.Ed25519PublicKey):
            raise ConfigError(
                f"the public key of {key_id} is neither RSA nor Ed25519",
                remedy="make one with `fixgw keys new`",
            )
        self._keys[key_id] = RegisteredKey(key_id, loaded, account or key_id, scopes, subaccount)

    def get(self, key_id: str) -> RegisteredKey | None:
        """Return what is known of a key id."""
        return self._keys.get(key_id)

    def __iter__(self) -> Iterator[RegisteredKey]:
        return iter(self._keys.values())


class StateDirectory:
    """Certificates and client keys on disk; what is there already is used again.

    Args:
        path: the directory; made with mode 0700.
        now_ns: the present instant, UTC nanoseconds; a certificate that is over is made anew.
        certificates: make them; a venue in memory needs none.

    Raises:
        ConfigError: the directory can not be used.
    """

    def __init__(self, path: Path, now_ns: int, *, certificates: bool = True) -> None:
        self.path = path
        self._now = dt.datetime.fromtimestamp(now_ns // 1_000_000_000, dt.UTC)
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"the state directory can not be made: {error.strerror}",
                str(path),
                "choose another directory",
            ) from error
        if certificates and not self._is_valid(self.server_path):
            self._issue()

    @property
    def ca_path(self) -> Path:
        """The certificate that clients have to trust."""
        return self.path / "ca.pem"

    @property
    def server_path(self) -> Path:
        """The server's certificate, for localhost, 127.0.0.1 and ::1."""
        return self.path / "server.pem"

    @property
    def _server_key_path(self) -> Path:
        return self.path / "server.key"

    def server_context(self) -> ssl.SSLContext:
        """Return a TLS server context, 1.2 or newer."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.server_path, self._server_key_path)
        return context

    def clients(self, specs: tuple[ClientSpec, ...], registry: KeyRegistry) -> dict[str, ClientKey]:
        """Return a key for each client, made when missing, and register its public half."""
        ids_path = self.path / "keys.json"
        ids: dict[str, str] = json.loads(ids_path.read_text()) if ids_path.exists() else {}
        found: dict[str, ClientKey] = {}
        for spec in specs:
            path = self.path / f"{spec.name}.pem"
            if spec.name not in ids or not path.exists():
                ids[spec.name] = str(uuid.uuid4())
                _write(path, _private_pem(_new_key(spec.algorithm)))
            ids[spec.name] = spec.key_id or ids[spec.name]
            _write(path.with_suffix(".id"), ids[spec.name].encode())  # for ${file:...} in a configuration
            found[spec.name] = ClientKey(spec.name, ids[spec.name], path, spec.account)
            registry.add(
                ids[spec.name],
                public_pem(path.read_bytes()),
                spec.account,
                scopes=spec.scopes,
                subaccount=spec.subaccount,
            )
        _write(ids_path, json.dumps(ids, indent=1).encode())
        return found

    def _is_valid(self, path: Path) -> bool:
        if not (path.exists() and self.ca_path.exists() and self._server_key_path.exists()):
            return False
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        margin = dt.timedelta(days=1)
        return certificate.not_valid_before_utc <= self._now < certificate.not_valid_after_utc - margin

    def _issue(self) -> None:
        """Make a new CA and the server's certificate; the CA's key is not kept."""
        ca_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        ca_name = _name("fixgw simulator CA")
        ca = (
            self._builder(ca_name, ca_name, ca_key, dt.timedelta(days=365 * CA_YEARS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_CA_USAGE, critical=True)
            .sign(ca_key, hashes.SHA256())
        )
        names: list[x509.GeneralName] = [
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            x509.IPAddress(ipaddress.ip_address("::1")),
        ]
        server = (
            self._builder(_name("fixgw simulator"), ca_name, server_key, dt.timedelta(days=SERVER_DAYS))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
            )
            .sign(ca_key, hashes.SHA256())
        )
        _write(self.ca_path, ca.public_bytes(serialization.Encoding.PEM), mode=0o644)
        _write(self._server_key_path, _private_pem(server_key))
        _write(self.server_path, server.public_bytes(serialization.Encoding.PEM), mode=0o644)

    def _builder(
        self,
        subject: x509.Name,
        issuer: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        lifetime: dt.timedelta,
    ) -> x509.CertificateBuilder:
        public = key.public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - dt.timedelta(days=1))
            .not_valid_after(self._now + lifetime)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )


def public_pem(private_key: bytes) -> bytes:
    """Return the public half of a private key; both are PEM."""
    return (
        serialization.load_pem_private_key(private_key, None)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


_MAKERS: dict[Algorithm, Callable[[], PrivateKey]] = {
    Algorithm.RSA: lambda: rsa.generate_private_key(65537, 2048),
    Algorithm.ED25519: ed25519.Ed25519PrivateKey.generate,
}


def _new_key(algorithm: Algorithm) -> PrivateKey:
    return _MAKERS[algorithm]()


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _private_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Put a file in place whole, never readable by others on the way."""
    part = path.with_suffix(path.suffix + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    part.replace(path)
