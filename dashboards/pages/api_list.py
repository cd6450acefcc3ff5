"""The API as a page: every operation with what it does. It loads nothing from elsewhere, so it also reads offline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from dashboards.pages.shell import render

if TYPE_CHECKING:
    from dashboards.services import Services

METHODS = ("get", "post", "put", "patch", "delete")


def router(services: Services) -> APIRouter:  # noqa: ARG001 - every page module has the same door
    """Return the route of the list of operations."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

    @pages.get("/api/v1/docs")
    def api(request: Request) -> Response:
        return render(request, "api.html", groups=operations(request.app.openapi()))

    return pages


def operations(schema: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the operations of an OpenAPI document by their tag, in its order."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, item in schema["paths"].items():
        for method in METHODS:
            if method in item:
                told = item[method]
                words = str(told.get("description", "")).split("\n\n")[0].replace("\n", " ")
                asked = [p["name"] for p in told.get("parameters", []) if p["in"] == "query"]
                entry = {"method": method.upper(), "path": path, "words": words or told.get("summary", ""), "asked": asked}
                groups.setdefault(told.get("tags", ["other"])[0], []).append(entry)
    return groups
