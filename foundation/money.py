"""Money without floats: a price per kilogram is an integer of thousandths of the currency (厘/kg for CNY)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from foundation.errors import BadInput
from foundation.units import KILOGRAMS_PER_UNIT

MILLI = 1000
# A price of ten digits is a fault of its source, and 1e999999999 would keep a processor busy for ever.
_LARGEST_EXPONENT = 9


@dataclass(frozen=True, slots=True)
class PricePerKg:
    """A price per kilogram: `milli` thousandths of `currency` (ISO 4217)."""

    milli: int
    currency: str = "CNY"

    def __post_init__(self) -> None:
        if self.milli < 0:
            raise BadInput("a price cannot be negative", got=str(self.milli))

    @property
    def yuan_per_jin(self) -> Decimal:
        """The price as Chinese buyers say it: 元/斤, exact."""
        return Decimal(self.milli) / (2 * MILLI)

    @property
    def yuan_per_kg(self) -> Decimal:
        """The price in whole currency units per kilogram, exact."""
        return Decimal(self.milli) / MILLI


def price_milli_per_kg(amount: str | Decimal, unit: str) -> int:
    """Return thousandths of the currency per kilogram for a price `amount` per `unit` of weight.

    `unit` is the weight alone (斤, 公斤, 吨, kg, ...). 2345 per 吨 is exactly 2345. A price finer than a thousandth
    per kilogram is rounded half up.

    Raises:
        BadInput: the amount is no number, negative or absurdly large, or the unit is no weight (箱, 个, 把).

    """
    try:
        told = Decimal(str(amount).strip())
    except InvalidOperation as error:
        raise BadInput("this price is no number", expected="a decimal number", got=repr(str(amount)[:40])) from error
    if not told.is_finite() or told < 0 or told.adjusted() > _LARGEST_EXPONENT or (told and told.adjusted() < -_LARGEST_EXPONENT):
        raise BadInput("this is no price", expected="a decimal number from 0, of at most ten digits", got=repr(str(amount)[:40]))
    value = Fraction(told)
    per_unit = KILOGRAMS_PER_UNIT.get(unit.strip())
    if per_unit is None:
        raise BadInput("this unit is no weight", expected="斤, 公斤, 吨 or kg", got=repr(unit[:20]))
    exact = value * MILLI / per_unit
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
