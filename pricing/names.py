"""Which of our products a source's name means. A curated table: a wrong match is worse than none, so nothing is guessed.

Traps the table settles: 番茄 and 西红柿 are one product; 藕, 莲藕 and 鲜藕 are one, but 藕带 is another at several times the price;
蒜薹 (the stem) is not 蒜苗 (the leaf) nor 大蒜; 樱西 (cherry tomato) is priced apart and stays unmapped, as 散菜花 and 西芹 do not.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

NAMES: dict[str, tuple[str, ...]] = {
    "lotus_root": ("莲藕", "鲜藕", "藕"),
    "lotus_sprout": ("藕带", "鲜藕带"),
    "lotus_root_processed": ("藕制品", "盐渍藕", "水煮藕片", "藕片（加工）", "藕粉"),
    "tomato": ("番茄", "西红柿"),
    "cucumber": ("黄瓜",),
    "eggplant": ("茄子", "圆茄", "长茄"),
    "pepper": ("辣椒", "青椒", "柿子椒", "尖椒"),
    "melon": ("香瓜", "甜瓜"),
    "celery": ("芹菜", "西芹"),
    "spinach": ("菠菜",),
    "cabbage": ("大白菜", "白菜"),
    "cauliflower": ("菜花", "花菜", "花椰菜", "散菜花"),
    "beans": ("豆角", "豇豆", "长豆角"),
    "garlic": ("大蒜", "蒜头"),
    "garlic_sprout": ("蒜薹", "蒜苔"),
    "potato": ("土豆", "马铃薯"),
    "onion": ("洋葱", "葱头", "红皮葱头", "黄皮葱头"),
    "carrot": ("胡萝卜",),
    "radish": ("白萝卜",),
    "zucchini": ("西葫芦", "西胡芦"),
    "bitter_gourd": ("苦瓜",),
    "leek": ("韭菜",),
    "mushroom": ("香菇",),
    "oyster_mushroom": ("平菇",),
    "water_chestnut": ("荸荠", "马蹄"),
    "arrowhead": ("慈姑", "慈菇"),
}
_PRODUCT = {name: product for product, names in NAMES.items() for name in names}
_UNSEEN = re.compile(r"[\ufeff\u200b\u200c\u200d\u2060\s]+")


@lru_cache(maxsize=8192)
def clean_name(text: str) -> str:
    """Return a name without byte order marks, zero-width characters and blanks, in composed form. One stray mark hides a whole row."""
    return _UNSEEN.sub("", unicodedata.normalize("NFC", text))


def product_of(name: str) -> str | None:
    """Return our product id for a clean name, or None: the quote is then kept under the source's own name."""
    return _PRODUCT.get(name)
