"""Pages, caps, envelopes and seals: what the further sources ask next, and what they do not do without leave."""

from __future__ import annotations

import base64
import json
from datetime import date
from pathlib import Path

import pytest

from pricing.quotes import Window
from pricing.source import Blocked, Page, Request, SourceChanged
from pricing.sources import SOURCES, amis, jnmarket, pfsc_quotes, xinfadi

REPLIES = Path(__file__).with_name("replies")
MONTH = Window(date(2026, 11, 1), date(2026, 11, 30))


def _capped(request: Request) -> Page:
    row = json.loads((REPLIES / "amis.synthetic.json").read_text("utf-8"))["Data"][0]
    return amis.parse(json.dumps({"RS": "OK", "Next": False, "Data": [row] * 1000}).encode(), request)


def test_a_thousand_rows_are_never_taken_for_all() -> None:
    """An answer at the cap gives no row and two questions that together cover its days once; every market is asked by itself."""
    requests = list(amis.plan(MONTH))
    assert [r.params["MarketCode"] for r in requests if r.params] == list(amis.MARKET_IDS)
    page = _capped(requests[0])
    assert page.capped
    assert not page.rows
    halves = [r.params for r in amis.follow(requests[0], page)]
    assert [(h["Start_time"], h["End_time"]) for h in halves if h] == [("115.11.01", "115.11.15"), ("115.11.16", "115.11.30")]
    assert amis.follow(requests[0], Page((), None, frozenset())) == []


def test_one_day_at_the_cap_is_loud() -> None:
    """There is nothing left to halve: rows are being held back, and the batch is not believed."""
    day = next(iter(amis.plan(Window(MONTH.end, MONTH.end))))
    with pytest.raises(SourceChanged, match="holds rows back"):
        _capped(day)


def test_days_of_the_republic_are_days() -> None:
    """2026 is year 115; the day before its first of March in a leap year is the 29th."""
    assert amis.roc_date(date(2026, 3, 1)) == "115.03.01"
    assert amis.roc_date(date(1912, 1, 1)) == "1.01.01"


def test_jiangnan_is_asked_for_both_kinds_and_all_pages() -> None:
    """Vegetables and fruit are two lists; a page that gives nothing ends the asking whatever the count says."""
    first = list(jnmarket.plan(MONTH))
    assert [r.params["kind"] for r in first if r.params] == ["1", "2"]
    size = jnmarket.SIZE
    (second,) = jnmarket.follow(first[0], Page((), size + 1, frozenset(), 1, size))
    assert second.params is not None
    assert (second.params["pageNum"], second.params["kind"], second.params["params[endTime]"]) == ("2", "1", "2026-11-30")
    assert jnmarket.follow(second, Page((), size + 1, frozenset(), 2, 1)) == []
    assert jnmarket.follow(first[0], Page((), size + 1, frozenset(), 1, 0)) == []


def test_xinfadi_reads_page_one_again_where_the_list_grew() -> None:
    """Rows published while one pages stand on a page that was read before; the second look is the last."""
    (first,) = xinfadi.plan(MONTH)
    (second,) = xinfadi.follow(first, Page((), 900, frozenset(), 1, 500))
    assert second.form is not None
    assert second.form["current"] == "2"
    assert xinfadi.follow(second, Page((), 900, frozenset(), 2, 400)) == []
    (again,) = xinfadi.follow(second, Page((), 902, frozenset(), 2, 402))
    assert again.form is not None
    assert again.form["current"] == "1"
    assert xinfadi.follow(again, Page((), 903, frozenset(), 1, 500)) == []


def test_both_envelopes_hold_the_same_quotes() -> None:
    """Code 200 with content and code 0 with data are one format."""
    old = (REPLIES / "pfsc_quotes.synthetic.json").read_bytes()
    new = old.replace(b'"code":200', b'"code":0').replace(b'"content"', b'"data"')
    (asked,) = pfsc_quotes.plan(MONTH)
    assert list(pfsc_quotes.parse(old, asked).rows) == list(pfsc_quotes.parse(new, asked).rows)
    assert pfsc_quotes.follow(asked, Page((), 501, frozenset(), 1, 500))[0].json == {**(asked.json or {}), "pageNum": 2}
    assert pfsc_quotes.follow(asked, Page((), 500, frozenset(), 1, 500)) == []


def test_the_chart_needs_a_decoder_that_is_not_here() -> None:
    """Without a decoder there is no source of the chart; with the operator's own, its prices are read and nobody's silence is filled."""
    with pytest.raises(Blocked):
        pfsc_quotes.chart_source(None, {"17": "莲藕"})
    source = pfsc_quotes.chart_source(base64.b64decode, {"17": "莲藕"})
    assert not source.enabled
    assert source.permission == "written"
    (asked,) = source.plan(MONTH)
    plain = (REPLIES / "pfsc_chart.synthetic.json").read_bytes()
    page = source.parse(json.dumps({"code": 0, "data": base64.b64encode(plain).decode()}).encode(), asked)
    assert [(r.market, r.name, r.mid, r.unit) for r in page.rows] == [
        ("shouguang", "莲藕", "5.2", "公斤"), ("pfsc-某县农产品批发市场", "莲藕", "5.9", "公斤"),
    ]  # fmt: skip
    assert list(source.parse(b'{"code":0,"data":null}', asked).rows) == []
    assert all(source.id != "pfsc_chart" for source in SOURCES.values())
