"""What every page shares: language, headers, assets, errors, signing in, the public half."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.dashboards.fakes import BAOYING, Installation, build_installation

PAGES = ("/", f"/c/{BAOYING}", f"/c/{BAOYING}/field", "/c/371522/field/sx-01-g1-climate", "/style", "/api/v1/docs", "/sign-in/none")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return a demo nobody changes."""
    return build_installation(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def web(whole: Installation) -> Iterator[TestClient]:
    """Yield a browser of the whole application."""
    with whole.browser() as client:
        yield client


@pytest.mark.parametrize(
    ("query", "cookie", "accept", "expected"),
    [
        ("", "", "", "zh-Hans"),
        ("", "", "fr, en;q=0.8", "en"),
        ("", "", "zh-CN, en;q=0.8", "zh-Hans"),
        ("", "en", "zh", "en"),
        ("?lang=zh-Hans", "en", "en", "zh-Hans"),
        ("?lang=xx", "", "en", "en"),
    ],
)
def test_the_language_is_the_wish_then_the_cookie_then_the_browsers(
    whole: Installation, query: str, cookie: str, accept: str, expected: str
) -> None:
    """`?lang` goes before the cookie, the cookie before Accept-Language, and without any of them the page is Chinese."""
    with whole.browser(accept) as client:
        if cookie:
            client.cookies.set("lang", cookie)
        answer = client.get("/" + query)
    assert f'<html lang="{expected}">' in answer.text
    assert answer.headers["content-language"] == expected
    assert {"accept-language", "cookie"} <= {v.strip().lower() for v in answer.headers["vary"].split(",")}


def test_a_chosen_language_is_kept(whole: Installation) -> None:
    """After `?lang=en` the next page is English without being asked again."""
    with whole.browser() as client:
        client.get("/?lang=en")
        assert '<html lang="en">' in client.get("/").text


@pytest.mark.parametrize("page", PAGES)
def test_no_page_carries_a_script_or_style_of_its_own(web: TestClient, page: str) -> None:
    """The policy allows our own files only, so a page with inline script or style would be broken; nothing comes from elsewhere."""
    answer = web.get(page)
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", answer.text)
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', answer.text)


def test_assets_are_named_by_content_and_kept_for_ever(web: TestClient) -> None:
    """A built file's name holds its hash, so that a browser may keep it; a page itself is asked for again each time."""
    page = web.get("/")
    found = re.findall(r'"(/static/[^"]+)"', page.text)
    assert found
    for path in found:
        assert re.search(r"-[A-Z0-9]{8}\.(css|js)$", path)
        assert "immutable" in web.get(path).headers["cache-control"]
    assert page.headers["cache-control"] == "no-cache"


def test_long_pages_travel_compressed(web: TestClient) -> None:
    """A browser that takes gzip gets it."""
    assert web.get("/", headers={"accept-encoding": "gzip"}).headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(("lang", "title"), [("zh", "没有找到"), ("en", "Not found")])
def test_a_person_gets_an_error_page_in_words(whole: Installation, lang: str, title: str) -> None:
    """A missing page is a page with the status, in the reader's language, with a way back."""
    with whole.browser(lang) as client:
        answer = client.get("/no/such/page")
    assert answer.status_code == 404
    assert title in answer.text
    assert 'href="/"' in answer.text


@pytest.mark.parametrize("page", [f"/c/{BAOYING}/field/no-such-device", "/c/999999", "/c/999999/field", "/c/999999/events"])
def test_a_thing_that_does_not_exist_is_not_found(web: TestClient, page: str) -> None:
    """An unknown county or device is 404, never a broken page or an endless stream."""
    assert web.get(page).status_code == 404


def test_an_unforeseen_error_says_nothing_of_the_inside(whole: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours is a page with 500 and no trace of code or data."""

    def fail() -> None:
        raise RuntimeError("secret detail")

    with TestClient(whole.app(), raise_server_exceptions=False, headers={"accept": "text/html"}) as client:
        monkeypatch.setattr(whole.services.readings, "counts", fail)
        answer = client.get("/")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text
    assert "default-src" in answer.headers["content-security-policy"]


def test_a_broken_child_is_told_on_every_page(whole: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the broker is down every page says so in words."""
    monkeypatch.setattr(whole.services, "readiness", lambda: {"children": (False, "not running: broker")})
    with whole.browser("en") as client:
        for page in PAGES:
            assert "The message service is down" in client.get(page).text, page


def test_the_public_half_reads_only_and_shows_no_working_page(whole: Installation) -> None:
    """On the local network: front pages, trace and prices; no field, lots, sources or API, and no way to write."""
    with whole.browser(public_only=True) as client:
        for page in ("/", f"/c/{BAOYING}", f"/c/{BAOYING}/prices", f"/t/{whole.code}"):
            assert client.get(page).status_code == 200, page
        for page in (f"/c/{BAOYING}/field", f"/c/{BAOYING}/lots", "/sources", "/api/v1/openapi.json", "/metrics", "/sign-in/x"):
            assert client.get(page).status_code == 404, page
        for method in ("post", "put", "patch", "delete"):
            assert getattr(client, method)("/").status_code == 405
        links = set(re.findall(r'href="(/[^"#?]*)', client.get("/").text + client.get(f"/c/{BAOYING}").text))
        assert {link: client.get(link).status_code for link in links if client.get(link).status_code != 200} == {}


def test_every_link_of_every_page_leads_somewhere(web: TestClient) -> None:
    """No page points at an address that answers with an error."""
    todo, seen = ["/"], set()
    while todo:
        path = todo.pop()
        if path in seen or len(seen) > 120:
            continue
        seen.add(path)
        answer = web.get(path)
        assert answer.status_code in (200, 303), path
        if "text/html" in answer.headers.get("content-type", ""):
            todo += [a.replace("&amp;", "&") for a in re.findall(r'<a[^>]* href="(/[^"#]*)', answer.text)]
    assert len(seen) > 20


def test_opening_a_sign_in_link_does_not_spend_it(tmp_path: Path) -> None:
    """A message preview may open the link; the button signs in once, and the session ends with sign-out."""
    house = build_installation(tmp_path, demo=False)
    house.services.registry.add_person("li.na", "county", BAOYING)
    link = "/sign-in/" + house.services.registry.make_link("li.na")
    with house.browser() as client:
        assert client.get(f"/c/{BAOYING}/field").status_code == 401
        for _ in range(3):
            assert client.get(link).status_code == 200
        signed_in = client.post(link)
        assert signed_in.status_code == 303
        cookie = signed_in.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        page = client.get(f"/c/{BAOYING}/field")
        assert page.status_code == 200
        assert "li.na" in page.text
        assert 'action="/sign-out"' in page.text
        assert client.post("/sign-out").status_code == 303
        assert client.get(f"/c/{BAOYING}/field").status_code == 401
    with house.browser() as other:
        assert other.post(link).status_code in (401, 404, 409)


def test_a_form_from_another_site_is_refused(tmp_path: Path) -> None:
    """A write that a browser sends from a foreign page changes nothing."""
    house = build_installation(tmp_path, demo=False)
    house.services.registry.add_person("li.na", "county", BAOYING)
    link = "/sign-in/" + house.services.registry.make_link("li.na")
    with house.browser() as client:
        assert client.post(link, headers={"origin": "https://elsewhere.example"}).status_code == 403
        assert client.post(link, headers={"origin": "http://testserver"}).status_code == 303
        foreign = client.post("/api/v1/counties", json={}, headers={"origin": "https://elsewhere.example"})
        assert foreign.status_code == 403
