"""Which of our products and varieties a source's name means, read from the curated table; nothing is guessed.

Traps the table settles: 番茄 and 西红柿 are one product; 藕, 莲藕 and 鲜藕 are one, 粉藕, 脆藕 and 净藕 are varieties of it, but 藕带 is
another product at several times the price; 蒜薹 (the stem) is not 蒜苗 nor 大蒜; 樱西 (cherry tomato) is priced apart and stays unmapped.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from pricing.synonyms import SYNONYMS

_READINGS = {name: (entry.product, entry.variety) for entry in SYNONYMS for name in entry.names}
_UNSEEN = re.compile(r"[\ufeff\u200b\u200c\u200d\u2060\s]+")
# Stock lists number what they hold twice and mark how it is packed: 净藕(2), 菠菜(份). Neither changes what it is.
_STOCK_MARK = re.compile(r"[（(](?:\d{1,2}|份|袋|盒|包)[)）]\Z")


@lru_cache(maxsize=8192)
def clean_name(text: str) -> str:
    """Return a name without byte order marks, zero-width characters and blanks, in composed form. One stray mark hides a whole row."""
    return _UNSEEN.sub("", unicodedata.normalize("NFC", text))


@lru_cache(maxsize=8192)
def reading_of(name: str) -> tuple[str | None, str | None]:
    """Return our product and variety for a clean name; (None, None) where it means none of ours: it is kept under its own name then."""
    found = _READINGS.get(name)
    while found is None and (bare := _STOCK_MARK.sub("", name)) != name:
        name = bare
        found = _READINGS.get(name)
    return found or (None, None)


def product_of(name: str) -> str | None:
    """Return our product id for a clean name, or None."""
    return reading_of(name)[0]
