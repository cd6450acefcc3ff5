"""Behind a number: every quote of a product in a market on a day as its source wrote it, revisions and withdrawals included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from dashboards.i18n import Translate, name_of, time_text
from dashboards.price_words import price_text, price_unit
from dashboards.reasons import terms_text
from foundation.errors import NotFound

if TYPE_CHECKING:
    from dashboards.services import Services
    from pricing.payloads import StoredPayload
    from pricing.provenance import Observation


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """One observation as the page shows it."""

    what: str
    source: str
    terms: str
    raw: str
    prices: str
    how: str
    seen: str
    state: str
    stands: bool
    payloads: tuple[StoredPayload, ...]


def quote_context(services: Services, county: str, product: str, market: str, day: date, lang: str, t: Translate) -> dict[str, Any]:
    """Return everything the template of a day's quotes shows.

    Raises:
        NotFound: an unknown county, product or market.

    """
    place, thing = services.registry.county(county), services.registry.product(product)
    where = next((m for m in services.prices.markets() if m.id == market), None)
    if where is None:
        raise NotFound("there is no such market", got=market[:64])
    sources = {s.id: s for s in services.prices.sources()}
    return {
        "county": county, "county_name": name_of(place, lang), "product": product, "product_name": name_of(thing, lang),
        "market_name": name_of(where, lang), "on": day, "unit": price_unit(lang),
        "lines": [_line(o, sources, lang, t) for o in services.prices.observations(product, market, day)],
    }  # fmt: skip


def _line(o: Observation, sources: dict[str, Any], lang: str, t: Translate) -> QuoteLine:
    source = sources.get(o.source)
    state = t("现在算数") if o.stands else t("已撤回") if o.status == "withdrawn" else t("已被后来的更正代替")
    how = {"midpoint": t("中间价是最低和最高的中点"), "reported": t("中间价由来源给出"), "single": t("来源只给了一个价")}[o.mid_kind]
    written = " / ".join(x for x in o.raw_price.split("|") if x) or "–"
    return QuoteLine(
        what=" · ".join(x for x in (o.name, o.spec, o.grade, o.origin) if x),
        source=name_of(source, lang) if source is not None else o.source,
        terms=terms_text(source.licence, lang) if source is not None else "",
        raw=f"{written} {o.currency}/{o.raw_unit}",
        prices=f"{price_text(o.low, lang)}–{price_text(o.high, lang)}, {price_text(o.mid, lang)}",
        how=how, seen=time_text(o.observed_ms, lang), state=state, stands=o.stands, payloads=o.payloads,
    )  # fmt: skip
