"""Who calls, what they may do, and how lists are paged."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode, urlsplit

from fastapi import Query, Request, Response

from foundation.errors import BadInput, NotAllowed, NotSignedIn
from registry.people import Caller

if TYPE_CHECKING:
    from dashboards.services import Services

SESSION_COOKIE = "session"
GUEST = Caller("guest", "guest", None)
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

Limit = Annotated[int, Query(ge=1, le=500, description="Most entries on a page")]
After = Annotated[str | None, Query(description="Cursor: the `next` of the page before")]


def caller_of(request: Request) -> Caller | None:
    """Return who stands behind the request: a key, a signed-in person, the demo's guest, or nobody."""
    services: Services = request.app.state.services
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        known = services.registry.check_api_key(text.strip())
        if known is None:
            raise NotSignedIn("this API key is unknown or revoked", todo="ask the office for a new one")
        return known
    session = request.cookies.get(SESSION_COOKIE)
    person = services.registry.who(session) if session else None
    if person is not None:
        return Caller(person.name, person.role, person.county, person.party)
    return GUEST if services.demo else None


def require(*roles: str) -> Callable[[Request], Caller]:
    """Return a dependency that lets in callers with one of `roles`; an administrator may do everything."""

    def check(request: Request) -> Caller:
        caller = caller_of(request)
        if caller is None:
            raise NotSignedIn("this needs a sign-in or an API key", todo="suhe user link NAME, or send Authorization: Bearer suhe_…")
        if caller.role not in roles and caller.role != "administrator":
            if caller is GUEST:
                raise NotSignedIn("this needs a sign-in or an API key; the demo's guest only reads", todo="suhe user link NAME")
            raise NotAllowed("this role may not do that", expected=" or ".join(roles), got=caller.role)
        if request.method not in SAFE_METHODS and not request.headers.get("authorization"):
            check_origin(request)
        return caller

    return check


def check_origin(request: Request) -> None:
    """Refuse a browser's write that comes from another site's page."""
    origin = request.headers.get("origin")
    if origin and urlsplit(origin).netloc != request.headers.get("host"):
        raise NotAllowed("this form was sent from another site", expected=request.headers.get("host", ""), got=origin[:80])


# Everybody with an account, and the demo's guest, may read the working pages.
READERS = ("guest", "grower", "cooperative", "processor", "inspector", "carrier", "retailer", "county", "service")


def basic_credentials(request: Request) -> tuple[str, str]:
    """Return user and password of HTTP Basic; raise NotSignedIn without them."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise NotSignedIn("a gateway signs in with its id and password", expected="HTTP Basic", got=scheme or "nothing")
    try:
        user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except ValueError as error:
        raise NotSignedIn("these credentials cannot be read", expected="base64 of id:password") from error
    return user, password


def next_page(request: Request, response: Response, cursor: str | None) -> None:
    """Put the address of the next page into the Link header (RFC 8288) where there is one."""
    if cursor is not None:
        query = urlencode({**dict(request.query_params), "after": cursor})
        response.headers["link"] = f'<{request.url.path}?{query}>; rel="next"'


def page_of(items: list[Any], cursor: str | None) -> dict[str, Any]:
    """Return the shape of every list: its entries and the cursor of the next page, null at the end."""
    return {"items": items, "next": cursor}


def window(start_ms: int, end_ms: int, longest_ms: int) -> tuple[int, int]:
    """Return a checked half-open time range [start, end)."""
    if not 0 <= start_ms < end_ms:
        raise BadInput("this time range is empty", expected="start before end, in ms UTC; the end is left out", got=f"{start_ms}..{end_ms}")
    if end_ms - start_ms > longest_ms:
        raise BadInput(
            "this time range is too long",
            expected=f"at most {longest_ms // 86_400_000} days",
            got=f"{(end_ms - start_ms) / 864e5:.1f} days",
        )
    return start_ms, end_ms
