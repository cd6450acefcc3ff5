"""The walkthrough holds: its commands run, what it promises shows, its pictures are of the pages as they are, and no link is dead."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from foundation.files import find_program
from tests import servers
from tests.dashboards.test_words import HAN, LATIN, SAME_IN_BOTH, seen_by
from tests.end_to_end.county import County
from tests.waiting import wait_until
from tests.walk import OUTLINE, OUTLINES, PICTURES, Picture, Then, Walk, look, steps

pytestmark = pytest.mark.xdist_group("walkthrough")

# Names of things that are written in Latin letters in Chinese too, beyond those of the words' own test.
MORE_IN_BOTH = {"SUHE", "Suhe", "suhe", "Grafana", "PyVRP", "VictoriaMetrics", "PostgreSQL", "InfluxDB", "anvil", "QARTOD", "PDF", "API"}
IDS = re.compile(r"\b[a-z]{2}-[\w-]+|\b\d+:\w[\w-]*|(?:[0-9A-Z]{4}-){4}[0-9A-Z*~$=]|(?:0x)?[0-9a-f]{8,}")
# A panel whose heading stands over nothing is an empty panel.
EMPTY = """() => [...document.querySelectorAll('main h2')].filter(h => h.getClientRects().length).filter(h => {
  let seen = '';
  for (let e = h.nextSibling; e && !(e.nodeType === 1 && e.matches('h1, h2')); e = e.nextSibling)
    seen += e.nodeType === 1 ? e.textContent + (e.matches('svg, img, form') || e.querySelector('svg, img, form') ? '#' : '') : e.nodeValue;
  return !seen.trim() && h.parentElement.textContent.trim() === h.textContent.trim();
}).map(h => h.textContent.trim())"""
WIDER = "() => document.documentElement.scrollWidth - window.innerWidth"


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """Yield a walk through a demo whose history is in."""
    if not find_program("mosquitto"):
        servers.require(lambda: servers.program("mosquitto"))
    county = County(tmp_path_factory.mktemp("walk"), "mosquitto")
    try:
        county.start()
        wait_until(lambda: county.status("/readyz") == 200, 300, every=0.5, what=f"ready: {county.json('/readyz')}")
        yield Walk(county)
    finally:
        county.end()


def test_the_walkthrough_runs_as_written(walk: Walk, chromium: Any) -> None:
    """Every command succeeds, every promise shows on its page, and every picture's page has the outline it had when it was taken."""
    taken = json.loads(OUTLINES.read_text(encoding="utf-8"))
    pictured: set[str] = set()
    commands = 0
    for step in steps():
        if isinstance(step, str):
            walk.run(step)
            commands += 1
        elif isinstance(step, Then):
            walk.wait_for(step)
        else:
            look(
                chromium,
                walk,
                step,
                lambda page, step=step: _same(taken.get(step.file), page.evaluate(OUTLINE), step),  # type: ignore[misc]
            )
            assert (PICTURES / step.file).stat().st_size > 10_000
            pictured.add(step.file)
    assert commands >= 10 and len(pictured) >= 10
    assert pictured == set(taken), "take the pictures again: python -m tests.walk"


def _same(before: list[str] | None, now: list[str], picture: Picture) -> None:
    assert now == before, f"{picture.file} shows {picture.address} as it no longer is; take the pictures again: python -m tests.walk"


def _without_language(address: str) -> str:
    path, _, query = address.partition("?")
    kept = [part for part in query.split("&") if part and not part.startswith("lang=")]
    return path + ("?" + "&".join(kept) if kept else "")


PLACES = sorted({_without_language(s.address) for s in steps() if isinstance(s, Picture)})


@pytest.mark.parametrize("lang", ["zh-Hans", "en"])
@pytest.mark.parametrize("place", PLACES)
def test_no_walked_page_mixes_languages_or_has_an_empty_panel(walk: Walk, chromium: Any, place: str, lang: str) -> None:
    """On the live demo, in both languages and on both widths: nothing empty, nothing sideways, no word of the other language."""
    address = place + ("&" if "?" in place else "?") + f"lang={lang}"
    for width in (1920,) if "/screen/" in place else (390, 1440):
        found: dict[str, Any] = {}

        def use(page: Any, found: dict[str, Any] = found) -> None:
            found.update(empty=page.evaluate(EMPTY), wider=page.evaluate(WIDER), html=page.content())

        look(chromium, walk, Picture("", address, width), use, settle_ms=200)
        assert found["empty"] == [] and found["wider"] <= 0
    said = [IDS.sub(" ", w) for w in seen_by(found["html"], lang)]
    if lang == "en":
        assert [w for w in said if HAN.search(w)] == []
    else:
        assert [w for w in said if set(LATIN.findall(w)) - SAME_IN_BOTH - MORE_IN_BOTH] == []


def test_no_link_on_the_walk_is_a_dead_end(walk: Walk) -> None:
    """Every kind of address that the walked pages link to answers."""
    kinds: dict[str, str] = {}
    for place in PLACES:
        path = walk.path(place)
        for link in re.findall(r'(?:href|src|action)="([^"#]+)', walk.county.page(path)):
            to = urlsplit(urljoin(f"http://here{path}", link.replace("&amp;", "&")))
            if to.netloc == "here" and "sign-out" not in to.path:
                kind = (
                    re.sub(r"\d+|[0-9A-F]{4}-[\w-]+|(?<=/)(sx|by)-[\w-]+", "#", to.path)
                    + "?"
                    + "&".join(sorted(re.findall(r"(\w+)=", to.query)))
                )
                kinds.setdefault(kind, to.path + (f"?{to.query}" if to.query else ""))
    assert len(kinds) >= 15
    assert {path: status for path in kinds.values() if (status := walk.county.status(path)) >= 400 or status == 0} == {}
