"""The consumer's page: small, true without scripts, red as soon as a stored event was altered, helpful with a mistyped code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from dashboards.pages import trace
from tests.dashboards.fakes_house import COOP, House, build_house
from tests.statements import counting


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a house nobody breaks."""
    return build_house(tmp_path_factory.mktemp("house"))


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Return a house of this test's own, to be broken."""
    return build_house(tmp_path, readings_every_minutes=360)


@pytest.fixture
def web(whole: House) -> Iterator[TestClient]:
    """Yield a client of the whole house."""
    with TestClient(whole.app(trace), headers={"accept": "text/html", "accept-language": "zh"}) as client:
        yield client


def client_of(house: House) -> TestClient:
    return TestClient(house.app(trace), headers={"accept": "text/html", "accept-language": "zh"})


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_page_says_what_where_when_and_that_it_was_checked(whole: House, web: TestClient) -> None:
    """Product, place, harvest day, and a verdict that claims no more than the server's own check."""
    said = words(web.get(f"/t/{whole.code('P1')}").text)
    for part in (
        "香瓜",
        "莘县",
        "1号棚",
        "2025年11月20日",
        "395 公斤",
        "记录完整，没有被改动",
        "本服务器刚刚",
        "日志共 12 条",
        "suhe verify",
    ):
        assert part in said, part
    assert "不能证明写下的内容本身是真的" in said


def test_a_packed_lot_tells_the_season_of_the_lot_it_came_from(whole: House, web: TestClient) -> None:
    """A pack carries planting, inputs, harvest and inspection of its parent, and not what became of the rest of it."""
    said = words(web.get(f"/t/{whole.code('P1')}").text)
    for part in (
        "种植",
        "购入投入品",
        "生物有机肥",
        "安全间隔期 7 天",
        "采收",
        "860 公斤",
        "包装",
        "发往 禾家示例超市",
        "到货温度 11.5 °C",
    ):
        assert part in said, part


def test_a_rapid_card_is_not_read_as_a_laboratory(whole: House, web: TestClient) -> None:
    """An enzyme inhibition card is named as a screening, with what it cannot see."""
    said = words(web.get(f"/t/{whole.code('T1')}").text)
    assert "酶抑制率法快检：初筛未检出阳性" in said and "快检：合格" not in said
    assert "快速初筛" in said
    assert "不能证明没有别的农药" in said


def test_silent_hours_are_named(whole: House, web: TestClient) -> None:
    """The day and the evening without readings stand on the page, and completeness is below 100 %."""
    page = web.get(f"/t/{whole.code('T1')}").text
    assert "缺 28 小时：10-11 00:00 至 10-12 00:00、10-31 18:00 至 22:00" in page
    assert "98% 的小时有读数" in page
    assert page.count('<svg class="strip"') == 4


def test_a_lot_without_a_harvest_says_so_by_silence(whole: House, web: TestClient) -> None:
    """A growing lot has no harvest day and no inspection, and says the latter."""
    said = words(web.get(f"/t/{whole.code('T2')}").text)
    assert "这一批没有检测记录" in said
    assert "采收 2025" not in said


def test_several_pickings_are_told_as_first_and_last(house: House) -> None:
    """A lot picked twice says from when to when and how often, and its age is of the last time."""
    place = {"bizLocation": {"id": "urn:suhe:plot:sx-01-g1"}}
    house.kit.send("harvest", COOP, quantityList=[house.kit.part("T1", 120)], eventTime="2025-11-22T00:00:00Z", **place)
    with client_of(house) as web:
        said = words(web.get(f"/t/{house.code('T1')}").text)
    assert "采收 2025年11月20日 至 2025年11月22日，2 次 昨天" in said
    assert "有 1 条新记录等待下一次封存" in said


def test_an_altered_event_turns_the_page_red_and_is_named(house: House) -> None:
    """Within the page's few seconds of keeping, an altered harvest shows on the pack made of it, named by kind, time and author."""
    with client_of(house) as web:
        address = f"/t/{house.code('P1')}"
        assert 'class="verdict"' in web.get(address).text
        house.tamper("harvest")
        house.services.clock.advance(timedelta(seconds=5))
        page = web.get(address).text
        assert 'class="verdict bad"' in page
        said = words(page)
        assert "有 1 条记录被改动过" in said
        assert "采收，2025-11-20 08:00" in said
        assert "瓜田里示例合作社" in said
        assert page.count('<li class="bad"') == 1


def test_a_page_is_kept_for_less_than_five_seconds(house: House) -> None:
    """Within the same seconds the very same bytes are served; afterwards the check is made again."""
    with client_of(house) as web:
        address = f"/t/{house.code('T1')}"
        first = web.get(address)
        house.services.clock.advance(timedelta(seconds=3))
        assert web.get(address).content == first.content
        assert web.get(address, headers={"if-none-match": first.headers["etag"]}).status_code == 304
        house.services.clock.advance(timedelta(seconds=2))
        assert web.get(address).content != first.content  # the time of the check is on the page


@pytest.mark.parametrize("change", [str.lower, lambda c: c.replace("-", ""), lambda c: c.replace("-", " ")])
def test_any_way_of_typing_leads_to_the_printed_address(whole: House, web: TestClient, change) -> None:
    """Lower case, no dashes or spaces redirect for good to the one canonical address."""
    code = whole.code("T1")
    answer = web.get("/t/" + change(code), follow_redirects=False)
    assert answer.status_code == 308
    assert answer.headers["location"] == f"/t/{code}"
    assert web.get("/t", params={"code": change(code)}).status_code == 200


def test_a_mistyped_code_is_told_what_is_wrong(whole: House, web: TestClient) -> None:
    """One wrong character, one missing and a foreign one are each answered with 404 and their own reason."""
    code = whole.code("T1")
    wrong = code[:-3] + ("A" if code[-3] != "A" else "B") + code[-2:]
    for typed, reason in ((wrong, "对不上"), (code[:-2], "少了 1 个字符"), (code[:2] + "$" + code[3:], "第 1 组")):
        answer = web.get("/t/" + typed)
        assert answer.status_code == 404
        assert reason in words(answer.text)


def test_an_unknown_code_is_a_plain_404(web: TestClient) -> None:
    """A well-formed code that was never given out says that it is not known here."""
    answer = web.get("/t/0000-0000-0000-0000-0")
    assert answer.status_code == 404
    assert "没有登记过" in words(answer.text)
    assert web.get("/t/0000-0000-0000-0000-0/qr.svg").status_code == 404


def test_the_qr_holds_the_public_address(whole: House, web: TestClient) -> None:
    """SVG and PNG are made for the same address, and SVG needs no script and no style of its own."""
    code = whole.code("T1")
    svg, png = web.get(f"/t/{code}/qr.svg"), web.get(f"/t/{code}/qr.png")
    assert svg.headers["content-type"] == "image/svg+xml"
    assert b"<script" not in svg.content
    assert png.content.startswith(b"\x89PNG")
    assert trace.qr_image(f"http://testserver/t/{code}", "svg") == svg.content


def test_the_first_load_is_under_twenty_kilobytes(whole: House, web: TestClient) -> None:
    """Page with its style sheet inside, and QR code, weigh less than 20 kB even uncompressed; no script stands on the page itself."""
    page = web.get(f"/t/{whole.code('P1')}")
    assert "<script>" not in page.text
    assert 'rel="stylesheet"' not in page.text
    total = len(page.content) + len(web.get(f"/t/{whole.code('P1')}/qr.svg").content)
    assert total <= 20_000, total


def test_on_the_local_network_the_page_links_to_nothing_that_needs_a_sign_in(whole: House) -> None:
    """Where only public pages are shown, the trace page has no link to the working pages."""
    with TestClient(whole.app(trace, public_only=True), headers={"accept": "text/html"}) as web:
        page = web.get(f"/t/{whole.code('P1')}").text
    assert "/lots/" not in page


def test_no_farmer_number_no_exact_place(whole: House, web: TestClient) -> None:
    """The page shows neither coordinates nor a telephone number."""
    page = web.get(f"/t/{whole.code('T1')}").text
    plot = whole.services.registry.plot("sx-01-g1")
    assert str(plot.lat) not in page
    assert not re.search(r"1[3-9]\d{9}", words(page))


def test_an_uncached_page_asks_a_bounded_number_of_questions(whole: House, web: TestClient) -> None:
    """A page rendered anew, two lots verified and a season read, asks the database so often and no more."""
    whole.services.clock.advance(timedelta(seconds=10))
    with counting(whole.kit.engine) as statements:
        assert web.get(f"/t/{whole.code('P1')}").status_code == 200
    print(len(statements), "statements")
    assert 0 < len(statements) <= 200


def test_both_languages_tell_the_same_facts(whole: House, web: TestClient) -> None:
    """The English page has the same number of events, strips and inspections, and is marked as English."""
    chinese = web.get(f"/t/{whole.code('P1')}").text
    english = web.get(f"/t/{whole.code('P1')}?lang=en").text
    assert '<html lang="en">' in english
    for part in ('<svg class="strip"', "<time", "<h2>"):
        assert chinese.count(part) == english.count(part)
