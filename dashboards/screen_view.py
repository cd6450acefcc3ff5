"""The big screens: which panels a county's screen has, and the frame that keeps them current."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboards.alarms import FirstSeen, alarms
from dashboards.field_view import field_view
from dashboards.i18n import babel_locale, name_of, translator
from dashboards.pages.shell import asset, templates
from dashboards.screen_field import alarm_panel, climate_panel, field_panel, weather_panel
from dashboards.screen_lotus import by_channel, calendar_panel, pond_panel, trap_nights, trap_panel
from dashboards.screen_parts import Asked, Kept, Panel
from dashboards.screen_trade import lots_panel, price_panel, proof_panel, truck_panel, watched
from foundation.clock import SHANGHAI, from_ms, to_ms
from foundation.errors import NotFound

if TYPE_CHECKING:
    from dashboards.services import Services

# The name in the address and the county it means; the code itself is understood too.
NAMES = {"shenxian": "371522", "baoying": "321023"}
# The county whose year is that of the lotus; any other has the screen of vegetables.
LOTUS_COUNTY = NAMES["baoying"]


@dataclass(frozen=True)
class Screen:
    """A whole screen as its page and its frames show it."""

    name: str
    title: str
    subtitle: str
    clock: str
    date: str
    panels: tuple[dict[str, Any], ...]
    alarms: int

    @property
    def version(self) -> str:
        """A mark that changes when the page needs another shape: other panels, other scripts or styles."""
        shape = [[p["key"] for p in self.panels], asset("screen.css"), asset("screen.js")]
        return hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:12]


class Screens:
    """The screens of one application with what they keep from one frame to the next."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._kept, self._seen = Kept(services.clock), FirstSeen()

    def screen(self, name: str, lang: str) -> Screen:
        """Return a screen as it is now."""
        services, t = self._services, translator(lang)
        county = services.registry.county(county_of(name))
        a = Asked(services, self._kept, county.code, lang, t, to_ms(services.clock.now()))
        now = from_ms(a.now_ms).astimezone(SHANGHAI)
        panels = self._panels(a)
        found = next(p.data for p in panels if p.key == "alarms")
        return Screen(
            name_of_code(county.code),
            name_of(county, lang),
            t("莲藕") if county.code == LOTUS_COUNTY else t("蔬菜"),
            now.strftime("%H:%M:%S"),
            _date(now.date(), lang),
            tuple(_drawn(p, a) for p in panels),
            len(found["rows"]) + found["more"],
        )

    def frame(self, name: str, lang: str) -> str:
        """Return one frame as JSON: the clock, and every panel's time and content."""
        s = self.screen(name, lang)
        told = {
            "time": s.clock,
            "date": s.date,
            "version": s.version,
            "panels": {p["key"]: {"note": p["note"], "as_of": p["as_of"], "stale": p["stale"], "html": str(p["html"])} for p in s.panels},
        }
        return json.dumps(told, ensure_ascii=False, separators=(",", ":"))

    def _panels(self, a: Asked) -> Sequence[Panel]:
        view = field_view(a.services, a.county, a.lang, a.t)
        latest = a.services.readings.latest(county=a.county)
        devices = a.once("devices", 30, lambda: a.services.registry.devices(county=a.county))
        found = a.kept.get((a.county, a.lang, "alarms"), 5, lambda: alarms(a.services, a.county, view, a.lang, a.t, self._seen))
        figures = watched(a, view)
        weather = weather_panel(a, latest, devices)
        if a.county == LOTUS_COUNTY:
            calendar = calendar_panel(a, latest, devices, by_channel(trap_nights(a, devices)))
            ponds, traps = pond_panel(a, latest, devices), trap_panel(a, latest, devices)
            return [calendar, weather, ponds, alarm_panel(a, found, figures, 5, 7), price_panel(a, 4), truck_panel(a, 3), traps]
        climate, place = climate_panel(a, latest, devices, view), field_panel(a, view)
        return [weather, climate, place, alarm_panel(a, found, figures), price_panel(a), lots_panel(a), truck_panel(a), proof_panel(a)]


def county_of(name: str) -> str:
    """Return the county a screen's name means."""
    if name in NAMES.values():
        return name
    if name not in NAMES:
        raise NotFound("there is no such screen", expected=", ".join(NAMES), got=name[:40])
    return NAMES[name]


def name_of_code(code: str) -> str:
    """Return a county's name in addresses of screens."""
    return next((name for name, known in NAMES.items() if known == code), code)


def _drawn(panel: Panel, a: Asked) -> dict[str, Any]:
    from markupsafe import Markup

    html = ""
    if panel.data is not None:
        template = templates().get_template(f"_screen_{panel.key}.html")
        html = template.render(p=panel, d=panel.data, _=a.t, lang=a.lang, zh=a.zh, now_ms=a.now_ms)
    return {
        "key": panel.key,
        "title": panel.title,
        "note": panel.note,
        "as_of": panel.as_of(a.now_ms, a.lang, a.t),
        "stale": panel.stale(a.now_ms),
        "html": Markup(html),  # noqa: S704 - our own template, escaped
    }


def _date(day: Any, lang: str) -> str:
    from babel import dates

    return str(dates.format_date(day, "y年M月d日 EEEE" if lang != "en" else "EEEE, d MMMM y", locale=babel_locale(lang)))
