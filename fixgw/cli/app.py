"""The ``fixgw`` command."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

# command -> where its function or its group of commands is; only the one that is asked for is loaded, because
# the simulator, the REST client and the rest take a second together
COMMANDS: Mapping[str, tuple[str, str]] = {
    "run": ("fixgw.cli.run", "run"),
    "sim": ("fixgw.cli.sim", "sim"),
    "demo": ("fixgw.cli.demo.command", "demo"),
    "check": ("fixgw.cli.check", "check"),
    "status": ("fixgw.cli.status", "status"),
    "kill": ("fixgw.cli.kill", "kill"),
    "release": ("fixgw.cli.kill", "release"),
    "reconcile": ("fixgw.cli.reconcile", "reconcile"),
    "decode": ("fixgw.cli.decode", "decode"),
    "session": ("fixgw.cli.session", "app"),
    "seqnum": ("fixgw.cli.seqnum", "app"),
    "tape": ("fixgw.cli.tape", "app"),
    "keys": ("fixgw.cli.keys", "app"),
    "dict": ("fixgw.cli.dict", "app"),
    "config": ("fixgw.cli.config", "app"),
}


class Commands(TyperGroup):
    """The table of commands, as click asks for it."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return every name, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Load the command of a name; None when there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        found = getattr(import_module(module), name)
        if isinstance(found, typer.Typer):
            group = typer.main.get_command(found)
            group.name = cmd_name
            return group
        single = typer.Typer(pretty_exceptions_show_locals=False, add_completion=False)
        single.command(cmd_name)(found)
        return typer.main.get_command(single)


app = typer.Typer(
    name="fixgw",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # a local may hold a key
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fixgw {version('fixgw')}")
        raise typer.Exit


@app.callback()
def options(
    show: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """A FIX 5.0SP2 / FIXT.1.1 trading gateway, with a venue to test against."""


def main() -> None:
    """Run the command line."""
    app()
