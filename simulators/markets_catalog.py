"""What each simulated market site quotes: product, the site's own name for it, spec, grade, origin, unit, and its price level.

Base prices are yuan per kilogram at wholesale, seasons are factors per calendar month. Both are plausible inventions in the range of
what such markets published (黄瓜: dear in February, cheap in May; 藕: dear in July, cheap in November), not anybody's data.
"""

from __future__ import annotations

from dataclasses import dataclass

# product -> (base price in yuan per kg at wholesale, twelve monthly factors)
_FRUIT_VEG = (1.55, 1.66, 1.35, 1.02, 0.64, 0.56, 0.70, 0.86, 0.92, 0.96, 1.08, 1.32)
_LEAFY = (1.20, 1.28, 1.05, 0.82, 0.74, 0.84, 1.14, 1.26, 1.16, 0.92, 0.80, 0.95)
_ROOT = (0.96, 1.02, 1.08, 1.14, 1.10, 1.00, 0.98, 1.00, 0.98, 0.94, 0.90, 0.92)
_FLAT = (1.00, 1.01, 1.01, 1.00, 0.99, 0.98, 0.99, 1.00, 1.00, 1.01, 1.01, 1.00)
_LOTUS = (0.92, 0.96, 1.00, 1.06, 1.14, 1.26, 1.40, 1.18, 0.94, 0.84, 0.81, 0.86)
_SPROUT = (1.30, 1.28, 1.22, 1.05, 0.84, 0.74, 0.72, 0.80, 0.95, 1.08, 1.18, 1.26)
_MELON = (1.42, 1.38, 1.26, 1.04, 0.76, 0.66, 0.72, 0.80, 0.94, 1.06, 1.20, 1.34)
_MUSHROOM = (1.14, 1.12, 0.98, 0.92, 0.92, 0.98, 1.06, 1.08, 1.02, 0.94, 0.92, 1.02)

PRODUCTS: dict[str, tuple[float, tuple[float, ...]]] = {
    "lotus_root": (5.6, _LOTUS), "lotus_sprout": (22.0, _SPROUT), "lotus_root_processed": (6.8, _FLAT),
    "tomato": (4.8, _FRUIT_VEG), "cucumber": (4.2, _FRUIT_VEG), "eggplant": (4.4, _FRUIT_VEG), "pepper": (5.0, _FRUIT_VEG),
    "melon": (7.6, _MELON), "celery": (2.6, _LEAFY), "spinach": (4.0, _LEAFY), "cabbage": (1.3, _LEAFY), "cauliflower": (4.0, _LEAFY),
    "beans": (6.4, _FRUIT_VEG), "garlic": (8.2, _FLAT), "garlic_sprout": (7.4, _ROOT), "potato": (2.4, _ROOT), "onion": (2.2, _ROOT),
    "carrot": (2.6, _ROOT), "radish": (1.6, _LEAFY), "zucchini": (3.4, _FRUIT_VEG), "bitter_gourd": (5.8, _FRUIT_VEG),
    "leek": (4.2, _LEAFY), "mushroom": (11.0, _MUSHROOM), "oyster_mushroom": (6.6, _MUSHROOM), "water_chestnut": (6.2, _ROOT),
    "arrowhead": (7.0, _ROOT),
}  # fmt: skip


@dataclass(frozen=True)
class Quoted:
    """One series a site publishes. `unit` is the weight its prices are per; `step` the smallest change of a printed price."""

    source: str
    market: str
    product: str
    name: str
    unit: str
    level: float
    spec: str = ""
    grade: str = ""
    origin: str = ""
    step: str = "0.05"
    spread: float = 0.08


# Xinfadi's names; one of them carries a byte order mark, as on the real page, and 番茄 is quoted for two origins.
_XINFADI = (
    ("tomato", "番茄", "普通", "鲁冀"),
    ("tomato", "番茄", "普通", "辽"),
    ("cucumber", "黄瓜", "普通", "冀辽"),
    ("eggplant", "圆茄", "普通", "鲁"),
    ("pepper", "青椒", "普通", "辽蒙"),
    ("melon", "香瓜", "普通", "鲁"),
    ("celery", "芹菜", "普通", "冀"),
    ("spinach", "菠菜", "普通", "冀京"),
    ("cabbage", "大白菜", "普通", "冀"),
    ("cauliflower", "菜花", "普通", "冀京蒙"),
    ("beans", "豆角", "普通", "鲁辽"),
    ("garlic", "大蒜", "普通", "鲁"),
    ("garlic_sprout", "\ufeff蒜薹", "普通", "鲁"),
    ("potato", "土豆", "普通", "蒙冀"),
    ("onion", "洋葱", "普通", "甘"),
    ("carrot", "胡萝卜", "普通", "闽"),
    ("radish", "白萝卜", "普通", "鄂"),
    ("zucchini", "西葫芦", "普通", "鲁"),
    ("bitter_gourd", "苦瓜", "普通", "琼"),
    ("leek", "韭菜", "普通", "冀"),
    ("mushroom", "香菇", "普通", "冀"),
    ("mushroom", "香菇", "花菇", "豫"),
    ("oyster_mushroom", "平菇", "普通", "京冀"),
    ("lotus_root", "藕", "普通", "苏鄂"),
    ("lotus_sprout", "藕带", "普通", "鄂"),
    ("water_chestnut", "荸荠", "普通", "桂"),
    ("arrowhead", "慈姑", "普通", "苏"),
)

_SHENXIAN = (
    ("melon", "香瓜", "燕店镇"), ("tomato", "西红柿", "董杜庄镇"), ("cucumber", "黄瓜", "河店镇"), ("eggplant", "茄子", "妹冢镇"),
    ("pepper", "辣椒", "王奉镇"), ("celery", "芹菜", "十八里铺镇"), ("zucchini", "西葫芦", "魏庄镇"), ("bitter_gourd", "苦瓜", "莘亭街道"),
    ("beans", "豆角", "张鲁回族镇"), ("mushroom", "香菇", "大张家镇"), ("oyster_mushroom", "平菇", "徐庄镇"), ("leek", "韭菜", "古云镇"),
    ("cauliflower", "菜花", "柿子园镇"), ("cabbage", "大白菜", "朝城镇"),
)  # fmt: skip
_GRADES = (("一级", 1.06), ("二级", 0.86))

_BAOYING = (
    ("lotus_root", "鲜藕", "公斤", "三节以上", "一级", 0.86, "0.10"), ("lotus_root", "鲜藕", "公斤", "三节以上", "二级", 0.70, "0.10"),
    ("lotus_sprout", "藕带", "公斤", "净藕带", "", 0.82, "0.50"), ("lotus_root_processed", "盐渍藕", "吨", "出口规格", "", 0.90, "10"),
    ("lotus_root_processed", "水煮藕片", "公斤", "1kg装", "", 1.05, "0.10"), ("water_chestnut", "荸荠", "公斤", "", "", 0.84, "0.10"),
    ("arrowhead", "慈姑", "公斤", "", "", 0.80, "0.10"),
)  # fmt: skip

# Our id -> the enterprise name the ministry's platform uses, and its price level.
PLATFORM_MARKETS: dict[str, tuple[str, float]] = {
    "shouguang": ("山东寿光农产品物流园", 0.88), "kuangshan": ("山东济南匡山农产品综合交易市场", 0.93),
    "zhongcai": ("江苏南京农副产品物流中心", 1.06), "lianyi": ("江苏扬州联谊农副产品批发市场", 1.03),
    "jiangqiao": ("上海江桥批发市场", 1.16), "baishazhou": ("湖北武汉白沙洲农副产品大市场", 0.98),
}  # fmt: skip
_PLATFORM_NAMES = {
    "tomato": "西红柿",
    "cucumber": "黄瓜",
    "eggplant": "茄子",
    "pepper": "青椒",
    "celery": "芹菜",
    "spinach": "菠菜",
    "cabbage": "大白菜",
    "cauliflower": "菜花",
    "beans": "豆角",
    "garlic": "大蒜",
    "garlic_sprout": "蒜薹",
    "potato": "土豆",
    "onion": "葱头",
    "carrot": "胡萝卜",
    "radish": "白萝卜",
    "zucchini": "西葫芦",
    "leek": "韭菜",
    "lotus_root": "莲藕",
    "mushroom": "香菇",
    "melon": "甜瓜",
}


def catalog() -> tuple[Quoted, ...]:
    """Return every series the simulated sites publish. Its order is part of the seed: append, never insert."""
    found = [Quoted("xinfadi", "xinfadi", p, name, "斤", 1.0, spec, "", place) for p, name, spec, place in _XINFADI]
    found += [
        Quoted("shenxian_origin", "shenxian", p, name, "斤", 0.72 * factor, "", grade, town)
        for p, name, town in _SHENXIAN
        for grade, factor in _GRADES
    ]
    found += [
        Quoted("baoying_lotus", "baoying", p, name, unit, level, spec, grade, "", step, 0.05)
        for p, name, unit, spec, grade, level, step in _BAOYING
    ]
    found += [
        Quoted("ncpscxx", market, p, name, "公斤", level, step="0.10")
        for market, (_, level) in PLATFORM_MARKETS.items()
        for p, name in _PLATFORM_NAMES.items()
    ]
    return tuple(found)
