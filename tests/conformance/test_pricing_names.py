"""The names of a real grocer's stock list: what each means to us, and that nothing else is taken for a product of ours."""

from __future__ import annotations

import csv
from pathlib import Path

from pricing.names import clean_name, reading_of
from pricing.synonyms import SYNONYMS

# Every one of the 251 names that is one of our products; all others are nobody's.
MEANT: dict[tuple[str, str | None], tuple[str, ...]] = {
    ("lotus_root", None): ("藕",),
    ("lotus_root", "floury"): ("野生粉藕", "洪湖莲藕(粉藕)"),
    ("lotus_root", "crisp"): ("洪湖莲藕(脆藕)",),
    ("lotus_root", "cleaned"): ("净藕(1)", "净藕(2)", "净藕(3)"),
    ("lotus_root", "wild"): ("野藕(1)", "野藕(2)"),
    ("lotus_sprout", None): ("洪湖藕带", "鲜藕带(袋)", "藕尖"),
    ("lotus_sprout", "red_lotus"): ("红莲藕带",),
    ("water_chestnut", None): ("荸荠", "荸荠(份)"),
    ("spinach", None): ("菠菜", "菠菜(份)", "本地菠菜"),
    ("cabbage", None): ("大白菜",),
    ("cauliflower", "loose"): ("青梗散花", "枝江青梗散花"),
    ("eggplant", "round"): ("圆茄子(1)", "圆茄子(2)", "紫圆茄"),
    ("eggplant", "long"): ("长线茄",),
    ("mushroom", None): ("西峡香菇(1)", "西峡香菇(2)", "西峡香菇(份)"),
    ("mushroom", "flower"): ("西峡花菇(1)", "西峡花菇(2)"),
    ("oyster_mushroom", None): ("平菇",),
}


def test_a_stock_list_is_read_as_a_person_reads_it(conformance_data: Path) -> None:
    """Of 251 names 31 mean a product of ours: each kind of lotus its own, the gift box and everything else nobody's."""
    with (conformance_data / "pricing" / "cumcm2023c_items_lossrate.csv").open(encoding="utf-8-sig") as stream:
        names = [clean_name(row["单品名称"]) for row in csv.DictReader(stream)]
    assert len(names) == len(set(names)) == 251
    expected = {name: reading for reading, told in MEANT.items() for name in told}
    assert {n: reading_of(n) for n in names if reading_of(n)[0]} == expected
    kinds = [n for n in names if "藕" in n]
    assert len(kinds) == 14
    # The fourteenth is a gift box of rape shoots and lotus root: no price of it is a price of lotus root.
    assert [n for n in kinds if n not in expected] == ["洪山菜薹莲藕拼装礼盒"]


def test_no_sprout_is_a_root() -> None:
    """藕带, 藕尖 and 藕鞭 are in no entry of lotus root, and no name of the root says sprout."""
    roots = [n for e in SYNONYMS if e.product == "lotus_root" for n in e.names]
    assert not [n for n in roots if "带" in n or "尖" in n or "鞭" in n or "苗" in n]
