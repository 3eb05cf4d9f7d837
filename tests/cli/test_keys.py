"""``fixgw keys``: make, show, check; a private key is never overwritten and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.cli.conftest import fixgw, lines


def write(path: Path, key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> Path:
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    path.chmod(0o600)
    return path


KINDS = {"ed25519": ed25519.Ed25519PrivateKey, "rsa": rsa.RSAPrivateKey}


@pytest.mark.parametrize("name", KINDS)
def test_a_new_pair(tmp_path: Path, name: str) -> None:
    path = tmp_path / "key.pem"
    result = fixgw("keys", "new", path, "--type", name)
    assert (result.exit_code, result.stdout) == (0, f"{path}.pub\n")
    assert path.stat().st_mode & 0o777 == 0o600
    assert isinstance(serialization.load_pem_private_key(path.read_bytes(), None), KINDS[name])
    shown = fixgw("keys", "public", path)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert shown.stdout == Path(f"{path}.pub").read_text()
    checked = fixgw("keys", "check", path)
    assert (checked.exit_code, checked.stderr) == (0, "")
    assert checked.stdout.startswith(f"{path}: KalshiSigner(")


@pytest.mark.parametrize("taken", ["key.pem", "key.pem.pub"])
def test_nothing_is_overwritten(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_text("precious")
    result = fixgw("keys", "new", tmp_path / "key.pem")
    assert result.exit_code == 4
    assert lines(result) == [
        "a key is there already and is never overwritten",
        str(tmp_path / taken),
        "name another path",
    ]
    assert [path.name for path in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_text() == "precious"


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    result = fixgw("keys", "new", tmp_path / "missing" / "key.pem")
    assert result.exit_code == 1
    assert lines(result) == [
        "the key can not be written: No such file or directory",
        str(tmp_path / "missing" / "key.pem"),
        "name a directory that exists and that you may write",
    ]


def test_a_key_of_another_kind(tmp_path: Path) -> None:
    path = write(tmp_path / "ec.pem", ec.generate_private_key(ec.SECP256R1()))
    result = fixgw("keys", "check", path)
    assert result.exit_code == 2
    assert lines(result) == [
        "the private key is neither RSA nor Ed25519",
        str(path),
        "give the private key that Kalshi handed out with the API key id, as PEM",
    ]


@pytest.mark.parametrize("command", ["check", "public"])
def test_a_public_key_in_place_of_a_private_one(tmp_path: Path, command: str) -> None:
    assert fixgw("keys", "new", tmp_path / "key.pem").exit_code == 0
    public = tmp_path / "key.pem.pub"
    public.chmod(0o600)
    result = fixgw("keys", command, public)
    assert result.exit_code == 2
    assert lines(result)[1] == str(public)
    assert len(lines(result)) == 3


def test_a_key_that_others_can_read(tmp_path: Path) -> None:
    path = write(tmp_path / "key.pem", ed25519.Ed25519PrivateKey.generate())
    path.chmod(0o640)
    result = fixgw("keys", "check", path)
    assert result.exit_code == 2
    assert lines(result)[0] == f"the key file {path} can be read by other users (mode 0640)"
    assert fixgw("keys", "check", path, "--allow-readable-key").exit_code == 0


def test_a_key_that_is_not_there(tmp_path: Path) -> None:
    for command in ("check", "public"):
        result = fixgw("keys", command, tmp_path / "nothing.pem")
        assert result.exit_code == 2
        assert lines(result) == [
            f"the key file {tmp_path / 'nothing.pem'} does not exist",
            "correct the path",
        ]
