"""Source health: what each market source last said, what was set aside and why, and on what terms it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from dashboards.api.deps import READERS, require
from dashboards.held_view import bytes_text, held_lines, host_text, robots_text
from dashboards.i18n import CHINESE, Translate, age_text, day_text, name_of
from dashboards.joining import listed
from dashboards.pages.shell import gettext_of, lang_of, render
from dashboards.reasons import reason_text, state_text, terms_text
from foundation.clock import SHANGHAI, from_ms, to_ms

if TYPE_CHECKING:
    from dashboards.services import Services
    from pricing.health import SourceHealth

MARKS = {"ok": "●", "stale": "◐", "quarantined": "▲", "failing": "✕", "never": "○", "off": "○"}
# Trouble first, so that the reader need not look for it.
HELD_SHOWN = 30
ORDER = ("failing", "quarantined", "stale", "never", "ok", "off")


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One source as the page shows it."""

    id: str
    name: str
    state: str
    mark: str
    state_text: str
    why: str
    last_success: str
    lag: str
    last_attempt: str
    rows: str
    quarantined: str
    next_run: str
    licence: str
    markets: str
    permission: str
    newest_day: str
    host: str
    bytes_today: str
    robots: tuple[str, str]
    covers: str


def router(services: Services) -> APIRouter:
    """Return the route of the source page."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

    @pages.get("/sources", dependencies=[Depends(require(*READERS))])
    def sources(request: Request) -> Response:
        return render(request, "sources.html", **sources_context(services, lang_of(request), gettext_of(request)))

    return pages


def sources_context(services: Services, lang: str, t: Translate) -> dict[str, Any]:
    """Return everything the page's template shows."""
    now_ms = to_ms(services.clock.now())
    markets = {m.id: name_of(m, lang) for m in services.prices.markets(everywhere=True)}
    found = services.prices.sources()
    lines = source_lines(found, markets, now_ms, lang, t)
    off = sum(_is_off(s) for s in found)
    bad = [s for s in lines if s.state not in ("ok", "never", "off")]
    summary = (
        t("%(n)s 个来源，%(bad)s 个有问题：%(names)s。", n=len(lines) - off, bad=len(bad), names=listed((s.name for s in bad), lang))
        if bad
        else t("%(n)s 个来源，都正常。", n=len(lines) - off)
    )
    if off:
        summary += (" " if lang != CHINESE else "") + t("另有 %(n)s 个没有启用。", n=off)
    held = held_lines(services.prices.held_batches(limit=HELD_SHOWN), lang, t)
    return {
        "held": held,
        "sources": lines,
        "summary": summary if lines else "",
        "seen": f"{from_ms(now_ms).astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}",
    }


def source_lines(sources: Sequence[SourceHealth], markets: Mapping[str, str], now_ms: int, lang: str, t: Translate) -> list[SourceLine]:
    """Return the sources as lines, those in trouble first."""
    lines = [
        SourceLine(
            id=s.id,
            name=name_of(s, lang),
            state="off" if _is_off(s) else s.state,
            mark=MARKS.get(s.state, "?"),
            state_text=t("没有启用") if _is_off(s) else state_text(s.state, t),
            why=reason_text(s.why, lang),
            last_success=moment(s.last_success_ms),
            lag=age_text(now_ms - s.last_success_ms, t) if s.last_success_ms else "",
            last_attempt=moment(s.last_attempt_ms),
            rows=str(s.rows_last),
            quarantined=str(s.quarantined),
            next_run=until(s.next_run_ms, now_ms, t),
            licence=terms_text(s.licence, lang),
            markets=listed((markets.get(m, m) for m in s.markets), lang),
            permission=terms_text(s.permission, lang),
            newest_day=day_text(s.newest_day, lang) if s.newest_day else "–",
            host=host_text(s.breaker, s.rests_until_ms, lang, t),
            bytes_today=bytes_text(s.bytes_today, s.daily_bytes, t),
            robots=robots_text(s.robots, t),
            covers=s.covers_zh if lang == CHINESE else s.covers_en,
        )
        for s in sources
    ]
    return sorted(lines, key=lambda line: (ORDER.index(line.state) if line.state in ORDER else 0, line.id))


def _is_off(s: SourceHealth) -> bool:
    """Tell whether a source is off by default and nobody has read it."""
    return not s.enabled and s.state == "never"


def moment(ms: int | None) -> str:
    """Return a moment as wall-clock time in Shanghai."""
    return f"{from_ms(ms).astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}" if ms else "–"


def until(ms: int | None, now_ms: int, t: Translate) -> str:
    """Return when something will happen."""
    if not ms:
        return "–"
    seconds = (ms - now_ms) // 1000
    if seconds <= 0:
        return t("正要开始")
    return t("%(n)s 秒后", n=seconds) if seconds < 90 else t("%(n)s 分钟后", n=seconds // 60) if seconds < 5400 else moment(ms)
