"""What a consumer reports from the trace page: a plain form, no name, a few a day from one device."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dashboards.api.deps import check_origin
from dashboards.i18n import language_of, translator
from dashboards.pages.trace import plain_page
from dashboards.trace_codes import canonical
from foundation.errors import BadInput, NotFound, TooMany

if TYPE_CHECKING:
    from dashboards.services import Services

# A form of ours is far shorter: five hundred characters of three bytes, each written as %XX.
LONGEST_FORM = 8000


def router(services: Services) -> APIRouter:
    """Return the route that takes a report from anybody."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

    @pages.post("/t/{code}/report")
    async def report(request: Request, code: str) -> Response:
        from starlette.concurrency import run_in_threadpool

        check_origin(request)
        body = await request.body()
        return await run_in_threadpool(_taken, services, request, code, body)

    @pages.get("/t/{code}/report")
    def back(code: str) -> Response:
        """Lead whoever loads the answer again, or follows the form's address, to the page the form stands on."""
        return RedirectResponse(f"/t/{quote(code, safe='-*~$=')}", status_code=303)

    return pages


def _taken(services: Services, request: Request, code: str, body: bytes) -> Response:
    t = translator(language_of(request))
    try:
        lot = services.trace.lot_of_code(canonical(code))
    except BadInput as error:
        raise NotFound("this is no trace code", got=code[:40], todo="compare it with the label") from error
    if len(body) > LONGEST_FORM:
        raise BadInput("this report is too long", expected=f"at most {LONGEST_FORM} bytes", got=f"{len(body):,}")
    form = parse_qs(body.decode("utf-8", "replace"))
    agent = request.headers.get("user-agent", "")
    device = services.problem_reports.device_name(request.client.host if request.client else "", agent)
    try:
        services.problem_reports.add(lot, form.get("kind", ["other"])[0], form.get("text", [""])[0], device)
    except TooMany:
        return plain_page(
            request, 429, t("今天已经收到您的几条"), t("同一部手机一天最多三条。急事请直接打当地的食品安全投诉电话 12315。"), code
        )
    return plain_page(request, 200, t("收到了，谢谢"), t("县里的人会看到，但不会联系您：这里没有记下您是谁。"), code)
