"""The reviewer's page: quotes set aside, the most consequential first, to release or to leave out; by one, by ticks, by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dashboards.api.deps import caller_of, require
from dashboards.pages.shell import gettext_of, lang_of, render
from dashboards.pages.staff_forms import LOOKERS, Fields, Form, Staff, may_act, number_of, own_county
from dashboards.price_desk_view import queue_context

if TYPE_CHECKING:
    from dashboards.services import Services


def router(services: Services) -> APIRouter:
    """Return the routes of the reviewer's page."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False, dependencies=[Depends(require(*LOOKERS))])

    @pages.get("/c/{county}/desk")
    def queue(request: Request, county: str, run: Annotated[int | None, Query(ge=1, le=2**31)] = None,
              done: Annotated[int, Query(ge=0, le=10_000)] = 0) -> Response:  # fmt: skip
        own_county(caller_of(request), county)
        context = queue_context(services, county, run, lang_of(request), gettext_of(request))
        return render(request, "price_desk.html", done=done, may_act=may_act(request, county), **context)

    @pages.post("/c/{county}/desk/decide")
    def decide(county: str, form: Form, caller: Staff) -> Response:
        own_county(caller, county)
        decision, ids = chosen(form)
        services.desk.decide(ids, decision, caller.name, form.get("why", [""])[0], county=county)
        back = {"done": len(ids), **({"run": form["run"][0]} if form.get("run", [""])[0].isdigit() else {})}
        return RedirectResponse(f"/c/{county}/desk?{urlencode(back)}", status_code=303)

    return pages


def chosen(form: Fields) -> tuple[str, list[int]]:
    """Return (decision, quotes) of a form: one quote's own button, all that a batch showed, or those that are ticked.

    Raises:
        BadInput: the form was not made by this page.

    """
    one, every = form.get("one", [""])[0], form.get("every", [""])[0]
    if one:
        decision, _, number = one.partition("-")
        return decision, [number_of(number)]
    if every:
        return every, [number_of(n) for n in form.get("shown", [])]
    return form.get("decision", [""])[0], [number_of(n) for n in form.get("id", [])]
