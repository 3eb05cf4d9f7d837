"""``fixgw keys``: make a key pair, show its public half, check that a private key can sign a Logon."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from fixgw.cli.render import Exit, fail, say, told
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
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        text = f"{path}: {error.strerror}; an existing key is never overwritten, name another path"
        raise fail(text, Exit.REFUSED) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    public = path.with_name(path.name + ".pub")
    public.write_bytes(_public_pem(private))
    typer.echo(str(public))
    say(f"Give {public} to the venue; keep {path} to yourself.")


@app.command()
def public(path: Annotated[Path, typer.Argument(help="a private key, PEM")]) -> None:
    """Print the public half of a private key."""
    with told():
        pem = read_key_file(path, allow_readable=True)
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise fail(f"{path}: {error}") from None
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
        signer = venue(venue_name).signer(read_key_file(path, allow_readable))
    typer.echo(f"{path}: {signer!r}")


def _public_pem(private: object) -> bytes:
    key = private.public_key()  # type: ignore[attr-defined]  # every private key of the library has one
    pem: bytes = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pem
