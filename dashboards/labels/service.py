"""From a lot to its labels: may they be printed, what do they say, and the sheet. Read this file first."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dashboards.i18n import CHINESE, ENGLISH, translator
from dashboards.labels.pdf import draw_sheets
from dashboards.labels.sheets import Label, Sheet
from dashboards.labels.typefaces import Typefaces
from dashboards.labels.typeset import SetLabel, typeset
from dashboards.lot_view import Gathered, gather
from dashboards.telling import Teller
from dashboards.trace_view import harvest_days
from foundation.errors import Conflict, NotFound
from foundation.ids import in_fours

if TYPE_CHECKING:
    from dashboards.services import Services

ALTERED = "altered"


@dataclass(frozen=True, slots=True)
class Run:
    """A lot's label as often as it is wanted."""

    label: Label
    copies: int


class HeldBack(Conflict):
    """Labels of this lot are not printed. `holds` says why, as (reason, lot): what traceability holds back, or ALTERED records."""

    def __init__(self, lot: str, holds: Sequence[tuple[str, str]]) -> None:
        self.holds = tuple(holds)
        super().__init__(
            f"labels of {lot.rsplit(':', 1)[1]} are held back: " + "; ".join(f"{_SAID[reason]} ({lot})" for reason, lot in holds),
            expected="a harvested lot whose last inspection, if there is one, passed, and whose records hold",
            got=", ".join(reason for reason, _ in holds),
            todo="look at the lot; after a failed inspection only a new one that passes releases it",
        )


def label_of(services: Services, lot: str, public_url: str) -> Label:
    """Return what a lot's label says.

    Raises:
        HeldBack: it is not harvested, an inspection did not pass, or its records do not hold.
        NotFound: there is no such lot, or nothing of it can be labelled.

    """
    found = gather(services, lot)
    own = found.history.summary
    if not own.code:
        raise NotFound("only produce has labels", got=own.id)
    holds = [(h.reason, h.lot) for h in services.trace.holds_on_labels(own.id)]
    if not found.ok:
        holds.append((ALTERED, own.id))
    if holds:
        raise HeldBack(own.id, holds)
    code = in_fours(own.code)
    place, producer = _origin(services, found)
    packer = _teller(services).party(own.party) if own.party not in producer.parties else ""
    return Label(
        product_zh=_teller(services).product(own.product, own.variety),
        product_en=Teller(services.registry, ENGLISH, translator(ENGLISH)).product(own.product, own.variety),
        harvested=_days(found),
        place=place,
        producer=producer.name,
        packer=packer,
        lot=own.number,
        code=code,
        address=f"{public_url.rstrip('/')}/t/{code}",
    )


def set_label(label: Label, sheet: Sheet) -> SetLabel:
    """Return a label set in this machine's type for a sheet."""
    face = typefaces().best
    shown = Label(*(face.legible(getattr(label, name)) if name != "address" else label.address for name in Label.__slots__))
    return typeset(shown, sheet, face.measure)


def print_sheets(services: Services, runs: Sequence[Run], sheet: Sheet, start: int) -> bytes:
    """Return the PDF of the runs on sheets, the first label on place `start` of the first page."""
    title = "追溯标签 " + "、".join(run.label.lot for run in runs[:5])
    drawn = [(set_label(run.label, sheet), run.copies) for run in runs]
    return draw_sheets(drawn, sheet, start, typefaces().best, title=title, now=services.clock.now())


def reach_of(public_url: str) -> str:
    """Return how far an address is understood: "machine" on this machine alone, "network" in a local network, else "world"."""
    host = (urlsplit(public_url).hostname or "").rstrip(".").lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if host == "localhost" or host.endswith(".localhost"):
            return "machine"
        return "network" if "." not in host or host.endswith((".local", ".lan", ".internal", ".home.arpa")) else "world"
    if address.is_loopback or address.is_unspecified:
        return "machine"
    return "world" if address.is_global else "network"


@cache
def typefaces() -> Typefaces:
    """Return the finder of this machine's type, which looks once."""
    return Typefaces()


@dataclass(frozen=True, slots=True)
class _Producer:
    name: str
    parties: tuple[str, ...]


def _teller(services: Services) -> Teller:
    return Teller(services.registry, CHINESE, translator(CHINESE))


def _origin(services: Services, found: Gathered) -> tuple[str, _Producer]:
    """Return where a lot grew, county and base, and who grew it; several bases are counted, not chosen from."""
    own, teller = found.history.summary, _teller(services)
    grown = [h.summary for h in found.lineage if h.summary.plot and not h.parents]
    bases = {services.registry.plot(s.plot).base for s in grown}
    county = services.registry.county(own.county).name_zh
    place = county
    if len(bases) == 1:
        base = services.registry.base(bases.pop())
        of_base = services.registry.county(base.county).name_zh
        place = base.name_zh if base.name_zh.startswith(of_base) else of_base + base.name_zh
    elif bases:
        place = f"{county} {len(bases)} 个基地"
    parties = tuple(dict.fromkeys(s.party for s in grown)) or (own.party,)
    name = teller.party(parties[0]) if len(parties) == 1 else f"{teller.party(parties[0])}等 {len(parties)} 家"
    return place, _Producer(name, parties)


def _days(found: Gathered) -> str:
    days = harvest_days(found)
    if not days:
        return str(found.history.summary.harvested_day or "")
    return str(days[0]) if len(days) == 1 else f"{days[0]} 至 {days[-1]}"


_SAID = {
    "recalled": "it is under recall",
    "growing": "nothing is harvested yet",
    "fail": "an inspection failed",
    "screening_positive": "a rapid test was positive and is not confirmed",
    "interval": "it was picked before an input's interval was over",
    ALTERED: "its records were altered",
}
