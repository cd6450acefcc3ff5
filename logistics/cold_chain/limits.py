"""By which limits each product travels, in one table.

The classes are those of the trade (frozen, chilled 0 to 4 °C, cool 8 to 13 °C, ambient). That fruit of the cucumber, melon and tomato
kin is hurt by cold below some 8 to 12 °C is the common knowledge of post-harvest texts; lotus root keeps best near 0 to 4 °C. The
figures are assumptions of this table, not quotations of a standard: a county sets its own. Delay and gap suit the recorder interval
of at most ten minutes that GB 29753-2013 asks of refrigerated vehicles: three readings in a row, and two missing ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from logistics.cold_chain.nouns import Limits

DELAY_S, GAP_S = 1800, 1500

CLASSES = {
    "frozen": Limits("frozen", None, -18.0, DELAY_S, GAP_S),
    "chilled": Limits("chilled", -0.5, 4.0, DELAY_S, GAP_S),
    "cool": Limits("cool", 8.0, 13.0, DELAY_S, GAP_S),
    "ambient": Limits("ambient", None, None, DELAY_S, GAP_S),
}

_COOL = ("melon", "cucumber", "tomato", "eggplant", "pepper", "zucchini", "bitter_gourd", "beans")
_AMBIENT = ("potato", "onion")
CLASS_OF = {**dict.fromkeys(_COOL, "cool"), **dict.fromkeys(_AMBIENT, "ambient")}


def limits_of(products: Sequence[str], pace: int = 1) -> Limits:
    """Return the limits for what travels together: a reefer has one set-point, so the narrower of several classes counts.

    What is not in the table travels chilled, which is the stricter assumption. A demo that runs `pace` times faster shortens
    delay and gap likewise.
    """
    classes = [CLASSES[CLASS_OF.get(p, "chilled")] for p in products] or [CLASSES["chilled"]]
    found = min(classes, key=lambda c: (c.high_c is None, c.high_c if c.high_c is not None else 0.0))
    return replace(found, delay_s=max(1, found.delay_s // pace), gap_s=max(1, found.gap_s // pace))
