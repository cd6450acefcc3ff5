"""The markets we know, and by which names the sources call them."""

from __future__ import annotations

from pricing.quotes import Market

SHENXIAN, BAOYING = "371522", "321023"

# Taiwan's wholesale markets by the numbers its statistics use; source: the markets named in its open data.
TAIWAN: dict[str, tuple[str, str]] = {
    "104": ("台北二", "Taipei II"), "109": ("台北一", "Taipei I"), "220": ("板桥", "Banqiao"), "241": ("三重", "Sanchong"),
    "260": ("宜兰", "Yilan"), "338": ("桃农", "Taoyuan"), "400": ("台中", "Taichung"), "420": ("丰原", "Fengyuan"),
    "423": ("东势", "Dongshi"), "512": ("永靖", "Yongjing"), "514": ("溪湖", "Xihu"), "540": ("南投", "Nantou"),
    "600": ("嘉义", "Chiayi"), "648": ("西螺", "Xiluo"), "800": ("高雄", "Kaohsiung"), "830": ("凤山", "Fengshan"),
    "900": ("屏东", "Pingtung"), "930": ("台东", "Taitung"), "950": ("花莲", "Hualien"),
}  # fmt: skip

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
        Market("jiangnan", "广州江南", "Jiangnan, Guangzhou", "wholesale"),
        Market("national", "全国平均", "National average", "wholesale", reference=True),
        *(
            Market(f"tw-{c}", f"{zh}（台湾）", f"{en} (Taiwan)", "wholesale", territory="TW", currency="TWD")
            for c, (zh, en) in TAIWAN.items()
        ),
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
