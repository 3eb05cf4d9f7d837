"""TLS for a gateway: always verified, never below 1.2, pinned when asked, every failure explained."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fixgw.errors import ConfigError, ConnectError
from fixgw.transport.base import PeerCertificate

PIN_COMMAND = (
    "openssl x509 -in CERT.pem -pubkey -noout | openssl pkey -pubin -outform der"
    " | openssl dgst -sha256 -binary | base64"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """What a client demands of the peer's certificate; it is verified always.

    Args:
        server_name: the name to ask for (SNI) and to find in the certificate; None for the host dialled.
        ca_file: PEM file of the authorities to trust in place of the system's store.
        pins: SHA-256 of the leaf certificate or of its public key (SPKI), ``sha256/BASE64`` or 64 hex digits;
            one match is enough, so that the next key can be listed before it is in use.
    """

    server_name: str | None = None
    ca_file: Path | None = None
    pins: tuple[str, ...] = ()


def parse_pin(text: str) -> bytes:
    """Return the digest that a pin stands for, 32 bytes.

    Args:
        text: ``sha256/BASE64``, or 64 hex digits with or without colons.

    Raises:
        ConfigError: it is neither.
    """
    try:
        if text.startswith("sha256/"):
            digest = base64.b64decode(text.removeprefix("sha256/"), validate=True)
        else:
            digest = bytes.fromhex(text.replace(":", ""))
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != hashlib.sha256().digest_size:
        raise ConfigError(
            f"pin {text!r} is not a SHA-256 digest",
            remedy=f"write sha256/BASE64 or 64 hex digits; {PIN_COMMAND}",
        )
    return digest


def certificate_digests(certificate: bytes) -> tuple[bytes, bytes]:
    """Return the two digests that a pin may name: of the certificate, and of its public key (SPKI).

    Args:
        certificate: an X.509 certificate in DER form.
    """
    public_key = x509.load_der_x509_certificate(certificate).public_key()
    spki = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(certificate).digest(), hashlib.sha256(spki).digest()


def check_pins(transport: asyncio.BaseTransport, pins: Iterable[bytes], endpoint: str) -> None:
    """Compare the certificate of a finished handshake with the pins; no pins, no demand.

    Args:
        transport: the TLS transport.
        pins: digests from ``parse_pin``.
        endpoint: ``host:port``, for the error.

    Raises:
        ConnectError: none of them fits.
    """
    accepted = frozenset(pins)
    if not accepted:
        return
    leaf, spki = certificate_digests(transport.get_extra_info("ssl_object").getpeercert(binary_form=True))
    if accepted.isdisjoint((leaf, spki)):
        seen = base64.b64encode(spki).decode()
        raise ConnectError(
            f"{endpoint}: its certificate matches none of the {len(accepted)} pins; its key is sha256/{seen}",
            "confirm the new key with the venue over another channel before adding it to the pins",
            fatal=True,
        )


def client_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return the context for outbound streams: certificate and host name verified, TLS 1.2 or newer.

    It is built without ``ssl.create_default_context``, which writes session keys to ``SSLKEYLOGFILE``.

    Raises:
        ConfigError: ``ca_file`` can not be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.ca_file is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        _load_authorities(context, settings.ca_file)
    return context


def peer_certificate(secured: ssl.SSLObject) -> PeerCertificate | None:
    """Return the certificate that the peer of a finished handshake has shown, None when it showed none."""
    der = secured.getpeercert(binary_form=True)
    if der is None:
        return None
    try:
        subject = x509.load_der_x509_certificate(der).subject.rfc4514_string()
    except ValueError:  # OpenSSL has verified it, but is less strict about names
        subject = ""
    return PeerCertificate(subject, hashlib.sha256(der).hexdigest())


def server_context(
    cert_file: Path, key_file: Path, client_ca: Path | None = None, *, certificate_required: bool = True
) -> ssl.SSLContext:
    """Return the context for inbound streams, TLS 1.2 or newer.

    Args:
        cert_file: PEM file of the certificate chain, leaf first.
        key_file: PEM file of its private key, not encrypted.
        client_ca: PEM file of the authorities whose client certificates are asked for; None asks for none.
        certificate_required: with ``client_ca``: refuse a client without a certificate. One that shows a
            certificate of another authority is refused in any case.

    Raises:
        ConfigError: a file can not be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert_file, key_file, password=_no_password)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the TLS certificate or its key can not be used: {_words(error)}",
            f"{cert_file}, {key_file}",
            "give a PEM chain, leaf first, and the unencrypted PEM key that belongs to it",
        ) from error
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED if certificate_required else ssl.CERT_OPTIONAL
        _load_authorities(context, client_ca)
    return context


def _no_password() -> str:
    """Keep OpenSSL from asking on the terminal."""
    raise ValueError("the key is encrypted")


def _load_authorities(context: ssl.SSLContext, ca_file: Path) -> None:
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:
        raise ConfigError(
            f"the CA file can not be used: {_words(error)}", str(ca_file), "give a file of PEM certificates"
        ) from error
    # A file that names an intermediate, or the venue's own certificate, is trusted as it stands.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return getattr(error, "strerror", None) or str(error)


# X509_V_ERR_* of OpenSSL (x509_vfy.h) -> (what, remedy)
_UNKNOWN_CA = (
    "its certificate was issued by an authority that is not trusted",
    "set ca_file to the authority's PEM file, or find out who answers in the venue's place",
)
_VERIFY_FAULTS = {
    9: ("its certificate is not valid yet", "check the clock of this machine"),
    10: (
        "its certificate, or its authority's, has expired",
        "check the clock of this machine, then ask the venue",
    ),
    18: _UNKNOWN_CA,
    19: _UNKNOWN_CA,
    20: _UNKNOWN_CA,
    21: _UNKNOWN_CA,
    62: (
        "its certificate is for another host name",
        "check host; behind a private link set server_name to the name in the certificate",
    ),
    64: (
        "its certificate is for another address",
        "connect by name, or set server_name to the name in the certificate",
    ),
}

_OLD_TLS = (
    "it offers nothing newer than TLS 1.1",
    "TLS 1.2 is the least that is accepted; ask the venue",
    True,
)
_NOT_TLS = (
    "it does not speak TLS on this port",
    "check the port; set tls off only for a local tunnel",
    False,
)
# SSLError.reason -> (what, remedy, fatal)
_HANDSHAKE_FAULTS = {
    "UNSUPPORTED_PROTOCOL": _OLD_TLS,
    "TLSV1_ALERT_PROTOCOL_VERSION": _OLD_TLS,
    "WRONG_VERSION_NUMBER": _NOT_TLS,
    "HTTP_REQUEST": _NOT_TLS,
    "RECORD_LAYER_FAILURE": _NOT_TLS,
    "PACKET_LENGTH_TOO_LONG": _NOT_TLS,
}


def not_tls_error(endpoint: str) -> ConnectError:
    """Say that the peer at ``endpoint`` (``host:port``) answered in plain text."""
    what, remedy, fatal = _NOT_TLS
    return ConnectError(f"{endpoint}: {what}", remedy, fatal=fatal)


def handshake_error(error: OSError, endpoint: str) -> ConnectError:
    """Say in a sentence why a TLS handshake failed.

    Args:
        error: what asyncio raised: an ``SSLError``, or the loss of the connection.
        endpoint: ``host:port``.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        what, remedy = _VERIFY_FAULTS.get(
            error.verify_code,
            (
                f"its certificate was not accepted: {error.verify_message}",
                "ask the venue about its certificate",
            ),
        )
        return ConnectError(f"{endpoint}: {what}", remedy, fatal=True)
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        what, remedy, fatal = _HANDSHAKE_FAULTS.get(
            error.reason or "",
            (f"the TLS handshake failed: {_words(error)}", "check that host and port belong together", False),
        )
        return ConnectError(f"{endpoint}: {what}", remedy, fatal=fatal)
    if isinstance(error, ConnectionAbortedError):
        return ConnectError(
            f"{endpoint}: the TLS handshake was not finished in time",
            "the peer accepts connections but does not speak TLS there, or is overloaded",
        )
    return ConnectError(
        f"{endpoint}: the peer closed the connection during the TLS handshake",
        "it may speak no TLS on this port, be in maintenance, or refuse this address",
    )
