"""Other money over HTTP: it can be asked for by its market and says which it is; no board, list of markets or county page shows it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from fastapi.testclient import TestClient
from sqlalchemy import insert

from dashboards.api import prices as price_routes
from foundation.clock import market_day, to_ms
from pricing import store
from tests.dashboards.fakes_house import build_house


def test_dollars_of_taiwan_are_never_taken_for_yuan(tmp_path: Path) -> None:
    """The series of a market there says TWD; the board and the markets of a county know nothing of it."""
    house = build_house(tmp_path, readings_every_minutes=1440, price_days=5)
    now = house.services.clock.now()
    day = market_day(now)
    with house.kit.engine.begin() as connection:
        series = {"id": 900, "source": "amis", "market": "tw-109", "name": "蓮藕", "spec": "", "grade": "", "origin": "", "currency": "TWD"}
        connection.execute(insert(store.price_series), {**series, "product": "lotus_root"})
        quote = {"series_id": 900, "valid_date": day, "ordinal": 0, "observed_ms": to_ms(now), "low": 22_200, "mid": 42_100, "high": 60_000}
        rest = {"mid_kind": "reported", "volume_kg": 3145, "raw_price": "22.20|42.10|60.00", "raw_unit": "公斤", "run_id": 1}
        connection.execute(insert(store.quote_current), {**quote, **rest})
    asked = {"product": "lotus_root", "start": day.isoformat(), "end": (day + timedelta(days=1)).isoformat()}
    with TestClient(house.app(price_routes)) as web:
        told = web.get("/api/v1/prices/series", params={**asked, "market": "tw-109"}).json()
        assert (told["currency"], [p["mid"] for p in told["items"]]) == ("TWD", [42_100])
        assert web.get("/api/v1/prices/series", params={**asked, "market": "xinfadi"}).json()["currency"] == "CNY"
        for county in ("371522", "321023"):
            rows = web.get("/api/v1/prices/board", params={"county": county}).json()["items"]
            assert rows
            assert all(r["mid"] < 40_000 and not r["market"].startswith("tw-") for r in rows)
        assert not [m for m in web.get("/api/v1/prices/markets").json()["items"] if m["id"].startswith("tw-") or m["id"] == "national"]
