"""The cold chain of a county: trucks under way, what needs somebody, the legs of the last days; and one leg in full."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from dashboards.api.deps import READERS, require
from dashboards.cold_view import AlarmLine, ColdTeller, LegLine, pace_note
from dashboards.i18n import Translate, age_text, number_text, translator
from dashboards.live import Hubs
from dashboards.pages.shell import alerts, gettext_of, lang_of, render
from foundation.clock import SHANGHAI, to_ms
from foundation.errors import NotFound

if TYPE_CHECKING:
    from dashboards.services import Services
    from logistics.cold_chain.nouns import ColdLeg

MOST_FINISHED = 25
_SHOWN = ("cargo_temperature", "setpoint", "cargo_humidity", "speed", "door_open")


@dataclass(frozen=True, slots=True)
class Road:
    """What the page of a county shows and the stream keeps fresh."""

    legs: tuple[ColdLeg, ...]
    alarms: tuple[AlarmLine, ...]
    values: dict[str, tuple[str, str]]
    texts: dict[str, str]
    version: str


def router(services: Services) -> APIRouter:
    """Return the routes of the cold chain."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False, dependencies=[Depends(require(*READERS))])
    hubs = Hubs(partial(cold_frame, services))
    cold = services.logistics.cold_chain

    @pages.get("/c/{county}/cold-chain")
    def overview(request: Request, county: str) -> Response:
        lang, t = lang_of(request), gettext_of(request)
        place = services.registry.county(county)
        road = road_of(services, county, lang, t)
        teller = ColdTeller(services, lang, t)
        under_way = [_under_way(services, teller, leg) for leg in road.legs]
        finished = [teller.line(leg, ()) for leg in cold.legs(county, state="finished", limit=MOST_FINISHED)]
        return render(
            request, "cold_chain.html", county=county, place=place, road=road, under_way=under_way, finished=finished,
            pace=partial(pace_note, lang=lang, t=t),
        )  # fmt: skip

    @pages.get("/c/{county}/cold-chain/events")
    async def events(request: Request, county: str) -> Response:
        await run_in_threadpool(services.registry.county, county)
        return hubs.stream(county, lang_of(request))

    @pages.get("/c/{county}/cold-chain/{leg}")
    def one(request: Request, county: str, leg: str) -> Response:
        lang, t = lang_of(request), gettext_of(request)
        found = cold.leg(leg)
        if found.leg.county != county:
            raise NotFound("there is no such leg in this county", got=f"{county}: {leg}"[:80])
        teller = ColdTeller(services, lang, t)
        line = teller.line(found.leg, found.points, _signed_body(services, found.leg), charts=True)
        return render(
            request, "cold_leg.html", county=county, leg=found.leg, line=line, excursions=teller.excursions(found.leg),
            lots=[(lot.split(":", 3)[3], lot.rsplit(":", 1)[1]) for lot in found.leg.lots], pace=pace_note(found.leg.pace, lang, t),
        )  # fmt: skip

    return pages


def road_of(services: Services, county: str, lang: str, t: Translate) -> Road:
    """Return the trucks under way with their newest figures, and what needs somebody."""
    cold, teller = services.logistics.cold_chain, ColdTeller(services, lang, t)
    legs = tuple(leg for leg in cold.legs(county, state="under_way", limit=60) if leg.recorder)
    now_ms = to_ms(services.clock.now())
    recorders = sorted({leg.recorder for leg in legs})
    departed = {leg.recorder: leg.departs_ms for leg in legs}
    values, texts = dict[str, tuple[str, str]](), dict[str, str]()
    for r in services.readings.latest(devices=recorders) if recorders else ():
        if r.channel in _SHOWN and r.t_ms >= departed[r.device]:
            decimals = 1 if r.channel in ("cargo_temperature", "setpoint") else 0
            values[f"{r.device}.{r.channel}"] = number_text(round(r.value, decimals) + 0.0, lang, decimals), age_text(now_ms - r.t_ms, t)
    alarms = tuple(teller.alarm(a) for a in cold.alarms(county))
    for a in alarms:
        texts[f"alarm.{a.leg}.{a.side}"] = a.age
    shape = [
        [(leg.id, leg.judged.state if leg.judged else "") for leg in legs],
        [(a.leg, a.side) for a in alarms],
        alerts(services, t),
        now_ms // 60_000,
    ]
    return Road(legs, alarms, values, texts, hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:12])


def cold_frame(services: Services, county: str, lang: str) -> str:
    """Return one frame of the page as JSON."""
    road = road_of(services, county, lang, translator(lang))
    now = services.clock.now().astimezone(SHANGHAI)
    frame: dict[str, Any] = {"time": f"{now:%H:%M:%S}", "values": road.values, "texts": road.texts, "version": road.version}
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def _under_way(services: Services, teller: ColdTeller, leg: ColdLeg) -> LegLine:
    now = services.logistics.cold_chain.leg(leg.id)
    return teller.line(now.leg, now.points)


def _signed_body(services: Services, leg: ColdLeg) -> Any:
    if not leg.summary:
        return None
    events = services.trace.lot(leg.lots[0]).events
    return next((e.body for e in events if e.event_id == leg.summary and e.readable), None)
