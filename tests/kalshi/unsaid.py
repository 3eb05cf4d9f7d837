"""The texts and codes of the venue's tables that the simulated venue does not say, and why."""

from __future__ import annotations

UNSAID = {
    "MARKET_ALREADY_CLOSED": "a market that has closed is told to be MARKET_INACTIVE",
    "EVENT_CONTRACT_DAILY_CAP_EXCEEDED": "daily caps are for clearing members alone",
    "EVENT_CONTRACT_DAILY_CAP_NOT_FOUND": "daily caps are for clearing members alone",
    "ORDER_AMEND_IN_PROGRESS": "said under daily caps alone",
    "ORDER_ATTRIBUTES_MISMATCH": "said under daily caps alone",
    "SELF_CROSS_ATTEMPT_PARTIALLY_FILLED": "TAKER_CANCEL_FOR_SELF_TRADE_PREVENTION is said in its place",
    "SETTLEMENT_BOUNDS_CANCEL": "the venue's pages say that the feature is not live",
}
ENCRYPTED = "a signature is judged at the Logon alone, and refused with a Logout"
NOT_CHECKED = "the venue's pages do not say when; the simulated venue does not use it"
UNSAID_CODES = {
    (103, "4"): "a market that has closed is told by 103=2",
    (380, "0"): NOT_CHECKED,
    (380, "2"): "an unknown market is told in a report, by 103=1",
    (380, "4"): "a paused exchange is told in a report, by 103=2",
    (658, "3"): NOT_CHECKED,
    (658, "11"): NOT_CHECKED,
    (373, "7"): ENCRYPTED,
    (373, "8"): ENCRYPTED,
    (373, "9"): "a session of the desk has one name in all its messages",
    **{(373, code): NOT_CHECKED for code in ("12", "14", "15", "17", "18", "99")},
}
