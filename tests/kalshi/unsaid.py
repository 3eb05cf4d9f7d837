"""The texts and codes of the venue's tables that the simulated venue does not say, and why."""

from __future__ import annotations

UNSAID = {
    "EVENT_CONTRACT_DAILY_CAP_EXCEEDED": "daily caps are for clearing members alone",
    "EVENT_CONTRACT_DAILY_CAP_NOT_FOUND": "daily caps are for clearing members alone",
    "ORDER_AMEND_IN_PROGRESS": "said under daily caps alone",
    "ORDER_ATTRIBUTES_MISMATCH": "said under daily caps alone",
}
NOT_CHECKED = "the venue's pages do not say when; the simulated venue does not use it"
UNSAID_CODES = {(658, "3"): NOT_CHECKED, (658, "11"): NOT_CHECKED}
