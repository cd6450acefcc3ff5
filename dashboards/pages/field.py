"""The field: map, live figures, silence, gaps; and one device's channels over time."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from dashboards.api.deps import READERS, require
from dashboards.device_chart import NARROW, WIDE, channel_chart
from dashboards.field_view import field_view, figure_of, flagged, state_words, unit_text
from dashboards.i18n import name_of, number_text
from dashboards.ledger_view import drops_lines
from dashboards.live import Hubs, field_frame, version_of
from dashboards.pages.shell import alerts, gettext_of, lang_of, render
from dashboards.quality_words import SHOWN, flag_words, flagged_line, lines_of_tests
from dashboards.waiting_view import waiting_count
from foundation.clock import SHANGHAI, from_ms, to_ms
from foundation.errors import NotFound
from ingest.channels import channel_of
from ingest.clock_keeping import PROPOSED
from ingest.reading import Window

if TYPE_CHECKING:
    from dashboards.services import Services

# The newest flagged readings of a device that its page may name.
MOST_FLAGGED = 200
# Gateways named at the head of the page because their clock is wrong.
MOST_CLOCKS = 3
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
# name -> (length, window, how many ticks)
SPANS = {"24h": (DAY_MS, 10 * 60_000, 8), "7d": (7 * DAY_MS, HOUR_MS, 7), "60d": (60 * DAY_MS, 6 * HOUR_MS, 6)}


def router(services: Services) -> APIRouter:
    """Return the routes of the field pages."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False, dependencies=[Depends(require(*READERS))])
    hubs = Hubs(partial(field_frame, services))

    @pages.get("/c/{county}/field")
    def field(request: Request, county: str) -> Response:
        place = services.registry.county(county)
        view = field_view(services, county, lang_of(request), gettext_of(request))
        counts = services.readings.counts()
        letters = services.readings.dead_letters(5)
        return render(
            request,
            "field.html",
            county=county,
            place=place,
            view=view,
            version=version_of(view, alerts(services, gettext_of(request))),
            counts=counts,
            letters=letters,
            waiting=waiting_count(services, county),
            clocks=sorted({p.gateway for p in services.readings.clocks(county) if p.state == PROPOSED})[:MOST_CLOCKS],
            drops=drops_lines(services.readings.drops()[:1], to_ms(services.clock.now()), lang_of(request), gettext_of(request)),
            words=state_words(gettext_of(request)),
            marks=flag_words(gettext_of(request)),
            flagged=flagged,
        )

    @pages.get("/c/{county}/events")
    async def events(request: Request, county: str) -> Response:
        await run_in_threadpool(services.registry.county, county)
        return hubs.stream(county, lang_of(request))

    @pages.get("/c/{county}/field/{device}")
    def device(request: Request, county: str, device: str, span: str = "24h") -> Response:
        return render(request, "device.html", **device_context(services, county, device, span, request))

    return pages


def device_context(services: Services, county: str, device_id: str, span: str, request: Request) -> dict[str, Any]:
    """Return what the device page shows: every channel's newest reading and its chart."""
    lang, t = lang_of(request), gettext_of(request)
    device = services.registry.device(device_id)
    if device.county != county:
        raise NotFound("there is no such device in this county", got=f"{county}: {device_id}"[:80])
    length, window, steps = SPANS.get(span, SPANS["24h"])
    now_ms = to_ms(services.clock.now())
    end = now_ms // window * window + window
    start = end - length
    keys = [(device.id, c.code) for c in device.channels]
    found = services.readings.aggregate_many(keys, start, end, window)
    latest = {r.channel: r for r in services.readings.latest(devices=[device.id])}
    tested = {c.channel: c for c in services.readings.quality.counts(device.id, start, end)}
    flagged_now = services.readings.quality.flagged(device.id, start, end, MOST_FLAGGED)
    channels = []
    for c in device.channels:
        known = channel_of(c.code, c.unit)
        windows = found[device.id, c.code]
        ticks = _ticks(start, end, steps, span)
        title = f"{name_of(known, lang)} {unit_text(c.unit)}"
        charts = [
            (kind, channel_chart(windows, start, end, window, size=size, title=title, value_text=lambda v: f"{v:g}", ticks=ticks[::every]))
            for kind, size, every in (("wide", WIDE, 1), ("narrow", NARROW, 2))
        ]
        channels.append(
            {
                "name": name_of(known, lang),
                "unit": unit_text(c.unit),
                "now": figure_of(latest[c.code], now_ms, lang, t) if c.code in latest else None,
                "charts": charts,
                "tests": lines_of_tests(tested[c.code], lang, t) if c.code in tested else [],
                "marked": [flagged_line(r, lang, t) for r in flagged_now if r.channel == c.code][:SHOWN],
                **_summary(windows, length // window, known.decimals, lang),
            }
        )
    base = services.registry.base(device.base)
    return {
        "county": county,
        "device": device,
        "base": base,
        "channels": channels,
        "span": span if span in SPANS else "24h",
        "spans": [("24h", t("24 小时")), ("7d", t("7 天")), ("60d", t("60 天"))],
        "flagged": flagged,
    }


def _summary(windows: list[Window], expected: int, decimals: int, lang: str) -> dict[str, Any]:
    """Return lowest, mean, highest, counts and the share of windows that hold a reading."""
    good = [w for w in windows if w.mean is not None]
    n = sum(w.n for w in good)

    def text(value: float) -> str:
        return number_text(round(value, decimals), lang, decimals)

    return {
        "low": text(min(w.min for w in good if w.min is not None)) if good else "–",
        "mean": text(sum((w.mean or 0.0) * w.n for w in good) / n) if n else "–",
        "high": text(max(w.max for w in good if w.max is not None)) if good else "–",
        "n": n,
        "flagged": sum(w.flagged for w in windows),
        "complete": min(100, round(100 * len(good) / expected)) if expected else 0,
    }


def _ticks(start: int, end: int, steps: int, span: str) -> list[tuple[int, str]]:
    local = from_ms(start).astimezone(SHANGHAI)
    if span == "24h":
        at = local.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        at += timedelta(hours=-at.hour % 3)
        step, pattern = timedelta(hours=3), "%H:%M"
    else:
        at = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        step, pattern = timedelta(days=max((end - start) // DAY_MS // steps, 1)), "%m-%d"
    found = []
    while to_ms(at) < end:
        found.append((to_ms(at), at.strftime(pattern)))
        at += step
    return found
