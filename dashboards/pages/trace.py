"""The consumer's page behind the code on a label: small, readable with scripts off, checked anew every few seconds."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import escape

from dashboards.fast_path import language_cookie
from dashboards.guessing import Guesses
from dashboards.headers import with_style
from dashboards.i18n import LANGUAGES, language_of, translator
from dashboards.pages.shell import asset, inlined, templates
from dashboards.scan_notes import note_scan
from dashboards.scan_words import first_scan_line
from dashboards.trace_codes import canonical, mistyped
from dashboards.trace_pages import KeptPage, TracePages, matches, takes_gzip
from dashboards.trace_view import season_plot, trace_view
from foundation.clock import to_ms
from foundation.errors import BadInput, NotFound
from traceability.scans import read_place

if TYPE_CHECKING:
    from dashboards.services import Services


def router(services: Services) -> APIRouter:
    """Return the routes of the trace page and its QR code."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)
    guesses = Guesses()

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

    @pages.get("/photos/{name}.jpg")
    def photo(name: str) -> Response:
        return Response(services.photos.content(name), media_type="image/jpeg", headers=_FOR_EVER)

    @pages.get("/t/{code}/season.json")
    def season(code: str) -> Response:
        """Return the proof file of the sealed days of the plot a lot grew on."""
        from traceability.season_file import season_file

        plot = season_plot(services, _known(services, code))
        body = season_file(services.trace, plot)
        return Response(body, media_type="application/json", headers={"cache-control": "no-cache"})

    @pages.get("/t/{code}")
    def trace(
        request: Request,
        code: str,
        serial: Annotated[str, Query(alias="s", max_length=40)] = "",
        at: Annotated[str, Query(max_length=40)] = "",
    ) -> Response:
        lang = language_of(request)
        t = translator(lang)
        address = request.client.host if request.client else ""
        try:
            printed = canonical(code)
        except BadInput:
            wrong = mistyped(code, lang, t)
            title = t("这个追溯码打错了")
            return _page(request, "trace_missing.html", 404, title=title, groups=wrong.groups, reason=wrong.reason, entered=code[:40])
        if printed != code:
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"/t/{quote(printed, safe='-*~$=')}{query}", status_code=308)
        try:
            page = trace_pages_of(request.app).page(printed, lang)
        except NotFound:
            wait = guesses.tried(address, request.headers.get("user-agent", ""), to_ms(services.clock.now()) / 1000)
            services.scans.note_unknown_code()
            if wait:
                reason = t(
                    "从这台设备试了很多个不存在的追溯码，请 %(n)s 分钟后再试。真正的追溯码就印在标签上，扫一扫即可。", n=-(-wait // 60)
                )
                answer = _page(request, "trace_missing.html", 429, title=t("试得太多了"), groups=(), reason=reason, entered="")
                answer.headers["retry-after"] = str(wait)
                return answer
            return _page(
                request, "trace_missing.html", 404, title=t("没有这个追溯码"), groups=tuple((g, False) for g in printed.split("-")),
                reason=t("格式没有错，但这里没有登记过它。请和标签对照；如果标签上就是这样，它可能不是这里发出的。"), entered=printed,
            )  # fmt: skip
        note_scan(services, printed, serial, address, request.headers.raw, read_place(at))
        if serial:
            return _with_cookie(request, _of_pack(page, first_scan_line(services, printed, serial, lang, t)))
        # The fast path answers the same, sooner; this stands for an application without it.
        form = page.zipped if takes_gzip(request.headers.get("accept-encoding", "").encode()) else page.plain
        unchanged = matches(request.headers.get("if-none-match", "").encode(), form.etag)
        response = Response(b"" if unchanged else form.body, status_code=304 if unchanged else 200)
        response.raw_headers = list(form.unchanged if unchanged else form.headers)
        return _with_cookie(request, response)

    return pages


_LINE = re.compile(rb'(<p class="note scans">)[^<]*')


def _of_pack(page: KeptPage, line: str) -> Response:
    """Return a kept page with the line of one pack instead of the lot's; it is that pack's and this moment's, so it is not kept."""
    body = _LINE.sub(lambda found: found[1] + str(escape(line)).encode(), page.plain.body, count=1)
    answer = Response(body)
    answer.raw_headers = [(k, v) for k, v in page.plain.headers if k not in (b"etag", b"content-length", b"cache-control")]
    answer.raw_headers += [(b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
    return answer


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


def trace_pages_of(app: FastAPI) -> TracePages:
    """Return the kept pages of an application, made at the first question."""
    if not hasattr(app.state, "trace_pages"):
        services: Services = app.state.services

        def rendered(code: str, lang: str) -> tuple[bytes, str]:
            t = translator(lang)
            view = trace_view(services, services.trace.lot_of_code(code), lang, t, public_only=app.state.public_only)
            return _html("trace.html", lang, v=view, scans=first_scan_line(services, code, "", lang, t))

        app.state.trace_pages = TracePages(rendered, services.clock)
    pages: TracePages = app.state.trace_pages
    return pages


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


def _html(template: str, lang: str, **context: Any) -> tuple[bytes, str]:
    """Return a page of the trace kind and the style sheet inside it: outside the county's frame, one answer and no more to wait for."""
    sheet = inlined("trace.css")
    values = {"_": translator(lang), "lang": lang, "asset": asset, "sheet": sheet, **context}
    return templates().get_template(template).render(values).encode(), str(sheet)


def _page(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    """Return a page of the trace kind that is not kept."""
    lang = language_of(request)
    html, sheet = _html(template, lang, **context)
    headers = {"vary": "Accept-Language, Cookie", "content-language": lang, "cache-control": "no-cache", **with_style(sheet)}
    return _with_cookie(request, HTMLResponse(html, status_code=status, headers=headers))


def plain_page(request: Request, status: int, title: str, told: str, code: str) -> Response:
    """Return a small page that says one thing about a code and leads back to it."""
    return _page(request, "trace_told.html", status, title=title, told=told, code=code)


def _with_cookie(request: Request, response: Response) -> Response:
    wish = request.query_params.get("lang")
    if wish in LANGUAGES:
        response.headers.append("set-cookie", language_cookie(wish).decode())
    return response


# Named by its content.
_FOR_EVER = {"cache-control": "public, max-age=31536000, immutable"}
_FOR_A_DAY = {"cache-control": "public, max-age=86400"}
