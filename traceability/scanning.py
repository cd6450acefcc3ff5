"""The use cases of scans: note one without making anybody wait, say whether a pack was scanned before, list what is strange.

`note` puts a scan into a queue and returns; a thread writes what is queued every second, in one transaction, and judges the packs it wrote.
A process that is killed loses that second: a count that is one short misleads nobody, a page that waits for a disk would.
"""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import IntegrityError

from foundation.clock import Clock, from_ms, market_day, to_ms
from foundation.database import reading
from foundation.errors import BadInput, Conflict, NotFound, SuheError
from foundation.files import make_once
from foundation.log import get_logger
from traceability import scan_store, store
from traceability.codes import read_code
from traceability.recall_state import affected
from traceability.scan_rules import DAY_MS, USUAL, Anomaly, Ended, Thresholds, of_pack, out_of_region, unknown_burst
from traceability.scan_store import Found
from traceability.scans import Cell, Scan, cell_of, device_of
from traceability.serials import MOST_PACKS, pack_of, read_label_key, serial_of

if TYPE_CHECKING:
    from registry.service import Registry
    from traceability.service import Trace

# Scans are kept for half a year: as long as a certificate's record must be, and longer than any fresh produce lives.
KEEP_DAYS = 180
# Rules look back this far.
LOOK_BACK_MS = 30 * DAY_MS
# A page opened again by the same device within this time is the same scan.
SAME_SCAN_MS = 600_000
_SLOT_MS = 600_000
_MOST_WAITING = 20_000
_WRITE_EVERY_S = 1.0
MOST_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class FirstScan:
    """What is known of a pack's scans before this one.

    `kind` is "pack", "lot" (no serial was given: counted for the lot's label), or "unknown" (this serial was never given out).
    """

    kind: str
    pack: int
    scans: int
    first_ms: int | None


@dataclass(frozen=True, slots=True)
class _Opened:
    """A page that was opened, in memory for the second until it is written: only here does an address stand."""

    code: str
    serial: str
    user_agent: str
    address: str
    cookie: str
    cell: Cell | None
    time_ms: int


class Scans:
    """Scans of one installation. `keys` is the folder of its private keys."""

    def __init__(
        self, engine: Engine, trace: Trace, registry: Registry, clock: Clock, keys: Path, *, limits: Thresholds = USUAL,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:  # fmt: skip
        self._engine, self._trace, self._registry, self._clock = engine, trace, registry, clock
        self._keys, self._limits, self._random_bytes = keys, limits, random_bytes
        self._waiting: queue.Queue[_Opened | int] = queue.Queue(_MOST_WAITING)
        self._writer: threading.Thread | None = None
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._day: tuple[date, bytes] | None = None

    # Labels

    def give_serials(self, code: str, count: int) -> list[str]:
        """Return serials for the next `count` packs of the lot with this code; none is ever given out twice."""
        if not 1 <= count <= MOST_AT_ONCE:
            raise BadInput("this is no number of packs", expected=f"1 to {MOST_AT_ONCE}", got=str(count)[:20])
        stored = read_code(code)
        self._trace.lot_of_code(stored)
        with self._engine.begin() as connection:
            first = scan_store.take_packs(connection, stored, count, to_ms(self._clock.now()))
            if first + count - 1 > MOST_PACKS:
                raise Conflict(
                    "this lot has no more pack numbers", expected=f"{MOST_PACKS} in all", got=f"{first - 1} given out",
                    todo="split the lot, or print labels without serials",
                )  # fmt: skip
        return [serial_of(self._label_key, stored, first + k) for k in range(count)]

    def pack(self, code: str, serial: str) -> int | None:
        """Return the number of the pack with this serial, 0 without one, None where it was never given out for this code."""
        return pack_of(self._label_key, read_code(code), serial) if serial.strip() else 0

    # Scanning

    def note(self, code: str, serial: str, *, user_agent: str, address: str, cookie: str = "", cell: Cell | None = None) -> None:
        """Take down that a page was opened; nothing waits for it and nothing fails by it. A full queue forgets."""
        with suppress(queue.Full):
            self._waiting.put_nowait(_Opened(code, serial, user_agent, address, cookie, cell, to_ms(self._clock.now())))
        self._wake()

    def note_unknown_code(self) -> None:
        """Count that a code was tried that does not exist; which one is not kept."""
        with suppress(queue.Full):
            self._waiting.put_nowait(to_ms(self._clock.now()))
        self._wake()

    def first(self, code: str, serial: str = "") -> FirstScan:
        """Return what is known of the scans before this one."""
        stored = read_code(code)
        pack = self.pack(stored, serial)
        if pack is None:
            return FirstScan("unknown", 0, 0, None)
        with reading(self._engine).connect() as connection:
            state = scan_store.state_of(connection, stored, pack)
        return FirstScan("pack" if pack else "lot", pack, state.scans if state else 0, state.first_ms if state else None)

    def flush(self) -> int:
        """Write everything that waits, judge what it touched, and return how many entries that were."""
        with self._writing:
            waiting: list[Scan | tuple[str, int]] = []
            with suppress(queue.Empty):
                while len(waiting) < _MOST_WAITING:
                    waiting += self._read(self._waiting.get_nowait())
            if waiting:
                try:
                    self._write(waiting)
                except IntegrityError:
                    # Another process made the same row first; now it is there.
                    self._write(waiting)
            return len(waiting)

    # Asking

    def anomalies(self, counties: list[str] | None = None, limit: int = 200) -> list[Found]:
        """Return what was found strange, the latest first; what concerns no lot belongs to every county."""
        with reading(self._engine).connect() as connection:
            return scan_store.anomalies(connection, counties, max(1, min(limit, 500)))

    def scanned(self, days: int = 30) -> tuple[int, int]:
        """Return how many scans there were in the last days, and how many of them said where."""
        with reading(self._engine).connect() as connection:
            return scan_store.scanned(connection, to_ms(self._clock.now()) - days * DAY_MS)

    def forget(self) -> int:
        """Delete scans older than `KEEP_DAYS` and every key of a day that is over; return how many scans went."""
        now = self._clock.now()
        self._destroy_keys(market_day(now))
        with self._engine.begin() as connection:
            return scan_store.purge(connection, to_ms(now) - KEEP_DAYS * DAY_MS)

    # Inside

    @cached_property
    def _label_key(self) -> bytes:
        return read_label_key(self._keys / "label.key")

    def _day_key(self, day: date) -> bytes:
        """Return the key of a day, the same in every process of this installation; those of other days are destroyed."""
        with self._lock:
            if self._day is None or self._day[0] != day:
                path = self._keys / "scan-days" / f"{day.isoformat()}.key"
                if not path.exists():
                    make_once(path, self._random_bytes(32))
                self._day = (day, path.read_bytes())
                self._destroy_keys(day)
            return self._day[1]

    def _destroy_keys(self, today: date) -> None:
        for path in (self._keys / "scan-days").glob("*.key"):
            if path.stem != today.isoformat():
                with suppress(FileNotFoundError):
                    path.unlink()

    def _wake(self) -> None:
        with self._lock:
            if self._writer is None:
                self._writer = threading.Thread(target=self._keep_writing, name="scans", daemon=True)
                self._writer.start()

    def _read(self, opened: _Opened | int) -> list[Scan | tuple[str, int]]:
        """Return what is kept of an opened page. From here on nobody has the address."""
        if isinstance(opened, int):
            return [("", opened // _SLOT_MS * _SLOT_MS)]
        try:
            code = read_code(opened.code)
            pack = self.pack(code, opened.serial)
        except SuheError:
            return []
        if pack is None:
            return [(code, opened.time_ms // _SLOT_MS * _SLOT_MS)]
        key = self._day_key(market_day(from_ms(opened.time_ms)))
        device = device_of(key, opened.user_agent, opened.address, opened.cookie)
        return [Scan(code, pack, opened.time_ms, device, opened.cell)]

    def _keep_writing(self) -> None:
        """Write what waits, in batches, and end when nothing does; the next opened page starts a writer anew."""
        while True:
            time.sleep(_WRITE_EVERY_S)
            try:
                self.flush()
            except Exception:  # noqa: BLE001 - whatever the database has, pages go on and so does this
                get_logger(__name__).exception("scans were not written")
            with self._lock:
                if self._waiting.empty():
                    self._writer = None
                    return

    def _write(self, waiting: list[Scan | tuple[str, int]]) -> None:
        tried = Counter(w for w in waiting if isinstance(w, tuple))
        recent: dict[tuple[str, int, str], int] = {}
        with self._engine.begin() as connection:
            lots = scan_store.codes_of(connection, {w.code for w in waiting if isinstance(w, Scan)} | {c for c, _ in tried if c})
            touched: dict[str, set[int]] = {}
            for one in waiting:
                if not isinstance(one, Scan) or one.code not in lots:
                    continue
                here = (one.code, one.pack, one.device)
                if one.time_ms - recent.get(here, -SAME_SCAN_MS) < SAME_SCAN_MS or scan_store.seen_since(
                    connection, one, one.time_ms - SAME_SCAN_MS
                ):
                    continue
                recent[here] = one.time_ms
                scan_store.add_scan(connection, one)
                touched.setdefault(one.code, set()).add(one.pack)
            for (code, slot_ms), tries in tried.items():
                scan_store.count_unknown(connection, code, slot_ms, tries)
            now_ms = to_ms(self._clock.now())
            for code, packs in touched.items():
                self._judge(connection, code, packs, *lots[code], now_ms)
            for code in {c for c, _ in tried}:
                counts = scan_store.unknown_counts(connection, code, now_ms - DAY_MS)
                lot, county = lots.get(code, ("", ""))
                self._keep(connection, code, lot, county, unknown_burst(counts, of_code=bool(code), limits=self._limits))

    def _judge(self, connection: Connection, code: str, packs: set[int], lot: str, county: str, now_ms: int) -> None:
        ended = _ended(connection, lot)
        for pack in packs - {0}:
            for found in of_pack(scan_store.scans_of(connection, code, now_ms - LOOK_BACK_MS, pack), ended, self._limits):
                self._keep(connection, code, lot, county, found)
        scans = scan_store.scans_of(connection, code, now_ms - LOOK_BACK_MS)
        if any(s.cell for s in scans):
            self._keep(connection, code, lot, county, out_of_region(scans, self._region(connection, lot), self._limits))

    def _keep(self, connection: Connection, code: str, lot: str, county: str, found: Anomaly | None) -> None:
        if found is not None:
            scan_store.keep_anomaly(connection, code, county, lot, found)

    def _region(self, connection: Connection, lot: str) -> list[Cell]:
        """Return where a lot was made and sent, as the middles of the counties of everybody who had it."""
        parties = connection.execute(select(store.holding.c.party).where(store.holding.c.lot == lot)).scalars().all()
        counties = {lot.split(":")[3]}
        for party in parties:
            with suppress(NotFound):
                counties.add(self._registry.party(party).county)
        cells = []
        for county in sorted(counties):
            with suppress(NotFound):
                place = self._registry.county(county)
                cells.append(cell_of(place.lat, place.lon))
        return cells


def _ended(connection: Connection, lot: str) -> Ended | None:
    """Return how a lot's labels came to their end: a recall before a sale, a sale before being used up. A drill ends nothing."""
    recalled = [case.record_ms for case in affected(connection, [lot]).get(lot, []) if not case.drill]
    if recalled:
        return Ended("recalled", min(recalled))
    entries = store.event_lot.join(store.event, store.event.c.log_index == store.event_lot.c.log_index)
    query = select(func.max(store.event.c.event_time_ms)).select_from(entries)
    sold = connection.execute(query.where(store.event_lot.c.lot == lot, store.event.c.event_type == "sell")).scalar()
    if sold is not None:
        return Ended("sold", int(sold))
    row = connection.execute(select(store.lot.c.state, store.lot.c.last_event_ms).where(store.lot.c.id == lot)).first()
    return Ended("used_up", row.last_event_ms) if row is not None and row.state == "used_up" else None
