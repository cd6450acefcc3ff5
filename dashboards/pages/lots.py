"""The lots of a county, and one lot with its whole history and the check of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dashboards.api.deps import READERS, caller_of, require
from dashboards.i18n import Translate, name_of
from dashboards.inspection_words import rate_text
from dashboards.lot_view import lot_view, row_view, state_names
from dashboards.pages.shell import gettext_of, lang_of, render
from dashboards.recall_words import balance_lines, recall_notice, recalled_lots
from dashboards.telling import Teller
from dashboards.trace_codes import canonical, is_code
from foundation.clock import to_ms
from foundation.errors import BadInput, NotFound
from traceability.fields_trade import CONFIRMATORY, SCREENING
from traceability.service import full_lot_id

if TYPE_CHECKING:
    from dashboards.services import Services
    from traceability.views import LotSummary

RATE_DAYS = 30
PAGE = 50


def router(services: Services) -> APIRouter:
    """Return the routes of the lot pages; lots are for people who work with them, trace pages are for everybody."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False, dependencies=[Depends(require(*READERS))])

    @pages.get("/c/{county}/lots")
    def lots(
        request: Request,
        county: str,
        product: Annotated[str, Query(max_length=64)] = "",
        state: Annotated[str, Query(max_length=32)] = "",
        q: Annotated[str, Query(max_length=120)] = "",
        after: Annotated[str, Query(max_length=200)] = "",
    ) -> Response:
        lang, t = lang_of(request), gettext_of(request)
        place = services.registry.county(county)
        not_found = ""
        if q.strip():
            lot = find_lot(services, county, q)
            if lot:
                return RedirectResponse(f"/lots/{lot}", status_code=303)
            not_found = t("没有找到“%(q)s”。追溯码有 17 个字符，印在标签上；批次号可以从本页抄。", q=q.strip())
        found, following = read_lots(services, county, product, state, after)
        marks = {x.split(":", 3)[3]: drill for x, drill in recalled_lots(services, (s.id for s in found)).items()}
        teller = Teller(services.registry, lang, t)
        query = {k: v for k, v in (("product", product), ("state", state)) if v}
        return render(
            request, "lots.html", county=county, county_name=name_of(place, lang), lots=[row_view(s, teller, lang, t) for s in found],
            products=products_of(services, lang), product=product, state=state, states=list(state_names(t).items()), q=q,
            not_found=not_found, recalled=marks,
            days=RATE_DAYS, rates=rates_of(services, county, t),
            after=after, first_url="?" + urlencode(query), next_url="?" + urlencode({**query, "after": following}) if following else "",
        )  # fmt: skip

    @pages.get("/lots/{lot}")
    def one(request: Request, lot: str) -> Response:
        lang, t = lang_of(request), gettext_of(request)
        try:
            view = lot_view(services, lot, lang, t, caller_of(request))
        except BadInput as error:
            raise NotFound("there is no such lot", got=lot[:160]) from error
        notice = recall_notice(services, full_lot_id(view.id), lang, t, drills=True)
        balance = balance_lines(services.recalls.balance(view.id), t)
        return render(request, "lot.html", v=view, county=view.county, recall=notice, balance=balance)

    return pages


def rates_of(services: Services, county: str, t: Translate) -> tuple[tuple[str, str], ...]:
    """Return the county's pass rates of late in words, screening and confirmatory apart."""
    rates = services.trace.pass_rates(county, to_ms(services.clock.now()) - RATE_DAYS * 86_400_000)
    return (t("初筛"), rate_text(rates[SCREENING], t)), (t("确证检测"), rate_text(rates[CONFIRMATORY], t))


def read_lots(services: Services, county: str, product: str, state: str, after: str) -> tuple[list[LotSummary], str]:
    """Return one page of lots and the cursor of the next one, empty at the end."""
    found = services.trace.lots(county, product or None, after or None, PAGE + 1, state=state or None)
    return found[:PAGE], found[PAGE - 1].short if len(found) > PAGE else ""


def find_lot(services: Services, county: str, entered: str) -> str | None:
    """Return the short id of the lot that a trace code, a lot's number or its whole name means, or None."""
    text = entered.strip()
    try:
        if is_code(text):
            return services.trace.lot(services.trace.lot_of_code(canonical(text))).summary.short
        return services.trace.lot(text if ":" in text else f"{county}:{text}").summary.short
    except (NotFound, BadInput):
        return None


def products_of(services: Services, lang: str) -> list[dict[str, str]]:
    """Return the products to choose from, by name."""
    return [{"id": p.id, "name": name_of(p, lang)} for p in services.registry.products()]
