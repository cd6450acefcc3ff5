"""Prices are exact integers of thousandths per kilogram; areas and weights convert both ways."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import BadInput
from foundation.money import PricePerKg, price_milli_per_kg
from foundation.units import KILOGRAMS_PER_UNIT, hectares_from_mu, kilograms, mu_from_hectares


@pytest.mark.parametrize(
    ("amount", "unit", "milli"),
    [
        ("2345", "吨", 2345),
        ("1.17", "斤", 2340),
        ("1.1725", "斤", 2345),
        ("2.345", "公斤", 2345),
        (" 2.345 ", " kg ", 2345),
        ("0", "斤", 0),
        ("0.0004", "kg", 0),
        ("0.0005", "kg", 1),
        ("1", "两", 20_000),
        (Decimal("0.1"), "g", 100_000),
    ],
)
def test_prices_as_markets_quote_them(amount: str | Decimal, unit: str, milli: int) -> None:
    """Each unit of weight converts exactly; what is finer than a thousandth per kilogram is rounded half up."""
    assert price_milli_per_kg(amount, unit) == milli


@given(st.integers(0, 10**9))
def test_a_price_per_tonne_in_whole_yuan_is_exact(yuan: int) -> None:
    """元/吨 is 厘/kg: the number does not change, whatever its size."""
    assert price_milli_per_kg(str(yuan), "吨") == yuan


@given(st.integers(0, 10**8), st.sampled_from(sorted(KILOGRAMS_PER_UNIT)))
def test_no_price_is_further_off_than_half_a_thousandth(cents: int, unit: str) -> None:
    """The integer is the nearest one to the true fraction."""
    got = price_milli_per_kg(Decimal(cents).scaleb(-2), unit)
    assert abs(got - Fraction(cents, 100) * 1000 / KILOGRAMS_PER_UNIT[unit]) <= Fraction(1, 2)


@given(st.integers(0, 10**7))
def test_yuan_per_jin_and_back_is_the_same(milli: int) -> None:
    """What is shown as 元/斤 reads back to the same integer, so no page rounds a price away."""
    price = PricePerKg(milli)
    assert price_milli_per_kg(price.yuan_per_jin, "斤") == milli
    assert price_milli_per_kg(price.yuan_per_kg, "kg") == milli


@pytest.mark.parametrize("bad", ["", "-", "面议", "NaN", "Infinity", "-1", "1e999999999", "1e-999999999", "12345678901", "1,5"])
def test_what_is_no_price_is_refused(bad: str) -> None:
    """Words, infinities, negatives and absurd sizes are refused at once, not computed with."""
    with pytest.raises(BadInput):
        price_milli_per_kg(bad, "kg")


@pytest.mark.parametrize("unit", ["箱", "个", "把", "", "KGS"])
def test_a_piece_is_no_weight(unit: str) -> None:
    """A unit that is no weight is refused, never guessed."""
    with pytest.raises(BadInput, match="no weight"):
        price_milli_per_kg("1", unit)
    assert kilograms(1, unit) is None


def test_a_negative_price_cannot_be_made() -> None:
    """The noun refuses it too."""
    with pytest.raises(BadInput):
        PricePerKg(-1)


@given(st.floats(0.001, 1e6))
def test_mu_and_hectares_go_both_ways(mu: float) -> None:
    """Fifteen mu are a hectare, and converting there and back changes nothing but the last digit."""
    assert hectares_from_mu(15) == 1.0
    assert mu_from_hectares(hectares_from_mu(mu)) == pytest.approx(mu, rel=1e-15)


def test_weights_in_kilograms() -> None:
    """A jin is half a kilogram, a tonne a thousand; a word is refused."""
    assert kilograms("3", "斤") == Decimal("1.5")
    assert kilograms(2, "吨") == 2000
    with pytest.raises(BadInput):
        kilograms("三", "斤")
