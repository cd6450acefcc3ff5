"""HTTP: where to sell."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query

from dashboards.api.deps import READERS, require
from foundation.errors import BadInput, NotAllowed
from registry.people import Caller

if TYPE_CHECKING:
    from dashboards.services import Services
    from logistics.selling.model import Ranking

Reader = Annotated[Caller, Depends(require(*READERS))]


def router(services: Services) -> APIRouter:
    """Return the routes of where to sell."""
    routes = APIRouter(prefix="/api/v1/sell", tags=["where to sell"])

    @routes.get("", summary="Rank markets for a load")
    def where_to_sell(
        caller: Reader,
        product: Annotated[str, Query(max_length=64)] = "",
        base: Annotated[str, Query(max_length=64)] = "",
        kg: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
        lot: Annotated[str, Query(max_length=200, description="A lot that lies at its base, instead of product, base and kg")] = "",
    ) -> dict[str, Any]:
        """Return every market's netback in thousandths of the currency per kilogram, with its parts, and the markets refused."""
        selling = services.logistics.selling
        if lot:
            load = selling.load_of_lot(lot)
            product, base, kg = load.product, load.base, load.kg
        if not (product and base and kg):
            raise BadInput("say what is to be sold", expected="product, base and kg, or lot", got="not all of them")
        county = services.registry.base(base).county
        if caller.county is not None and caller.county != county:
            raise NotAllowed("this base is another county's", expected=caller.county, got=county)
        return ranking_json(selling.where_to_sell(product, base, kg))

    return routes


def ranking_json(ranking: Ranking) -> dict[str, Any]:
    """Return a ranking as JSON says it."""
    told = asdict(ranking)
    for line, n in zip(told["ranked"], ranking.ranked, strict=True):
        line["haul"] |= {"total_fen": n.haul.total_fen, "toll_fen": n.haul.toll_fen, "toll_reasons": list(n.haul.toll_reasons)}
    return {**told, "lead_milli": ranking.lead_milli, "too_close": ranking.too_close, "unit": "thousandths of CNY per kg"}
