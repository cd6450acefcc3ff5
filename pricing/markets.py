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
    """Return a county's own markets first, then those that belong to no county; all comparable markets where no county is named.

    Markets of another customs territory or currency and national averages are never among them.
    """
    here = [m for m in MARKETS.values() if m.comparable]
    if county is None:
        return here
    return [m for m in here if m.county == county] + [m for m in here if m.county is None]


def currency_of(market: str) -> str | None:
    """Return the currency a market's prices are in, or None for a market that only a file or a foreign source knows."""
    found = MARKETS.get(market)
    return found.currency if found is not None else None
