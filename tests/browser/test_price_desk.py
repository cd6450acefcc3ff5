"""The telephone's page in a real browser at 390 px: a thumb's targets, no script needed, little to load, nothing typed is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.test_trace_prices import Site
from tests.dashboards.fakes_house import COUNTY


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield a site on which a person of the county can sign in."""
    made = Site(tmp_path_factory.mktemp("desk"))
    made.house.services.registry.add_person("zhao", "county", COUNTY)
    yield made
    made.stop()


def test_a_call_is_taken_with_a_thumb_and_without_scripts(site: Site, chromium: Any) -> None:
    """Signed in, a price far off is asked about with everything typed still there; confirmed, the book shows it; at most 60 kB."""
    link = site.house.services.registry.make_link("zhao")
    context = chromium.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    tab = context.new_page()
    sizes: dict[str, int] = {}
    counted = ("responseHeadersSize", "responseBodySize")
    tab.goto(f"http://127.0.0.1:{site.port}/sign-in/{link}")
    tab.locator("main button").click()
    tab.on("requestfinished", lambda r: sizes.__setitem__(r.url, sum(r.sizes()[k] for k in counted)))
    tab.goto(site.address("/c/{county}/desk/telephone"))
    assert sum(sizes.values()) <= 60_000, sizes
    heights = [f.bounding_box()["height"] for f in tab.locator("main button, .line input:not([type=hidden]), main select").all()]
    assert min(heights) >= 44
    tab.fill("[name=m0]", "99")
    tab.fill("[name=m1]", "1.5")
    tab.locator(".go").click()
    assert tab.locator(".line.look .why").inner_text().startswith("真的吗？")
    assert (tab.input_value("[name=m0]"), tab.input_value("[name=m1]")) == ("99", "1.5")
    tab.check("[name=c0]")
    tab.locator(".go").click()
    assert tab.locator(".decided li").count() == 2 and "记下了 2 条" in tab.locator("[role=status]").inner_text()
    box = tab.locator("main").bounding_box()
    context.close()
    assert box["x"] + box["width"] <= 390
