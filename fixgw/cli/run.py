"""``fixgw run``: keep every session of a configuration up until told to stop, then drain."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from pathlib import Path
from typing import Annotated

import typer

from fixgw.cli.paths import find_handlers_beside
from fixgw.cli.render import Exit, say, tell, told
from fixgw.config.build import build
from fixgw.config.settings import load_settings
from fixgw.engine.gateway import Gateway
from fixgw.engine.loop import event_loop
from fixgw.observe import logs

log = logging.getLogger("fixgw.run")


def run(
    file: Annotated[Path, typer.Argument(help="the configuration")] = Path("sessions.yaml"),
) -> None:
    """Run the gateway: it waits for nobody, keeps trying, and says so; SIGTERM or Ctrl-C drains.

    A session whose numbers disagree with the venue's stops; the gateway stays, for `fixgw seqnum` to mend it.

    Exit codes: 0 stopped on request, 1 a required session gave up, 2 the configuration can not be used.
    """
    with told():
        loaded = load_settings(file)
        find_handlers_beside(file)
        logs.setup(loaded.settings.logs.level, loaded.settings.logs.format)
        gateway = build(loaded, wait="none")
        with asyncio.Runner(loop_factory=lambda: event_loop(loaded.settings.busy_poll_us)) as runner:
            stopped = runner.run(_serve(gateway))
    if not stopped:
        raise _given_up(gateway)


def _given_up(gateway: Gateway) -> typer.Exit:
    """Tell why, for each required session that will not dial again."""
    for handle in gateway.sessions:
        decision = handle.supervisor.last_decision
        if handle.required and handle.supervisor.failed.is_set() and decision is not None:
            tell(f"a required session gave up: {handle.name}", decision.why, decision.remedy)
    return typer.Exit(int(Exit.BAD))


async def _serve(gateway: Gateway) -> bool:
    """Run until a signal comes (true) or a required session gives up (false)."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with gateway:
        names = ", ".join([*(handle.name for handle in gateway.sessions), *gateway.served])
        say(f"running {names}, pid {os.getpid()}; Ctrl-C drains and stops")
        ready = asyncio.ensure_future(_tell_when_ready(gateway))
        asked = asyncio.ensure_future(stop.wait())
        given_up = asyncio.ensure_future(gateway.failed())
        await asyncio.wait({asked, given_up}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        given_up.cancel()
        _notify("STOPPING=1")
        log.info("draining" if asked.done() else "a required session gave up")
        stopped = asked.done()
        asked.cancel()
    return stopped


async def _tell_when_ready(gateway: Gateway) -> None:
    required = [handle for handle in gateway.sessions if handle.required and handle.is_open]
    await asyncio.gather(*(handle.link.became_active() for handle in required))
    names = [handle.name for handle in required]
    log.info("every required session is logged on" if names else "ready", extra={"sessions": names})
    _notify("READY=1")


def _notify(state: str) -> None:
    """Tell systemd, when it asked to be told (``Type=notify``)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect("\0" + address[1:] if address.startswith("@") else address)
        sender.send(state.encode())
