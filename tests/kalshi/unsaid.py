"""The texts and codes of the venue's tables that the simulated venue does not say, and why."""

from __future__ import annotations

UNSAID: dict[str, str] = {}
NOT_CHECKED = "the venue's pages do not say when; the simulated venue does not use it"
UNSAID_CODES = {(658, "3"): NOT_CHECKED, (658, "11"): NOT_CHECKED}
