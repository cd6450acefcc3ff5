"""What waits in quarantine, as a page shows it: which name, what it sends, and what a claim would make of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.field_view import unit_text
from dashboards.i18n import Translate, age_text, name_of, number_text, time_text
from foundation.clock import to_ms
from ingest.channels import CHANNELS
from ingest.quarantine import BIRTH, CLOCK, DEVICE, GATEWAY, STATION

if TYPE_CHECKING:
    from dashboards.services import Services
    from ingest.claim_service import Waiting

SHOWN = 40
VALUES_SHOWN = 8
_NO_ID = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class WaitingCard:
    """One name that waits. `values` are (the sender's channel, its newest value and unit, what it would be here)."""

    id: int
    kind: str
    kind_text: str
    name: str
    gateway: str
    feed: str
    format: str
    heard: str
    since: str
    messages: str
    dropped: str
    values: tuple[tuple[str, str, str], ...]
    more: int
    suggested: str


def waiting_cards(services: Services, county: str, lang: str, t: Translate) -> tuple[list[WaitingCard], int]:
    """Return the names that wait in a county (and those of nobody), and how many more there are."""
    found = _claimable(services, county)
    now_ms = to_ms(services.clock.now())
    return [_card(services, w, now_ms, lang, t) for w in found[:SHOWN]], max(len(found) - SHOWN, 0)


def waiting_count(services: Services, county: str) -> int:
    """Return how many names wait in a county."""
    return len(_claimable(services, county))


def _claimable(services: Services, county: str) -> list[Waiting]:
    """Return what somebody can do something about; what waits for a birth is taken by itself."""
    return [w for w in services.claims.waiting(county) if w.entry.kind != BIRTH]


def _card(services: Services, waiting: Waiting, now_ms: int, lang: str, t: Translate) -> WaitingCard:
    e = waiting.entry
    kinds = {
        GATEWAY: t("没有登记的网关"),
        DEVICE: t("没有登记的设备"),
        STATION: t("没有登记的站"),
        CLOCK: t("时钟不可信"),
        BIRTH: t("等它的出生消息"),
    }
    meant = services.claims.meant(waiting)
    values = [
        (name, f"{number_text(round(value, 4), lang)} {unit_text(unit or '')}".strip(), _called(meant.get(name, ("", ""))[0], lang))
        for name, (value, unit) in e.channels.items()
    ]
    return WaitingCard(
        e.id,
        e.kind,
        kinds.get(e.kind, e.kind),
        e.name,
        e.gateway,
        e.feed,
        waiting.format,
        age_text(now_ms - e.last_ms, t),
        time_text(e.first_ms, lang),
        number_text(e.kept, lang),
        number_text(e.dropped, lang) if e.dropped else "",
        tuple(values[:VALUES_SHOWN]),
        max(len(values) - VALUES_SHOWN, 0),
        e.name if not e.feed else _suggested(e.gateway, e.name),
    )


def _called(code: str, lang: str) -> str:
    """Return a channel's name where it is one everybody knows, else its code."""
    return name_of(CHANNELS[code], lang) if code in CHANNELS else code


def _suggested(gateway: str, name: str) -> str:
    """Return an id a claim may take: the gateway's, and what of the sender's name an id may hold."""
    tail = _NO_ID.sub("-", name).strip("-.").lower()
    return f"{gateway}-{tail}"[:64].rstrip("-.") if tail else gateway
