"""Signing in by a one-time link. Opening the link changes nothing: a message preview must not spend it; the button does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from dashboards.api.deps import SESSION_COOKIE, check_origin
from dashboards.pages.shell import render
from registry.people import SESSION_MS

if TYPE_CHECKING:
    from dashboards.services import Services


def router(services: Services) -> APIRouter:
    """Return the routes of signing in and out."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

    @pages.get("/sign-in/{token}")
    def ask(request: Request, token: str) -> Response:
        return render(request, "sign_in.html", token=token)

    @pages.post("/sign-in/{token}")
    def redeem(request: Request, token: str) -> Response:
        check_origin(request)
        session = services.registry.redeem_link(token)
        answer = RedirectResponse("/", status_code=303)
        secure = request.url.scheme == "https"
        answer.set_cookie(SESSION_COOKIE, session, max_age=SESSION_MS // 1000, httponly=True, samesite="lax", secure=secure)
        return answer

    @pages.post("/sign-out")
    def sign_out(request: Request) -> Response:
        check_origin(request)
        session = request.cookies.get(SESSION_COOKIE)
        if session:
            services.registry.end_session(session)
        answer = RedirectResponse("/", status_code=303)
        answer.delete_cookie(SESSION_COOKIE)
        return answer

    return pages
