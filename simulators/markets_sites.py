"""The table of simulated market sites: what each answers where, who is let in, how it can be broken, and whether the demo polls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from simulators import markets_wire as wire
from simulators import markets_wire_more as more
from simulators import markets_wire_pfsc as pfsc
from simulators.markets_prices import PriceWorld

Answer = Callable[[PriceWorld, Mapping[str, str], datetime, float], tuple[bytes, str]]


@dataclass(frozen=True)
class Site:
    """One site. `json` wants a body of JSON, `guarded` has a firewall that refuses programs which do not say who they are.

    `polled` tells whether the demo asks it; what needs a permission, is in other money or is a file of the past is served for tests and
    for trying out only.
    """

    method: str
    routes: Mapping[str, Answer]
    json: bool = False
    guarded: bool = False
    polled: bool = True


SITES: dict[str, Site] = {
    "xinfadi": Site("POST", {"/getPriceData.html": wire.xinfadi}),
    "shenxian_origin": Site("GET", {"/api/quotes": wire.shenxian}),
    "baoying_lotus": Site("GET", {"/hangqing.html": wire.baoying}),
    "ncpscxx": Site("POST", {"/product/homeWholesalePrice/selectWholesalePrice": wire.platform}),
    "jnmarket": Site("GET", {"/api/dailypricelist": more.jiangnan}),
    "pfsc": Site(
        "POST", json=True, guarded=True,
        routes={
            "/price_portal/pi-info-day/getPortalPiInfoDay": pfsc.days, "/price_portal/pi-info-day/getIndexByLevel": pfsc.levels,
            "/price_portal/index/growthRanking": pfsc.ranking,
        },
    ),
    "pfsc_quotes": Site(
        "POST", json=True, guarded=True, polled=False,
        routes={
            "/api/priceQuotationController/pageList": pfsc.page_list, "/price_portal/index/getMarketReportPriceChart": pfsc.chart,
        },
    ),
    "amis": Site("GET", {"/api/v1/AgriProductsTransType/": more.amis}, polled=False),
    "wfp_hdx": Site("GET", {"/wfp_food_prices.csv": more.hdx}, polled=False),
}  # fmt: skip
# How a site can be broken: a page for people, nothing at all, prices per 公斤 still called 斤, a renamed column, gone, rows kept back.
MODES = ("html", "empty", "units", "columns", "down", "short")
# And how a person at the site errs: the point of one price slips. The answer is as good as ever, all but that row.
SLIP = "slip"
# Sites that say how many rows there are, so that rows kept back show.
COUNTED = ("xinfadi", "shenxian_origin", "jnmarket", "pfsc_quotes")
# A program that gives a library's name or none is turned away; one that says whose it is comes through.
ODD_AGENTS = ("", "python", "curl", "wget", "httpx", "go-http", "java", "okhttp")


def odd(agent: str) -> bool:
    """Tell whether a firewall turns a program away by the name it gives."""
    return any(agent.lower().startswith(name) if name else not agent for name in ODD_AGENTS)
