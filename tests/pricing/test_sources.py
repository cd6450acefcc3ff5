"""Every source reads its documented shape, refuses another loudly, and is a pure function of the bytes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import SuheError
from pricing.clean import quote_of
from pricing.markets import MARKETS
from pricing.quotes import Quote, Window
from pricing.source import Blocked, Request, Source, SourceChanged
from pricing.sources import SOURCES

REPLIES = Path(__file__).with_name("replies")
TODAY = date(2026, 11, 23)
WINDOW = Window(date(2026, 11, 20), TODAY)


# Replies to a source's further questions, and files of the same source in an older shape: name -> source and which of its questions.
ROADS = {"pfsc_levels": ("pfsc", 1), "pfsc_ranking": ("pfsc", 2), "amis_export": ("amis", 0)}


def _reply(name: str) -> bytes:
    return next(REPLIES.glob(f"{name}.synthetic.*")).read_bytes()


def _asked(name: str) -> Request:
    source, which = ROADS.get(name, (name, 0))
    return list(SOURCES[source].plan(WINDOW))[which]


def _source(name: str) -> Source:
    return SOURCES[ROADS.get(name, (name, 0))[0]]


def _lines(name: str) -> list[str]:
    source = _source(name)
    page = source.parse(_reply(name), _asked(name))
    lines = [_line(quote_of(raw, source.id, TODAY, raw.currency or source.currency)) for raw in page.rows]
    lines += [f"{p.day} index {p.code} = {p.value} ({p.raw})" for p in page.indices]
    return lines + [f"{day} {market} was closed" for market, day in page.closed]


def _line(found: object) -> str:
    if isinstance(found, Quote):
        s = found.series
        label = f"{s.market}/{s.name}/{s.spec}/{s.grade}/{s.origin}"
        prices = f"{found.low} {found.mid} {found.high} {found.mid_kind} ({found.raw_price} {found.raw_unit})"
        return f"{found.valid_date} {label} -> {s.product} {prices}"
    return f"{found.day} {found.market}/{found.name} refused: {found.reason}"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [*SOURCES, *ROADS])
def test_a_synthetic_reply_reads_as_its_snapshot(name: str) -> None:
    """What a documented reply means is written down row by row."""
    assert _lines(name) == (REPLIES / f"{name}.quotes.txt").read_text("utf-8").splitlines()


@pytest.mark.parametrize("source", [*SOURCES, *ROADS])
def test_nothing_and_a_page_for_people_are_not_data(source: str) -> None:
    """An empty body and a page asking for proof of being human are blocked, never an empty list of rows."""
    for body in (b"", b"  \n", "<html><head><title>请验证</title></head></html>".encode()):
        with pytest.raises(Blocked):
            _source(source).parse(body, _asked(source))


@pytest.mark.parametrize(
    ("source", "old", "new"),
    [
        ("xinfadi", "lowPrice", "minPrice"), ("xinfadi", "count", "cnt"), ("xinfadi", "2026-11-22 00", "22/11/2026 00"),
        ("shenxian_origin", '"min"', '"lowest"'), ("shenxian_origin", '"code":0', '"code":500'),
        ("shenxian_origin", "20261122", "2026-11-22"),
        ("baoying_lotus", "最低价", "起价"), ("baoying_lotus", "2026年11月22日", "2026-11-22"),
        ("ncpscxx", '"values"', '"matrix"'), ("ncpscxx", "2026年11月21日", "2026-11-21"), ("ncpscxx", '"大白菜"', '"大白菜","白菜"'),
        ("jnmarket", "averagePrice", "meanPrice"), ("jnmarket", '"code":200', '"code":500'), ("jnmarket", "2026-11-22 00", "22/11/2026 00"),
        ("pfsc", "grainAndOil", "grain"), ("pfsc", "2026-11-20", "20 Nov"), ("pfsc", "118.52", "[]"),
        ("pfsc", '"code":200', '"code":500'),
        ("pfsc_levels", '"A"', '"a1"'), ("pfsc_levels", "indexValue", "value"),
        ("pfsc_ranking", '"莲藕",', ""), ("pfsc_ranking", "avgPrice", "meanPrice"), ("pfsc_ranking", '"code":0', '"code":401'),
        ("pfsc_quotes", "middlePrice", "midPrice"), ("pfsc_quotes", '"code":200', '"code":403'), ("pfsc_quotes", '"content"', '"page"'),
        ("amis", "Avg_Price", "Average"), ("amis", '"OK"', '"ERROR"'), ("amis", "115.11.21", "2026.11.21"),
        ("amis_export", "平均價", "均價"), ("amis_export", "115.11.21", "2026-11-21"),
        ("wfp_hdx", "priceflag", "flag"), ("wfp_hdx", "2026-10-15", "15/10/2026"), ("wfp_hdx", "MWK", "kwacha"), ("wfp_hdx", "850.5,", ""),
    ],
)  # fmt: skip
def test_a_changed_shape_is_told_not_guessed(source: str, old: str, new: str) -> None:
    """A renamed column, another way of writing days or a matrix that does not fit raises SourceChanged."""
    body = _reply(source).decode()
    assert old in body
    with pytest.raises((SourceChanged, Blocked)):
        _source(source).parse(body.replace(old, new).encode(), _asked(source))


@pytest.mark.parametrize("source", [*SOURCES, *ROADS])
@settings(max_examples=25, deadline=None)
@given(noise=st.binary(max_size=400), at=st.floats(0, 1))
def test_damaged_replies_never_raise_anything_of_their_own(source: str, noise: bytes, at: float) -> None:
    """Whatever bytes come, the outcome is rows or an error that names the trouble."""
    whole = _reply(source)
    cut = int(at * len(whole))
    for body in (noise, whole[:cut] + noise, whole[:cut] + noise + whole[cut:]):
        try:
            page = _source(source).parse(body, _asked(source))
        except SuheError:
            continue
        for raw in page.rows:
            quote_of(raw, source, TODAY)


def test_every_source_says_on_what_terms_it_is_read() -> None:
    """Licence, permission and known markets are data of the source; politeness is there for sites that are not ours."""
    for source in SOURCES.values():
        assert source.licence
        assert source.permission in ("none", "written", "own")
        assert set(source.markets) <= MARKETS.keys()
        assert source.pause_seconds >= 1
        assert source.covers_zh
        assert source.covers_en


def test_what_needs_leave_or_is_in_other_money_is_off_by_default() -> None:
    """Written permission, other currencies and files of many countries: an operator turns them on, nobody else."""
    off = {s.id for s in SOURCES.values() if not s.enabled}
    assert off == {"pfsc_quotes", "amis", "wfp_hdx"}
    assert {s.id for s in SOURCES.values() if s.permission == "written" or s.currency != "CNY"} == off
    for source in SOURCES.values():
        assert all(MARKETS[m].currency == source.currency for m in source.markets)


def test_plans_cover_the_window_once_per_market() -> None:
    """A plan asks for both ends of the closed window and for every market of the source."""
    asked = list(SOURCES["ncpscxx"].plan(WINDOW))
    assert [a.market for a in asked] == list(SOURCES["ncpscxx"].markets)
    assert all(a.form is not None and (a.form["startTime"], a.form["endTime"]) == ("20261120", "20261123") for a in asked)
    form = _asked("xinfadi").form
    assert (form["pubDateStartTime"], form["pubDateEndTime"]) == ("2026/11/20", "2026/11/23")
