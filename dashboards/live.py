"""Live figures: one frame a second for each page and language, rendered once however many look at it.

A hub runs only while somebody listens. Each frame carries a running number as its id; a browser that comes back gets the newest frame at
once, whatever its Last-Event-ID says: figures are a state, not a history.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from dashboards.field_view import FieldView, field_view
from dashboards.home_view import Filling, filling
from dashboards.i18n import Translate, number_text, translator
from dashboards.pages.shell import alerts
from foundation.clock import SHANGHAI
from foundation.log import get_logger

if TYPE_CHECKING:
    from dashboards.services import Services

FRAME_S = 1.0
HEARTBEAT_S = 15.0
# Neither a cache nor a proxy may hold a frame back.
STREAM_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


class Hubs:
    """The hubs of one application."""

    def __init__(self, render: Callable[..., str]) -> None:
        """`render` makes the text of a frame from the hub's key; it may take its time, it runs in a thread."""
        self._render = render
        self._hubs: dict[tuple[str, ...], _Hub] = {}

    async def frames(self, *key: str) -> AsyncIterator[str]:
        """Yield event-stream text for one listener until it goes away."""
        hub = self._hubs.setdefault(key, _Hub(partial(self._render, *key)))
        async for text in hub.listen():
            yield text

    def stream(self, *key: str) -> StreamingResponse:
        """Return the endless answer to one listener."""
        return StreamingResponse(self.frames(*key), media_type="text/event-stream", headers=STREAM_HEADERS)


class _Hub:
    def __init__(self, render: Callable[[], str]) -> None:
        self._render = render
        self._changed = asyncio.Condition()
        self._frame = ""
        self._number = 0
        self._listeners = 0
        self._task: asyncio.Task[None] | None = None

    async def listen(self) -> AsyncIterator[str]:
        self._listeners += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        seen = 0
        try:
            yield "retry: 3000\n\n"
            while True:
                async with self._changed:
                    try:
                        await asyncio.wait_for(self._changed.wait_for(partial(self._newer_than, seen)), HEARTBEAT_S)
                    except TimeoutError:
                        pass
                    fresh, seen = self._number != seen, self._number
                    text = self._frame
                yield f"id: {seen}\nevent: frame\ndata: {text}\n\n" if fresh else ": still here\n\n"
        finally:
            self._listeners -= 1

    def _newer_than(self, number: int) -> bool:
        return self._number != number

    async def _run(self) -> None:
        last = ""
        while self._listeners:
            try:
                text = await run_in_threadpool(self._render)
            except Exception:  # noqa: BLE001 - the listeners keep the last frame and the heartbeat
                get_logger(__name__).exception("no frame")
                text = last
            if text != last:
                async with self._changed:
                    self._frame, self._number, last = text, self._number + 1, text
                    self._changed.notify_all()
            await asyncio.sleep(FRAME_S)


def field_frame(services: Services, county: str, lang: str) -> str:
    """Return one frame of a county's field as JSON."""
    t = translator(lang)
    view = field_view(services, county, lang, t)
    now: datetime = services.clock.now().astimezone(SHANGHAI)
    values = {f.key: [f.text, f.age] for site in view.sites for f in site.figures}
    frame: dict[str, Any] = {
        "time": now.strftime("%H:%M:%S"),
        "values": values,
        "texts": {
            **{f"gateway.{g.id}": g.heard for g in view.gateways},
            **{f"messages.{g.id}": number_text(g.messages, lang) for g in view.gateways},
            **{f"readings.{g.id}": number_text(g.readings, lang) for g in view.gateways},
            **{f"silent.{s.device}": s.age for s in view.silent},
        },
        "version": version_of(view, alerts(services, t)),
    }
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def version_of(view: FieldView, said: list[str]) -> str:
    """Return a mark that changes when the page needs another shape: another device silent, another gap, another trouble `said`."""
    shape = [
        [(f.key, f.flag) for s in view.sites for f in s.figures],
        [(m.figure.key, m.figure.flag) for m in view.marked],
        [(d.id, d.state) for s in view.sites for d in s.devices],
        [(g.id, g.state, g.gaps, g.foreign.gaps, g.foreign.missing, g.ledger.seen, g.ledger.filled, g.ledger.lost) for g in view.gateways],
        said,
    ]
    return _mark(shape)


def home_frame(services: Services, lang: str) -> str:
    """Return one frame of the front pages as JSON: how far the first start has come, how much is stored, what is wrong."""
    t = translator(lang)
    parts = filling(services, t)
    counts, checkpoint = services.readings.counts(), services.trace.latest_checkpoint()
    frame: dict[str, Any] = {
        "time": services.clock.now().astimezone(SHANGHAI).strftime("%H:%M:%S"),
        "texts": {
            "count.readings": number_text(counts.readings, lang),
            "count.records": number_text(checkpoint.size if checkpoint else 0, lang),
            **{f"filling.{p.key}": told(p, lang, t) for p in parts},
        },
        "progress": {p.key: round(p.share, 4) for p in parts},
        "version": home_version(services, t),
    }
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def home_version(services: Services, t: Translate) -> str:
    """Return the mark of a front page's shape."""
    return _mark([[p.key for p in filling(services, t)], alerts(services, t)])


def told(part: Filling, lang: str, t: Translate) -> str:
    """Return how far a part of the first start has come."""
    return f"{number_text(part.done, lang)} / {number_text(part.total, lang)}" if part.total else t("正在开始")


def _mark(shape: Any) -> str:
    return hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:12]
