"""The small dictionary that the scripts validate with."""

from __future__ import annotations

from collections.abc import Callable

from fixgw.fix.message import Message


def checker(kind: str) -> Callable[[Message], None]:
    """Return what validates a received message.

    Args:
        kind: ``strict``, or ``lenient`` which tolerates what its rules say.
    """
    raise LookupError(f"no dictionary {kind}")
