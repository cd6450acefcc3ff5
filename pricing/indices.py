"""Official price indices, as published: a number without a unit that is no quote, no price, and never computed by us."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from foundation.errors import BadInput

# What the ministry's index codes mean; source: the index page of the wholesale price information system.
INDEX_NAMES: dict[str, tuple[str, str]] = {
    "A": ("农产品批发价格200指数", "Wholesale price index 200"),
    "AX": ("“菜篮子”产品批发价格指数", "Vegetable-basket index"),
    "AJ": ("粮油产品批发价格指数", "Grain and oil index"),
    "AO": ("畜产品批发价格指数", "Livestock index"),
    "B": ("水产品批发价格指数", "Aquatic products index"),
    "AE": ("蔬菜批发价格指数", "Vegetable index"),
    "AF": ("水果批发价格指数", "Fruit index"),
    "AA": ("粮食批发价格指数", "Grain index"),
}
_CODE = re.compile(r"[A-Z]{1,4}\Z", re.ASCII)
# An index that is based on 100 and read a thousand times that is no index.
LARGEST = 100_000


@dataclass(frozen=True, slots=True)
class IndexPoint:
    """One day of one official index: `value_milli` is thousandths of an index point, `raw` the text it was published as."""

    code: str
    day: date
    value_milli: int
    raw: str
    observed_ms: int = 0

    def __post_init__(self) -> None:
        if not _CODE.match(self.code):
            raise BadInput("this is no code of an index", expected="one to four capital letters", got=self.code[:20])
        if not 0 < self.value_milli <= LARGEST * 1000:
            raise BadInput("this is no value of an index", expected=f"above 0, at most {LARGEST}", got=self.raw[:40])

    @property
    def value(self) -> Decimal:
        """The index as a number, exact."""
        return Decimal(self.value_milli) / 1000
