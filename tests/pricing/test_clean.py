"""The hard gate takes what is a price per weight, exactly, and refuses the rest with a reason."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from pricing.clean import REASONS, Refusal, quote_of
from pricing.names import clean_name, product_of, reading_of
from pricing.packs import PACK_WEIGHTS, pack_weight
from pricing.quotes import Quote, RawQuote
from pricing.synonyms import SYNONYMS

DAY = date(2026, 11, 23)


def _of(low: str, mid: str, high: str, unit: str = "斤", name: str = "番茄", day: date = DAY) -> Quote | Refusal:
    return quote_of(RawQuote("xinfadi", name, day, low, mid, high, unit), "xinfadi", DAY)


@pytest.mark.parametrize(
    ("low", "mid", "high", "unit", "expected"),
    [
        ("1.2", "1.5", "1.8", "斤", (2400, 3000, 3600, "midpoint")),
        ("1.2", "1.4", "1.8", "斤", (2400, 2800, 3600, "reported")),
        ("0.8", "1.02", "1.25", "斤", (1600, 2040, 2500, "midpoint")),  # 1.025 printed with two digits
        ("2,345", "", "2,345", "吨", (2345, 2345, 2345, "midpoint")),
        ("", "5.3", "", "公斤", (5300, 5300, 5300, "single")),
        ("1", "", "2", "kg", (1000, 1500, 2000, "midpoint")),
    ],
)
def test_prices_are_exact_whole_thousandths(low: str, mid: str, high: str, unit: str, expected: tuple[int, int, int, str]) -> None:
    """元/斤, 元/公斤 and 元/吨 become whole thousandths per kilogram, and where the middle price comes from is told."""
    found = _of(low, mid, high, unit)
    assert isinstance(found, Quote)
    assert (found.low, found.mid, found.high, found.mid_kind) == expected
    assert (found.raw_price, found.raw_unit) == (f"{low}|{mid}|{high}", unit)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("2.7（个）", "2.85（个）", "3（个）"), "piece-price"), (("1", "1", "1", "箱"), "pack"), (("1", "1", "1", "个"), "piece-unit"),
        (("1", "1", "1", "元/把"), "piece-unit"), (("1", "1", "1", ""), "unit"),
        (("0", "0", "0"), "zero"), (("0", "1", "2"), "zero"), (("-1", "1", "2"), "negative"), (("2", "1.5", "1"), "order"),
        (("1", "3", "2"), "mid"), (("x", "1", "2"), "no-number"), (("1e9", "1e9", "1e9"), "no-number"), (("nan", "1", "2"), "no-number"),
        (("1", "", ""), "no-number"), (("", "", ""), "no-number"), (("999999", "999999", "999999"), "absurd"),
        (("1", "1", "1", "斤", "椰青/个"), "piece-name"), (("1", "1", "1", "斤", "白条鹌鹑（只）"), "piece-name"),
        (("1", "1", "1", "斤", "\ufeff "), "no-name"), (("1", "1", "1", "斤", "番茄", date(2026, 11, 24)), "future"),
    ],
)  # fmt: skip
def test_what_is_no_price_per_weight_is_refused_with_its_reason(row: tuple[str, ...], reason: str) -> None:
    """Every refusal has a reason from the table and repeats what was written."""
    found = _of(*row)  # type: ignore[arg-type]
    assert isinstance(found, Refusal)
    assert found.reason == reason
    assert found.text == REASONS[reason]


def test_a_byte_order_mark_in_a_name_does_not_make_another_product() -> None:
    """Names are the same with and without marks, blanks and zero-width characters."""
    assert clean_name("\ufeff番 茄\u200b") == "番茄"
    assert product_of(clean_name("\ufeff番茄")) == "tomato"


def test_synonyms_meet_and_look_alikes_stay_apart() -> None:
    """番茄 is 西红柿; 藕, 莲藕 and 鲜藕 are one; 藕带 is another product; a name not in the table is nobody's."""
    assert product_of("番茄") == product_of("西红柿") == "tomato"
    assert {product_of(n) for n in ("藕", "莲藕", "鲜藕")} == {"lotus_root"}
    assert product_of("藕带") == "lotus_sprout"
    assert product_of("蒜苗") is None
    assert product_of("穿心莲") is None


def test_varieties_of_lotus_root_are_told_apart() -> None:
    """粉藕, 脆藕 and 净藕 are lotus root and say which; stock numbers and pack marks change nothing; a gift box is nobody's."""
    assert reading_of("粉藕") == ("lotus_root", "floury")
    assert reading_of("脆藕") == ("lotus_root", "crisp")
    assert reading_of("净藕(2)") == reading_of("净藕") == ("lotus_root", "cleaned")
    assert reading_of("鲜藕带(袋)") == ("lotus_sprout", None)
    assert reading_of("洪山菜薹莲藕拼装礼盒") == (None, None)


def test_no_name_means_two_products() -> None:
    """The synonym table is a function, and every entry says whose word it is."""
    names = [n for entry in SYNONYMS for n in entry.names]
    assert len(names) == len(set(names))
    assert all(clean_name(n) == n for n in names)
    assert all(len(entry.note) > 5 for entry in SYNONYMS)


@pytest.mark.parametrize(
    ("unit", "spec", "pack", "expected"),
    [
        ("箱", "", "10", "10"),
        ("箱", "", "20斤", "10"), ("5kg/箱", "", "", "5"),
        ("箱(10斤)", "", "", "5"), ("元/箱", "泡沫箱 10斤", "", "5"),
        ("件", "纸箱 9.5公斤", "", "9.5"), ("carton", "cartons 25 lb", "", "11.33980925"), ("箱", "泡沫箱", "", None),
        ("箱", "10-12斤", "", None), ("箱", "10斤/20斤", "", None), ("箱", "0斤", "", None), ("箱", "5000斤", "", None),
        ("90 KG", "", "", "90"), ("50 LB", "", "", "22.6796185"), ("500 G", "10斤", "", "0.5"), ("3 L", "", "", None),
        ("quintal", "", "", "100"), ("个", "500克", "", None), ("斤", "泡沫箱 10斤", "", None), ("箱", "约10", "", None),
        ("箱", "250g*20", "", None),
    ],
)  # fmt: skip
def test_a_pack_weighs_what_is_told_and_nothing_is_guessed(unit: str, spec: str, pack: str, expected: str | None) -> None:
    """The weight comes from the source, the unit or the specification; a span, two weights or none is no weight; a piece is no pack."""
    assert pack_weight("x", unit, spec, "番茄", pack) == (Fraction(expected) if expected else None)


def test_the_weight_taken_for_a_pack_is_kept_with_the_quote() -> None:
    """45 元 a box of 10 斤 is 9 元/公斤, and the quote says what weight it was divided by."""
    found = quote_of(RawQuote("xinfadi", "番茄", DAY, "40", "45", "50", "箱", "泡沫箱 10斤"), "xinfadi", DAY)
    assert isinstance(found, Quote)
    assert (found.low, found.mid, found.high) == (8000, 9000, 10000)
    assert found.raw_unit == "箱 = 5 kg"
    assert all(w.note for w in PACK_WEIGHTS)
