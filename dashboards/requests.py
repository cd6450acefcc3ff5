"""Before any route: no body longer than anyone needs is read, and HEAD is answered wherever GET is. Plain ASGI; streams stay streams."""

from __future__ import annotations

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.problems import answer

# The longest honest body is a batch of 500 signed events at about 2 kB each, with room to spare.
LARGEST_BODY = 4 * 1024 * 1024


class BodyLimit:
    """Refuses a body above the bound with 413: at once where its length is announced, else as soon as it is passed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        if not announced.isdigit() or len(announced) > 12 or int(announced) > LARGEST_BODY:
            await _refuse(scope, receive, send)
            return
        size, started, refused = 0, False, False

        async def counted() -> Message:
            nonlocal size, refused
            message = await receive()
            size += len(message.get("body", b""))
            if size > LARGEST_BODY:
                refused = True
                # To the route it is as if the client had left: whatever it makes of that is replaced below.
                return {"type": "http.disconnect"}
            return message

        async def checked(message: Message) -> None:
            nonlocal started
            if refused and not started:
                return
            started = True
            await send(message)

        try:
            await self._app(scope, counted, checked)
        except Exception:
            if not refused:
                raise
        if refused and not started:
            await _refuse(scope, receive, send)


class HeadAsGet:
    """Answers HEAD as GET without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; a HEAD as GET."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        ended = False

        async def without_body(message: Message) -> None:
            nonlocal ended
            if message["type"] == "http.response.start":
                await send(message)
            elif not ended:
                ended = True
                await send({"type": "http.response.body", "body": b""})

        async def gone_once_answered() -> Message:
            # A stream would go on for ever: after the headers there is nobody to send to.
            return {"type": "http.disconnect"} if ended else await receive()

        await self._app({**scope, "method": "GET"}, gone_once_answered, without_body)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    more = {"expected": f"a body of at most {LARGEST_BODY} bytes", "todo": "send less at a time"}
    refusal = answer(Request(scope), 413, "too-large", "this body is too long", more, {"connection": "close"})
    await refusal(scope, receive, send)
