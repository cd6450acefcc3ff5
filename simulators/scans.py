"""Scans as people and copiers make them: a pure generator of labelled streams, and the demo's honest trickle over HTTP.

Every number below is an assumption, said here and beside each figure made with it; none was measured in a shop.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
# (latitude, longitude, weight): cities of the shipped region, and of elsewhere.
REGION = ((36.24, 115.67, 3), (36.45, 115.98, 3), (36.65, 117.12, 4), (35.42, 116.59, 2), (34.75, 113.63, 2))
ELSEWHERE = ((31.23, 121.47, 4), (39.90, 116.41, 4), (23.13, 113.26, 3), (30.57, 104.07, 2), (45.80, 126.53, 1), (43.83, 87.62, 1))


@dataclass(frozen=True)
class Habits:
    """How packs are scanned and how labels are copied."""

    packs: int = 4000
    # Of packs that are looked at: by the one who bought it, and sometimes by people who stand before the shelf.
    looked_at: float = 0.3
    shelf: float = 0.1
    most_on_shelf: int = 5
    family: float = 0.25
    with_place: float = 0.15
    # Given away or carried along: eaten far from where it was sent, by train (250 km/h) or by air (700 km/h door to door).
    travels: float = 0.01
    # Copied labels: one original, on so many packs, sold in the region or elsewhere, each scanned like an honest pack.
    copied: int = 40
    fewest_copies: int = 10
    most_copies: int = 300
    sold_elsewhere: float = 0.5
    days: int = 10
    # Copies go on being sold when the lot is long gone.
    copies_days: int = 40
    # An honest label that is scanned again long after: frozen, pickled, found in a drawer.
    long_after: float = 0.003


@dataclass(frozen=True)
class SimulatedScan:
    """A scan with what nobody knows: whether its label is a copy, and whether its pack's label was copied at all."""

    pack: int
    time_ms: int
    device: str
    place: tuple[float, float] | None
    copy: bool
    copied: bool


def stream(seed: int, start_ms: int, habits: Habits) -> list[SimulatedScan]:
    """Return the scans of one lot in order; the first `habits.copied` packs are the ones whose labels were copied."""
    rng = random.Random(seed)
    found: list[SimulatedScan] = []
    for pack in range(1, habits.packs + 1):
        copied = pack <= habits.copied
        # A copier copies a label that exists; whether its own pack is ever scanned is another matter.
        if rng.random() < habits.looked_at:
            found += _one_pack(rng, pack, start_ms, habits, REGION, copy=False, copied=copied)
        if copied:
            cities = ELSEWHERE if rng.random() < habits.sold_elsewhere else REGION
            copies = round(math.exp(rng.uniform(math.log(habits.fewest_copies), math.log(habits.most_copies))))
            for _ in range(copies):
                if rng.random() < habits.looked_at:
                    found += _one_pack(rng, pack, start_ms, habits, cities, copy=True, copied=True)
    return sorted(found, key=lambda s: s.time_ms)


def _one_pack(
    rng: random.Random, pack: int, start_ms: int, habits: Habits, cities: tuple[tuple[float, float, int], ...], *, copy: bool, copied: bool
) -> Iterator[SimulatedScan]:
    """Yield the scans of one real pack."""
    lat, lon, _ = rng.choices(cities, [c[2] for c in cities])[0]
    bought = start_ms + rng.uniform(0, habits.copies_days if copy else habits.days) * DAY_MS

    def one(time_ms: float, device: str, where: tuple[float, float]) -> SimulatedScan:
        near = (where[0] + rng.gauss(0, 0.05), where[1] + rng.gauss(0, 0.05))
        return SimulatedScan(pack, round(time_ms), device, near if rng.random() < habits.with_place else None, copy, copied)

    if rng.random() < habits.shelf:
        for _ in range(rng.randint(1, habits.most_on_shelf)):
            yield one(bought - rng.uniform(0, 30) * HOUR_MS, _phone(rng), (lat, lon))
    home, eaten = (lat, lon), bought + rng.expovariate(1 / 20) * HOUR_MS
    if rng.random() < habits.travels:
        there = rng.choice(ELSEWHERE)[:2]
        hours = _km(home, there) / (700 if rng.random() < 0.3 else 250)
        yield one(bought, _phone(rng), home)
        home, eaten = there, max(eaten, bought + hours * HOUR_MS)
    phone = _phone(rng)
    yield one(eaten, phone, home)
    while rng.random() < habits.family:
        eaten += rng.expovariate(1 / 12) * HOUR_MS
        yield one(eaten, phone if rng.random() < 0.5 else _phone(rng), home)
    if rng.random() < habits.long_after:
        yield one(bought + rng.uniform(5, 60) * DAY_MS, _phone(rng), home)


def _phone(rng: random.Random) -> str:
    return f"{rng.getrandbits(48):012x}"


def _km(a: tuple[float, float], b: tuple[float, float]) -> float:
    return 111.2 * math.hypot(a[0] - b[0], (a[1] - b[1]) * math.cos(math.radians((a[0] + b[0]) / 2)))


# The demo's trickle

_EVERY_S = 20.0
_PACKS_OF_A_LOT = 12
_LOTS = 4


def run_scans(*, credentials: Mapping[str, Any], base_url: str, stop_event: threading.Event, seed: int = 522) -> None:
    """Open trace pages of a few lots as shoppers would, one every twenty seconds, all honest, until `stop_event` is set."""
    import httpx

    rng = random.Random(seed)
    with httpx.Client(base_url=base_url, timeout=30, follow_redirects=True) as http:
        packs: list[tuple[str, str]] = []
        while not stop_event.is_set():
            try:
                if not packs:
                    packs = _labelled(http, credentials["api_key"])
                if packs:
                    code, serial = rng.choice(packs)
                    _look(http, code, serial, rng)
            except httpx.HTTPError:
                pass  # the pages come back, and so does the next shopper
            stop_event.wait(_EVERY_S if packs else 2.0)


def _labelled(http: Any, api_key: str) -> list[tuple[str, str]]:
    """Return (code, serial) of packs of lots that are in stock; a lot that may not be labelled is passed over."""
    headers = {"authorization": f"Bearer {api_key}"}
    answer = http.get("/api/v1/lots", params={"state": "received", "limit": _LOTS * 3}, headers=headers)
    answer.raise_for_status()
    found: list[tuple[str, str]] = []
    for lot in answer.json()["items"]:
        given = http.post(f"/api/v1/lots/{lot['id']}/serials", json={"count": _PACKS_OF_A_LOT}, headers=headers)
        if given.status_code == 201:
            told = given.json()
            found += [(told["code"], s) for s in told["serials"]]
        if len(found) >= _LOTS * _PACKS_OF_A_LOT:
            break
    return found


def _look(http: Any, code: str, serial: str, rng: random.Random) -> None:
    params: dict[str, str] = {"s": serial}
    if rng.random() < 0.3:
        lat, lon, _ = rng.choice(REGION)
        params["at"] = f"{lat:.1f},{lon:.1f}"
    http.get(f"/t/{code}", params=params, headers={"user-agent": f"Mozilla/5.0 (simulated shopper {rng.randrange(400)})"})
