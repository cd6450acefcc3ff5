"""Readings in and out over HTTP: the same body, the same promise and the same acknowledgement as over MQTT."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from dashboards.api.deps import READERS, Limit, basic_credentials, next_page, page_of, require, window
from foundation.clock import to_ms
from foundation.errors import BadInput, NotSignedIn, TooMany

if TYPE_CHECKING:
    from dashboards.services import Services

LONGEST_RANGE_MS = 400 * 86_400_000
MOST_WINDOWS = 10_000
MOST_EXPORTS = 3
LARGEST_BODY = 256 * 1024

Time = Annotated[int, Query(description="ms since 1970-01-01 UTC")]
Span = Annotated[int, Query(ge=1000, le=LONGEST_RANGE_MS, description="A length in ms")]


def router(services: Services) -> APIRouter:
    """Return the routes of readings."""
    routes = APIRouter(prefix="/api/v1/readings", tags=["readings"])
    may_read = [Depends(require(*READERS))]

    @routes.post("", summary="Hand in readings")
    async def post(request: Request) -> Response:
        """Take a gateway's message; the answer is the acknowledgement and comes after the readings are on disk.

        Sign in with HTTP Basic: the gateway's id and password.
        """
        from starlette.concurrency import run_in_threadpool

        from ingest.payloads import encode_ack

        gateway, password = basic_credentials(request)
        if not await run_in_threadpool(services.registry.check_gateway, gateway, password):
            raise NotSignedIn("this gateway is unknown or its password does not fit", got=gateway[:64], todo="suhe user gateway --rotate")
        body = await _body(request)
        ack = await run_in_threadpool(services.readings.accept, gateway, body)
        return Response(encode_ack(ack, to_ms(services.clock.now())), media_type="application/json")

    @routes.get("/latest", dependencies=may_read)
    def latest(county: str | None = None, device: Annotated[list[str] | None, Query()] = None) -> dict[str, Any]:
        """Return the newest observation of every channel."""
        return page_of([x._asdict() for x in services.readings.latest(county=county, devices=device)], None)

    @routes.get("", dependencies=may_read)
    def series(
        request: Request,
        response: Response,
        device: str,
        channel: str,
        start: Time,
        end: Time,
        limit: Limit = 500,
        after: str | None = None,
    ) -> dict[str, Any]:
        """Return the readings of one channel in [start, end), oldest first."""
        begin, end = window(start, end, LONGEST_RANGE_MS)
        if after is not None:
            begin = max(begin, _cursor(after) + 1)
        points = services.readings.range(device, channel, begin, end, limit=limit) if begin < end else []
        cursor = str(points[-1].t_ms) if len(points) == limit else None
        next_page(request, response, cursor)
        return page_of([asdict(p) for p in points], cursor)

    @routes.get("/revisions", dependencies=may_read)
    def revisions(device: str, channel: str, start: Time, end: Time, limit: Limit = 500) -> dict[str, Any]:
        """Return the times for which a channel told more than one value, with all of them and which one counts."""
        begin, end = window(start, end, LONGEST_RANGE_MS)
        return page_of([asdict(r) for r in services.readings.revisions(device, channel, begin, end, limit)], None)

    @routes.get("/windows", dependencies=may_read)
    def aggregate(device: str, channel: str, start: Time, end: Time, window_ms: Span, good_only: bool = True) -> dict[str, Any]:
        """Return count, mean, minimum and maximum per window, flagged readings left out unless asked for."""
        begin, end = window(start, end, LONGEST_RANGE_MS)
        if (end - begin) / window_ms > MOST_WINDOWS:
            raise BadInput(
                "too many windows", expected=f"at most {MOST_WINDOWS}", got=f"{(end - begin) // window_ms}", todo="widen the window"
            )
        found = services.readings.aggregate(device, channel, begin, end, window_ms, good_only=good_only)
        return page_of([asdict(w) for w in found], None)

    @routes.get("/gaps", dependencies=may_read)
    def gaps(device: str, channel: str, start: Time, end: Time, interval_ms: Span) -> dict[str, Any]:
        """Return the stretches without a reading that are longer than one and a half intervals."""
        begin, end = window(start, end, LONGEST_RANGE_MS)
        return page_of([asdict(g) for g in services.readings.gaps(device, channel, begin, end, interval_ms)], None)

    @routes.get("/ledger", dependencies=may_read)
    def ledger(county: str | None = None) -> dict[str, Any]:
        """Return the loss ledger: for every gateway, and every foreign counter behind one, what came, what is missing, what is lost."""
        return page_of([asdict(row) for row in services.readings.ledger(county)], None)

    @routes.get("/ledger/gaps", dependencies=may_read)
    def ledger_gaps(gateway: str, open_only: bool = False, limit: Limit = 200) -> dict[str, Any]:
        """Return the gaps in a gateway's message numbers, the one seen last first: when it was seen, when it closed, what is missing."""
        found = services.readings.sequence_gaps(gateway, only_open=open_only, limit=limit)
        return page_of([{**asdict(gap), "state": gap.state} for gap in found], None)

    @routes.get("/ledger/drops", dependencies=may_read)
    def ledger_drops() -> dict[str, Any]:
        """Return what each broker says of messages it threw away; `told` is false where it publishes no such counter."""
        return page_of([asdict(drops) for drops in services.readings.drops()], None)

    @routes.get("/quantiles", dependencies=may_read)
    def quantiles(
        device: Annotated[list[str], Query()],
        channel: str,
        start: Time,
        end: Time,
        share: Annotated[list[float], Query(description="From 0 to 1, such as 0.05; as often as wanted")],
        good_only: bool = True,
    ) -> dict[str, Any]:
        """Return exact quantiles of one channel, of all named devices together."""
        begin, end = window(start, end, LONGEST_RANGE_MS)
        found = services.readings.quantiles([(d, channel) for d in device], begin, end, share, good_only=good_only)
        return page_of([{"share": q, "value": x} for q, x in zip(share, found, strict=True)], None)

    exporting = threading.BoundedSemaphore(MOST_EXPORTS)

    @routes.get("/export", dependencies=may_read, summary="Readings as a file")
    def export(
        form: Annotated[Literal["csv", "parquet", "lines"], Query(alias="format")],
        start: Time,
        end: Time,
        device: Annotated[list[str] | None, Query()] = None,
        channel: Annotated[list[str] | None, Query()] = None,
        good_only: bool = False,
    ) -> StreamingResponse:
        """Return readings in [start, end) as CSV, Parquet or Influx line protocol (times in ms), one value for each channel and time."""
        from ingest.exporting import FORMATS

        begin, end = window(start, end, LONGEST_RANGE_MS)
        if not exporting.acquire(blocking=False):
            raise TooMany("too many files are being made at once", expected=f"at most {MOST_EXPORTS}", todo="try again in a minute")

        def parts() -> Iterator[bytes]:
            try:
                yield from services.readings.store.export(form, begin, end, device or (), channel or (), good_only=good_only)
            finally:
                exporting.release()

        ending = {"lines": "txt"}.get(form, form)
        head = {"content-disposition": f'attachment; filename="readings.{ending}"'}
        return StreamingResponse(parts(), media_type=FORMATS[form], headers=head)

    return routes


async def _body(request: Request) -> bytes:
    """Return the body; stop reading where it grows too long, so that nobody fills the memory."""
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > LARGEST_BODY:
            raise BadInput("this message is too long", expected=f"at most {LARGEST_BODY} bytes", todo="send fewer readings in each message")
    return b"".join(parts)


def _cursor(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise BadInput("this cursor cannot be read", expected="the `next` of the page before", got=text[:40]) from error
