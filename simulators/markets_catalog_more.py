"""What the market sites beyond the first four quote. They are drawn apart, so that adding one changes no price of another."""

from __future__ import annotations

from simulators.markets_catalog import Quoted

# 广州江南: its names, where the goods come from, and whether a price is per kilogram or per foam box of ten.
_JIANGNAN = (
    ("tomato", "番茄", "山东/河北", "公斤"), ("cucumber", "青瓜", "广东", "公斤"), ("eggplant", "茄子", "广东", "公斤"),
    ("pepper", "尖椒", "海南/广东", "公斤"), ("celery", "西芹", "云南", "公斤"), ("spinach", "菠菜", "广东", "公斤"),
    ("cabbage", "大白菜", "河北/山东", "公斤"), ("cauliflower", "花菜", "甘肃", "公斤"), ("beans", "豆角", "广西", "公斤"),
    ("garlic", "大蒜", "山东", "公斤"), ("garlic_sprout", "蒜薹", "山东", "公斤"), ("potato", "土豆", "内蒙古", "公斤"),
    ("onion", "洋葱", "甘肃", "公斤"), ("carrot", "胡萝卜", "福建", "公斤"), ("radish", "白萝卜", "湖北", "公斤"),
    ("bitter_gourd", "苦瓜", "海南", "公斤"), ("leek", "韭菜", "广东", "公斤"), ("mushroom", "香菇", "福建", "公斤"),
    ("lotus_root", "莲藕", "湖北/江苏", "公斤"), ("water_chestnut", "马蹄", "广西", "公斤"), ("arrowhead", "慈菇", "广东", "公斤"),
    ("melon", "甜瓜", "海南", "泡沫箱"),
)  # fmt: skip

# Taiwan: every crop in two makes, so that a month of one market is more than the site gives at once.
_AMIS_MAKES = ("本產", "其他")
_AMIS = (
    ("lotus_root", "蓮藕"), ("tomato", "番茄"), ("cucumber", "胡瓜"), ("eggplant", "茄子"), ("pepper", "甜椒"), ("celery", "芹菜"),
    ("spinach", "菠菜"), ("cabbage", "包心白菜"), ("cauliflower", "花椰菜"), ("beans", "菜豆"), ("garlic", "大蒜"), ("potato", "馬鈴薯"),
    ("onion", "洋蔥"), ("carrot", "胡蘿蔔"), ("radish", "蘿蔔"), ("bitter_gourd", "苦瓜"), ("leek", "韭菜"), ("mushroom", "溼香菇"),
    ("water_chestnut", "荸薺"), ("arrowhead", "慈菇"), ("melon", "洋香瓜"), ("zucchini", "南瓜"), ("oyster_mushroom", "秀珍菇"),
    ("garlic_sprout", "蒜薹"),
)  # fmt: skip
AMIS_MARKETS = {"109": ("台北一", 1.0), "104": ("台北二", 0.98), "400": ("台中市", 0.92), "648": ("西螺鎮", 0.84)}
# Dollars per yuan, roughly: the simulated price level there.
_TWD = 5.0


def jiangnan() -> tuple[Quoted, ...]:
    """Return the series of the Guangzhou site."""
    return tuple(
        Quoted("jnmarket", "jiangnan", p, name, unit, 1.08, origin=origin, step="0.1" if unit == "公斤" else "1")
        for p, name, origin, unit in _JIANGNAN
    )


def taiwan() -> tuple[Quoted, ...]:
    """Return the series of the Taiwan interface; the grade is the crop's code there."""
    return tuple(
        Quoted(
            "amis",
            market,
            p,
            f"{name}-{make}",
            "公斤",
            level * _TWD * (1 - 0.1 * k),
            grade=f"S{chr(65 + n)}{k + 1}",
            step="0.1",
            spread=0.2,
        )
        for market, (_, level) in AMIS_MARKETS.items()
        for n, (p, name) in enumerate(_AMIS)
        for k, make in enumerate(_AMIS_MAKES)
    )
