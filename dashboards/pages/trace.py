"""The consumer's page behind the code on a label: small, readable with scripts off, checked at every call."""

from __future__ import annotations

import hashlib
import io
from collections import OrderedDict
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dashboards.i18n import COOKIE, LANGUAGES, language_of, translator
from dashboards.pages.shell import asset, templates
from dashboards.trace_codes import canonical, mistyped
from dashboards.trace_view import trace_view
from foundation.errors import BadInput, NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from dashboards.services import Services

# A stored event that was altered must show within ten seconds, so a page is kept for less than half of that.
KEEP = timedelta(seconds=4)
MOST_KEPT = 2000
_YEAR_S = 365 * 24 * 3600


def router(services: Services) -> APIRouter:
    """Return the routes of the trace page and its QR code."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)
    kept = _Kept()

    @pages.get("/t")
    def enter(request: Request, code: Annotated[str, Query(max_length=200)] = "") -> Response:
        if code.strip():
            return RedirectResponse("/t/" + quote(code.strip(), safe=""), status_code=303)
        t = translator(language_of(request))
        return _page(request, "trace_missing.html", title=t("查一个追溯码"), groups=(), reason="", entered="")

    @pages.get("/t/{code}/qr.svg")
    def qr_svg(request: Request, code: str) -> Response:
        return Response(
            qr_image(_address(request, services, _known(services, code)), "svg"), media_type="image/svg+xml", headers=_FOR_A_DAY
        )

    @pages.get("/t/{code}/qr.png")
    def qr_png(request: Request, code: str) -> Response:
        return Response(qr_image(_address(request, services, _known(services, code)), "png"), media_type="image/png", headers=_FOR_A_DAY)

    @pages.get("/t/{code}")
    def trace(request: Request, code: str) -> Response:
        lang = language_of(request)
        t = translator(lang)
        try:
            printed = canonical(code)
        except BadInput:
            wrong = mistyped(code, lang, t)
            title = t("这个追溯码打错了")
            return _page(request, "trace_missing.html", 404, title=title, groups=wrong.groups, reason=wrong.reason, entered=code[:40])
        if printed != code:
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"/t/{quote(printed, safe='-*~$=')}{query}", status_code=308)
        now = services.clock.now()
        page = kept.get(printed, lang, now)
        if page is None:
            try:
                lot = services.trace.lot_of_code(printed)
            except NotFound:
                return _page(
                    request, "trace_missing.html", 404, title=t("没有这个追溯码"), groups=tuple((g, False) for g in printed.split("-")),
                    reason=t("格式没有错，但这里没有登记过它。请和标签对照；如果标签上就是这样，它可能不是这里发出的。"), entered=printed,
                )  # fmt: skip
            view = trace_view(services, lot, lang, t, link_lot=not request.app.state.public_only)
            page = bytes(_page(request, "trace.html", v=view).body)
            kept.put(printed, lang, page, services.clock.now())
        etag = f'"{hashlib.sha256(page).hexdigest()[:20]}"'
        if request.headers.get("if-none-match", "").removeprefix("W/") == etag:
            return Response(status_code=304, headers={"etag": etag, "cache-control": "no-cache"})
        return _in_language(request, HTMLResponse(page, headers={"etag": etag}))

    return pages


def qr_image(address: str, kind: str) -> bytes:
    """Return the QR code of an address as SVG or PNG, with the quiet zone readers need."""
    import segno

    code = segno.make(address, error="m", micro=False)
    out = io.BytesIO()
    if kind == "svg":
        code.save(out, kind="svg", border=4, xmldecl=False, svgclass=None, lineclass=None, omitsize=True)
    else:
        code.save(out, kind="png", scale=12, border=4)
    return out.getvalue()


class _Kept:
    """Rendered pages by code and language, for a few seconds."""

    def __init__(self) -> None:
        self._pages: OrderedDict[tuple[str, str], tuple[datetime, bytes]] = OrderedDict()
        self._lock = Lock()

    def get(self, code: str, lang: str, now: datetime) -> bytes | None:
        with self._lock:
            since, page = self._pages.get((code, lang), (None, b""))
        return page if since is not None and timedelta(0) <= now - since < KEEP else None

    def put(self, code: str, lang: str, page: bytes, now: datetime) -> None:
        with self._lock:
            self._pages[(code, lang)] = (now, page)
            self._pages.move_to_end((code, lang))
            if len(self._pages) > MOST_KEPT:
                self._pages.popitem(last=False)


def _known(services: Services, code: str) -> str:
    """Return the printed form of a code that exists; NotFound otherwise."""
    try:
        printed = canonical(code)
    except BadInput as error:
        raise NotFound("this is no trace code", got=code[:40], todo="compare it with the label") from error
    services.trace.lot_of_code(printed)
    return printed


def _address(request: Request, services: Services, code: str) -> str:
    base = services.settings.public_url or str(request.base_url)
    return f"{base.rstrip('/')}/t/{code}"


def _page(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """Return a page of the trace kind: it stands outside the county's frame, so that it stays small."""
    lang = language_of(request)
    values = {"_": translator(lang), "lang": lang, "asset": asset, **context}
    return _in_language(request, HTMLResponse(templates().get_template(template).render(values), status_code=status))


def _in_language(request: Request, response: HTMLResponse) -> HTMLResponse:
    wish = request.query_params.get("lang")
    if wish in LANGUAGES:
        response.set_cookie(COOKIE, wish, max_age=_YEAR_S, samesite="lax", httponly=True)
    response.headers["vary"] = "Accept-Language, Cookie"
    response.headers["content-language"] = language_of(request)
    response.headers["cache-control"] = "no-cache"
    return response


_FOR_A_DAY = {"cache-control": "public, max-age=86400"}
