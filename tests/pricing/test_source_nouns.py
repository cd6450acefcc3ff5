"""The nouns of a source refuse nonsense; a calendar knows a festival from an outage; currencies and countries stay apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import insert

from foundation.errors import BadInput
from pricing import store
from pricing.calendar import DAILY, WORKDAYS, Calendar
from pricing.indices import IndexPoint
from pricing.markets import MARKETS, markets_of
from pricing.quotes import Market
from pricing.service import Prices
from pricing.source import Request
from pricing.sources import SOURCES

DAY = date(2026, 11, 23)


def test_a_calendar_knows_weekends_and_closures() -> None:
    """Markets quote on weekends but not at Spring Festival; an office's index does not quote on weekends."""
    assert DAILY.quotes_on(date(2026, 11, 22))
    assert not Calendar(WORKDAYS).quotes_on(date(2026, 11, 22))
    assert DAILY.closed_on(date(2027, 2, 6))
    assert DAILY.expected_days(date(2027, 2, 3), date(2027, 2, 13)) == [date(2027, 2, d) for d in (3, 4, 12, 13)]
    with pytest.raises(BadInput):
        Calendar(frozenset({7}))
    with pytest.raises(BadInput):
        Calendar(closures=((DAY, date(2026, 11, 22)),))


def test_a_request_has_one_path_and_one_body() -> None:
    """A form or JSON makes a POST, the empty object too; both at once, or an address instead of a path, is refused."""
    assert [r.method for r in (Request("/a"), Request("/a", form={}), Request("/a", json={}))] == ["GET", "POST", "POST"]
    for wrong in ({"path": "http://elsewhere.example/"}, {"path": "/a", "form": {}, "json": {}}):
        with pytest.raises(BadInput):
            Request(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [{"permission": "some"}, {"permission": "written", "enabled": True}, {"kind": "guess"}, {"currency": "yuan"}, {"licence": ""},
     {"pause_seconds": 0.0}, {"daily_bytes": 0}, {"id": "no id"}],
)  # fmt: skip
def test_a_source_without_terms_or_manners_is_refused(wrong: dict[str, object]) -> None:
    """Licence, permission, currency and politeness are checked when a source is made; what needs leave cannot be on by default."""
    with pytest.raises(BadInput):
        replace(SOURCES["xinfadi"], **wrong)  # type: ignore[arg-type]


def test_an_index_point_is_exact_and_bounded() -> None:
    """The value is kept in thousandths beside its text; a code or a value that is none is refused."""
    assert str(IndexPoint("A", DAY, 118_520, "118.52").value) == "118.52"
    for code, value in (("a", 1), ("A", 0), ("A", 10**9)):
        with pytest.raises(BadInput):
            IndexPoint(code, DAY, value, "")


def test_only_mainland_markets_in_yuan_are_comparable() -> None:
    """No county's board lists a foreign market or a national average."""
    assert all(m.territory == "CN" and m.currency == "CNY" and not m.reference for c in (None, "371522", "321023") for m in markets_of(c))
    assert not Market("far", "远", "Far", "wholesale", territory="TW", currency="TWD").comparable
    assert not Market("all", "全国", "All", "wholesale", reference=True).comparable
    with pytest.raises(BadInput):
        Market("x", "x", "x", "wholesale", currency="yuan")


def test_a_quote_in_another_currency_never_stands_under_a_market(lite_prices: Prices) -> None:
    """Of two series of one market, only the one in the market's own currency is on its board and in its series."""
    with lite_prices.engine.begin() as connection:
        for k, currency in enumerate(("CNY", "TWD"), 1):
            series = {
                "id": k,
                "source": "x",
                "market": "xinfadi",
                "name": "藕",
                "spec": "",
                "grade": "",
                "origin": "",
                "currency": currency,
            }
            connection.execute(insert(store.price_series), {**series, "product": "lotus_root"})
            quote = {"series_id": k, "valid_date": DAY, "ordinal": 0, "observed_ms": k, "low": k * 1000, "mid": k * 1000, "high": k * 1000}
            rest = {"mid_kind": "single", "volume_kg": None, "raw_price": "", "raw_unit": "公斤", "run_id": 1}
            connection.execute(insert(store.quote_current), {**quote, **rest})
    assert MARKETS["xinfadi"].currency == "CNY"
    assert [r.mid for r in lite_prices.board(None, DAY)] == [1000]
    assert [p.mid for p in lite_prices.series("lotus_root", "xinfadi", DAY, DAY)] == [1000]
