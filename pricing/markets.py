"""The markets we know, and by which names the sources call them."""

from __future__ import annotations

from pricing.quotes import Market

SHENXIAN, BAOYING = "371522", "321023"

MARKETS: dict[str, Market] = {
    m.id: m
    for m in (
        Market("shenxian", "莘县瓜菜产地市场", "Shenxian origin market", "origin", SHENXIAN),
        Market("baoying", "宝应莲藕市场", "Baoying lotus-root market", "origin", BAOYING),
        Market("xinfadi", "北京新发地", "Xinfadi, Beijing", "wholesale"),
        Market("shouguang", "寿光农产品物流园", "Shouguang", "wholesale"),
        Market("kuangshan", "济南匡山", "Kuangshan, Jinan", "wholesale"),
        Market("zhongcai", "南京众彩", "Zhongcai, Nanjing", "wholesale"),
        Market("lianyi", "扬州联谊", "Lianyi, Yangzhou", "wholesale"),
        Market("jiangqiao", "上海江桥", "Jiangqiao, Shanghai", "wholesale"),
        Market("baishazhou", "武汉白沙洲", "Baishazhou, Wuhan", "wholesale"),
    )
}


def markets_of(county: str | None) -> list[Market]:
    """Return a county's own markets first, then those that belong to no county; all markets where no county is named."""
    if county is None:
        return list(MARKETS.values())
    return [m for m in MARKETS.values() if m.county == county] + [m for m in MARKETS.values() if m.county is None]
