"""Units a Chinese county and a standard body both use. Source: 1 mu = 2000/3 m2; 1 jin = 0.5 kg."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from fractions import Fraction

from foundation.errors import BadInput

SQUARE_METRES_PER_MU = Fraction(2000, 3)
SQUARE_METRES_PER_HECTARE = 10_000

# Kilograms in one unit of weight, by every spelling seen in market data. A piece, box or bundle is not a weight.
KILOGRAMS_PER_UNIT: dict[str, Fraction] = {
    "斤": Fraction(1, 2),
    "市斤": Fraction(1, 2),
    "公斤": Fraction(1),
    "千克": Fraction(1),
    "kg": Fraction(1),
    "KG": Fraction(1),
    "吨": Fraction(1000),
    "t": Fraction(1000),
    "克": Fraction(1, 1000),
    "g": Fraction(1, 1000),
    "G": Fraction(1, 1000),
    # A tonne as the World Food Programme writes it; the international pound of 1959, exact by definition.
    "MT": Fraction(1000),
    "LB": Fraction(45359237, 100_000_000),
    "Pound": Fraction(45359237, 100_000_000),
    "两": Fraction(1, 20),
}


def hectares_from_mu(mu: float) -> float:
    """Return hectares for an area in mu."""
    return float(Fraction(mu) * SQUARE_METRES_PER_MU / SQUARE_METRES_PER_HECTARE)


def mu_from_hectares(hectares: float) -> float:
    """Return mu for an area in hectares."""
    return float(Fraction(hectares) * SQUARE_METRES_PER_HECTARE / SQUARE_METRES_PER_MU)


def kilograms(amount: Decimal | int | str, unit: str) -> Decimal | None:
    """Return a weight in kilograms, or None where the unit is not a weight."""
    per_unit = KILOGRAMS_PER_UNIT.get(unit.strip())
    if per_unit is None:
        return None
    try:
        return Decimal(amount) * per_unit.numerator / per_unit.denominator
    except InvalidOperation as error:
        raise BadInput("this weight is no number", expected="a decimal number", got=repr(str(amount)[:40])) from error
