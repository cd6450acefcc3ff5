"""The soft gate where batches come in: the collector sets one row aside and takes the rest, over HTTP."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import httpx

from foundation.blobs import BlobFolder
from foundation.clock import FixedClock
from pricing.desk.service import PriceDesk
from pricing.quotes import Window
from pricing.service import Prices
from simulators.markets import break_market, heal
from tests.pricing.conftest import Sites

TODAY = date(2026, 11, 23)
NAMES = ("番茄", "黄瓜", "茄子", "芹菜", "菠菜")


class Xinfadi(httpx.BaseTransport):
    """Answers as Xinfadi does: five products, steady prices, and what a test spoils."""

    def __init__(self) -> None:
        self.spoilt: dict[tuple[str, date], float] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one window of days."""
        if request.url.path == "/robots.txt":
            return httpx.Response(404)
        form = parse_qs(request.content.decode())
        first, last = (date.fromisoformat(form[k][0].replace("/", "-")) for k in ("pubDateStartTime", "pubDateEndTime"))
        rows = [self._row(n, name, first + timedelta(days=k)) for k in range((last - first).days + 1) for n, name in enumerate(NAMES)]
        return httpx.Response(200, json={"count": len(rows), "limit": 500, "current": 1, "list": rows})

    def _row(self, n: int, name: str, day: date) -> dict[str, object]:
        price = (1 + n) * self.spoilt.get((name, day), 1.0)
        told = {"prodName": name, "lowPrice": f"{price * 0.9:.2f}", "avgPrice": f"{price:.2f}", "highPrice": f"{price * 1.1:.2f}"}
        return {**told, "place": "", "specInfo": "", "unitInfo": "斤", "pubDate": f"{day} 00:00:00", "id": n}


def test_one_odd_row_waits_and_the_rest_of_the_batch_stands(prices: Prices, desk: PriceDesk) -> None:
    """Of five products one is ten times its price: four stand, one waits with its run; the same round again changes nothing."""
    site, day = Xinfadi(), Window(TODAY, TODAY)
    with httpx.Client(transport=site) as client:
        prices.collect("xinfadi", "http://127.0.0.1:1", Window(TODAY - timedelta(days=8), TODAY - timedelta(days=1)), client)
        site.spoilt[("番茄", TODAY)] = 10.0
        assert prices.collect("xinfadi", "http://127.0.0.1:1", day, client).new == 4
        [waits] = desk.waiting(None)
        assert (waits.name, waits.mid, waits.oddity.usual, waits.payloads) == ("番茄", 20_000, 2000, 1)
        before = prices.counts()
        assert prices.collect("xinfadi", "http://127.0.0.1:1", day, client).changed == 0
        assert (prices.counts(), len(desk.waiting(None))) == (before, 1)
        # The whole market ten times as dear is no odd row but a changed site: the batch is held as one.
        site.spoilt = {(name, TODAY): 10.0 for name in NAMES}
        assert prices.collect("xinfadi", "http://127.0.0.1:1", day, client).state == "quarantined"
        site.spoilt = {}
        assert prices.collect("xinfadi", "http://127.0.0.1:1", day, client).new == 1
    assert desk.waiting(None) == [] and [d.why for d in desk.decided(None)] == ["said-otherwise"]


def test_a_slip_of_the_point_at_the_simulated_site(
    lite_prices: Prices, sites: Sites, client: httpx.Client, clock: FixedClock, tmp_path: Path
) -> None:
    """The demo's own way to see it: one row waits, the round is ok, and put right by the site nothing is left waiting."""
    desk = PriceDesk(lite_prices.engine, clock, BlobFolder(tmp_path / "blobs"))
    url = sites.addresses["xinfadi"]
    lite_prices.collect("xinfadi", url, Window(TODAY - timedelta(days=9), TODAY - timedelta(days=1)), client)
    break_market(sites.folder, "xinfadi", "slip")
    assert lite_prices.collect("xinfadi", url, Window(TODAY, TODAY), client).state == "ok"
    [waits] = desk.waiting(None)
    assert (waits.product, waits.day) == ("tomato", TODAY) and 8 < waits.oddity.factor < 12
    heal(sites.folder)
    assert lite_prices.collect("xinfadi", url, Window(TODAY, TODAY), client).new == 1
    assert desk.waiting(None) == []
