"""``fixgw kill`` and ``fixgw release``: stop trading at once, and let it begin again."""

from __future__ import annotations

import getpass
from typing import Annotated, Any

import typer

from fixgw.cli.control import DEFAULT_FILE, FileOption, SocketOption, client
from fixgw.cli.render import Exit, fail, json_line, out, say, table
from fixgw.cli.seqnum import is_terminal

Reason = Annotated[str, typer.Option("--reason", help="why, for the audit trail")]
COLUMNS = ("session", "step", "outcome", "open before", "open after")


def kill(
    reason: Reason = "",
    file: FileOption = DEFAULT_FILE,
    socket: SocketOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="the report as one line of JSON")] = False,
) -> None:
    """Let nothing leave that may lead to a trade, on any session, and cancel all open orders.

    It holds until `fixgw release`, also over a restart. Nothing is asked first.
    Exit codes: 0 no order is open any more, 1 some are, or a session is down; 3 not reachable, 4 refused.
    """
    with client(file, socket) as gateway:
        report = gateway.call("kill", reason=_told(reason))
    if as_json:
        json_line(report)
    else:
        _show(report)
    if not report["complete"]:
        raise typer.Exit(int(Exit.BAD))


def release(
    reason: Reason = "",
    yes: Annotated[bool, typer.Option("--yes", help="do not ask; needed without a terminal")] = False,
    file: FileOption = DEFAULT_FILE,
    socket: SocketOption = None,
) -> None:
    """Let messages leave again after `fixgw kill`."""
    if not yes:
        if not is_terminal():
            raise fail(
                "the release was not confirmed: orders will leave again",
                Exit.REFUSED,
                remedy="give --yes, as there is no terminal to ask on",
            )
        typer.confirm("let orders leave again?", abort=True)
    with client(file, socket) as gateway:
        gateway.call("release", reason=_told(reason))
    say("released: messages leave again")


def _told(reason: str) -> str:
    return f"{reason or 'no reason given'} (by {getpass.getuser()})"


def _show(report: dict[str, Any]) -> None:
    out.print(f"killed: {report['reason']}", markup=False)
    rows = [
        (part["session"], step["step"], step["outcome"], step["open_before"], step["open_after"])
        for part in report["sessions"]
        for step in part["steps"]
    ]
    if rows:
        table("", COLUMNS, rows)
    for part in report["sessions"]:
        if part["waits"]:
            say(f"{part['session']}: {part['waits']}")
        if part["still_open"]:
            say(f"{part['session']}: still open: {', '.join(part['still_open'])}")
    if not report["saved"]:
        say(
            "a restart forgets it: let kill_switch.file name a file that can be written, and kill again "
            "(the gateway's log says why it was not)"
        )
