"""Recalls: find a lot, code or input, see the reach before anything is sent, order or drill, follow it, export it, lift it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dashboards.api.deps import caller_of, require
from dashboards.api.recall import export_answer
from dashboards.i18n import Translate, time_text
from dashboards.pages.shell import gettext_of, lang_of, render
from dashboards.recall_words import orderer, reach_view, reason_of, short_id
from dashboards.telling import Teller
from foundation.errors import BadInput, NotAllowed, NotFound, SuheError
from registry.people import Caller
from traceability.recalling import Order

if TYPE_CHECKING:
    from dashboards.services import Services
    from traceability.recall_state import RecallCase

ORDERERS = ("county", "cooperative", "administrator")
Orderer = Annotated[Caller, Depends(require("county", "cooperative"))]


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a submitted form, the first of each name."""
    return {k: v[0] for k, v in parse_qs((await request.body()).decode("utf-8", "replace")).items()}


Form = Annotated[dict[str, str], Depends(form_of)]


def router(services: Services) -> APIRouter:
    """Return the routes of recalls; they say who holds what, so they are for those who recall, and to look at in a demo."""
    readers = [Depends(require("guest", "county", "cooperative"))]
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False, dependencies=readers)
    recalls = services.recalls

    @pages.get("/recall")
    def start(request: Request, q: Annotated[str, Query(max_length=160)] = "") -> Response:
        lang, t = lang_of(request), gettext_of(request)
        caller = caller_of(request)
        lot, reach, wrong, party = "", None, "", ""
        if q.strip():
            try:
                lot = recalls.find(q.strip())
                if caller is not None and caller.role in ORDERERS:
                    party = orderer(services, caller, [lot])
                reach = reach_view(services, recalls.reach([lot]), lang, t)
            except (NotFound, BadInput):
                wrong = t("没有找到“%(q)s”。追溯码印在标签上；批次和投入品写成“县代码:批次号”。", q=q.strip())
            except NotAllowed:
                lot, wrong = "", t("这一批不归您召回：县里召回本县的批次，合作社召回自己的批次。")
        cases = [_line(services, c, lang, t) for c in recalls.cases(caller.county if caller else None)]
        return render(
            request, "recall.html", q=q, lot=lot.split(":", 3)[3] if lot else "", reach=reach, wrong=wrong, cases=cases,
            may_order=bool(party), has_key=bool(party) and recalls.may_sign_for(party),
        )  # fmt: skip

    @pages.post("/recall")
    def order(form: Form, caller: Orderer) -> Response:
        lot = recalls.find(form.get("lot", ""))
        party = orderer(services, caller, [lot])
        level = int(form.get("level", "2")) if form.get("level", "2") in ("1", "2", "3") else 0
        reason, english = form.get("reason", "").strip(), form.get("reason_en", "").strip()
        case = recalls.start(Order((lot,), party, level, reason, english, form.get("drill", "drill") != "real"))
        return RedirectResponse(f"/recall/{short_id(case.id)}", status_code=303)

    @pages.get("/recall/{recall}")
    def one(request: Request, recall: str) -> Response:
        lang, t = lang_of(request), gettext_of(request)
        case = recalls.case(recall)
        caller = caller_of(request)
        may_lift = False
        if caller is not None and caller.role in ORDERERS:
            may_lift = case.is_open and orderer(services, caller, case.roots) == case.party and recalls.may_sign_for(case.party)
        reach = reach_view(services, recalls.reach(case.roots), lang, t)
        line = _line(services, case, lang, t)
        return render(request, "recall_case.html", c=line, reach=reach, may_lift=may_lift, id=short_id(case.id))

    @pages.get("/recall/{recall}/export")
    def export(request: Request, recall: str, form: Annotated[str, Query(max_length=10)] = "csv") -> Response:
        case = recalls.case(recall)
        caller = caller_of(request)
        if caller is not None and caller.role in ORDERERS:
            orderer(services, caller, case.roots)
        if form not in ("csv", "xlsx", "epcis"):
            raise BadInput("there is no such form of export", expected="csv, xlsx or epcis", got=form)
        return export_answer(services, case, form)

    @pages.post("/recall/{recall}/lift")
    def lift(recall: str, form: Form, caller: Orderer) -> Response:
        case = recalls.case(recall)
        if orderer(services, caller, case.roots) != case.party:
            raise NotAllowed("who ordered a recall lifts it", expected=case.party, got=caller.name)
        recalls.lift(case.id, form.get("note", "").strip())
        return RedirectResponse(f"/recall/{recall}", status_code=303)

    return pages


def _line(services: Services, case: RecallCase, lang: str, t: Translate) -> dict[str, object]:
    try:
        who = Teller(services.registry, lang, t).party(case.party)
    except SuheError:
        who = case.party
    state = t("进行中") if case.is_open else t("已于 %(when)s 撤销", when=time_text(case.lifted_ms or 0, lang))
    return {
        "id": short_id(case.id), "drill": case.drill, "level": t("%(n)s 级", n=case.level), "reason": reason_of(case, lang), "who": who,
        "when": time_text(case.record_ms, lang), "state": state, "open": case.is_open,
        "roots": [(r.split(":", 3)[3], r.rsplit(":", 1)[1]) for r in case.roots],
    }  # fmt: skip
