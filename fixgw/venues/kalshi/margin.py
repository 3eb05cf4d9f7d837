"""Kalshi's perpetual futures as the engine sees them: ``margin.toml`` over ``profile.toml``, same signer."""

from __future__ import annotations

from collections.abc import Sequence

from fixgw.fix.schema import TypedMessage
from fixgw.venues.kalshi.dialect.margin import MESSAGES
from fixgw.venues.kalshi.profile import KalshiVenue


class KalshiMarginVenue(KalshiVenue):
    """Kalshi's sessions for margin products; implements ``venues.base.Venue``.

    Args:
        overrides: changes to its facts; see ``FactsVenue``.

    Raises:
        ConfigError: a fact is unknown, missing, or has the wrong type.
    """

    messages: Sequence[type[TypedMessage]] = MESSAGES
    _facts = ("profile.toml", "margin.toml")
    _subaccounts = False


VENUE = KalshiMarginVenue()
