"""A configuration on disk that is right, and a way to spoil it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fixgw.config.settings import Loaded, load_settings
from tests.settings import change

Spoil = Callable[..., Loaded]

GOOD = """\
defaults:
  venue: kalshi
  environment: demo
  store: { path: tape }
  tls: { ca_file: ca.pem }
sessions:
  - name: rt
    kind: orders-rt
    sender: key-1
    key_file: one.pem
    cancel_on_disconnect: false
  - name: nr
    kind: orders-nr
    sender: key-2
    key: ${file:two.pem}
    cancel_on_disconnect: true
  - name: md
    kind: market-data
    sender: key-3
    key: ${env:KEY_3}
"""


def new_pem() -> bytes:
    """Return a fresh Ed25519 key; quick to make."""
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture(scope="session")
def authority() -> bytes:
    """A CA certificate, PEM."""
    return trustme.CA(key_type=trustme.KeyType.ECDSA).cert_pem.bytes()


@pytest.fixture
def spoil(tmp_path: Path, authority: bytes) -> Spoil:
    """Write keys, a CA and the good configuration with changes, and load it.

    Each change is ``"sessions.0.heartbeat"=value``; a value of ``...`` removes the key.
    """
    for name in ("one", "two"):
        path = tmp_path / f"{name}.pem"
        path.write_bytes(new_pem())
        path.chmod(0o600)
    (tmp_path / "ca.pem").write_bytes(authority)

    def write(changes: dict[str, object] | None = None) -> Loaded:
        data = yaml.safe_load(GOOD)
        change(data, changes or {})
        file = tmp_path / "sessions.yaml"
        file.write_text(yaml.safe_dump(data, sort_keys=False))
        return load_settings(file, {"KEY_3": new_pem().decode()})

    return write
