"""Both languages are whole: every sentence has its English, and no page mixes the two."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from fastapi.testclient import TestClient

from dashboards.i18n import LOCALE_FOLDER, age_text, catalogue, day_text, number_text, time_text, translator
from dashboards.messages import sentences
from tests.dashboards.fakes import BAOYING, SHENXIAN, WITH_GAP, Installation, build_installation

HAN = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff01-\uff5e]")
LATIN = re.compile("[A-Za-z]{3,}")
# What is written in Latin letters in Chinese too: units, formats, protocols, names of things that have no other.
SAME_IN_BOTH = frozenset(
    {
        "SVG",
        "PNG",
        "CSV",
        "XLSX",
        "PDF",
        "MQTT",
        "IPA",
        "ALPS",
        "MASE",
        "HTTP",
        "OpenAPI",
        "Authorization",
        "Bearer",
        "Basic",
        "problem",
        "json",
        "English",
        "PyVRP",
        "Clarke",
        "Wright",
        "suhe",
        "freight",
        "compare",
        "ppm",
        "NTU",
        "QARTOD",
        "hPa",
        "time",
    }
)
# An author's own words stand on a page as they were signed, in the language they were written in.
AUTHORS_WORDS = re.compile("5 公斤纸箱|有机磷|氨基甲酸酯|示例农资店|追肥")
PAGES = (
    f"/c/{SHENXIAN}/unclaimed", f"/c/{BAOYING}/unclaimed?done=by-01-x&stored=3&left=1",
    f"/c/{SHENXIAN}/gateways/sx-01-gw", f"/c/{BAOYING}/gateways/{WITH_GAP}",
    f"/c/{SHENXIAN}/cold-chain", f"/c/{BAOYING}/cold-chain",
    "/", f"/c/{BAOYING}", f"/c/{SHENXIAN}", f"/c/{BAOYING}/field", f"/c/{SHENXIAN}/field", "/c/371522/field/sx-01-g1-climate?span=60d",
    f"/c/{BAOYING}/field/by-03-weather", f"/c/{SHENXIAN}/lots", f"/c/{BAOYING}/lots", f"/lots/{SHENXIAN}:P1", f"/c/{SHENXIAN}/prices",
    f"/c/{BAOYING}/prices", f"/c/{SHENXIAN}/prices/tomato", "/sources", "/t/{code}", "/t/AAAA-AAAA-AAAA-AAAA-A", "/style", "/api/v1/docs",
    "/open-data",
    "/anchor", "/sign-in/none", "/no/such/page", f"/c/{SHENXIAN}/sell", f"/c/{SHENXIAN}/sell?product=cucumber&base=sx-04&kg=2000",
    f"/c/{BAOYING}/sell", f"/c/{BAOYING}/sell?kg=x", f"/c/{BAOYING}/sell?product=lotus_root",
     f"/c/{SHENXIAN}/freight", f"/c/{BAOYING}/freight",
    f"/lots/{SHENXIAN}:P1/labels", f"/lots/{SHENXIAN}:P1/labels?sheet=roll-60x40&count=x", f"/lots/{SHENXIAN}:T2/labels",
    f"/c/{SHENXIAN}/index", f"/c/{BAOYING}/index?range=3y&as_of=2025-11-20",
    "/screen/shenxian", "/screen/baoying", "/recall", f"/recall?q={SHENXIAN}:T1", "/recall?q=x", "/scans",
    f"/c/{SHENXIAN}/price-alerts", f"/c/{BAOYING}/price-alerts?kind=spread",
    f"/c/{SHENXIAN}/desk", f"/c/{BAOYING}/desk", f"/c/{SHENXIAN}/desk/telephone",
    f"/c/{BAOYING}/desk/telephone?market=xinfadi",
    f"/c/{SHENXIAN}/desk/import",
)  # fmt: skip


class Words(HTMLParser):
    """Collects what a reader sees or hears, leaving out code and parts marked as another language."""

    SILENT = ("script", "style", "code", "textarea")
    VOID = ("br", "img", "input", "meta", "link", "hr", "path", "rect", "circle", "ellipse", "polyline", "polygon", "line")
    HEARD = ("aria-label", "title", "alt", "placeholder", "data-on", "data-off", "data-cut")

    def __init__(self, lang: str) -> None:
        super().__init__()
        self.lang, self.open, self.words = lang, list[bool](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A part begins."""
        given = dict(attrs)
        other = given.get("lang", self.lang) != self.lang
        if not (any(self.open) or other):
            self.words += [str(given[k]) for k in self.HEARD if given.get(k)]
        if tag not in self.VOID:
            self.open.append(other or tag in self.SILENT)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A part without content."""
        if tag in self.VOID:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """A part ends."""
        if tag not in self.VOID and self.open:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        """Words."""
        if data.strip() and not any(self.open):
            self.words.append(data.strip())


def seen_by(html: str, lang: str) -> list[str]:
    parser = Words(lang)
    parser.feed(html)
    return parser.words


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return a demo nobody changes."""
    return build_installation(tmp_path_factory.mktemp("words"))


@pytest.fixture(scope="module")
def web(whole: Installation) -> Iterator[TestClient]:
    """Yield a browser of the whole application."""
    with whole.browser() as client:
        yield client


def test_every_sentence_has_its_english() -> None:
    """No sentence of a template or of the code is missing from the catalogue."""
    assert sorted(sentences() - set(catalogue("en"))) == []


def test_one_sentence_has_one_english() -> None:
    """A sentence that two parts say has the same English in both: else the last file read would speak for the other."""
    from babel.messages.pofile import read_po

    told: dict[str, set[str]] = {}
    for path in sorted((LOCALE_FOLDER / "en").glob("*.po")):
        for message in read_po(path.open("rb")):
            if message.id:
                told.setdefault(str(message.id), set()).add(str(message.string))
    assert {k: v for k, v in told.items() if len(v) > 1} == {}


def test_no_english_is_left_over() -> None:
    """Every entry of the catalogue is still said somewhere: in a template, in a call or in a table of words."""
    code = "".join(p.read_text() for p in sorted(LOCALE_FOLDER.parent.rglob("*.py")))
    said = sentences()
    assert [k for k in catalogue("en") if k not in said and k not in code] == []


def test_both_languages_take_the_same_values() -> None:
    """What a sentence fills in is filled in in both languages, and nothing else; no English holds Chinese."""
    values = re.compile(r"%\((\w+)\)s|\{(\w+)\}")
    pairs = catalogue("en").items()
    assert [zh for zh, en in pairs if set(values.findall(zh)) != set(values.findall(en))] == []
    assert [en for _, en in pairs if HAN.search(en)] == []


@pytest.mark.parametrize("page", PAGES)
def test_an_english_page_says_nothing_in_chinese(whole: Installation, web: TestClient, page: str) -> None:
    """An English page holds no Chinese but what is marked as Chinese."""
    html = web.get(page.format(code=whole.code), headers={"accept-language": "en"}).text
    assert '<html lang="en">' in html
    assert [w for w in seen_by(html, "en") if HAN.search(AUTHORS_WORDS.sub("", w))] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_chinese_page_says_nothing_in_english(whole: Installation, web: TestClient, page: str) -> None:
    """A Chinese page holds no English but names of formats, units and ids."""
    html = web.get(page.format(code=whole.code)).text
    assert '<html lang="zh-Hans">' in html
    said = [re.sub(r"\b[a-z]{2}-[\w-]+|\b\d+:\w+|(?:[0-9A-Z]{4}-){4}[0-9A-Z]|[0-9a-f]{8,}", " ", w) for w in seen_by(html, "zh-Hans")]
    assert [w for w in said if set(LATIN.findall(w)) - SAME_IN_BOTH] == []


def test_numbers_days_and_ages_follow_the_language() -> None:
    """Each language writes its own dates and ages; instants are told in Shanghai's time."""
    from datetime import date

    t = translator("en")
    assert (number_text(1234567.5, "en", 1), number_text(1234, "zh-Hans")) == ("1,234,567.5", "1,234")
    assert (day_text(date(2026, 5, 1), "zh-Hans"), day_text(date(2026, 5, 1), "en")) == ("2026年5月1日", "1 May 2026")
    assert (time_text(1764741600000, "zh-Hans"), time_text(1764741600000, "en")) == ("12月3日 14:00", "3 Dec 14:00")
    assert [age_text(a, t) for a in (-5, 59_999, 60_000, 7_200_000, 172_800_000)] == [
        "0 s ago",
        "59 s ago",
        "1 min ago",
        "2 h ago",
        "2 d ago",
    ]
