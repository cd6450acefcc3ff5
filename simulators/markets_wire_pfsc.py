"""The wire formats of the national wholesale price system: two envelopes, POST only, indices by two roads, paged quotes, a sealed chart."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from foundation.clock import SHANGHAI
from simulators.markets_catalog import PLATFORM_MARKETS
from simulators.markets_prices import PriceWorld
from simulators.markets_wire import JSON, rows_of

# code -> (level around 2015 = 100, height of its season, day of the year on which it is highest)
INDICES = {
    "A": (118.0, 6.0, 30), "AX": (119.5, 7.0, 30), "AJ": (111.0, 1.0, 200), "AO": (112.0, 3.0, 20), "B": (121.0, 4.0, 140),
    "AE": (128.0, 24.0, 35), "AF": (117.0, 9.0, 130), "AA": (110.0, 1.5, 180),
}  # fmt: skip
_DAYS_TOLD = 30
_UNKNOWN_MARKET = ("4401", "某县农产品批发市场")


def days(_world: PriceWorld, _asked: Mapping[str, str], now: datetime, factor: float) -> tuple[bytes, str]:
    """Answer getPortalPiInfoDay: about a month of working days of three indices, newest first, in the old envelope."""
    told = [
        {
            "publishDate": day.isoformat(), "agriculture": value("A", day, factor), "grainAndOil": value("AJ", day, factor),
            "vegetableBasket": value("AX", day, factor),
        }
        for day in reversed(_working_days(now))
    ]  # fmt: skip
    return _old(told), JSON


def levels(_world: PriceWorld, _asked: Mapping[str, str], now: datetime, factor: float) -> tuple[bytes, str]:
    """Answer getIndexByLevel: today's and the day before's value of every index, in groups."""
    last = _working_days(now)[-2:]
    told = [[{"indexType": code, "indexValue": value(code, d, factor), "publishDate": d.isoformat()} for d in last] for code in INDICES]
    return _old(told), JSON


def ranking(world: PriceWorld, _asked: Mapping[str, str], now: datetime, factor: float) -> tuple[bytes, str]:
    """Answer growthRanking: parallel columns of national averages per 公斤, in the new envelope."""
    today = now.astimezone(SHANGHAI).date()
    prices: dict[str, dict[date, list[float]]] = {}
    for day, q, p in rows_of(world, "ncpscxx", today - timedelta(days=1), today, now):
        prices.setdefault(q.name, {}).setdefault(day, []).append(p.mid)
    rows = [
        (name, _mean(told[today]) * factor, _mean(told[today - timedelta(days=1)]) * factor)
        for name, told in prices.items()
        if len(told) == 2
    ]
    columns: dict[str, list[Any]] = {
        "date": [today.isoformat() for _ in rows], "codes": [f"AE{k:05d}" for k, _ in enumerate(rows)], "names": [r[0] for r in rows],
        "avgPrice": [round(r[1], 2) for r in rows], "lastAvgPrice": [round(r[2], 2) for r in rows],
        "difAvgPrice": [round(r[1] - r[2], 2) for r in rows], "meteringUnit": ["元/公斤" for _ in rows],
    }  # fmt: skip
    return _new(columns), JSON


def page_list(world: PriceWorld, asked: Mapping[str, str], now: datetime, factor: float) -> tuple[bytes, str]:
    """Answer pageList: today's quotes of every market, one page; another name for the page is an error inside a 200."""
    if "pageNum" not in asked or "pageSize" not in asked:
        return json.dumps({"code": 500, "message": "系统异常", "content": None}, ensure_ascii=False).encode(), JSON
    today = now.astimezone(SHANGHAI).date()
    rows = [
        _row(str(k), PLATFORM_MARKETS[q.market][0], q.name, (p.low * factor, p.mid * factor, p.high * factor), "公斤", day)
        for k, (day, q, p) in enumerate(rows_of(world, "ncpscxx", today, today, now))
    ]
    rows += [
        _row("1101", "北京新发地农副产品批发市场", q.name, (2 * p.low * factor, 2 * p.mid * factor, 2 * p.high * factor), "公斤", day)
        for day, q, p in rows_of(world, "xinfadi", today, today, now)
    ]
    rows.append(_row(*_UNKNOWN_MARKET, "大白菜", (1.0 * factor, 1.1 * factor, 1.2 * factor), "公斤", today))
    size, number = int(asked["pageSize"]), int(asked["pageNum"])
    told = {"total": len(rows), "pages": math.ceil(len(rows) / size), "list": rows[(number - 1) * size : number * size]}
    # One server behind the balancer still speaks the old envelope: which one answers depends on the page.
    return (_new(told) if number % 2 == 0 else _old(told)), JSON


def chart(world: PriceWorld, asked: Mapping[str, str], now: datetime, _factor: float) -> tuple[bytes, str]:
    """Answer the chart sealed: here only reversed and in base 64, for a test's own decoder; null where nobody quoted."""
    today = now.astimezone(SHANGHAI).date()
    found = [(q, p) for _, q, p in rows_of(world, "ncpscxx", today, today, now) if q.name == asked.get("varietyID")]
    if not found:
        return _new(None), JSON
    plain = {"date": today.isoformat(), "x": [PLATFORM_MARKETS[q.market][0] for q, _ in found], "y": [round(p.mid, 2) for _, p in found]}
    return _new(base64.b64encode(json.dumps(plain, ensure_ascii=False).encode()).decode()[::-1]), JSON


def value(code: str, day: date, factor: float = 1.0) -> float:
    """Return the simulated index of a day, with two decimals as published."""
    level, height, highest = INDICES[code]
    season = math.cos(2 * math.pi * (day.timetuple().tm_yday - highest) / 365.25)
    ripple = 0.4 * math.sin(day.toordinal() * 1.7 + len(code))
    return round((level + height * season + ripple) * factor, 2)


def _working_days(now: datetime) -> list[date]:
    today = now.astimezone(SHANGHAI).date()
    return [d for k in range(_DAYS_TOLD, -1, -1) if (d := today - timedelta(days=k)).weekday() < 5]


def _row(number: str, market: str, name: str, prices: tuple[float, float, float], unit: str, day: date) -> dict[str, Any]:
    low, mid, high = (round(p, 2) for p in prices)
    return {
        "marketId": number, "marketCode": number, "marketName": market, "marketType": "综合", "varietyId": f"{number}-{name}",
        "varietyName": name, "varietyTypeName": "蔬菜", "minimumPrice": low, "middlePrice": mid, "highestPrice": high, "meteringUnit": unit,
        "reportTime": f"{day} 08:30:00", "inStorageTime": f"{day} 09:02:11", "tradingVolume": None, "producePlace": None, "salePlace": None,
        "provinceName": market[:2], "areaName": None,
    }  # fmt: skip


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _old(content: object) -> bytes:
    return json.dumps({"code": 200, "message": "请求处理成功", "content": content}, ensure_ascii=False).encode()


def _new(data: object) -> bytes:
    return json.dumps({"code": 0, "msg": "success", "data": data}, ensure_ascii=False).encode()
