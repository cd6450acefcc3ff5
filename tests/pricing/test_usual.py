"""What a source usually says is learnt from its good answers, day by day, and from those that a person believed."""

from __future__ import annotations

from datetime import date, timedelta

from foundation.database import metadata
from pricing.quotes import RawQuote, Window
from pricing.service import Prices
from pricing.usual import AROUND, note_days, usual_of
from tests.pricing.hosts_of_tests import served
from tests.pricing.test_politeness import DATA, DAY

MONDAY = date(2026, 11, 2)


def _rows(day: date, count: int, unit: str = "斤") -> list[RawQuote]:
    return [RawQuote("xinfadi", "番茄", day, "1", "", "2", unit) for _ in range(count)]


def test_the_median_of_a_weekday_needs_three_such_days(prices: Prices, client) -> None:
    """Two Mondays say nothing, three do; what is told again of a day replaces what was told; a window looks eight weeks to either side."""
    metadata.create_all(prices.engine)
    with served(lambda *_: (200, {}, DATA)) as host:
        assert prices.collect("shenxian_origin", host.url, Window(DAY, DAY), client).state == "ok"
    window = Window(date(2026, 11, 23), date(2026, 11, 23))
    with prices.engine.begin() as connection:
        note_days(connection, "shenxian_origin", [*_rows(MONDAY, 10), *_rows(MONDAY + timedelta(days=7), 20)])
        assert 0 not in usual_of(connection, "shenxian_origin", window).weekday_rows
        note_days(connection, "shenxian_origin", _rows(MONDAY + timedelta(days=14), 99))
        assert usual_of(connection, "shenxian_origin", window).weekday_rows[0] == 20.0
        note_days(connection, "shenxian_origin", _rows(MONDAY + timedelta(days=7), 40, "公斤"))
        usual = usual_of(connection, "shenxian_origin", window)
        assert usual.weekday_rows[0] == 40.0
        assert usual.units == {"斤": 10 + 99 + 5, "公斤": 40}
        far = Window(MONDAY + timedelta(days=14) + AROUND, MONDAY + timedelta(days=14) + AROUND)
        assert usual_of(connection, "shenxian_origin", far).weekday_rows == {}
        assert usual_of(connection, "xinfadi", window).rows_per_day is None


def test_an_answer_that_was_not_believed_teaches_nothing(prices: Prices, client) -> None:
    """Only recorded batches say what is usual."""
    said = {"body": DATA}
    with served(lambda *_: (200, {}, said["body"])) as host:
        assert prices.collect("shenxian_origin", host.url, Window(DAY, DAY), client).state == "ok"
        said["body"] = DATA.replace(b".10", b"9.10").replace(b".50", b"9.50")
        assert prices.collect("shenxian_origin", host.url, Window(DAY, DAY), client).state == "quarantined"
    with prices.engine.begin() as connection:
        assert usual_of(connection, "shenxian_origin", Window(DAY, DAY)).units == {"斤": 5}
