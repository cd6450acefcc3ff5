"""Health, readiness, metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dashboards.services import Services


def router(services: Services) -> APIRouter:
    """Return the routes a supervisor, a load balancer and Prometheus ask."""
    routes = APIRouter(tags=["system"])

    @routes.get("/healthz")
    def healthz() -> dict[str, str]:
        """Answer as long as this process does; nothing else is asked."""
        return {"status": "ok"}

    @routes.get("/readyz", responses={503: {"description": "A check does not hold; the answer names it"}})
    def readyz(response: Response) -> dict[str, Any]:
        """Answer 200 when every check holds, else 503 with each check's detail."""
        checks = services.readiness()
        ready = all(holds for holds, _ in checks.values())
        response.status_code = 200 if ready else 503
        return {"ready": ready, "checks": {name: {"ok": holds, "detail": detail} for name, (holds, detail) in checks.items()}}

    @routes.get("/metrics", response_class=Response)
    def metrics() -> Response:
        """Answer in Prometheus' text format."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        registry.register(_Figures(services))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return routes


class _Figures:
    """Figures collected when asked, so that no process keeps counters that another would contradict."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Any]:
        """Yield every metric family."""
        from prometheus_client.core import GaugeMetricFamily

        from dashboards.api.readings_figures import readings_figures
        from foundation.clock import to_ms

        now_ms = to_ms(self._services.clock.now())
        yield from readings_figures(self._services.readings, now_ms)
        checkpoint = self._services.trace.latest_checkpoint()
        if checkpoint is not None:
            yield GaugeMetricFamily("suhe_log_size", "Records in the log at the last checkpoint", value=checkpoint.size)
            yield GaugeMetricFamily("suhe_log_head_age_seconds", "Age of the last checkpoint", value=(now_ms - checkpoint.time_ms) / 1000)
        anchors = self._services.anchors.status()
        yield GaugeMetricFamily("suhe_anchor_lag_records", "Records of the log that no anchor covers", value=anchors.waiting_records)
        yield GaugeMetricFamily("suhe_anchor_alarm", "1 where the log is not the one that was anchored", value=int(anchors.alarm))
        ages = GaugeMetricFamily("suhe_price_source_age_seconds", "Age of a source's last success", labels=["source"])
        for source in self._services.prices.sources():
            if source.last_success_ms is not None:
                ages.add_metric([source.id], (now_ms - source.last_success_ms) / 1000)
        yield ages
