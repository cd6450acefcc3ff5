"""The page that joins price, lot and freight: where to sell a load today."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response

from dashboards.api.deps import READERS, require
from dashboards.holding_words import holding_view
from dashboards.i18n import Translate, name_of, number_text
from dashboards.pages.shell import gettext_of, lang_of, render
from dashboards.selling_view import selling_view
from foundation.errors import BadInput, Conflict, NotFound

if TYPE_CHECKING:
    from dashboards.services import Services
    from logistics.selling.service import Load

# What is asked for where a county has nothing lying: an ordinary small truck's load.
USUAL_KG = 1500
SHOWN_LOADS = 12


def router(services: Services) -> APIRouter:
    """Return the route of the page; it is for people who sell, so it is not public."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False, dependencies=[Depends(require(*READERS))])

    @pages.get("/c/{county}/sell")
    def sell(
        request: Request,
        county: str,
        product: Annotated[str, Query(max_length=64)] = "",
        base: Annotated[str, Query(max_length=64)] = "",
        kg: Annotated[str, Query(max_length=20)] = "",
        lot: Annotated[str, Query(max_length=200)] = "",
    ) -> Response:
        asked = {"product": product, "base": base, "kg": kg, "lot": lot}
        return render(request, "sell.html", **sell_context(services, county, asked, lang_of(request), gettext_of(request)))

    return pages


def sell_context(services: Services, county: str, asked: dict[str, str], lang: str, t: Translate) -> dict[str, Any]:
    """Return everything the template shows; what was asked wrongly is told above the form, which keeps what was entered."""
    place = services.registry.county(county)
    selling = services.logistics.selling
    loads = selling.loads(county)
    growing = {p.base for p in services.registry.plots(county=county)}
    bases = [b for b in services.registry.bases(county) if b.id in growing]
    quoted = set(services.prices.products_quoted())
    products = [p for p in services.registry.products() if p.id in quoted]
    wrong, view, hold = "", None, None
    chosen: dict[str, Any] = {"product": asked["product"], "base": asked["base"], "kg": asked["kg"]}
    try:
        chosen = _chosen(services, [b.id for b in bases], asked, loads, t)
        ranking = selling.where_to_sell(chosen["product"], chosen["base"], chosen["kg"])
        view = selling_view(services, ranking, lang, t)
        holding = selling.hold_or_sell(ranking)
        hold = holding_view(holding, ranking.day, lang, t) if holding else None
    except NotFound:
        wrong = t("没有这种产品、基地或批次。")
    except BadInput as error:
        wrong = error.message if isinstance(error, _Said) else t("这个数量算不了：请填 1 至 500,000 公斤。")
    names = {p.id: name_of(p, lang) for p in services.registry.products()}
    base_names = {b.id: name_of(b, lang) for b in bases}
    return {
        "county": county, "county_name": name_of(place, lang), "v": view, "hold": hold, "wrong": wrong, "chosen": chosen,
        "products": [(p.id, name_of(p, lang)) for p in products], "bases": list(base_names.items()),
        "loads": [
            {
                "product": names.get(x.product, x.product), "base": base_names.get(x.base, x.base), "kg": number_text(x.kg, lang),
                "lots": [{"id": s.short, "number": s.number} for s in x.lots[:4]], "more": max(0, len(x.lots) - 4),
                "url": f"/c/{county}/sell?product={x.product}&base={x.base}&kg={x.kg}",
            }
            for x in loads[:SHOWN_LOADS]
        ],
    }  # fmt: skip


class _Said(BadInput):
    """A refusal whose message is already in the reader's language."""


def _chosen(services: Services, bases: list[str], asked: dict[str, str], loads: list[Load], t: Translate) -> dict[str, Any]:
    """Return product, base and weight: as asked, of the lot asked for, or else the heaviest load that lies in the county."""
    if asked["lot"]:
        try:
            load = services.logistics.selling.load_of_lot(asked["lot"])
        except Conflict as error:
            raise _Said(t("这一批没有可卖的：不在基地了、没有通过检测，或不按公斤计。请选产品和基地。")) from error
        except BadInput as error:
            raise NotFound("this is no lot", got=asked["lot"]) from error
        if load.base not in bases:
            raise NotFound("this lot lies in another county", got=asked["lot"])
        return {"product": load.product, "base": load.base, "kg": load.kg}
    quoted = services.prices.products_quoted()
    first = next((x for x in loads if x.product in quoted), None)
    product = asked["product"] or (first.product if first else quoted[0] if quoted else "")
    same = next((x for x in loads if x.product == product and asked["base"] in ("", x.base)), None)
    base = asked["base"] or (same.base if same else bases[0] if bases else "")
    if not product or not base or base not in bases:
        raise NotFound("there is nothing to choose from", got=f"{product}, {base}"[:120])
    text = asked["kg"].replace(",", "").strip()
    if text and not (text.isascii() and text.isdigit()):
        raise BadInput("this is no weight", expected="whole kilograms", got=text)
    return {"product": product, "base": base, "kg": int(text) if text else (same.kg if same else USUAL_KG)}
