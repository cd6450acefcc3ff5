"""The reviewer's page: quotes set aside, the most consequential first, to release or to leave out; by one, by ticks, by batch."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dashboards.api.deps import caller_of, require
from dashboards.pages.shell import gettext_of, lang_of, render
from dashboards.price_desk_view import queue_context
from foundation.errors import BadInput, NotAllowed
from registry.people import Caller

if TYPE_CHECKING:
    from dashboards.services import Services

Fields = dict[str, list[str]]
Staff = Annotated[Caller, Depends(require("county"))]
# In a demo the guest looks on; nothing of it can be pressed.
LOOKERS = ("guest", "county")
# Plain digits only: others, such as a superscript two, are digits to Python and no number.
_NUMBER = re.compile(r"[0-9]{1,9}\Z")


async def fields_of(request: Request) -> Fields:
    """Return every field of a submitted form with all its values, empty ones too."""
    return parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)


Form = Annotated[Fields, Depends(fields_of)]


def own_county(caller: Caller | None, county: str) -> None:
    """Refuse a county's staff at another county's desk."""
    if caller is not None and caller.role == "county" and caller.county != county:
        raise NotAllowed("this desk belongs to another county", expected=f"/c/{caller.county}/desk", got=f"/c/{county}/desk")


def may_act(request: Request, county: str) -> bool:
    """Tell whether who asks may press the buttons of this county's desk."""
    caller = caller_of(request)
    return caller is not None and (caller.role == "administrator" or (caller.role == "county" and caller.county == county))


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


def number_of(text: str) -> int:
    """Return the number of a quote, an entry or a run as a form of ours sends it.

    Raises:
        BadInput: no page of ours sends this; it is no number, or none that a database can hold.

    """
    if not _NUMBER.match(text):
        raise BadInput("this form cannot be read", expected="a number the page gave", got=text[:20], todo="open the page again")
    return int(text)
