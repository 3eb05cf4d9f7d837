"""How commands reach a running gateway: through the socket that its configuration names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from fixgw.admin.client import AdminClient, NotReachableError, RefusedError
from fixgw.cli.render import Exit, fail, table, told
from fixgw.config.load import read
from fixgw.errors import ConfigError

FileOption = Annotated[Path, typer.Option("--config", "-c", help="the configuration of the running gateway")]
SocketOption = Annotated[
    Path | None, typer.Option("--socket", help="its control socket, in place of --config")
]
DEFAULT_FILE = Path("sessions.yaml")


@contextmanager
def client(file: Path, socket: Path | None) -> Iterator[AdminClient]:
    """Yield a client for the gateway; its errors become exit codes.

    Args:
        file: the configuration; only ``admin.socket`` is read, so no secret has to be at hand.
        socket: the control socket, when it is known.
    """
    with told():
        try:
            yield AdminClient(socket if socket is not None else socket_of(file))
        except NotReachableError as error:
            raise fail(str(error), Exit.NOT_REACHABLE) from None
        except RefusedError as error:
            raise fail(str(error), Exit.REFUSED) from None


def socket_of(file: Path) -> Path:
    """Return the control socket that a configuration names; nothing else is read, so no secret is needed.

    Raises:
        ConfigError: it names none.
    """
    document = read(file)
    admin: Any = document.data.get("admin") if isinstance(document.data, dict) else None
    named = admin.get("socket") if isinstance(admin, dict) else None
    if not isinstance(named, str):
        raise ConfigError(
            "the configuration names no control socket",
            f"{file} admin.socket",
            "add one and start the gateway anew, or give --socket",
        )
    return document.base / Path(named).expanduser()


def show_numbers(title: str, numbers: dict[str, Any]) -> None:
    """Print what the gateway answers about a session's numbers."""
    table(title, list(numbers), [list(numbers.values())])
