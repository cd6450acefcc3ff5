"""Where things are: markets by the ids of `pricing`, bases by the registry's coordinates.

A market's position is that of its public premises to about a kilometre, read off public maps by hand in November 2026. A distance between
cities does not depend on more; an operator whose markets lie elsewhere replaces the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from foundation.errors import BadInput


@dataclass(frozen=True, slots=True)
class Place:
    """A point that trucks go to."""

    id: str
    name_zh: str
    name_en: str
    lat: float
    lon: float

    def __post_init__(self) -> None:
        if not (-90 <= self.lat <= 90 and -180 <= self.lon <= 180):
            raise BadInput("this is no place on earth", expected="latitude -90..90, longitude -180..180", got=f"{self.lat}, {self.lon}")


class Located(Protocol):
    """What the registry knows of a base."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def name_zh(self) -> str: ...  # noqa: D102
    @property
    def name_en(self) -> str: ...  # noqa: D102
    @property
    def lat(self) -> float: ...  # noqa: D102
    @property
    def lon(self) -> float: ...  # noqa: D102


def place_of(thing: Located) -> Place:
    """Return the place of a base or a county."""
    return Place(thing.id, thing.name_zh, thing.name_en, thing.lat, thing.lon)


MARKET_PLACES: dict[str, Place] = {
    place.id: place
    for place in (
        Place("shenxian", "莘县瓜菜产地市场", "Shenxian origin market", 36.24, 115.67),
        Place("baoying", "宝应莲藕市场", "Baoying lotus-root market", 33.24, 119.36),
        Place("xinfadi", "北京新发地", "Xinfadi, Beijing", 39.81, 116.34),
        Place("shouguang", "寿光农产品物流园", "Shouguang", 36.88, 118.74),
        Place("kuangshan", "济南匡山", "Kuangshan, Jinan", 36.69, 116.93),
        Place("zhongcai", "南京众彩", "Zhongcai, Nanjing", 32.01, 118.91),
        Place("lianyi", "扬州联谊", "Lianyi, Yangzhou", 32.42, 119.43),
        Place("jiangqiao", "上海江桥", "Jiangqiao, Shanghai", 31.25, 121.33),
        Place("baishazhou", "武汉白沙洲", "Baishazhou, Wuhan", 30.47, 114.27),
        Place("jiangnan", "广州江南", "Jiangnan, Guangzhou", 23.20, 113.24),
    )
}
