"""Warnings that strangers can bring about as often as they like, told at most once a second each."""

from __future__ import annotations

import asyncio
import logging
from math import inf

SECONDS = 1.0


class SeldomLog:
    """A logger's warnings, held back while the same one was told a moment ago: a flood fills no disk.

    Args:
        log: where they go, with ``held_back``, the number of those that were not told in between.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._told: dict[str, float] = {}  # by message, which is a constant of the program
        self._held_back: dict[str, int] = {}

    def warning(self, message: str, **detail: object) -> None:
        """Tell, or count what is not told."""
        now = asyncio.get_running_loop().time()
        if now - self._told.get(message, -inf) < SECONDS:
            self._held_back[message] = self._held_back.get(message, 0) + 1
            return
        self._told[message] = now
        self._log.warning(message, extra={**detail, "held_back": self._held_back.pop(message, 0)})
