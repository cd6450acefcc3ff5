"""Errors as RFC 9457 problem+json for machines and as a plain page for people, in both languages."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from dashboards.headers import HEADERS
from dashboards.i18n import language_of, translator
from foundation.errors import SuheError
from foundation.log import get_logger

TYPE_PREFIX = "urn:suhe:problem:"

# Chinese titles by code; the English is in the catalogue. A code without a title of its own falls back to its status.
TITLES = {
    "bad-input": "输入不符合要求",
    "not-found": "没有找到",
    "conflict": "与已有记录冲突",
    "not-signed-in": "请先登录",
    "not-allowed": "没有权限",
    "too-large": "内容太长",
    "too-many": "次数太多，请以后再试",
    "unavailable": "暂时不可用",
    "method-not-allowed": "此地址不支持这种操作",
    "error": "出错了",
}
_BY_STATUS = {
    404: "not-found",
    405: "method-not-allowed",
    401: "not-signed-in",
    403: "not-allowed",
    409: "conflict",
    413: "too-large",
    429: "too-many",
    503: "unavailable",
}


INFLUX_PREFIX = "/api/v2/"
_INFLUX_CODES = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    404: "not found",
    405: "method not allowed",
    413: "request too large",
    503: "unavailable",
}


def install(app: FastAPI) -> None:
    """Answer every error of `app` in one shape."""

    @app.exception_handler(SuheError)
    async def on_ours(request: Request, error: SuheError) -> Response:
        more = {k: v for k, v in (("expected", error.expected), ("got", error.got), ("todo", error.todo)) if v}
        headers = {"www-authenticate": "Bearer"} if error.status == 401 else {}
        return answer(request, error.status, error.code, error.message, more, headers)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> Response:
        faults = [{"where": ".".join(map(str, e["loc"])), "what": e["msg"]} for e in error.errors()]
        return answer(request, 422, "bad-input", faults[0]["what"] if faults else "", {"errors": faults})

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        code = _BY_STATUS.get(error.status_code, "bad-input" if error.status_code < 500 else "error")
        return answer(request, error.status_code, code, _own_words(error), {}, dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def on_anything(request: Request, error: Exception) -> Response:
        get_logger(__name__).error("unforeseen error", path=request.url.path, exc_info=error)
        # This handler stands outside all middleware, so it puts the headers on itself.
        return answer(request, 500, "error", "", {}, HEADERS)


def influx_answer(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    """Return an error in the shape InfluxDB's clients read."""
    status = 400 if status == 422 else status
    body = {"code": _INFLUX_CODES.get(status, "internal error"), "message": message}
    return JSONResponse(body, status_code=status, headers=headers)


def _own_words(error: HTTPException) -> str:
    """Return what an HTTP error says beyond the name of its status."""
    said = str(error.detail or "")
    return "" if said == HTTPStatus(error.status_code).phrase else said


def answer(request: Request, status: int, code: str, detail: str, more: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    """Return the problem as JSON, or as a page where a browser asked for one; as InfluxDB would where its clients ask."""
    if request.url.path.startswith(INFLUX_PREFIX):
        return influx_answer(
            status, "; ".join([detail or HTTPStatus(status).phrase, *(f"{k}: {v}" for k, v in more.items() if k != "errors")]), headers
        )
    t = translator(language_of(request))
    title = t(TITLES.get(code, TITLES["error"]))
    if not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", ""):
        from dashboards.pages.shell import render

        page = render(request, "error.html", status_code=status, title=title, detail=detail, more=more, status=status)
        page.headers.update(headers or {})
        return page
    body = {"type": TYPE_PREFIX + code, "title": title, "status": status, "detail": detail or HTTPStatus(status).phrase, **more}
    return JSONResponse(body, status_code=status, media_type="application/problem+json", headers=headers)
