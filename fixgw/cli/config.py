"""``fixgw config``: what may stand in a configuration."""

from __future__ import annotations

import json

import typer

from fixgw.config.model import Settings
from fixgw.sim.scenario import scenario_schema

app = typer.Typer(no_args_is_help=True, help="Explain the configuration.")


@app.callback()
def config() -> None:
    """Explain the configuration."""


@app.command()
def schema() -> None:
    """Print the JSON schema of sessions.yaml, with the meaning of every setting; editors complete with it."""
    typer.echo(json.dumps(Settings.model_json_schema(), indent=2))


@app.command()
def scenario() -> None:
    """Print the JSON schema of a scenario for ``fixgw sim --scenario``, with the meaning of every setting."""
    typer.echo(json.dumps(scenario_schema(), indent=2))
