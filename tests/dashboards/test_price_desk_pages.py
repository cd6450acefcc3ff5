"""The price desk's pages: a queue with reasons and buttons, a call written down without scripts, each county at its own desk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dashboards.api import price_notes
from dashboards.pages import price_desk, price_desk_telephone
from foundation.clock import market_day, to_ms
from pricing import store
from pricing.desk.aside import hold_back
from pricing.quotes import Quote, Series
from pricing.recording import with_ordinals
from tests.dashboards.fakes_house import COUNTY, NOW, House, build_house

DESK = f"/c/{COUNTY}/desk"
TODAY = market_day(NOW)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Return a house with two weeks of prices, of which one quote of Xinfadi waits."""
    made = build_house(tmp_path, readings_every_minutes=24 * 60, price_days=14)
    set_aside(made.services)
    return made


def set_aside(services: Any) -> None:
    """Let Xinfadi say ten times the tomato's price of yesterday, today."""
    series = Series("xinfadi", "xinfadi", "tomato", product="tomato")
    [last] = services.prices.series("tomato", "xinfadi", TODAY, TODAY)
    quote = Quote(series, TODAY, last.low * 10, last.mid * 10, last.high * 10, "midpoint", "21.0|22.5|24.0", "斤")
    with services.prices.engine.begin() as connection:
        ids = store.series_ids(connection, "xinfadi")
        assert hold_back(connection, ids, with_ordinals([quote])[0], {}, 1, to_ms(NOW)).aside == 1


@pytest.fixture
def web(house: House) -> Iterator[TestClient]:
    """Yield a browser of a demo's guest."""
    with TestClient(
        house.app(price_desk, price_desk_telephone, price_notes), headers={"accept": "text/html"}, follow_redirects=False
    ) as client:
        yield client


def _staff(house: House, county: str = COUNTY, role: str = "county") -> dict[str, str]:
    return {"authorization": f"Bearer {house.services.registry.make_api_key('zhao', role, county)}"}


def test_a_quote_waits_with_reason_neighbours_and_raw_row(house: House, web: TestClient) -> None:
    """The page says what it was held against, what the other markets did, and shows the row as it came."""
    page = web.get(DESK, headers=_staff(house)).text
    assert "番茄" in page and "个市场当天没有这样动" in page and "21.0|22.5|24.0" in page and "<svg" in page
    assert re.search(r"是平常的 (9|10|11)\.\d\d 倍", page) and "寿光农产品物流园" in page
    english = web.get(DESK, headers={**_staff(house), "accept-language": "en"}).text
    assert "other markets did not make the move" in english and "CNY/kg" in english


def test_one_button_decides_and_the_decision_is_shown(house: House, web: TestClient) -> None:
    """Left out with a reason, then released after all: both are on the page, with who did it."""
    staff = _staff(house)
    number = house.services.desk.waiting(COUNTY)[0].id
    answer = web.post(f"{DESK}/decide", data={"one": f"rejected-{number}", "why": "问过市场，写错了"}, headers=staff)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{DESK}?done=1")
    page = web.get(DESK, headers=staff).text
    assert "没有待核的报价" in page and "不采用，zhao，问过市场，写错了" in page
    web.post(f"{DESK}/decide", data={"one": f"released-{number}"}, headers=staff)
    assert house.services.prices.series("tomato", "xinfadi", TODAY, TODAY)[0].mid > 20_000


def test_ticks_and_a_whole_batch(house: House, web: TestClient) -> None:
    """What is ticked is decided about together; a batch as far as the page showed it; nothing ticked is said so."""
    staff = _staff(house)
    [waits] = house.services.desk.waiting(COUNTY)
    assert web.post(f"{DESK}/decide", data={"decision": "released"}, headers=staff).status_code == 422
    page = web.get(f"{DESK}?run={waits.run_id}", headers=staff).text
    assert 'name="every" value="rejected"' in page and f'name="shown" value="{waits.id}"' in page
    form = {"every": "rejected", "shown": str(waits.id), "run": str(waits.run_id)}
    assert web.post(f"{DESK}/decide", data=form, headers=staff).headers["location"] == f"{DESK}?done=1&run={waits.run_id}"
    assert house.services.desk.waiting(COUNTY) == []


def test_only_the_countys_staff_acts(house: House, web: TestClient) -> None:
    """A guest looks on, another county is refused, a shop too; an administrator may."""
    assert 'name="one"' not in web.get(DESK).text and web.get(f"{DESK}/telephone").status_code == 200
    number = house.services.desk.waiting(COUNTY)[0].id
    tries = [({}, 401), (_staff(house, "321023"), 403), (_staff(house, role="retailer"), 403)]
    for address, form in ((f"{DESK}/decide", {"one": f"released-{number}"}), (f"{DESK}/telephone", {"token": "a"})):
        assert [web.post(address, data=form, headers=h).status_code for h, _ in tries] == [status for _, status in tries]
    assert web.get(DESK, headers=_staff(house, "321023")).status_code == 403
    assert web.post(f"{DESK}/decide", data={"one": f"released-{number}"}, headers=_staff(house, role="administrator")).status_code == 303


def _form(page: str) -> dict[str, str]:
    """Return what the form of a page holds before anything is typed."""
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.split('class="call"')[1].split("</form>")[0]))
    blank = re.findall(r'<select name="(p\d+)"', page)
    return {**fields, **dict.fromkeys(blank, ""), "teller": "broker"}


def test_a_call_is_written_down_once(house: House, web: TestClient) -> None:
    """The form shows the last prices; sent, and sent again, the call is there once and the book shows who told it by role."""
    staff = _staff(house)
    page = web.get(f"{DESK}/telephone", headers=staff).text
    assert "上次" in page and "莘县瓜菜产地市场" in page and len(page.encode()) < 60_000
    form = _form(page)
    row = next(k[1:] for k, v in form.items() if v == "tomato")
    last = house.services.prices.series("tomato", "shenxian", TODAY - timedelta(days=7), TODAY - timedelta(days=1))[-1]
    form |= {f"m{row}": f"{last.mid / 2000:.2f}".replace(".", "．"), "note": "下雨"}
    first = web.post(f"{DESK}/telephone", data=form, headers=staff)
    assert first.headers["location"].endswith("kept=1")
    assert web.post(f"{DESK}/telephone", data=form, headers=staff).headers["location"].endswith("kept=0")
    [entry] = house.services.desk.book(COUNTY, TODAY)
    page = web.get(f"{DESK}/telephone", headers=staff).text
    assert "经纪人说的，zhao记的" in page and "下雨" in page and entry.standing
    gone = web.post(f"{DESK}/telephone/withdraw", data={"entry": str(entry.id), "token": "b"}, headers=staff)
    assert gone.status_code == 303 and "已撤回一条" in web.get(gone.headers["location"], headers=staff).text


def test_a_far_price_is_asked_about_and_nothing_typed_is_lost(house: House, web: TestClient) -> None:
    """The same form comes back with the question and all that was typed; confirmed, it is written down whole."""
    staff = _staff(house)
    form = _form(web.get(f"{DESK}/telephone", headers=staff).text)
    rows = {v: k[1:] for k, v in form.items() if k[0] == "p" and v}
    form |= {f"m{rows['tomato']}": "99", f"m{rows['cucumber']}": "1.8", f"l{rows['melon']}": "3"}
    asked = web.post(f"{DESK}/telephone", data=form, headers=staff)
    assert asked.status_code == 422 and "真的吗" in asked.text and 'value="99"' in asked.text and "只填了最低、最高中的一个" in asked.text
    assert house.services.desk.book(COUNTY, TODAY) == []
    form |= {f"c{rows['tomato']}": "1", f"l{rows['melon']}": ""}
    again = web.post(f"{DESK}/telephone", data=form, headers=staff)
    assert again.status_code == 303, again.text
    assert {e.product for e in house.services.desk.book(COUNTY, TODAY)} == {"tomato", "cucumber"}


@pytest.mark.parametrize("number", ["²", "9" * 60, "9223372036854775808", "-1", "", "1e3"])
def test_a_number_no_page_gave_is_refused_in_words(house: House, web: TestClient, number: str) -> None:
    """Whatever stands where a quote's or an entry's number belongs, the answer says what to do, and nothing is decided."""
    staff = _staff(house)
    for path, form in (
        (f"/c/{COUNTY}/desk/telephone/withdraw", {"entry": number}),
        (f"/c/{COUNTY}/desk/decide", {"decision": "released", "id": number}),
        (f"/c/{COUNTY}/desk/decide", {"one": f"released-{number}"}),
    ):
        answer = web.post(path, data=form, headers={**staff, "accept": "application/json"})
        assert answer.status_code == 422, (path, form)
        assert "open the page again" in answer.text
    assert len(house.services.desk.waiting(COUNTY)) == 1


def test_a_form_from_another_site_is_refused(house: House, web: TestClient) -> None:
    """A session's cookie alone does not let another site's page write a price or decide."""
    from dashboards.api.deps import SESSION_COOKIE

    house.services.registry.add_person("zhao", "county", COUNTY)
    web.cookies.set(SESSION_COOKIE, house.services.registry.redeem_link(house.services.registry.make_link("zhao")))
    for address in (f"{DESK}/decide", f"{DESK}/telephone", f"{DESK}/telephone/withdraw"):
        answer = web.post(address, data={"one": "released-1", "token": "a", "entry": "1"}, headers={"origin": "https://elsewhere.example"})
        assert answer.status_code == 403, address


def test_notes_are_told_to_machines_with_figures_and_words(web: TestClient) -> None:
    """The quote that waits is a note of its market, with code, figures and a sentence in both languages."""
    notes = web.get("/api/v1/prices/notes?product=tomato").json()["items"]
    [waits] = [n for n in notes if n["code"] == "set-aside"]
    assert (waits["market"], waits["numbers"]["day"], waits["numbers"]["count"]) == ("xinfadi", TODAY.isoformat(), 1)
    assert "待核" in waits["zh"] and "waits for a check" in waits["en"]
    assert web.get("/api/v1/prices/notes?product=tomato&market=nowhere").json()["items"] == []
