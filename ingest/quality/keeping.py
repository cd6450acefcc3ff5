"""What quality control keeps in the catalogue: where devices stand; and how a flagger is opened on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from foundation.errors import BadInput
from foundation.log import get_logger
from ingest.catalog import Catalog
from ingest.quality.normals import kept_normals
from ingest.quality.plan import Places, Plan, Watched
from ingest.quality.rules import RuleBook, packaged, read_rules
from ingest.quality.stream import Flagger
from ingest.reading import FAIL
from registry.devices import DevicePlace

# Where devices stand is asked for when series were added, but not oftener than this; and this often anyway.
ASK_AT_MOST_S, ASK_AT_LEAST_S = 30.0, 600.0


class KeptFlagger(Flagger):
    """A flagger that asks now and then where devices stand and what the normals are."""

    def __init__(self, plan: Plan, catalog: Catalog, places: Places | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(plan)
        self._catalog, self._places, self._monotonic = catalog, places, monotonic
        self._asked = float("-inf")
        self._new = True

    def watch(self, sid: int, county: str, device: str, channel: str) -> None:
        """Take a series in; any thread may."""
        super().watch(sid, county, device, channel)
        self._new = True

    def _gather(self) -> None:
        # Thousands of series may come one by one when a network starts: neighbours are looked for now and then.
        pass

    def _take_series(self) -> None:
        super()._take_series()
        waited = self._monotonic() - self._asked
        if waited < ASK_AT_MOST_S or not (self._new or waited > ASK_AT_LEAST_S):
            return
        self._asked, self._new = self._monotonic(), False
        places = self._places.device_places() if self._places is not None else None
        if places is not None:
            keep_places(self._catalog, places)
            self.plan.place(places)
        self.plan.gather()
        self.plan.set_normals(kept_normals(self._catalog))


def open_flagger(folder: Path, catalog: Catalog, directory: object) -> KeptFlagger:
    """Return the flagger of a writer: it knows the newest stored reading of each series."""
    flagger = KeptFlagger(Plan(rules_of(folder)), catalog, directory if isinstance(directory, Places) else None)
    flagger.seed(catalog.rows(f"SELECT sid, t, x FROM latest WHERE flag < {FAIL}"))  # type: ignore[arg-type]
    return flagger


def open_plan(folder: Path, catalog: Catalog) -> Plan:
    """Return what is asked of every stored series, as far as the catalogue knows where devices stand."""
    plan = Plan(rules_of(folder))
    plan.add(Watched(s.sid, s.county, s.device, s.channel) for s in catalog.series())
    plan.place(kept_places(catalog))
    plan.set_normals(kept_normals(catalog))
    return plan


def rules_of(folder: Path) -> RuleBook:
    """Return the rules that hold for a readings folder. A file that cannot be used stops no reading: it is told, and left aside."""
    try:
        return read_rules(folder.parent)
    except BadInput as error:
        get_logger(__name__).error("the county's quality.toml is not used; the packaged rules hold", why=str(error))
        return packaged()


def keep_places(catalog: Catalog, places: Mapping[str, DevicePlace]) -> None:
    """Keep where devices stand, for the processes that have no registry."""
    if places == kept_places(catalog):
        return
    with catalog.transaction() as db:
        db.execute("DELETE FROM device_place")
        db.executemany("INSERT INTO device_place VALUES (?,?,?,?)", [(d, p.kind, p.lat, p.lon) for d, p in places.items()])


def kept_places(catalog: Catalog) -> dict[str, DevicePlace]:
    """Return where devices stand."""
    rows = catalog.rows("SELECT device, kind, lat, lon FROM device_place")
    return {str(device): DevicePlace(*told) for device, *told in rows}  # type: ignore[arg-type]
