"""``fixgw session``: log a session of a running gateway on and out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fixgw.cli.control import DEFAULT_FILE, FileOption, SocketOption, client, show_numbers

app = typer.Typer(no_args_is_help=True, help="Log sessions of a running gateway on and out.")

Name = Annotated[str, typer.Argument(help="the session")]


@app.command()
def logon(name: Name, file: FileOption = DEFAULT_FILE, socket: SocketOption = None) -> None:
    """Dial now, also after the session gave up."""
    _act("session.logon", name, file, socket)


@app.command()
def logout(name: Name, file: FileOption = DEFAULT_FILE, socket: SocketOption = None) -> None:
    """Log out; the session stays out until `logon`. Open orders go when cancel_on_disconnect is true."""
    _act("session.logout", name, file, socket)


@app.command()
def reconnect(name: Name, file: FileOption = DEFAULT_FILE, socket: SocketOption = None) -> None:
    """Log out and on again."""
    _act("session.reconnect", name, file, socket)


@app.command()
def resume(name: Name, file: FileOption = DEFAULT_FILE, socket: SocketOption = None) -> None:
    """Hold no orders back any more over a pause of the venue, on any session with it."""
    _act("session.resume", name, file, socket)


def _act(command: str, name: str, file: Path, socket: Path | None) -> None:
    with client(file, socket) as gateway:
        show_numbers(name, gateway.call(command, session=name))
