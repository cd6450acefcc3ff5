"""What a county's front page tells at a glance, each number with its source and age."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboards.field_view import FieldView, field_view
from dashboards.i18n import Translate

if TYPE_CHECKING:
    from dashboards.services import Services

# Products a county leads with on its front page, where it quotes them.
LEADING = {
    "321023": ("lotus_root", "lotus_sprout", "lotus_root_processed"),
    "371522": ("tomato", "cucumber", "pepper", "eggplant", "melon"),
}
MOST_PRICES = 6
MOST_LOTS = 6


@dataclass(frozen=True)
class Filling:
    """How far one part of the first start has come."""

    key: str
    what: str
    done: int
    total: int

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total else 0.0


@dataclass(frozen=True)
class CountyView:
    """One county at a glance."""

    field: FieldView
    lots: list[Any]
    quotes: list[Any]
    checkpoint: Any


def county_view(services: Services, county: str, lang: str, t: Translate) -> CountyView:
    """Return the present view of a county."""
    rows = services.prices.board(county, None)
    wanted = LEADING.get(county, ())
    local = {m.id for m in services.prices.markets() if getattr(m, "county", None) == county}
    rows.sort(
        key=lambda r: (r.product not in wanted, r.market not in local, wanted.index(r.product) if r.product in wanted else 0, r.product)
    )
    first: dict[str, Any] = {}
    for row in rows:
        first.setdefault(row.product, row)
    lots = services.trace.lots(county=county, limit=MOST_LOTS)
    return CountyView(
        field=field_view(services, county, lang, t),
        lots=list(lots),
        quotes=list(first.values())[:MOST_PRICES],
        checkpoint=services.trace.latest_checkpoint(),
    )


def filling(services: Services, t: Translate) -> list[Filling]:
    """Return what of a demo's first start is still under way; nothing where it is over or there is no demo."""
    if not services.demo:
        return []
    folder = services.settings.data / "simulator"
    found = []
    for name, what, done in (
        ("history", t("60 天的田间读数"), "acknowledged"),
        ("prices", t("三年的价格"), "done"),
        ("season", t("这一季的批次"), "done"),
    ):
        told = _read(folder / f"{name}.json")
        if not told.get("complete"):
            found.append(Filling(name, what, int(told.get(done, 0)), int(told.get("total", 0))))
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(path.read_text())
        return told
    except (OSError, ValueError):
        return {}
