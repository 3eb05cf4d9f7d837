"""The first act: who is there."""

from __future__ import annotations

from fixgw.cli.demo.stage import DESK, MAKER, Stage
from fixgw.sim.pki import Algorithm

ROW = "{:<8}{:<13}{:<12}{:<7}{:<10}{}"
SIGNED = {Algorithm.RSA: "RSA-PSS", Algorithm.ED25519: "Ed25519"}


async def show_sessions(stage: Stage) -> None:
    """All of them are logged on."""
    stage.note(ROW.format("account", "session", "at venue", "port", "signed", "what it is for"))
    for seat in (*DESK, *MAKER):
        target = stage.venue_name(seat).partition("/")[0]
        port, signed = stage.venue.ports[seat.kind], SIGNED[seat.algorithm]
        stage.note(ROW.format(seat.account, seat.name, target, port, signed, seat.purpose))
