"""Quality notes over HTTP: what to know about the prices of a product before believing them. Public, as the prices are."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from dashboards.api.prices import FIRST_DAY, LAST_DAY
from dashboards.i18n import CHINESE, ENGLISH, translator
from dashboards.price_note_words import note_text
from pricing.desk.notes import NOTES

if TYPE_CHECKING:
    from dashboards.services import Services


class NoteEntry(BaseModel):
    """One note: a stable code, its figures (prices in thousandths per kilogram, days of the market), and a sentence in both languages."""

    code: str = Field(description="One of " + ", ".join(NOTES))
    product: str
    market: str
    numbers: dict[str, int | str | date]
    zh: str
    en: str


class Notes(BaseModel):
    """The notes of a product, the gravest of each market first."""

    items: list[NoteEntry]
    next: None = None


def router(services: Services) -> APIRouter:
    """Return the route of quality notes."""
    routes = APIRouter(prefix="/api/v1/prices", tags=["prices"])

    @routes.get("/notes")
    def notes(product: str, market: str | None = None, day: Annotated[date | None, Query(ge=FIRST_DAY, le=LAST_DAY)] = None) -> Notes:
        """Return what to know about a product's prices on a day (default today), in one market or in all that are compared."""
        markets = [market] if market is not None else [m.id for m in services.prices.markets()]
        found = services.desk.notes_of([(product, m) for m in markets], day)
        zh, en = translator(CHINESE), translator(ENGLISH)
        return Notes(
            items=[
                NoteEntry(code=n.code, product=n.product, market=n.market, numbers=dict(n.numbers), zh=note_text(n, CHINESE, zh),
                          en=note_text(n, ENGLISH, en))
                for m in markets for n in found.get((product, m), [])
            ]
        )  # fmt: skip

    return routes
