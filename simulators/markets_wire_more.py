"""The wire formats of the Guangzhou market, of Taiwan's interface with its silent cap, and of the World Food Programme's CSV files."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from foundation.clock import SHANGHAI
from simulators.markets_catalog_more import AMIS_MARKETS
from simulators.markets_prices import KILOGRAMS, PriceWorld
from simulators.markets_wire import JSON, rows_of

CSV = "text/csv;charset=UTF-8"
FRUIT = frozenset(("melon",))
AMIS_MOST_ROWS = 1000
_HDX_MONTHS = 36
_HDX_HEAD = ("date", "admin1", "admin2", "market", "market_id", "latitude", "longitude", "category", "commodity", "commodity_id", "unit",
             "priceflag", "pricetype", "currency", "price", "usdprice")  # fmt: skip
_HDX_TAGS = ("#date", "#adm1+name", "#adm2+name", "#loc+market+name", "#loc+market+code", "#geo+lat", "#geo+lon", "#item+type",
             "#item+name", "#item+code", "#item+unit", "#item+price+flag", "#item+price+type", "#currency+code", "#value",
             "#value+usd")  # fmt: skip
# commodity, unit, kilograms in it (0 where it is no weight), type, flag, price of a kilogram
_HDX_GOODS = (
    ("Tomatoes ", "KG", 1.0, "Retail", "actual", 5.2), (" Onions (dry)", "50 LB", 22.68, "Wholesale", "actual", 2.1),
    ("Maize (white)", "90 KG", 90.0, "Wholesale", "aggregate", 1.4), ("Oil (vegetable)", "3 L", 0.0, "Retail", "actual", 9.0),
    ("Rice", "500 G", 0.5, "Retail", "actual,aggregate", 4.4),
)  # fmt: skip
_HDX_MARKETS = (("101", "Ngabu"), ("102", " Lizulu"))


def jiangnan(world: PriceWorld, asked: Mapping[str, str], now: datetime, factor: float) -> tuple[bytes, str]:
    """Answer dailypricelist: prices as text, kind 1 vegetables and 2 fruit, a foam box where the price is per box."""
    start, end = (date.fromisoformat(asked[f"params[{k}]"]) for k in ("beginTime", "endTime"))
    size, number, kind = int(asked.get("pageSize", "10")), int(asked.get("pageNum", "1")), asked.get("kind", "1")
    rows = [r for r in rows_of(world, "jnmarket", start, end, now) if (r[1].product in FRUIT) == (kind == "2")]
    items = [
        {
            "id": day.toordinal() * 100 + k, "productName": q.name, "provenanceName": q.origin, "topPrice": f"{p.high * factor:.1f}",
            "minimumPrice": f"{p.low * factor:.1f}", "averagePrice": f"{p.mid * factor:.2f}",
            "standard": "" if q.unit == "公斤" else q.unit, "kind": int(kind),
            "weight": "" if q.unit == "公斤" else f"{KILOGRAMS[q.unit]:g}",
            "priceDate": f"{day} 00:00:00", "tradingVolume": str(200 + (day.toordinal() * 31 + k) % 900), "updateTime": f"{day} 19:00:00",
        }
        for k, (day, q, p) in enumerate(rows[(number - 1) * size : number * size])
    ]  # fmt: skip
    return json.dumps({"total": len(rows), "rows": items, "code": 200, "msg": "查询成功"}, ensure_ascii=False).encode(), JSON


def amis(world: PriceWorld, asked: Mapping[str, str], now: datetime, factor: float) -> tuple[bytes, str]:
    """Answer AgriProductsTransType: never more than a thousand rows and not a word about it; a market rests on Mondays."""
    start, end = _gregorian(asked["Start_time"]), _gregorian(asked["End_time"])
    code = asked.get("MarketCode", "")
    rows: list[dict[str, str | float]] = []
    for day, q, p in rows_of(world, "amis", start, end, now, code):
        if day.weekday() != 0:
            quantity = 300.0 + (day.toordinal() * 37 + len(rows) * 101) % 4000
            rows.append(_amis_row(day, q.grade, q.name, q.market, (p.high * factor, p.mid * factor, p.low * factor), quantity))
    for market in AMIS_MARKETS if not code else {code} & AMIS_MARKETS.keys():
        day = start
        while day <= min(end, now.astimezone(SHANGHAI).date()):
            if day.weekday() == 0:
                rows.append(_amis_row(day, "-", "休市", market, (0.0, 0.0, 0.0), 0.0))
            day += timedelta(days=1)
    rows.sort(key=lambda r: str(r["TransDate"]))
    return json.dumps({"RS": "OK", "Next": False, "Data": rows[:AMIS_MOST_ROWS]}, ensure_ascii=False).encode(), JSON


def hdx(_world: PriceWorld, _asked: Mapping[str, str], now: datetime, factor: float) -> tuple[bytes, str]:
    """Answer one country's CSV: a row of HXL tags, padded names, units with an amount, a forecast among the flags."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_HDX_HEAD)
    writer.writerow(_HDX_TAGS)
    today = now.astimezone(SHANGHAI).date()
    for back in range(_HDX_MONTHS, -2, -1):
        month = today.year * 12 + today.month - 1 - back
        day = date(month // 12, month % 12 + 1, 15)
        for number, market in _HDX_MARKETS:
            for k, (name, unit, kg, kind, flag, level) in enumerate(_HDX_GOODS):
                price = level * (kg or 3.0) * (1 + 0.2 * math.sin(month / 1.9 + k)) * factor
                told = "forecast" if day > today else flag
                writer.writerow([day, "South", "South", market, number, -16.5, 34.9, "food", name, 60 + k, unit, told, kind, "MWK",
                                 f"{price:.2f}", f"{price / 1700:.4f}"])  # fmt: skip
    return out.getvalue().encode(), CSV


def _amis_row(
    day: date, code: str, name: str, market: str, prices: tuple[float, float, float], quantity: float
) -> dict[str, str | float]:  # fmt: skip
    upper, middle, lower = (round(p, 1) for p in prices)
    return {
        "TransDate": f"{day.year - 1911}.{day.month:02d}.{day.day:02d}", "TcType": "N04", "CropCode": code, "CropName": name,
        "MarketCode": market, "MarketName": AMIS_MARKETS[market][0], "Upper_Price": upper, "Middle_Price": middle, "Lower_Price": lower,
        "Avg_Price": round((upper + 2 * middle + lower) / 4, 1), "Trans_Quantity": quantity,
    }  # fmt: skip


def _gregorian(text: str) -> date:
    year, month, day = text.split(".")
    return date(int(year) + 1911, int(month), int(day))
