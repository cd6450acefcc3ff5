"""What every page shares: templates, language, the header with its alerts, the hashed assets."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from dashboards.api.deps import SESSION_COOKIE
from dashboards.i18n import CHINESE, COOKIE, age_text, day_text, language_of, name_of, number_text, time_text, translator
from foundation.clock import to_ms
from traceability.anchor import ALARMS

if TYPE_CHECKING:
    from dashboards.i18n import Translate
    from dashboards.services import Services
    from registry.people import Person

HERE = Path(__file__).resolve().parents[1]
STATIC = HERE / "static"
_YEAR_S = 365 * 24 * 3600


@cache
def templates() -> Environment:
    """Return the template environment: escaped, strict about names, trimmed."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["authored"] = authored
    return made


_HAN_RUN = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff01-\uff5e]+")


def authored(text: str, lang: str) -> Markup:
    """Return words that hold an author's own, with what is Chinese on an English page marked as Chinese: a record is shown as signed."""
    if lang == CHINESE:
        return escape(text)
    return Markup(_HAN_RUN.sub(r'<span lang="zh-Hans">\g<0></span>', str(escape(text))))  # noqa: S704 - escaped before it is marked


def lang_of(request: Request) -> str:
    """Return the language of this request."""
    return language_of(request)


def gettext_of(request: Request) -> Translate:
    """Return the translator of this request."""
    return translator(language_of(request))


def asset(name: str) -> str:
    """Return the address of a built asset by its source's name."""
    return f"/static/{manifest()[name]}"


def asset_or_none(name: str) -> str:
    """Return the address of a built asset, "" where it was not built."""
    return asset(name) if name in manifest() else ""


def inlined(name: str) -> Markup:
    """Return a built asset's own text, for a page that carries it inside: one answer instead of two."""
    return _text(STATIC / manifest()[name])


@cache
def _text(path: Path) -> Markup:
    # A built asset's name changes with its content. What would end the element it stands in is in none of ours.
    return Markup(path.read_text().strip())  # noqa: S704 - our own sheet


def manifest() -> dict[str, str]:
    """Return source name -> built file name, read again whenever the assets were built again."""
    path = STATIC / "manifest.json"
    try:
        return _manifest(path, path.stat().st_mtime_ns)
    except FileNotFoundError as error:
        raise RuntimeError("the pages' assets are not built: run `make web`") from error


@cache
def _manifest(path: Path, _changed: int) -> dict[str, str]:
    read: dict[str, str] = json.loads(path.read_text())
    return read


def render(request: Request, template: str, status_code: int = 200, **context: Any) -> HTMLResponse:
    """Return a page in the request's language, with everything `base.html` needs."""
    lang = language_of(request)
    t = translator(lang)
    services: Services = request.app.state.services
    now_ms = to_ms(services.clock.now())
    values: dict[str, Any] = {
        "_": t,
        "lang": lang,
        "asset": asset,
        "request": request,
        "path": request.url.path,
        "demo": services.demo,
        "public_only": request.app.state.public_only,
        "person": _person(request, services),
        "alerts": alerts(services, t),
        "now_ms": now_ms,
        "number": lambda value, decimals=None: number_text(value, lang, decimals),
        "day": lambda value: day_text(value, lang),
        "time": lambda ms: time_text(ms, lang),
        "age": lambda ms: age_text(now_ms - ms, t),
        "name": lambda thing: name_of(thing, lang),
        "zh": lang == CHINESE,
        "counties": services.registry.counties(),
        **context,
    }
    response = HTMLResponse(templates().get_template(template).render(values), status_code=status_code)
    response.headers["vary"] = "Accept-Language, Cookie"
    response.headers["content-language"] = lang
    response.headers.setdefault("cache-control", "no-cache")
    if request.query_params.get("lang") == lang:
        response.set_cookie(COOKIE, lang, max_age=_YEAR_S, samesite="lax", httponly=True)
    return response


def _person(request: Request, services: Services) -> Person | None:
    """Return who is signed in with this browser; the public half knows nobody."""
    session = request.cookies.get(SESSION_COOKIE)
    return services.registry.who(session) if session and not request.app.state.public_only else None


def alerts(services: Services, t: Translate) -> list[str]:
    """Return what is wrong with the installation right now, in words a visitor understands; every page shows it."""
    # The one thing an anchor is for: it must not wait until somebody opens the page of anchors.
    alarm = [t("警报：这里的日志与链上锚定的不一致，见“链上的锚”。")] if services.anchors.condition() in ALARMS else []
    checks = services.readiness()
    holds, detail = checks.get("children", (True, ""))
    if holds:
        return alarm
    down = {name.strip().split("-")[0] for name in detail.partition(":")[2].split(",")}
    said = {
        "broker": t("消息服务已停：田间网关把读数留在自己的存储里，恢复后补上。"),
        "ingest": t("接收服务已停：田间网关把读数留在自己的存储里，恢复后补上。"),
        "scheduler": t("定时任务已停：价格不再更新，页面标出每个数字的时间。"),
        "field": t("模拟田间已停。"),
        "markets": t("模拟市场已停。"),
        "season": t("模拟生产季已停。"),
        "trucks": t("模拟冷藏车已停。"),
        "scans": t("模拟扫码已停。"),
    }
    return alarm + [said[name] for name in said if name in down]
