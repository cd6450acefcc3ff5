"""What is asked of every series, as arrays by series number, and which series belong together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ingest.quality.rules import RELATIONS, RuleBook, Rules
from registry.devices import DevicePlace

# The columns of `Plan.limits`; NaN where a test does not apply.
FIELDS = (
    "fail_low", "fail_high", "low", "high",
    "step_once", "step_fail_once", "step_hour", "step_fail_hour", "step_within",
    "spike", "spike_fail", "spike_within",
    "flat", "flat_ms", "flat_fail_ms", "flat_readings", "flat_below", "flat_above",
    "deviations", "near_least", "near_within", "relation", "relation_limit", "relation_within", "battery_low",
)  # fmt: skip
COLUMN = {name: k for k, name in enumerate(FIELDS)}
MOST_NEIGHBOURS = 8
_HOUR, _MINUTE = 3_600_000.0, 60_000.0


@runtime_checkable
class Places(Protocol):
    """Who knows where devices stand; a directory may."""

    def device_places(self) -> Mapping[str, DevicePlace] | None:
        """Return every device that is known, None where that cannot be told now."""
        ...


@dataclass(frozen=True)
class Watched:
    """One series as quality control sees it."""

    sid: int
    county: str
    device: str
    channel: str


class Plan:
    """Limits by series number. Series may be added at any time, places and normals change now and then."""

    def __init__(self, book: RuleBook) -> None:
        import numpy as np

        self._book = book
        self._places: Mapping[str, DevicePlace] = {}
        self._series: dict[int, Watched] = {}
        self._by_name: dict[tuple[str, str], int] = {}
        self._of_device: dict[str, list[int]] = {}
        self._apart: set[tuple[str, str]] = set()
        self._rules: dict[int, Rules] = {}
        self.limits: Any = np.full((len(FIELDS), 0), math.nan)
        self.other: Any = np.full(0, -1, dtype=np.int64)
        self.battery: Any = np.full(0, -1, dtype=np.int64)
        self.beside: Any = np.full((0, MOST_NEIGHBOURS), -1, dtype=np.int64)
        self.lift: Any = np.zeros((0, MOST_NEIGHBOURS))
        self.mean: Any = np.full((0, 12), math.nan)
        self.sd: Any = np.full((0, 12), math.nan)
        self.has_normals = False

    def __len__(self) -> int:
        return len(self.other)

    def series(self) -> Iterable[Watched]:
        """Return the series that were added."""
        return self._series.values()

    def rules(self, sid: int) -> Rules:
        """Return what is asked of a series."""
        return self._rules[sid]

    def add(self, found: Iterable[Watched]) -> None:
        """Take series in; `gather` has to follow before they are held against neighbours."""
        new = [s for s in found if self._series.get(s.sid) != s]
        if not new:
            return
        self.grow(max(s.sid for s in new) + 1)
        for s in new:
            if s.sid not in self._series:
                self._of_device.setdefault(s.device, []).append(s.sid)
            self._series[s.sid] = s
            self._by_name[s.device, s.channel] = s.sid
        for device in {s.device for s in new}:
            for sid in self._of_device[device]:
                self._fill(self._series[sid])

    def place(self, places: Mapping[str, DevicePlace]) -> None:
        """Take in where devices stand; what changed is reckoned anew."""
        if places == self._places:
            return
        before, self._places = self._places, dict(places)
        for s in self._series.values():
            if before.get(s.device) != self._places.get(s.device):
                self._fill(s)
        self.gather()

    def set_normals(self, normals: Mapping[int, Mapping[int, tuple[float, float]]]) -> None:
        """Take mean and standard deviation by series and month (1 to 12), over those of the rules."""
        for sid, months in normals.items():
            if sid < len(self):
                for month, (mean, sd) in months.items():
                    self.mean[sid, month - 1], self.sd[sid, month - 1] = mean, sd
                self.has_normals = True

    def grow(self, wanted: int) -> None:
        """Make room for series below `wanted`; nothing is asked of one that was not added."""
        import numpy as np

        have = len(self)
        if wanted <= have:
            return
        more = max(wanted, have * 2, 64) - have
        self.limits = np.concatenate([self.limits, np.full((len(FIELDS), more), math.nan)], axis=1)
        for name, blank in (("other", -1), ("battery", -1), ("beside", -1), ("lift", 0.0), ("mean", math.nan), ("sd", math.nan)):
            array = getattr(self, name)
            setattr(self, name, np.concatenate([array, np.full((more, *array.shape[1:]), blank, dtype=array.dtype)]))

    def _fill(self, s: Watched) -> None:
        place = self._places.get(s.device)
        rules = self._book.of(s.channel, kind=place.kind if place else "", county=s.county, device=s.device)
        self._rules[s.sid] = rules
        told: dict[str, float] = {}
        if (g := rules.gross_range) is not None:
            told.update(fail_low=g.fail[0], fail_high=g.fail[1], low=g.suspect[0], high=g.suspect[1])
        if (p := rules.step) is not None:
            told.update(
                step_once=p.suspect_at_once, step_fail_once=p.fail_at_once, step_hour=p.suspect_per_hour, step_fail_hour=p.fail_per_hour,
                step_within=p.within_hours * _HOUR,
            )  # fmt: skip
        if (k := rules.spike) is not None:
            told.update(spike=k.suspect, spike_fail=k.fail, spike_within=k.within_hours * _HOUR)
        if (f := rules.flat_line) is not None:
            told.update(
                flat=f.tolerance, flat_ms=f.suspect_hours * _HOUR, flat_fail_ms=f.fail_hours * _HOUR, flat_readings=f.readings,
                flat_below=f.except_below, flat_above=f.except_above,
            )  # fmt: skip
        if (c := rules.climatology) is not None:
            told["deviations"] = c.deviations
            if c.mean:
                self.set_normals({s.sid: {m + 1: (c.mean[m], c.sd[m]) for m in range(12)}})
        if (n := rules.neighbour) is not None and place is not None and place.kind in n.kinds:
            told.update(near_least=n.least, near_within=n.within_minutes * _MINUTE)
            self._apart.add((s.county, s.channel))
        self.other[s.sid] = -1
        if (i := rules.internal) is not None and i.rule == "downgrades":
            told["battery_low"] = i.limit
        elif i is not None and (other := self._by_name.get((s.device, i.other))) is not None:
            told.update(relation=RELATIONS.index(i.rule), relation_limit=i.limit, relation_within=i.within_minutes * _MINUTE)
            self.other[s.sid] = other
        self.battery[s.sid] = self._by_name.get((s.device, "battery"), -1) if s.channel != "battery" else -1
        self.limits[:, s.sid] = [told.get(name, math.nan) for name in FIELDS]

    def gather(self) -> None:
        """Find the nearest devices of the same kind, county and channel, where anything changed among those held against neighbours."""
        import numpy as np

        if not self._apart:
            return

        groups: dict[tuple[str, str, str], list[Watched]] = {}
        for s in self._series.values():
            if (s.county, s.channel) in self._apart and not math.isnan(self.limits[COLUMN["near_least"], s.sid]):
                groups.setdefault((s.county, s.channel, self._places[s.device].kind), []).append(s)
        self._apart.clear()
        for group in groups.values():
            rule = self._rules[group[0].sid].neighbour
            if rule is None:
                continue
            at = np.array([s.sid for s in group])
            lat, lon = (np.array([getattr(self._places[s.device], name) for s in group]) for name in ("lat", "lon"))
            height = np.array([self._book.heights.get(s.device, math.nan) for s in group])
            for k, s in enumerate(group):
                north, east = (lat - lat[k]) * 111.2, (lon - lon[k]) * 111.2 * math.cos(math.radians(lat[k]))
                far = np.hypot(north, east)
                far[k] = math.inf
                chosen = [j for j in np.argsort(far, kind="stable")[:MOST_NEIGHBOURS] if far[j] <= rule.within_km]
                self.beside[s.sid], self.lift[s.sid] = -1, 0.0
                self.beside[s.sid, : len(chosen)] = at[chosen]
                # What stands higher is colder: brought to this device's height before it is compared. Unknown heights are left alone.
                lift = (height[chosen] - height[k]) / 1000 * rule.per_km_height
                self.lift[s.sid, : len(chosen)] = np.where(np.isnan(lift), 0.0, lift)
