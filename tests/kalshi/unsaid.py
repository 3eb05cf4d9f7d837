"""The texts and codes of the venue's tables that the simulated venue does not say, and why."""

from __future__ import annotations

UNSAID: dict[str, str] = {}
UNSAID_CODES: dict[tuple[int, str], str] = {}
