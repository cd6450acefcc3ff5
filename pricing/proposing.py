"""Which column of a foreign table holds what: a proposal from its headings and some rows, for a person to confirm."""

from __future__ import annotations

import re
from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass

from foundation.units import KILOGRAMS_PER_UNIT
from pricing.days import formats_of

# Our field -> headings seen in files, lower case, without brackets; the first that fits wins.
HEADINGS: dict[str, tuple[str, ...]] = {
    "name": (
        "品名", "产品名称", "商品名称", "单品名称", "菜名", "品种名称", "产品", "商品", "名称", "品种", "作物名稱",
        "prodname", "commodity", "product", "cropname", "item", "name", "variety name",
    ),
    "day": (
        "日期", "发布日期", "报价日期", "交易日期", "时间", "报价时间",
        "pubdate", "transdate", "arrival_date", "report_date", "price date", "date", "day",
    ),
    "low": (
        "最低价", "最低价格", "低价", "最低", "下價",
        "lowprice", "low_price", "minimumprice", "min_price", "lower_price", "low", "min",
    ),
    "mid": (
        "平均价", "平均价格", "均价", "中间价", "中价", "大宗价", "主流价", "批发价格", "批发价", "价格", "单价", "报价", "平均價", "中價",
        "avgprice", "avg_price", "middleprice", "middle_price", "modal_price", "average", "price", "avg", "mid",
    ),
    "high": (
        "最高价", "最高价格", "高价", "最高", "上價",
        "highprice", "high_price", "highestprice", "max_price", "upper_price", "high", "max",
    ),
    "unit": ("单位", "计量单位", "价格单位", "unitinfo", "meteringunit", "unit", "uom"),
    "spec": ("规格", "包装", "规格型号", "specinfo", "standard", "spec", "package", "packaging"),
    "grade": ("等级", "级别", "质量等级", "品级", "grade", "quality"),
    "origin": ("产地", "来源地", "原产地", "place", "origin", "produceplace", "provenance"),
    "market": ("市场", "市场名称", "批发市场", "市場名稱", "marketname", "market"),
    "volume": ("成交量", "交易量", "上市量", "数量", "tradingvolume", "trans_quantity", "volume", "quantity"),
    "pack": ("件重", "每件重量", "单件重量", "包装重量", "pack weight", "weight"),
}  # fmt: skip
_FIELD = {heading: field for field, headings in HEADINGS.items() for heading in headings}
_BRACKETS = re.compile(r"[（(【\[].*?[)）】\]]")
_PER = re.compile(r"元\s*[/每]\s*([^\s)）】\]]+)")
_NUMBER = re.compile(r"-?[\d,]+(\.\d+)?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Guess:
    """One proposed column: our field, the file's heading, why, and whether the sample bears it out."""

    field: str
    column: str
    why: str
    sure: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a table seems to hold. `missing` are the fields a person must still choose; nothing is imported on a proposal alone."""

    guesses: tuple[Guess, ...]
    day_formats: tuple[str, ...]
    unit: str
    missing: tuple[str, ...]

    @property
    def columns(self) -> dict[str, str]:
        """Our field -> the file's heading."""
        return {g.field: g.column for g in self.guesses}


def field_of(heading: str) -> str | None:
    """Return which of our fields a heading names, or None."""
    plain = _BRACKETS.sub("", heading).strip().lower().lstrip("\ufeff")
    return _FIELD.get(plain)


def propose_mapping(header: Sequence[str], sample: Sequence[Sequence[str]]) -> Proposal:
    """Return a proposal for a header and some rows below it."""
    texts = {h: [row[k] for row in sample if k < len(row)] for k, h in enumerate(header)}
    found: dict[str, Guess] = {}
    for heading in header:
        field = field_of(heading)
        if field is not None and field not in found:
            found[field] = Guess(field, heading, "the heading says so", sure=_bears_out(field, texts[heading]))
    if "day" not in found:
        _by_content(found, texts, "day", "every cell of it is a day", lambda cells: bool(formats_of(cells)))
    formats = tuple(formats_of(texts[found["day"].column])) if "day" in found else ()
    unit = "" if "unit" in found else _unit_in(header)
    missing = [f for f in ("name", "day") if f not in found]
    if "mid" not in found and not {"low", "high"} <= found.keys():
        missing.append("mid")
    if "unit" not in found and not unit:
        missing.append("unit")
    return Proposal(tuple(found.values()), formats, unit, tuple(missing))


def _by_content(found: dict[str, Guess], texts: Map[str, list[str]], field: str, why: str, fits: object) -> None:
    taken = {g.column for g in found.values()}
    for heading, cells in texts.items():
        if heading and heading not in taken and callable(fits) and fits(cells):
            found[field] = Guess(field, heading, why, sure=False)
            return


def _bears_out(field: str, cells: Sequence[str]) -> bool:
    told = [c.strip() for c in cells if c.strip()]
    if not told:
        return False
    if field in ("low", "mid", "high", "volume"):
        return sum(bool(_NUMBER.match(c)) for c in told) > 0.8 * len(told)
    if field == "day":
        return len(formats_of(told)) == 1
    return True


def _unit_in(header: Sequence[str]) -> str:
    """Return a unit of weight told in a heading, as in 批发价格(元/千克)."""
    for heading in header:
        found = _PER.search(heading)
        if found is not None and found[1] in KILOGRAMS_PER_UNIT:
            return found[1]
    return ""
