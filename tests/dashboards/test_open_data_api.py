"""Open data: what may be passed on is, with its terms; what may not is left out and counted; every format says the same."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert, update

from dashboards.api.prices_open import _held, _Turn
from foundation.clock import market_day, to_ms
from pricing import store
from tests.dashboards.fakes import Installation, build_installation
from tests.dashboards.fakes_house import NOW
from tests.dashboards.fakes_prices import MARKETS

TODAY = market_day(NOW)
EVIL = '=HYPERLINK("http://x","藕")'


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return an installation that is no demo: two of its sources are closed, the county's own and one of CC BY are open."""
    made = build_installation(tmp_path_factory.mktemp("open"), demo=False)
    with made.services.prices.engine.begin() as connection:
        told = {"source": "import-open", "market": "wanbang", "spec": "", "grade": "", "origin": "", "currency": "CNY"}
        connection.execute(insert(store.price_series), {**told, "id": 900, "name": EVIL, "product": "lotus_root"})
        day = {"series_id": 900, "ordinal": 0, "low": 900, "mid": 1000, "high": 1100, "mid_kind": "single", "raw_price": "|0.5|",
               "raw_unit": "斤", "run_id": 7}  # fmt: skip
        rows = [{**day, "valid_date": TODAY - timedelta(days=k), "observed_ms": to_ms(NOW) - 9, "volume_kg": k or None} for k in range(3)]
        connection.execute(insert(store.quote_current), rows)
        connection.execute(insert(store.quote_obs), [{**r, "status": "quoted"} for r in rows])
        mapping = '{"source": "import-open", "licence": "CC BY 4.0"}'
        connection.execute(
            insert(_mappings()), {"county": "371522", "name": "x", "version": 1, "mapping": mapping, "writer": "w", "made_ms": 1}
        )
    return made


def _mappings() -> Any:
    from pricing.desk.tables import price_mapping

    return price_mapping


@pytest.fixture
def public(whole: Installation) -> Iterator[TestClient]:
    """Yield a client nobody knows."""
    with whole.machine() as client:
        yield client


def test_the_public_gets_open_rows_only_and_is_told_what_is_missing(public: TestClient, whole: Installation) -> None:
    """Rows of closed sources are counted by source with the licence; a key of a reader gets them all."""
    query = {"product": "lotus_root", "start": str(TODAY - timedelta(days=2)), "end": str(TODAY + timedelta(days=1))}
    told = public.get("/api/v1/quotes", params=query).json()
    assert {(r["source"], r["licence"]) for r in told["items"]} == {("shenxian_origin", "the county's own"), ("import-open", "CC BY 4.0")}
    left = {x["source"]: x for x in told["left_out"]}
    assert set(left) == {"ncpscxx", "xinfadi"} and "not redistributed" in left["xinfadi"]["licence"] and left["xinfadi"]["why"]
    with whole.machine(whole.key("cooperative")) as member:
        every = member.get("/api/v1/quotes", params=query).json()
    assert every["left_out"] == []
    assert len(every["items"]) == len(told["items"]) + sum(x["rows"] for x in left.values())
    row = every["items"][0]
    assert row["raw"] == f"/api/v1/prices/runs/{row['run_id']}/payloads" and row["observed_at"].endswith("Z")


def test_pages_follow_each_other_without_loss_or_repeat(public: TestClient) -> None:
    """Following `next` gives each row once, in order; a cursor that is none is refused."""
    query: dict[str, Any] = {"market": "shenxian", "limit": 37}
    whole = public.get("/api/v1/quotes", params={**query, "limit": 500}).json()
    assert whole["next"] is None and len(whole["items"]) > 100
    got: list[Any] = []
    while True:
        page = public.get("/api/v1/quotes", params=query).json()
        got += page["items"]
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert got == whole["items"]
    for wrong in ("x", "AAAA", "OTk5OTk5OTk5OTk5OS8yMDI1LTAxLTAxLzA"):
        assert public.get("/api/v1/quotes", params={"after": wrong}).status_code == 422


def test_every_format_says_the_same(public: TestClient, tmp_path: Path) -> None:
    """CSV and Parquet come whole, with the rows of JSON; a cell that might be a formula is text; left-out rows are in a header."""
    import duckdb

    query = {"product": "lotus_root"}
    told = public.get("/api/v1/quotes", params=query).json()
    answer = public.get("/api/v1/quotes", params={**query, "format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [r["mid_milli_per_kg"] for r in rows] == [str(r["mid_milli_per_kg"]) for r in told["items"]]
    assert {r["name"] for r in rows if r["source"] == "import-open"} == {"'" + EVIL}
    assert int(answer.headers["x-suhe-left-out"]) == sum(x["rows"] for x in told["left_out"])
    assert "xinfadi=" in answer.headers["x-suhe-left-out-why"]
    answer = public.get("/api/v1/quotes", params={**query, "format": "parquet"})
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    path = tmp_path / "quotes.parquet"
    path.write_bytes(answer.content)
    found = duckdb.connect().execute(f"SELECT name, valid_date, mid_milli_per_kg, volume_kg, raw FROM '{path}'").fetchall()
    assert found == [
        (r["name"], date.fromisoformat(r["valid_date"]), r["mid_milli_per_kg"], r["volume_kg"], r["raw"]) for r in told["items"]
    ]


def test_nothing_of_an_export_is_left_behind(public: TestClient, whole: Installation) -> None:
    """The file of a Parquet answer goes when it was sent, and so many exports in a row are not too many."""
    for _ in range(5):
        assert public.get("/api/v1/quotes", params={"market": "wanbang", "format": "parquet"}).status_code == 200
    assert list((whole.services.settings.data / "exports").iterdir()) == []


def test_an_answer_is_asked_again_for_nothing_until_something_changed(public: TestClient, whole: Installation) -> None:
    """The same tag is 304 without rows; after a quote was observed anew, or for another reader, it is not."""
    first = public.get("/api/v1/quotes", params={"market": "wanbang"})
    tag = {"if-none-match": first.headers["etag"]}
    again = public.get("/api/v1/quotes", params={"market": "wanbang"}, headers=tag)
    assert again.status_code == 304 and again.content == b""
    with whole.machine(whole.key("county", "371522")) as member:
        assert member.get("/api/v1/quotes", params={"market": "wanbang"}, headers=tag).status_code == 200
    with whole.services.prices.engine.begin() as connection:
        row = connection.execute(store.quote_obs.select().where(store.quote_obs.c.series_id == 900)).first()
        assert row is not None
        store.append(connection, [{**row._mapping, "observed_ms": row.observed_ms + 1}])
    assert public.get("/api/v1/quotes", params={"market": "wanbang"}, headers=tag).status_code == 200


def test_as_of_answers_as_it_was_known_then(public: TestClient, whole: Installation) -> None:
    """A revision and a withdrawal are not seen by who asks for the time before them; a day means its end in Shanghai."""
    later = to_ms(NOW) + 86_400_000
    day = TODAY - timedelta(days=1)
    with whole.services.prices.engine.begin() as connection:
        t = store.quote_obs
        kept = dict(connection.execute(t.select().where(t.c.series_id == 900, t.c.valid_date == day)).one()._mapping)
        store.append(connection, [{**kept, "observed_ms": later, "mid": 1050}])
        gone = {**kept, "valid_date": TODAY, "observed_ms": later, "status": "withdrawn"}
        store.append(connection, [gone])
    query = {"market": "wanbang"}

    def prices(**more: str) -> dict[str, int]:
        return {r["valid_date"]: r["mid_milli_per_kg"] for r in public.get("/api/v1/quotes", params={**query, **more}).json()["items"]}

    before = {str(TODAY - timedelta(days=k)): 1000 for k in range(3)}
    assert prices(as_of=str(TODAY)) == prices(as_of=str(later - 1)) == before
    assert (
        prices()
        == prices(as_of=str(later))
        == prices(as_of="2026-01-01T00:00:00Z")
        == {str(TODAY - timedelta(days=2)): 1000, str(day): 1050}
    )
    assert prices(as_of="2020-01-01") == {}


@pytest.mark.parametrize("wrong", [{"as_of": "soon"}, {"as_of": "9" * 30}, {"as_of": "²"}, {"start": "2025-01-02", "end": "2025-01-02"},
                                   {"county": "x"}, {"format": "xml"}, {"limit": "0"}])  # fmt: skip
def test_nonsense_is_refused_in_words(public: TestClient, wrong: dict[str, str]) -> None:
    """What cannot be meant is 422."""
    assert public.get("/api/v1/quotes", params=wrong).status_code == 422


def test_what_a_demo_made_up_says_so(whole: Installation) -> None:
    """In a demo rows that came from this machine are synthetic and open; the guest of a demo counts as the public."""
    prices = whole.services.prices
    with prices.engine.begin() as connection:
        t = store.price_source
        connection.execute(update(t).where(t.c.id == "xinfadi").values(address="http://127.0.0.1:9999"))
    whole.services.demo = True
    try:
        with whole.machine() as guest:
            told = guest.get("/api/v1/quotes", params={"product": "tomato", "start": str(TODAY)}).json()
    finally:
        whole.services.demo = False
    licences = {r["source"]: r["licence"] for r in told["items"]}
    assert licences["xinfadi"].startswith("synthetic")
    assert {x["source"] for x in told["left_out"]} == {"ncpscxx"}


def test_what_is_computed_names_its_source_and_its_gaps(public: TestClient, whole: Installation) -> None:
    """Quartiles are of one source and kind, the newest of each market has its age, the index says why there is none."""
    span = {"start": str(TODAY - timedelta(days=9)), "end": str(TODAY + timedelta(days=1))}
    told = public.get("/api/v1/prices/quartiles", params={"product": "tomato", **span}).json()
    assert told["source"] == "ncpscxx" and told["kind"] == "wholesale" and 8 <= len(told["items"]) <= 10
    assert all(d["low"] <= d["mid"] <= d["high"] and d["markets"] >= 4 for d in told["items"]) and told["left_out"] == 0
    one = public.get("/api/v1/prices/quartiles", params={"product": "tomato", "source": "xinfadi", **span}).json()
    assert one["items"] == [] and one["left_out"] >= 8
    newest = public.get("/api/v1/prices/latest", params={"product": "tomato"}).json()
    assert [x["market"] for x in newest["items"]] == ["shenxian"] and newest["left_out"] == len(MARKETS) - 1
    with whole.machine(whole.key("cooperative")) as member:
        newest = member.get("/api/v1/prices/latest", params={"product": "tomato"}).json()
    assert {x["market"]: x["age_days"] for x in newest["items"]} == dict.fromkeys((m for m, _ in MARKETS), 0)
    assert newest["left_out"] == 0
    index = public.get("/api/v1/index", params={"county": "371522", **span}).json()
    assert index["reason"] == "not-enough-history" and index["points"] == [] and index["weights"]


def test_computed_answers_have_tags_too(public: TestClient) -> None:
    """Asked again they are 304; another question is another answer."""
    query = {"product": "tomato", "start": str(TODAY - timedelta(days=9)), "end": str(TODAY)}
    first = public.get("/api/v1/prices/quartiles", params=query)
    tag = {"if-none-match": first.headers["etag"]}
    assert public.get("/api/v1/prices/quartiles", params=query, headers=tag).status_code == 304
    assert public.get("/api/v1/prices/quartiles", params={**query, "kind": "origin"}, headers=tag).status_code == 200
    assert public.get("/api/v1/prices/latest", params={"product": "tomato"}, headers=tag).status_code == 200
    for wrong in ({"end": query["start"]}, {"kind": "x"}, {"currency": "yuan"}):
        assert public.get("/api/v1/prices/quartiles", params={**query, **wrong}).status_code == 422
    assert public.get("/api/v1/index", params={"county": "371522", "start": "1990-01-01", "end": "2199-01-01"}).status_code == 422
    assert public.get("/api/v1/index", params={"county": "110000", "start": "2025-01-01", "end": "2025-02-01"}).status_code == 404


def test_too_many_whole_answers_at_once_are_refused_and_pages_never(whole: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every turn taken a whole answer is 429 and says so; a page is given all the same."""
    monkeypatch.setattr("dashboards.api.prices_open.MOST_EXPORTS", 0)
    with whole.machine() as client:
        refused = client.get("/api/v1/quotes", params={"format": "csv"})
        assert refused.status_code == 429 and "again" in refused.json()["todo"]
        assert client.get("/api/v1/quotes", params={"limit": 1}).status_code == 200


def test_a_turn_is_given_back_once_whoever_leaves(tmp_path: Path) -> None:
    """Whether an answer was read to its end, left half-way or never begun, its turn is free again and its file gone."""
    turns = threading.BoundedSemaphore(1)
    for read in (0, 1, 5):
        assert turns.acquire(blocking=False)
        turn = _Turn(turns)
        turn.folder = tmp_path / "export"
        turn.folder.mkdir()
        pieces = _held(iter([b"a", b"b"]), turn)
        del turn
        for _ in range(read):
            next(pieces, b"")
        del pieces
        assert not (tmp_path / "export").exists()
    assert turns.acquire(blocking=False)
