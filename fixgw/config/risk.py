"""The settings of what a desk allows itself: limits on its orders, and the price grids of markets."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from fixgw.config.sections import Part, Section
from fixgw.config.values import Seconds, Text, fault
from fixgw.errors import ConfigError
from fixgw.safety.grid import PriceRange

Contracts = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
Dollars = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]


class PriceBandSection(Part):
    """The prices that an order may have."""

    min: Dollars | None = None
    """the least Price(44), dollars"""
    max: Dollars | None = None
    """the greatest Price(44), dollars"""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise fault(f"no price lies from {self.min} to {self.max}", "make min the smaller one")
        if self.min is None and self.max is None:
            raise fault("the band has no bounds", "say min, max or both, or remove it")
        return self


class RiskSection(Part):
    """Limits on orders and replaces, checked before they leave; what is not said is not checked."""

    max_order_qty: Contracts | None = None
    """contracts of an order, or of a replace's new total, at most"""
    max_notional: Dollars | None = None
    """dollars that an order may cost: price times quantity, for a seller of event contracts (1 - price)"""
    price_band: PriceBandSection | None = None
    """the prices that an order may have"""
    duplicate_window: Seconds | None = None
    """seconds within which an order of the same subaccount, symbol, side, quantity and price is refused"""
    max_position: Contracts | None = None
    """contracts of a market, YES or NO, at most, with every open order of the session filled"""
    symbols: tuple[Text, ...] = ()
    """the markets that may be traded, by symbol or pattern such as `KXHIGHNY-*`; all by default"""


class PriceRangeSection(Section):
    """The prices that a market takes between two bounds."""

    start: Dollars
    """the least price, dollars"""
    end: Dollars
    """the greatest price, dollars"""
    step: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
    """the distance of two prices, dollars"""

    @property
    def range(self) -> PriceRange:
        """The same as what a grid is made of."""
        return PriceRange(self.start, self.end, self.step)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        try:
            self.range.check()
        except ConfigError as error:
            raise fault(error.what, error.remedy) from None
        return self
