"""HTTP: readings in line protocol, for Telegraf and every InfluxDB v2 client, with the same promise: answered means on disk."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from dashboards.problems import influx_answer
from foundation.errors import BadInput, NotSignedIn

if TYPE_CHECKING:
    from dashboards.services import Services


def router(services: Services) -> APIRouter:
    """Return the routes an InfluxDB client uses to write and to see whether we are there."""
    from importlib.metadata import version

    routes = APIRouter(tags=["line protocol"])
    ours = {"x-influxdb-version": f"suhe-{version('suhe')}", "x-influxdb-build": "suhe"}

    @routes.post(
        "/api/v2/write",
        summary="Write readings in line protocol",
        status_code=204,
        response_class=Response,
        responses={
            400: {"description": "Lines were refused, each with its reason; the others are on disk"},
            401: {"description": "No gateway's credentials"},
            413: {"description": "The body is too long"},
        },
    )
    async def write(
        request: Request,
        precision: Annotated[str, Query(description="Unit of the times: ns, us, ms or s")] = "ns",
        org: Annotated[str, Query(description="Taken and not used")] = "",  # noqa: ARG001
        bucket: Annotated[str, Query(description="Taken and not used: a device belongs to one county")] = "",  # noqa: ARG001
    ) -> Response:
        """Take lines as `measurement,device=ID field=value time`; 204 comes after they are on disk.

        Sign in with `Authorization: Token GATEWAY:PASSWORD`; Bearer with the same, and HTTP Basic, are taken too.
        """
        from starlette.concurrency import run_in_threadpool

        gateway, password = influx_credentials(request)
        if not await run_in_threadpool(services.registry.check_gateway, gateway, password):
            raise NotSignedIn("unauthorized access")
        body, packed = await request.body(), request.headers.get("content-encoding", "identity").lower()
        if packed not in ("identity", "gzip", ""):
            raise BadInput("unsupported content encoding", expected="gzip or identity", got=packed[:20])

        def take() -> Any:
            from ingest.lines_in import unzip

            return services.readings.accept_lines(gateway, unzip(body) if packed == "gzip" else body, precision)

        written = await run_in_threadpool(take)
        return influx_answer(400, written.message()) if written.dropped else Response(status_code=204, headers=ours)

    @routes.get("/ping", status_code=204, response_class=Response, include_in_schema=False)
    def ping() -> Response:
        """Answer that we are here, as InfluxDB does."""
        return Response(status_code=204, headers=ours)

    @routes.get("/health", include_in_schema=False)
    def health() -> dict[str, Any]:
        """Answer that writes are taken, as InfluxDB does; `/readyz` tells more."""
        told = {"name": "suhe", "message": "ready for writes; there are no Flux queries", "status": "pass", "checks": []}
        return {**told, "version": ours["x-influxdb-version"], "commit": ""}

    return routes


def influx_credentials(request: Request) -> tuple[str, str]:
    """Return a gateway's id and password from any of the forms InfluxDB's clients send; raise NotSignedIn without them."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            text = base64.b64decode(text, validate=True).decode()
        except ValueError:
            text = ""
    elif scheme.lower() not in ("token", "bearer"):
        text = ""
    gateway, colon, password = text.strip().partition(":")
    if not colon:
        raise NotSignedIn("unauthorized access", expected="Authorization: Token GATEWAY:PASSWORD")
    return gateway, password
