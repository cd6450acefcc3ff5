"""`pricing.frame`: the same market days as the board's, from a folder, a service or the API, as typed columns."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import insert

from foundation.clock import market_day, to_ms
from foundation.errors import BadInput, SuheError
from pricing import frame, store
from pricing.weekly import weekly_prices
from tests.dashboards.fakes import Installation, build_installation
from tests.dashboards.fakes_house import NOW

TODAY = market_day(NOW)
START = TODAY - timedelta(days=40)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return an installation with a second source, a second price and a foreign currency in one market."""
    made = build_installation(tmp_path_factory.mktemp("frame"), demo=False)
    with made.services.prices.engine.begin() as connection:
        for k, (source, currency) in enumerate((("import-b", "CNY"), ("xinfadi", "CNY"), ("xinfadi", "USD")), 901):
            told = {"source": source, "name": f"n{k}", "spec": "", "grade": "", "origin": "", "currency": currency}
            connection.execute(insert(store.price_series), {**told, "id": k, "market": "xinfadi", "product": "tomato"})
        now = to_ms(NOW)
        for k, back, ordinal, mid, seen in ((901, 3, 0, 5001, now), (902, 4, 0, 4000, now), (902, 4, 1, 4001, now), (903, 5, 0, 9, now)):
            row = {"series_id": k, "valid_date": TODAY - timedelta(days=back), "ordinal": ordinal, "observed_ms": seen, "low": mid - 1,
                   "mid": mid, "high": mid + 1, "mid_kind": "single", "volume_kg": None, "raw_price": "", "raw_unit": "", "run_id": 1,
                   "status": "quoted"}  # fmt: skip
            store.append(connection, [row])
    return made


@pytest.fixture
def address(whole: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the address of the installation's API: what would go over the network goes to the application itself."""
    with whole.machine() as client:
        monkeypatch.setattr(httpx, "get", lambda url, **more: client.get(url.removeprefix("http://suhe"), **{**more, "timeout": None}))
        yield "http://suhe"


def test_a_frame_has_the_days_of_the_board(whole: Installation) -> None:
    """Every row is the point `series` gives for its market and day, and is typed."""
    prices = whole.services.prices
    found = frame(["tomato", "cucumber"], ["xinfadi", "shenxian"], START, TODAY + timedelta(days=1), where=prices)
    told = [
        (p, m, x.valid_date, x.low, x.mid, x.high, x.quotes, x.source)
        for p in ("cucumber", "tomato") for m in ("shenxian", "xinfadi") for x in prices.series(p, m, START, TODAY)
    ]  # fmt: skip
    columns = ["product", "market", "valid_date", "low_milli_per_kg", "mid_milli_per_kg", "high_milli_per_kg", "quotes", "source"]
    assert [(*r[:2], r[2].date(), *r[3:]) for r in found[columns].itertuples(index=False, name=None)] == told
    assert len(told) > 100
    kinds = {k: str(v) for k, v in found.dtypes.items()}
    assert kinds["product"] == kinds["source"] == "category" and kinds["mid_milli_per_kg"] == kinds["age_days"] == "int64"
    assert kinds["valid_date"].startswith("datetime64") and "UTC" in kinds["observed_at"]
    newest = found.iloc[-1]
    assert newest["age_days"] == 0 and newest["mid_per_jin"] * 2000 == newest["mid_milli_per_kg"]


def test_folder_service_and_api_say_the_same(whole: Installation, address: str) -> None:
    """The three ways give one frame; without a key the API leaves out what may not be passed on and the frame says how much."""
    asked: dict[str, Any] = {"products": "tomato", "start": str(START), "end": str(TODAY)}
    of_service = frame(**asked, where=whole.services.prices).drop(columns=["age_days", "licence"])
    of_folder = frame(**asked, where=whole.services.settings.data).drop(columns=["age_days", "licence"])
    of_api = frame(**asked, where=address, key=whole.key("cooperative")).drop(columns=["age_days", "licence"])
    assert of_service.equals(of_folder) and of_service.equals(of_api) and len(of_api) > 200
    public = frame(**asked, where=address)
    assert set(public["source"]) == {"shenxian_origin"}
    assert public.attrs["left_out"] > 0 == of_api.attrs["left_out"]


def test_weeks_are_medians(whole: Installation) -> None:
    """`weekly` gives what `pricing.weekly` makes of the same days, a source at a time."""
    prices = whole.services.prices
    days = frame("cucumber", "shouguang", START, TODAY, where=prices)
    weeks = frame("cucumber", "shouguang", START, TODAY, weekly=True, where=prices)
    points = zip((d.date() for d in days["valid_date"]), days["mid_milli_per_kg"], strict=True)
    assert [(w.date(), x) for w, x in zip(weeks["week"], weeks["mid_milli_per_kg"], strict=True)] == weekly_prices(points)
    assert len(frame("tomato", "xinfadi", START, TODAY, weekly=True, where=prices)["source"].cat.categories) == 2


def test_an_earlier_state_can_be_asked_for(whole: Installation) -> None:
    """`as_of` leaves out what was seen later, and ages count from that day."""
    prices = whole.services.prices
    assert len(frame("tomato", "xinfadi", where=prices, as_of="2020-01-01")) == 0
    seen = frame("tomato", "xinfadi", where=prices, as_of=to_ms(NOW))
    assert set(seen["mid_milli_per_kg"]) == {5001, 4000} and list(seen["age_days"]) == [4, 3]


def test_nonsense_is_refused_in_words(tmp_path: Path, address: str) -> None:
    """A folder without records, an unreadable day, and what the installation refuses."""
    with pytest.raises(BadInput, match="no records"):
        frame("tomato", where=tmp_path)
    with pytest.raises(BadInput, match="day"):
        frame("tomato", start="soon", where=address)
    with pytest.raises(SuheError, match="empty"):
        frame("tomato", start=date(2025, 1, 1), end=date(2025, 1, 1), where=address)
    with pytest.raises(SuheError, match="unknown or revoked"):
        frame("tomato", where=address, key="suhe_no_key")


def test_importing_prices_stays_light() -> None:
    """`from pricing import frame` loads no database and no data library before it is called."""
    heavy = ["pandas", "numpy", "polars", "duckdb", "sqlalchemy", "pydantic", "httpx", "msgspec"]
    asked = f"import sys; from pricing import frame; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.strip() == "[]"
