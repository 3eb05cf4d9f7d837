"""The ``fixgw`` command."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from fixgw.cli import config, keys, seqnum, session, tape
from fixgw.cli.check import check
from fixgw.cli.decode import decode
from fixgw.cli.demo import demo
from fixgw.cli.dict import app as dictionaries
from fixgw.cli.kill import kill, release
from fixgw.cli.reconcile import reconcile
from fixgw.cli.run import run
from fixgw.cli.sim import sim
from fixgw.cli.status import status

app = typer.Typer(
    name="fixgw",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # a local may hold a key
)

for command in (run, sim, demo, check, status, kill, release, reconcile, decode):
    app.command()(command)
app.add_typer(session.app, name="session")
app.add_typer(seqnum.app, name="seqnum")
app.add_typer(tape.app, name="tape")
app.add_typer(keys.app, name="keys")
app.add_typer(dictionaries, name="dict")
app.add_typer(config.app, name="config")


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
