"""``fixgw keys``: make a key pair, show its public half, check that a private key can sign a Logon."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from fixgw.cli.render import Exit, fail, say, told
from fixgw.errors import ConfigError
from fixgw.venues.base import venue
from fixgw.venues.keys import read_key_file

app = typer.Typer(no_args_is_help=True, help="Make and check the keys that sign Logons.")

RSA_BITS = 2048


class KeyType(StrEnum):
    """What a venue's Logon can be signed with."""

    ED25519 = "ed25519"
    RSA = "rsa"


@app.command()
def new(
    path: Annotated[Path, typer.Argument(help="where the private key goes; PATH.pub gets the public half")],
    key_type: Annotated[KeyType, typer.Option("--type", help="kind of key")] = KeyType.ED25519,
) -> None:
    """Make a key pair: PATH (PKCS#8 PEM, mode 0600) and PATH.pub, which the venue is given."""
    private: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
    if key_type is KeyType.RSA:
        private = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    else:
        private = ed25519.Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = path.with_name(path.name + ".pub")
    for taken in (path, public):
        if taken.exists():
            raise _taken(taken)
    _write(path, pem, 0o600)
    _write(public, _public_pem(private), 0o644)
    typer.echo(str(public))
    say(f"Give {public} to the venue; keep {path} to yourself.")


@app.command()
def public(path: Annotated[Path, typer.Argument(help="a private key, PEM")]) -> None:
    """Print the public half of a private key."""
    with told():
        pem = read_key_file(path, allow_readable=True)
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        remedy = "give a private key in PEM form, not encrypted"
        raise fail(
            "there is no private key that can be read", Exit.USAGE, where=str(path), remedy=remedy
        ) from None
    typer.echo(_public_pem(private).decode(), nl=False)


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="a private key, PEM")],
    venue_name: Annotated[str, typer.Option("--venue", help="the venue that it is for")] = "kalshi",
    allow_readable: Annotated[
        bool, typer.Option("--allow-readable-key", help="accept a file that others can read")
    ] = False,
) -> None:
    """Check permissions and type: exit 0 when this key can sign the venue's Logons."""
    with told():
        pem = read_key_file(path, allow_readable)
        try:
            signer = venue(venue_name).signer(pem)
        except ConfigError as error:
            raise ConfigError(error.what, error.where or str(path), error.remedy) from None
    typer.echo(f"{path}: {signer!r}")


def _write(path: Path, content: bytes, mode: int) -> None:
    """Make a file that is not there yet."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise _taken(path) from None
    except OSError as error:
        what = f"the key can not be written: {error.strerror}"
        raise fail(
            what, where=str(path), remedy="name a directory that exists and that you may write"
        ) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _taken(path: Path) -> typer.Exit:
    what = "a key is there already and is never overwritten"
    return fail(what, Exit.REFUSED, where=str(path), remedy="name another path")


def _public_pem(private: object) -> bytes:
    key = private.public_key()  # type: ignore[attr-defined]  # every private key of the library has one
    pem: bytes = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pem
