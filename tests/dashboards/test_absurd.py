"""Whatever stands in an address, the answer is a page or a problem, never an error of ours."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from tests.dashboards.fakes import BAOYING, Installation, build_installation

ABSURD = (
    "", " ", "-1", "0", "1.5", "NaN", "1e309", "9223372036854775807", "9223372036854775808", "9" * 60, "0001-01-01", "9999-12-31",
    "2026-02-30", "莘县", "\r\nX: y", "\x00", "../../etc/passwd", "%", "'; DROP TABLE event; --", "<b>", "a" * 3000, "urn:suhe:lot:1:2",
    "\ud7ff\U0001f954",
)  # fmt: skip
# An ordinary value for each name, so that what is absurd is met where it stands and not at the first field.
ORDINARY = {
    "county": BAOYING, "product": "lotus_root", "market": "xinfadi", "device": "by-01-p1-level", "channel": "water_level",
    "start": "2026-01-01", "end": "2026-02-01", "lot": "321023:x", "code": "0000-0000-0000-0000-0", "level": "0", "number": "0",
}  # fmt: skip
READINGS = {"start": "1795000000000", "end": "1795600000000", "window_ms": "3600000", "interval_ms": "600000"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return a demo nobody changes."""
    return build_installation(tmp_path_factory.mktemp("absurd"))


@pytest.fixture(scope="module")
def web(whole: Installation) -> Iterator[TestClient]:
    """Yield a client that reports our errors as a visitor would see them."""
    with TestClient(whole.app(), raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


def routes(whole: Installation) -> list[APIRoute]:
    """Return every GET route but the endless stream."""
    return [r for r in _all(whole.app().routes) if "GET" in (r.methods or ()) and not r.path.endswith("/events")]


def _all(found: object) -> Iterator[APIRoute]:
    for route in found:  # type: ignore[attr-defined]
        if isinstance(route, APIRoute):
            yield route
        else:
            inner = getattr(route, "original_router", None) or getattr(route, "router", None)
            if inner is not None:
                yield from _all(inner.routes)


def parameters(route: APIRoute) -> tuple[list[str], list[str]]:
    """Return the names in a route's path and in its query."""
    return [p.alias for p in route.dependant.path_params], [p.alias for p in route.dependant.query_params]


def address(route: APIRoute, changed: str, value: str) -> str:
    """Return a route's address with ordinary values everywhere but at `changed`."""
    in_path, in_query = parameters(route)
    ordinary = {**ORDINARY, **(READINGS if "readings" in route.path else {})}
    path = route.path
    for name in in_path:
        path = path.replace("{" + name + "}", quote(value if name == changed else ordinary.get(name, "x"), safe=""))
    told = [f"{n}={quote(value if n == changed else ordinary[n], safe='')}" for n in in_query if n == changed or n in ordinary]
    return path + ("?" + "&".join(told) if told else "")


def test_there_are_routes_to_try(whole: Installation) -> None:
    """The sweep below covers the application, not an empty list."""
    assert len(routes(whole)) >= 40


def test_no_address_is_an_error_of_ours(whole: Installation, web: TestClient) -> None:
    """Every GET route with every absurd value at every place answers below 500, to browsers and machines in turn."""
    faults = []
    accepts = itertools.cycle(("text/html", "application/json", "text/html"))
    for route in routes(whole):
        in_path, in_query = parameters(route)
        for name in [*in_path, *in_query, "lang"]:
            for value in ABSURD:
                asked = address(route, name, value)
                if name == "lang":
                    asked += ("&" if "?" in asked else "?") + "lang=" + quote(value, safe="")
                answer = web.get(asked, headers={"accept": next(accepts)})
                if answer.status_code >= 500 or "\n" in "".join(answer.headers.values()):
                    faults.append(f"{answer.status_code} {asked[:150]}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    "path",
    [
        "/c/321023/prices/nonsense.csv",
        "/c/321023/prices/lotus_root.csv?m=nowhere",
        "/c/371522/field/by-01-p1-level",
        "/c/999999/field/by-01-p1-level",
    ],
)
def test_what_is_not_there_is_not_found(web: TestClient, path: str) -> None:
    """A product, a market or a county's device that does not exist is a 404, never an empty success or another county's page."""
    assert web.get(path, headers={"accept": "text/html"}).status_code == 404


def test_a_cursor_behind_the_end_has_nothing_after_it(web: TestClient) -> None:
    """The last page is empty and says that it is the last."""
    told = web.get("/api/v1/prices/series?product=lotus_root&market=xinfadi&start=2026-01-01&end=2026-02-01&after=2026-01-31").json()
    assert told == {"currency": "CNY", "items": [], "next": None}
