"""Who stands behind a message, as Kalshi names them: docs.kalshi.com/fix/order-entry."""

from __future__ import annotations

from fixgw.messages import order_entry


class Party(order_entry.Party):
    """An entry of NoPartyIDs(453): an id and its role; Kalshi knows no PartyIDSource(447)."""

    FIELDS = tuple(spec for spec in order_entry.Party.FIELDS if spec.name in ("party_id", "party_role"))
