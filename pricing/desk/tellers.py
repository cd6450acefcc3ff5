"""The telephone as a source: who may have told a price (a role, never a name), and on what terms it is kept."""

from __future__ import annotations

from collections.abc import Iterable

from foundation.errors import BadInput
from pricing.quotes import Window
from pricing.source import Page, Request, Source

TELLERS = ("grower", "cooperative", "broker", "market", "buyer", "other")
SOURCE = "manual"


def _plan(_window: Window) -> Iterable[Request]:
    return ()


def _parse(_body: bytes, _request: Request) -> Page:
    raise BadInput("prices told by telephone are written down by a person", todo="use the page of the price desk")


# Nobody is asked over the network: the collector does not know it, the pages and the open data show it beside the others.
TELEPHONE = Source(
    id=SOURCE,
    name_zh="电话报价",
    name_en="By telephone",
    address="",
    licence="the county's own",
    permission="own",
    markets=(),
    plan=_plan,
    parse=_parse,
    kind="mixed",
    covers_zh="县里的人打电话问来的价",
    covers_en="Prices the county's staff were told by telephone",
)
