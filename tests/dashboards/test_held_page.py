"""A batch in quarantine can be looked at in both languages down to its raw answer, and only the county's staff decides about it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import pricing.usual
from foundation.clock import market_day
from pricing.addresses import LOOPBACK_HOSTS
from pricing.fetching import open_client
from pricing.quotes import Window
from tests.dashboards.fakes import Installation, build_installation
from tests.dashboards.test_words import HAN, LATIN, SAME_IN_BOTH, seen_by
from tests.pricing.hosts_of_tests import served

assert pricing.usual
NAMES = ("番茄", "黄瓜", "茄子", "甜瓜", "西葫芦")


def _answer(day: str, factor: int, unit: str = "元/斤") -> bytes:
    rows = [
        {"date": day, "product": p, "grade": "一级", "town": "燕店", "min": f"{k * factor}.10", "max": f"{k * factor}.50", "unit": unit}
        for k, p in enumerate(NAMES, 1)
    ]
    return json.dumps({"code": 0, "data": {"total": len(rows), "page": 1, "rows": rows}}, ensure_ascii=False).encode()


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> tuple[Installation, int]:
    """Return an installation, no demo, and the number of a batch of the county's own market whose prices doubled at once."""
    whole = build_installation(tmp_path_factory.mktemp("held"), demo=False)
    today = market_day(whole.services.clock.now())
    said = {"body": _answer(f"{today:%Y%m%d}", 1)}
    prices = whole.services.prices
    with served(lambda *_: (200, {}, said["body"])) as host, open_client(allow=LOOPBACK_HOSTS) as client:
        # A source of its own: the quotes of the house are not of this site.
        assert prices.collect("shenxian_origin", host.url, Window(today, today), client).state in ("ok", "quarantined")
        said["body"] = _answer(f"{today:%Y%m%d}", 4)
        report = prices.collect("shenxian_origin", host.url, Window(today, today), client)
    assert report.state == "quarantined", report
    assert report.run_id is not None
    return whole, report.run_id


def test_the_sources_page_lists_it_and_its_own_page_says_everything(held: tuple[Installation, int]) -> None:
    """Signal, what was promised and what came, the rows as they were written, the raw answer: in the reader's language alone."""
    whole, run = held
    key = {"authorization": f"Bearer {whole.key('county', '371522')}"}
    for lang, wrong in (("zh-Hans", LATIN), ("en", HAN)):
        with whole.browser(lang, **key) as web:
            assert f"/sources/held/{run}" in web.get("/sources").text
            page = web.get(f"/sources/held/{run}").text
        for part in (
            "1/1.6 … 1.6",
            "4.",
            "番茄",
            "4.10 | 4.50 / 斤",
            f"/api/v1/prices/payloads/{run}/1",
            'value="accept"',
            'value="leave"',
        ):
            assert part in page, part
        for html in (page,):
            said = [w for w in seen_by(html, lang) if set(wrong.findall(w)) - SAME_IN_BOTH]
            assert [w for w in said if "SHA" not in w] == []


def test_the_raw_answer_is_text_and_for_those_who_may_have_it(held: tuple[Installation, int]) -> None:
    """Byte for byte, never run by a browser; open data for anybody, what is not to be passed on for those who signed in."""
    whole, run = held
    with whole.machine() as nobody:
        answer = nobody.get(f"/api/v1/prices/payloads/{run}/1")
        assert answer.status_code == 200  # the county's own data
        assert json.loads(answer.content)["data"]["rows"][0]["product"] == "番茄"
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert nobody.get(f"/api/v1/prices/payloads/{run}/1", headers={"if-none-match": answer.headers["etag"]}).status_code == 304
        (entry,) = nobody.get(f"/api/v1/prices/runs/{run}/payloads").json()["items"]
        assert (entry["raw"], entry["open"], entry["size"]) == (f"/api/v1/prices/payloads/{run}/1", True, len(answer.content))
        assert nobody.get(f"/api/v1/prices/payloads/{run}/9").status_code == 404
        assert nobody.get(f"/api/v1/prices/payloads/{run}/99999999999").status_code == 422
        closed = _closed_run(whole)
        assert nobody.get(f"/api/v1/prices/payloads/{closed}/1").status_code == 401
        assert nobody.get(f"/api/v1/prices/runs/{closed}/payloads").status_code == 401
    with whole.machine(whole.key("grower")) as grower:
        assert grower.get(f"/api/v1/prices/payloads/{closed}/1").status_code == 200


def _closed_run(whole: Installation) -> int:
    """Return a run of a source whose licence does not let its answers be passed on."""
    today = market_day(whole.services.clock.now())
    with served(lambda *_: (200, {}, b"<html><title>x</title></html>")) as host, open_client(allow=LOOPBACK_HOSTS) as client:
        return whole.services.prices.collect("xinfadi", host.url, Window(today, today), client).run_id or 0


def test_only_the_countys_staff_decides(held: tuple[Installation, int]) -> None:
    """Nobody, a grower and a wrong form change nothing; the office believes the batch, and the page says who did and when."""
    whole, run = held
    with whole.browser() as web:
        assert web.post(f"/sources/held/{run}", content="decision=accept").status_code in (303, 401)
    with whole.browser(authorization=f"Bearer {whole.key('grower')}") as web:
        assert web.post(f"/sources/held/{run}", content="decision=accept").status_code == 403
        assert 'value="accept"' not in web.get(f"/sources/held/{run}").text
    assert whole.services.prices.held_batch(run).batch.is_open
    with whole.browser(authorization=f"Bearer {whole.key('county', '371522')}") as web:
        assert web.post(f"/sources/held/{run}", content="decision=perhaps").status_code == 422
        assert web.post(f"/sources/held/{run}", content="decision=accept").status_code == 303
        page = web.get(f"/sources/held/{run}").text
        assert "采信" in page
        assert 'value="accept"' not in page
        assert web.post(f"/sources/held/{run}", content="decision=leave").status_code == 409
    batch = whole.services.prices.held_batch(run).batch
    assert (batch.decision, bool(batch.decided_by)) == ("accepted", True)


def test_a_batch_that_was_never_there_is_not_found(held: tuple[Installation, int], tmp_path: Path) -> None:
    """A good run has no such page either."""
    whole, _run = held
    with whole.browser(authorization=f"Bearer {whole.key('county', '371522')}") as web:
        assert web.get("/sources/held/987654").status_code == 404
        assert web.get("/sources/held/-1").status_code == 422
    assert tmp_path.exists()
