"""The simulated market sites' wire formats, with the habits of the real ones. Each function: what was asked, today's prices -> bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from html import escape

from foundation.clock import SHANGHAI
from simulators.markets_catalog import PLATFORM_MARKETS, Quoted
from simulators.markets_prices import Price, PriceWorld

JSON, HTML = "application/json;charset=UTF-8", "text/html;charset=UTF-8"
Row = tuple[date, Quoted, Price]


def rows_of(world: PriceWorld, source: str, start: date, end: date, now: datetime, market: str = "") -> list[Row]:
    """Return a source's rows in a closed window, newest first as the sites list them."""
    found = [
        (day, quoted, price)
        for index, quoted in enumerate(world.series)
        if quoted.source == source and (not market or quoted.market == market)
        for day, price in world.mids(index, start, end, now)
    ]
    found.sort(key=lambda r: -r[0].toordinal())
    return found


def xinfadi(world: PriceWorld, asked: Mapping[str, str], now: datetime, factor: float) -> tuple[bytes, str]:
    """Answer /getPriceData.html: form in, {count, limit, current, list} out, prices as text in 元/斤."""
    start, end = (datetime.strptime(asked[k], "%Y/%m/%d").date() for k in ("pubDateStartTime", "pubDateEndTime"))  # noqa: DTZ007
    limit, current = min(int(asked.get("limit", "20")), 1000), int(asked.get("current", "1"))
    rows = rows_of(world, "xinfadi", start, end, now)
    if rows and rows[0][0] == now.astimezone(SHANGHAI).date():
        rows = rows[int(asked.get("_late", "0")) :]
    page = rows[(current - 1) * limit : current * limit]
    items = [
        {
            "id": day.toordinal() * 1000 + k, "prodName": q.name, "prodCatid": 1186, "prodCat": "蔬菜", "prodPcatid": "", "prodPcat": "",
            "lowPrice": _text(p.low * factor), "highPrice": _text(p.high * factor), "avgPrice": _text(p.mid * factor), "place": q.origin,
            "specInfo": q.spec, "unitInfo": "斤", "pubDate": f"{day} 00:00:00", "status": None, "userIdCreate": 138,
        }
        for k, (day, q, p) in enumerate(page)
    ]  # fmt: skip
    return _json({"current": current, "limit": limit, "count": len(rows), "list": items}), JSON


def shenxian(world: PriceWorld, asked: Mapping[str, str], now: datetime, factor: float) -> tuple[bytes, str]:
    """Answer /api/quotes: {code, msg, data: {total, page, rows}}, low and high as text in 元/斤, days without separators."""
    start, end = (datetime.strptime(asked[k], "%Y%m%d").date() for k in ("begin", "end"))  # noqa: DTZ007
    size, page = min(int(asked.get("size", "100")), 2000), int(asked.get("page", "1"))
    rows = rows_of(world, "shenxian_origin", start, end, now)
    items = [
        {
            "date": day.strftime("%Y%m%d"), "product": q.name, "grade": q.grade, "town": q.origin,
            "min": f"{p.low * factor:.2f}", "max": f"{p.high * factor:.2f}", "unit": "元/斤",
        }
        for day, q, p in rows[(page - 1) * size : page * size]
    ]  # fmt: skip
    return _json({"code": 0, "msg": "ok", "data": {"total": len(rows), "page": page, "rows": items}}), JSON


def baoying(world: PriceWorld, asked: Mapping[str, str], now: datetime, factor: float) -> tuple[bytes, str]:
    """Answer /hangqing.html: a page for people with one table; 盐渍藕 in 元/吨 with thousands separators."""
    start, end = (date.fromisoformat(asked[k]) for k in ("from", "to"))
    rows = rows_of(world, "baoying_lotus", start, end, now)
    lines = []
    for day, q, p in rows:
        prices = [f"{v * factor:,.0f}" if q.unit == "吨" else f"{v * factor:.2f}" for v in (p.low, p.mid, p.high)]
        cells = [q.name, q.spec, q.grade, *prices, f"元/{q.unit}", f"{day.year}年{day.month}月{day.day}日"]
        lines.append("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in cells) + "</tr>")
    head = "".join(f"<th>{c}</th>" for c in ("品名", "规格", "等级", "最低价", "平均价", "最高价", "单位", "日期"))
    body = "\n".join(lines)
    page = (
        "<!DOCTYPE html><html><head><meta charset='utf-8'><title>宝应莲藕市场行情</title></head><body><h1>行情</h1>"
        f'<table class="hq"><tr>{head}</tr>\n{body}</table><p>共 {len(rows)} 条</p></body></html>'
    )
    return page.encode(), HTML


def platform(world: PriceWorld, asked: Mapping[str, str], now: datetime, factor: float) -> tuple[bytes, str]:
    """Answer selectWholesalePrice: a matrix product x date of one market's middle prices in 元/公斤, gaps null."""
    start, end = (datetime.strptime(asked[k], "%Y%m%d").date() for k in ("startTime", "endTime"))  # noqa: DTZ007
    market = {name: m for m, (name, _) in PLATFORM_MARKETS.items()}.get(asked.get("marketName", ""))
    if market is None:
        return _json({"code": 500, "msg": "参数错误"}), JSON
    names: list[str] = []
    table: dict[str, dict[date, float]] = {}
    for index, q in enumerate(world.series):
        if q.source == "ncpscxx" and q.market == market:
            names.append(q.name)
            table[q.name] = {day: p.mid for day, p in world.mids(index, start, end, now)}
    days = sorted({day for line in table.values() for day in line})
    values = [[round(v * factor, 2) if (v := table[n].get(d)) is not None else None for d in days] for n in names]
    heads = [f"{d.year}年{d.month:02d}月{d.day:02d}日" for d in days]
    return _json({"code": 200, "msg": "操作成功", "data": {"codes": names, "names": heads, "values": values}}), JSON


def shape_changed(body: bytes) -> bytes:
    """Return an answer whose price column was renamed, as a site does in a redesign."""
    for old, new in (
        (b'"lowPrice"', b'"minPrice"'),
        (b'"min"', b'"lowest"'),
        ("最低价".encode(), "起价".encode()),
        (b'"values"', b'"matrix"'),
        (b'"averagePrice"', b'"meanPrice"'),
        (b'"publishDate"', b'"day"'),
        (b'"middlePrice"', b'"midPrice"'),
        (b'"Avg_Price"', b'"Average"'),
        (b"priceflag", b"flag"),
    ):
        body = body.replace(old, new)
    return body


def _text(value: float) -> str:
    """Return a price as Xinfadi writes it: no trailing noughts."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
