"""Prices by telephone: one form for one call, made for a thumb, without scripts; sent twice it is one call."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dashboards.api.deps import caller_of, require
from dashboards.api.prices import FIRST_DAY, LAST_DAY
from dashboards.i18n import Translate, name_of, time_text
from dashboards.joining import clauses, listed
from dashboards.pages.shell import gettext_of, lang_of, render
from dashboards.pages.staff_forms import LOOKERS, Fields, Form, Staff, may_act, number_of, own_county
from dashboards.price_desk_words import day_choice, oddity_text, prices_text, refusal_text
from dashboards.price_note_words import money_text, teller_text
from dashboards.price_words import price_text
from foundation.clock import market_day
from foundation.errors import BadInput
from pricing.desk.calls import MOST_LINES, Call, CallLine, CallOutcome, LineOutcome, UsualLine
from pricing.desk.telephone import NAMES, OLDEST_DAYS
from pricing.desk.tellers import SOURCE, TELLERS
from pricing.markets import markets_of

if TYPE_CHECKING:
    from dashboards.services import Services

# Lines for products that are not usual; more are typed in a second call.
BLANK_LINES = 2
BOOK_DAYS = 7


@dataclass(frozen=True, slots=True)
class FormLine:
    """One line of the form: a usual product with its last price, or a blank one with a choice of products."""

    number: int
    product: str
    name: str
    more: str  # grade, spec, origin in words
    last: str
    typed: CallLine
    asked: str
    refused: str
    confirmed: bool


def router(services: Services) -> APIRouter:
    """Return the routes of the telephone's page."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False, dependencies=[Depends(require(*LOOKERS))])

    @pages.get("/c/{county}/desk/telephone")
    def form_page(request: Request, county: str, market: str = "", day: str = "",
                  kept: Annotated[int | None, Query(ge=0, le=MOST_LINES)] = None, gone: int = 0) -> Response:  # fmt: skip
        own_county(caller_of(request), county)
        lang, t = lang_of(request), gettext_of(request)
        chosen = _market(county, market)
        context = page_context(services, county, chosen, _day(day, services), lang, t)
        said = (
            t("记下了 %(n)s 条。", n=kept) if kept else t("没有变化：这些价已经记过。") if kept == 0 else t("已撤回一条。") if gone else ""
        )
        return render(request, "price_telephone.html", said=said, may_act=may_act(request, county), **context)

    @pages.post("/c/{county}/desk/telephone")
    def tell(request: Request, county: str, form: Form, caller: Staff) -> Response:
        own_county(caller, county)
        lang, t = lang_of(request), gettext_of(request)
        call, confirmed = call_of(form, services)
        outcome = services.desk.tell(call, county, caller.name, confirmed)
        if outcome.stored:
            return RedirectResponse(f"/c/{county}/desk/telephone?market={call.market}&day={call.day}&kept={outcome.kept}", status_code=303)
        context = page_context(services, county, call.market, call.day, lang, t, call, outcome, confirmed)
        return render(request, "price_telephone.html", status_code=422, said="", may_act=True, **context)

    @pages.post("/c/{county}/desk/telephone/withdraw")
    def withdraw(county: str, form: Form, caller: Staff) -> Response:
        own_county(caller, county)
        entry = number_of(form.get("entry", [""])[0])
        services.desk.withdraw(entry, form.get("token", [""])[0], county, caller.name, anybodys=caller.role == "administrator")
        return RedirectResponse(f"/c/{county}/desk/telephone?gone=1", status_code=303)

    return pages


def _said(kept: int | None, gone: int, t: Translate) -> str:
    if kept is not None:
        return t("记下了 %(n)s 条。", n=kept) if kept else t("没有变化：这些价已经记过。")
    return t("已撤回一条。") if gone else ""


def call_of(form: Fields, services: Services) -> tuple[Call, set[int]]:
    """Return the call a form tells and the lines the person confirmed."""

    def told(name: str) -> str:
        return unicodedata.normalize("NFKC", form.get(name, [""])[0]).strip()

    numbers = range(min(MOST_LINES, sum(name.startswith("p") and name[1:].isdigit() for name in form)))
    lines = tuple(
        CallLine(told(f"p{n}"), told(f"l{n}"), told(f"m{n}"), told(f"h{n}"), told(f"g{n}"), told(f"s{n}"), told(f"o{n}")) for n in numbers
    )
    call = Call(told("token"), told("market"), _day(told("day"), services), told("teller"), lines, form.get("note", [""])[0].strip())
    return call, {n for n in numbers if form.get(f"c{n}")}


def page_context(
    services: Services, county: str, market: str, day: date, lang: str, t: Translate, call: Call | None = None,
    outcome: CallOutcome | None = None, confirmed: Sequence[int] | set[int] = (),
) -> dict[str, Any]:  # fmt: skip
    """Return everything the page shows: a fresh form, or the one that came back with what is to be looked at again."""
    today = market_day(services.clock.now())
    markets = [(m.id, name_of(m, lang)) for m in markets_of(county)]
    names = {p.id: name_of(p, lang) for p in services.registry.products() if p.id in NAMES}
    # What the form shows must fit into one call: a line beyond it would be typed in vain.
    usual = services.desk.usual_lines(market, day)[: MOST_LINES - BLANK_LINES]
    lines = _lines(services, usual, names, day, lang, t, call, outcome, confirmed)
    asked = [x for x in lines if x.asked]
    return {
        "county": county, "county_name": name_of(services.registry.county(county), lang), "markets": markets, "market": market,
        "day_chosen": day.isoformat(),
        "days": [((d := today - timedelta(days=k)).isoformat(), day_choice(d, today, t)) for k in range(OLDEST_DAYS + 1)],
        "tellers": [(x, teller_text(x, t)) for x in TELLERS], "teller": call.teller if call else TELLERS[0],
        "note": call.note if call else "",
        "token": call.token if call else secrets.token_hex(12), "lines": lines, "products": list(names.items()), "asked": len(asked),
        "refused": sum(bool(x.refused) for x in lines), "book": _book(services, county, names, today, lang, t),
    }  # fmt: skip


def _lines(
    services: Services, usual: Sequence[UsualLine], names: Mapping[str, str], day: date, lang: str, t: Translate, call: Call | None,
    outcome: CallOutcome | None, confirmed: Sequence[int] | set[int],
) -> list[FormLine]:  # fmt: skip
    market_names = {m.id: name_of(m, lang) for m in services.prices.markets()}
    sources = {s.id: name_of(s, lang) for s in services.prices.sources()}
    known = {(u.product, u.grade, u.spec, u.origin): u for u in usual}
    if call is None:
        typed = [*(CallLine(u.product, grade=u.grade, spec=u.spec, origin=u.origin) for u in usual), *[CallLine("")] * BLANK_LINES]
    else:
        typed = list(call.lines)
    found = []
    for n, x in enumerate(typed):
        u = known.get((x.product, x.grade, x.spec, x.origin))
        result = outcome.lines[n] if outcome else LineOutcome("empty")
        found.append(
            FormLine(
                n, x.product, names.get(x.product, x.product) if u else "", listed((x.grade, x.spec, x.origin), lang),
                _last(u, day, sources, lang, t) if u else "", x, _asked(result, market_names, lang, t),
                refusal_text(result.refusal, t) if result.state == "refused" else "", n in confirmed,
            )
        )  # fmt: skip
    return found


def _last(u: UsualLine, day: date, sources: Mapping[str, str], lang: str, t: Translate) -> str:
    span = price_text(u.mid, lang) if u.low == u.high else f"{price_text(u.low, lang)}–{price_text(u.mid, lang)}–{price_text(u.high, lang)}"
    told = t("上次 %(price)s", price=span)
    other = "" if u.source == SOURCE else sources.get(u.source, u.source)
    return clauses((told, _back((day - u.day).days, t), other), lang)


def _back(days: int, t: Translate) -> str:
    return t("前一天") if days == 1 else t("%(n)s 天以前", n=days)


def _asked(result: LineOutcome, market_names: Mapping[str, str], lang: str, t: Translate) -> str:
    if result.state != "ask" or result.oddity is None or result.quote is None:
        return ""
    q = result.quote
    value = {"low": q.low, "mid": q.mid, "high": q.high}[result.oddity.part]
    return oddity_text(result.oddity, value, market_names, lang, t)


def _book(services: Services, county: str, names: Mapping[str, str], today: date, lang: str, t: Translate) -> list[dict[str, Any]]:
    markets = {m.id: name_of(m, lang) for m in services.prices.markets()}
    acts = {"told": "", "corrected": t("更正"), "withdrawn": t("撤回")}
    return [
        {
            "id": e.id, "what": listed((names.get(e.product or "", e.name), e.grade, e.spec, e.origin), lang),
            "market": markets.get(e.market, e.market), "day": day_choice(e.day, today, t),
            "price": money_text(e.mid, lang) if e.mid_kind == "single" else prices_text(e.low, e.mid, e.high, lang),
            "who": t("%(teller)s说的，%(writer)s记的", teller=teller_text(e.teller, t), writer=e.writer),
            "when": time_text(e.spoken_ms, lang),
            "act": acts[e.act], "note": e.note, "confirmed": e.confirmed, "standing": e.standing, "writer": e.writer,
            "token": secrets.token_hex(12),
        }
        for e in services.desk.book(county, today - timedelta(days=BOOK_DAYS))
    ]  # fmt: skip


def _market(county: str, wished: str) -> str:
    known = [m.id for m in markets_of(county)]
    return wished if wished in known else known[0]


def _day(text: str, services: Services) -> date:
    today = market_day(services.clock.now())
    try:
        day = date.fromisoformat(text) if text else today
    except ValueError as error:
        raise BadInput("this day cannot be read", expected="2026-11-29", got=text[:20]) from error
    if not FIRST_DAY <= day <= LAST_DAY:
        raise BadInput("no market quoted on this day", expected=f"{FIRST_DAY} to {LAST_DAY}", got=text[:20])
    return day
