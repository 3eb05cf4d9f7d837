"""``fixgw seqnum``: look at a session's numbers, and mend them when two sides disagree."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer

from fixgw.cli.control import DEFAULT_FILE, FileOption, SocketOption, client, show_numbers
from fixgw.cli.render import Exit, fail, json_line

app = typer.Typer(no_args_is_help=True, help="Show and mend the sequence numbers of a running gateway.")

Name = Annotated[str, typer.Argument(help="the session")]
Reason = Annotated[str, typer.Option("--reason", help="why, for the audit trail")]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask; needed without a terminal")]


@app.command()
def show(
    name: Name,
    file: FileOption = DEFAULT_FILE,
    socket: SocketOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="one line of JSON")] = False,
) -> None:
    """Show epoch and next numbers of a session."""
    with client(file, socket) as gateway:
        numbers = gateway.call("seqnum.show", session=name)
    if as_json:
        json_line(numbers)
    else:
        show_numbers(name, numbers)


@app.command(name="set")
def set_numbers(
    name: Name,
    next_in: Annotated[
        int | None, typer.Option("--in", help="next MsgSeqNum expected from the venue")
    ] = None,
    next_out: Annotated[int | None, typer.Option("--out", help="next MsgSeqNum of ours")] = None,
    reason: Reason = "",
    yes: Yes = False,
    file: FileOption = DEFAULT_FILE,
    socket: SocketOption = None,
) -> None:
    """Set the next numbers of a session that is logged out."""
    if next_in is None and next_out is None:
        raise fail("nothing to set", Exit.USAGE, where=name, remedy="give --in, --out or both")
    wanted = {"next_in": next_in, "next_out": next_out}
    _change("seqnum.set", name, reason, yes, file, socket, wanted)


@app.command()
def reset(
    name: Name,
    reason: Reason = "",
    yes: Yes = False,
    file: FileOption = DEFAULT_FILE,
    socket: SocketOption = None,
) -> None:
    """Put both numbers back to 1 on a session that is logged out; what was not resent can not be any more."""
    _change("seqnum.reset", name, reason, yes, file, socket, {})


def is_terminal() -> bool:
    """Return whether there is somebody to ask."""
    return sys.stdin.isatty()


def _change(
    command: str,
    name: str,
    reason: str,
    yes: bool,
    file: Path,
    socket: Path | None,
    wanted: dict[str, int | None],
) -> None:
    """Show before, ask, act, show after."""
    with client(file, socket) as gateway:
        show_numbers(f"{name} before", gateway.call("seqnum.show", session=name))
        if not yes:
            if not is_terminal():
                raise fail(
                    f"{command} was not confirmed: it changes what is sent and expected next",
                    Exit.REFUSED,
                    where=name,
                    remedy="give --yes, as there is no terminal to ask on",
                )
            typer.confirm(f"{command} on {name}?", abort=True)
        told = f"{reason or 'no reason given'} (by {getpass.getuser()})"
        result = gateway.call(command, session=name, reason=told, **wanted)
    show_numbers(f"{name} after", result)
