"""``fixgw status``: what a running gateway is doing."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import typer

from fixgw.cli.control import DEFAULT_FILE, FileOption, SocketOption, client
from fixgw.cli.render import json_line, out, table
from fixgw.clock import rfc3339

COLUMNS = (
    *("session", "phase", "epoch", "next in", "next out"),
    *("received", "sent", "resent", "drops", "host", "state"),
)

POSITION_COLUMNS = ("market", "subaccount", "net", "average", "realised", "fees", "venue says", "")


def status(
    name: Annotated[str | None, typer.Argument(help="one session; all by default")] = None,
    file: FileOption = DEFAULT_FILE,
    socket: SocketOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="the whole snapshot as one line of JSON")] = False,
) -> None:
    """Show the sessions of a running gateway.

    Exit codes: 0 shown, 3 the gateway is not reachable, 4 it refused.
    """
    with client(file, socket) as gateway:
        snapshot = gateway.call("status") if name is None else gateway.call("status", session=name)
    if as_json:
        json_line(snapshot)
        return
    sessions: dict[str, Any] = snapshot["sessions"]
    table("", COLUMNS, (_row(view) for view in sessions.values()))
    if name is None:
        _show_positions(snapshot["positions"])
        _show_reconciliation(snapshot["reconciliation"])
    if snapshot["kill"]:
        out.print(f"the kill switch is on: {snapshot['kill']['reason']}", style="red", markup=False)
    for view in sessions.values():
        supervisor = view["supervisor"]
        if not view["active"] and supervisor["why"]:
            remedy = f"\n  {supervisor['remedy']}" if supervisor["remedy"] else ""
            out.print(f"{view['name']}: {supervisor['why']}{remedy}", markup=False)


def _row(view: dict[str, Any]) -> tuple[object, ...]:
    session, tally = view["session"], view["session"]["tally"]
    return (
        view["name"],
        session["phase"],
        session["epoch"],
        session["next_in"],
        session["next_out"],
        sum(tally["received"].values()),
        sum(tally["sent"].values()),
        tally["recovered"],
        max(view["connections"] - 1, 0),
        view["supervisor"]["host"],
        view["supervisor"]["state"],
    )


def _show_positions(positions: dict[str, Any]) -> None:
    """Show what is held, and what all of it has earned, venue by venue."""
    for venue, view in positions.items():
        held = [one for one in view["each"] if Decimal(one["qty"])]
        if held:
            table(f"\nPositions at {venue}", POSITION_COLUMNS, map(_position_row, held))
        if view["counted"]:
            out.print(
                f"{venue}: realised {_dollars(view['realised_pnl'])}, fees {_dollars(view['fees'])},"
                f" {view['counted']} executions and settlements",
                markup=False,
            )


def _position_row(position: dict[str, Any]) -> tuple[object, ...]:
    return (
        position["symbol"],
        position["alloc_account"],
        position["qty"],
        _dollars(position["avg_px"]),
        _dollars(position["realised_pnl"]),
        _dollars(position["fees"]),
        position["venue_qty"],
        "" if position["agrees"] else "differs",
    )


def _show_reconciliation(told: dict[str, Any] | None) -> None:
    """Show what the last reconciliation of the tapes came to, and when."""
    if told is None:
        return
    found = (f"{count} {kind.replace('_', ' ')}" for kind, count in told["breaks"].items() if count)
    said = ": ".join(part for part in (told["verdict"], ", ".join(found)) if part)
    out.print(f"reconciled {rfc3339(told['ended_utc_ns'])}: {said}", markup=False)


def _dollars(text: str) -> str:
    return f"{Decimal(text):.4f}"
