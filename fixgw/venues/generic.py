"""A plain FIX session with any counterparty: host, port and CompIDs come from the configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fixgw.errors import ConfigError
from fixgw.fix.schema import TypedMessage
from fixgw.messages.business import BusinessMessageReject
from fixgw.messages.order_entry import (
    ExecutionReport,
    NewOrderSingle,
    OrderCancelReject,
    OrderCancelReplaceRequest,
    OrderCancelRequest,
)
from fixgw.session.hooks import LogonSigner, NoSigner
from fixgw.venues.facts import FactsVenue, read_facts


class GenericVenue(FactsVenue):
    """A counterparty that speaks the standard's own messages; implements ``venues.base.Venue``.

    Args:
        overrides: changes to ``generic.toml``; see ``FactsVenue``.

    Raises:
        ConfigError: a fact is unknown, missing, or has the wrong type.
    """

    messages: Sequence[type[TypedMessage]] = (
        NewOrderSingle,
        OrderCancelRequest,
        OrderCancelReplaceRequest,
        ExecutionReport,
        OrderCancelReject,
        BusinessMessageReject,
    )

    def __init__(self, overrides: Mapping[str, Any] | None = None) -> None:
        super().__init__(read_facts("fixgw.venues", "generic.toml"), overrides)

    def with_overrides(self, overrides: Mapping[str, Any]) -> GenericVenue:
        """Return the venue with changed facts; see the class."""
        return GenericVenue(overrides)

    def signer(self, key: bytes) -> LogonSigner:
        """Return a signer that adds nothing to the Logon.

        Raises:
            ConfigError: a key was given, and nobody would use it.
        """
        if key:
            raise ConfigError(
                "a generic session signs nothing", remedy="leave the key out; username and password are sent"
            )
        return NoSigner()


VENUE = GenericVenue()
