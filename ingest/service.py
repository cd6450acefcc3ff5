"""The use cases of readings: accept them, ask for them, look after the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from foundation.clock import Clock, to_ms
from foundation.errors import BadInput, NotFound
from ingest.accepting import Accepting
from ingest.catalog import Catalog
from ingest.clock_desk import ClockDesk
from ingest.cursors import SinkState, sink_states
from ingest.deletions import Deletion
from ingest.edge_state import EdgeState, edge_states
from ingest.foreign import Feeds
from ingest.history import History
from ingest.intake import Directory
from ingest.keeping import Store
from ingest.links import Link, links
from ingest.losses import BrokerDrops, LedgerRow, SeenGap, broker_drops, ledger_rows, missing_now, seen_gaps
from ingest.manifest import rolled_days
from ingest.quality.service import Quality
from ingest.raw import RawSeries
from ingest.reading import Counts, DeadLetter, Gap, GatewayState, Latest, Point, Window, WindowTable
from ingest.revisions import Revision, revised_times, revisions_in
from ingest.rollups import ZONE_MS
from ingest.sequences import Sequences
from ingest.signatures import GatewayKeys, SignedMessage
from ingest.stations.pictures import Picture, pictures
from ingest.tables import table_of

NAMES_KEPT_S = 5.0


class Readings(Accepting, ClockDesk):
    """The readings of one installation. Any process may ask while ingest workers write."""

    def __init__(
        self, folder: Path, clock: Clock, directory: Directory, keys: GatewayKeys | None = None, feeds: Feeds | None = None
    ) -> None:
        super().__init__(folder, clock, directory, keys, feeds)
        self._made: Catalog | None = None
        self._asked: History | None = None
        self._named: tuple[float, int, dict[int, tuple[str, str, str, str, str]]] = (float("-inf"), -1, {})

    def close(self) -> None:
        """Close files and give the writer's name up; a service that was only asked need not be closed."""
        self.close_writer()
        if self._made is not None:
            self._made.close()
            self._made = self._asked = None

    # Asking

    def latest(self, county: str | None = None, devices: Sequence[str] | None = None) -> list[Latest]:
        """Return the newest observation of every channel, narrowed by county or devices."""
        where, parameters = "1", []
        if county is not None:
            where, parameters = "s.county = ?", [county]
        if devices is not None:
            where += f" AND s.device IN ({','.join('?' * len(devices))})"
            parameters += list(devices)
        whose = f"WHERE l.sid IN (SELECT sid FROM series s WHERE {where})" if parameters else ""
        names = self._names()
        rows = self._catalog.rows(f"SELECT l.sid, l.t, l.x, l.flag, l.received FROM latest l {whose}", parameters)
        found = {row[0]: row for row in rows}
        if not found.keys() <= names.keys():
            names = self._names(anew=True)
        return [
            Latest(device, channel, unit, t, x, flag, received, of, gateway)  # type: ignore[arg-type]
            for sid, (device, channel, unit, of, gateway) in names.items()
            if sid in found
            for _, t, x, flag, received in (found[sid],)
        ]

    def range(self, device: str, channel: str, start_ms: int, end_ms: int, limit: int = 1000) -> list[Point]:
        """Return the readings of a channel in [start, end), oldest first, at most `limit`; raise NotFound for a channel never seen."""
        return self._history.points(self._sid(device, channel), start_ms, end_ms, limit)

    def aggregate(self, device: str, channel: str, start_ms: int, end_ms: int, window_ms: int, good_only: bool = True) -> list[Window]:
        """Return count, mean, minimum and maximum of a channel per window of [start, end)."""
        sid = self._sid(device, channel)
        return self._history.windows([sid], start_ms, end_ms, window_ms, good_only=good_only)[sid]

    def aggregate_many(
        self, keys: Sequence[tuple[str, str]], start_ms: int, end_ms: int, window_ms: int, good_only: bool = True
    ) -> dict[tuple[str, str], list[Window]]:
        """Return the windows of several channels at once; a channel never seen has none."""
        sids = self._sids(keys)
        found = self._history.windows(list(sids.values()), start_ms, end_ms, window_ms, good_only=good_only)
        return {key: found[sids[key]] if key in sids else [] for key in keys}

    def aggregate_together(
        self, keys: Sequence[tuple[str, str]], start_ms: int, end_ms: int, window_ms: int, good_only: bool = True
    ) -> list[Window]:
        """Return the windows of one quantity told by several devices, all their readings as one: the hourly mean of a field."""
        return self._history.together(list(self._sids(keys).values()), start_ms, end_ms, window_ms, good_only=good_only)

    def aggregate_all(
        self,
        start_ms: int,
        end_ms: int,
        window_ms: int,
        county: str | None = None,
        channels: Sequence[str] | None = None,
        good_only: bool = True,
    ) -> WindowTable:
        """Return the windows of everything there is, or of a county or some channels, as columns sorted by device, channel and time."""
        return table_of(self._history, self._catalog, (start_ms, end_ms, window_ms), county, channels, good_only=good_only)

    def quantiles(
        self, keys: Sequence[tuple[str, str]], start_ms: int, end_ms: int, shares: Sequence[float], good_only: bool = True
    ) -> list[float | None]:
        """Return exact quantiles, interpolated between the two nearest readings, of one quantity told by one or several devices.

        They are made of the readings themselves, so a time whose readings are no longer kept adds nothing. None where there are none.
        """
        if not shares or not all(0 <= q <= 1 for q in shares):
            raise BadInput("these are no quantiles", expected="shares from 0 to 1, such as 0.05", got=", ".join(map(str, shares))[:60])
        return self._history.quantiles(list(self._sids(keys).values()), start_ms, end_ms, shares, good_only=good_only)

    def gaps(self, device: str, channel: str, start_ms: int, end_ms: int, interval_ms: int) -> list[Gap]:
        """Return the stretches of [start, end) longer than one and a half intervals without a reading."""
        return self._history.gaps(self._sid(device, channel), start_ms, end_ms, interval_ms)

    def raw(self, devices: Sequence[str], start_ms: int, end_ms: int) -> list[RawSeries]:
        """Return everything that was received of these devices for [start, end), revisions too, by device, channel and time."""
        found = self._catalog.series(f"device IN ({','.join('?' * len(devices))})", list(devices))
        names = {s.sid: (s.device, s.channel) for s in found}
        return sorted(self._history.raw(names, start_ms, end_ms), key=lambda s: (s.device, s.channel))

    def revisions(self, device: str, channel: str, start_ms: int, end_ms: int, limit: int = 500) -> list[Revision]:
        """Return the times of [start, end) for which a channel told more than one value, with all of them; raise NotFound for none."""
        sid = self._sid(device, channel)
        return [r for raw in self._history.raw({sid: (device, channel)}, start_ms, end_ms) for r in revisions_in(raw, limit)]

    def revised(self, devices: Sequence[str], start_ms: int, end_ms: int) -> dict[tuple[str, str], int]:
        """Return for how many times of [start, end) each channel of these devices told more than one value; none are left out."""
        counts = {(raw.device, raw.channel): revised_times(raw) for raw in self.raw(devices, start_ms, end_ms)}
        return {key: count for key, count in counts.items() if count}

    def days(self) -> set[tuple[str, int]]:
        """Return (county, day) of every day of which there is a reading; a day is a number of Shanghai days since 1970."""
        return self._history.days(ZONE_MS)

    def late(self, received_ms: int, before_ms: int) -> set[tuple[str, int]]:
        """Return (device, day) of every reading observed before `before_ms` that was received, or flagged anew, after `received_ms`.

        A day whose other readings retention has taken is left out: nothing can be said of it as a whole any more.
        """
        series = {s.sid: s for s in self._catalog.series()}
        gone = {(d.county, d.day) for d in rolled_days(self._catalog, "frozen")}
        arrived = self._history.arrivals(received_ms, before_ms, ZONE_MS)
        return {(series[sid].device, day) for sid, day in arrived if sid in series and (series[sid].county, day) not in gone}

    def deletions(self, devices: Sequence[str], start_ms: int, end_ms: int) -> list[Deletion]:
        """Return what retention or people took of these devices' readings of [start, end)."""
        return self.store.deletions(devices, start_ms, end_ms)

    def signed_messages(self, gateway: str, first: int, last: int) -> list[SignedMessage]:
        """Return what is kept of a gateway's signed messages numbered `first` to `last`."""
        return self._catalog.signed_messages(gateway, first, last)

    def ill_signed(self) -> dict[str, int]:
        """Return how many messages of which gateway bore a signature that did not fit its key."""
        rows = self._catalog.rows("SELECT name, value FROM counter WHERE name LIKE 'ill-signed:%'")
        return {str(name).partition(":")[2]: int(str(value)) for name, value in rows}

    def reused(self) -> dict[str, int]:
        """Return how many messages of which gateway bore a number that was used before for other readings."""
        return self._counters("reused")

    def damaged(self) -> dict[str, int]:
        """Return how many messages of which feed could not be read."""
        return self._counters("damaged")

    def _counters(self, kind: str) -> dict[str, int]:
        rows = self._catalog.rows("SELECT name, value FROM counter WHERE name LIKE ?", (f"{kind}:%",))
        return {str(name).partition(":")[2]: int(str(value)) for name, value in rows}

    def gateways(self) -> list[GatewayState]:
        """Return what is known of every gateway's messages, with its open sequence gaps."""
        sequences, refused = self._catalog.sequences(), self._catalog.refused()
        states = []
        rows = self._catalog.rows("SELECT gateway, county, last_received, messages, readings, duplicates FROM gateway ORDER BY gateway")
        for gateway, county, received, messages, readings, duplicates in rows:
            # A message refused for good is no gap: nothing more is to come.
            seen = Sequences(sequences.get(str(gateway), ()))
            for first, last in refused.get(str(gateway), ()):
                seen.add_range(first, last)
            states.append(
                GatewayState(gateway, county, received, seen.last, messages, readings, duplicates, tuple(seen.gaps()))  # type: ignore[arg-type]
            )
        return states

    def ledger(self, county: str | None = None) -> list[LedgerRow]:
        """Return the loss ledger, a row for every stream of numbered messages: what came, what is missing, what is lost for certain."""
        return ledger_rows(self._catalog, to_ms(self._clock.now()), county)

    def sequence_gaps(self, gateway: str, *, only_open: bool = False, limit: int = 200) -> list[SeenGap]:
        """Return the gaps in the numbers of a gateway and of what speaks through it, the one seen last first."""
        return seen_gaps(self._catalog, gateway, to_ms(self._clock.now()), only_open=only_open, limit=limit)

    def drops(self) -> list[BrokerDrops]:
        """Return what each broker says of messages it threw away, the one heard of last first."""
        return broker_drops(self._catalog)

    def edge_states(self, gateway: str | None = None) -> list[EdgeState]:
        """Return which Sparkplug nodes and devices of a gateway, or of all, are there, and since when."""
        return edge_states(self._catalog, gateway)

    def missing(self) -> int:
        """Return how many messages of all streams are missing and may still come; cheap enough to be asked every second."""
        return missing_now(self._catalog)

    def freshness(self) -> dict[str, int]:
        """Return county -> time of its newest observation."""
        rows = self._catalog.rows("SELECT s.county, max(l.t) FROM latest l JOIN series s ON s.sid = l.sid GROUP BY s.county")
        return {str(county): int(str(t)) for county, t in rows}

    def counts(self) -> Counts:
        """Return the store in numbers."""
        one: Callable[[str], Any] = lambda query: self._catalog.rows(query)[0][0]  # noqa: E731
        return Counts(
            readings=one("SELECT coalesce((SELECT value FROM counter WHERE name = 'readings'), 0)"),
            series=one("SELECT count(*) FROM series"),
            segments=one("SELECT count(*) FROM file WHERE kind = 'segment'"),
            daily_files=one("SELECT count(*) FROM file WHERE kind = 'daily'"),
            dead_letters=one("SELECT coalesce((SELECT value FROM counter WHERE name = 'dead letters'), 0)"),
            oldest_ms=one("SELECT min(min_t) FROM file"),
            newest_ms=one("SELECT max(t) FROM latest"),
            last_flush_ms=one("SELECT max(last_received) FROM gateway"),
        )

    def links(self) -> dict[str, Link]:
        """Return how gateways say they are, by gateway: connected or not and since when, what waits there, how its clock is."""
        return links(self._catalog)

    def pictures(self, gateway: str, limit: int = 100) -> list[Picture]:
        """Return the pictures a gateway's stations sent, the newest first; the bytes lie with the blobs under `sha256`."""
        return pictures(self._catalog, gateway, limit)

    def dead_letters(self, limit: int = 100, gateway: str | None = None) -> list[DeadLetter]:
        """Return the newest payloads that could not be taken, of all or of one gateway, without their bodies."""
        where, parameters = ("", (limit,)) if gateway is None else ("WHERE gateway = ? ", (gateway, limit))
        query = f"SELECT id, received, gateway, topic, reason, length(body) FROM dead_letter {where}ORDER BY id DESC LIMIT ?"
        return [DeadLetter(*row) for row in self._catalog.rows(query, parameters)]  # type: ignore[arg-type]

    def sinks(self) -> list[SinkState]:
        """Return how the feeds of server stores are, the one heard of last first."""
        return sink_states(self._catalog)

    @property
    def quality(self) -> Quality:
        """What the tests said of readings, and the normals they are held against."""
        return Quality(self._folder, self._catalog, self._history, self._clock)

    # Looking after the store

    def compact(self) -> int:
        """Merge waiting segments into daily files now and return how many were merged."""
        return self.store.compact()

    @property
    def store(self) -> Store:
        """The files themselves: numbers, checks, retention, deletions, export, backup."""
        return Store(self._folder, self._clock, self._catalog)

    @property
    def _catalog(self) -> Catalog:
        if self._made is None:
            self._made = Catalog(self._folder)
        return self._made

    def _names(self, *, anew: bool = False) -> dict[int, tuple[str, str, str, str, str]]:
        """Return device, channel, unit, county and gateway by series, in order of device and channel.

        A device that moves to another gateway is seen some seconds later.
        """
        made, state, names = self._named
        now = self._catalog.changed_by_others()
        if anew or (state != now and time.monotonic() - made > NAMES_KEPT_S):
            series = sorted(self._catalog.series(), key=lambda s: (s.device, s.channel))
            names = {s.sid: (s.device, s.channel, s.unit, s.county, s.gateway) for s in series}
            self._named = (time.monotonic(), now, names)
        return names

    @property
    def _history(self) -> History:
        if self._asked is None:
            self._asked = History(self._folder, self._catalog)
        return self._asked

    def _sid(self, device: str, channel: str) -> int:
        found = self._sids([(device, channel)])
        if not found:
            raise NotFound("nothing was ever read from this channel", got=f"{device}: {channel}"[:120])
        return found[device, channel]

    def _sids(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
        devices = sorted({device for device, _ in keys})
        found = self._catalog.series(f"device IN ({','.join('?' * len(devices))})", devices)
        return {(s.device, s.channel): s.sid for s in found if (s.device, s.channel) in set(keys)}
