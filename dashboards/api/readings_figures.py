"""The figures of readings for Prometheus: what came, what is missing, what was lost, how far behind a copy is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from ingest.losses import LedgerRow
    from ingest.service import Readings

# Figure of a county, what it is, and the column of the ledger it sums. Those that only grow end in `_total` when they are told.
_GAUGES = (
    ("suhe_ledger_gaps_open", "Gaps in message numbers that may still be filled", "open"),
    ("suhe_ledger_missing", "Messages missing now that may still come", "missing"),
    ("suhe_ledger_lost", "Messages lost for certain", "lost"),
)
_COUNTERS = (
    ("suhe_ledger_gaps_seen", "Gaps in message numbers that outlived the grace", "seen"),
    ("suhe_ledger_gaps_filled", "Gaps that were filled", "filled"),
    ("suhe_ledger_gaps_given_up", "Gaps of which something never comes", "given_up"),
    ("suhe_ledger_received", "Messages on disk", "received"),
    ("suhe_ledger_refused", "Messages refused for good", "refused"),
    ("suhe_ledger_duplicates", "Messages that came again", "duplicates"),
)


def readings_figures(readings: Readings, now_ms: int) -> Iterator[Any]:
    """Yield every metric family of the readings."""
    counts = readings.counts()
    yield CounterMetricFamily("suhe_readings_stored", "Readings on disk", value=counts.readings)
    yield CounterMetricFamily("suhe_dead_letters", "Payloads refused with a reason", value=counts.dead_letters)
    yield GaugeMetricFamily("suhe_series", "Series in the dictionary", value=counts.series)
    yield GaugeMetricFamily("suhe_segments", "Segments not compacted yet", value=counts.segments)
    if counts.newest_ms is not None:
        yield GaugeMetricFamily("suhe_freshness_seconds", "Age of the newest observation", value=(now_ms - counts.newest_ms) / 1000)
    fresh = GaugeMetricFamily("suhe_county_freshness_seconds", "Age of a county's newest observation", labels=["county"])
    for county, newest in readings.freshness().items():
        fresh.add_metric([county], (now_ms - newest) / 1000)
    yield fresh
    yield from _ledger(readings.ledger(), now_ms)
    yield from _drops(readings)
    yield from _strangers(readings)
    yield from _sinks(readings, now_ms)


def _ledger(rows: list[LedgerRow], now_ms: int) -> Iterator[Any]:
    gaps = GaugeMetricFamily("suhe_gateway_open_gaps", "Sequence gaps still open", labels=["gateway"])
    missing = GaugeMetricFamily("suhe_gateway_missing", "Messages of a gateway missing now", labels=["gateway"])
    oldest = GaugeMetricFamily("suhe_ledger_oldest_gap_seconds", "Age of the oldest open gap, 0 without one", labels=["county"])
    by_gateway: dict[str, list[LedgerRow]] = defaultdict(list)
    by_county: dict[str, list[LedgerRow]] = defaultdict(list)
    for row in rows:
        by_gateway[row.gateway].append(row)
        by_county[row.county].append(row)
    for gateway, streams in by_gateway.items():
        gaps.add_metric([gateway], sum(row.open + row.fresh for row in streams))
        missing.add_metric([gateway], sum(row.missing for row in streams))
    for county, streams in by_county.items():
        ages = [now_ms - row.oldest_open_ms for row in streams if row.oldest_open_ms is not None]
        oldest.add_metric([county], max(ages, default=0) / 1000)
    yield from (gaps, missing, oldest)
    for kind, figures in ((GaugeMetricFamily, _GAUGES), (CounterMetricFamily, _COUNTERS)):
        for name, meaning, column in figures:
            family = kind(name, meaning, labels=["county"])
            for county, streams in by_county.items():
                family.add_metric([county], sum(getattr(row, column) for row in streams))
            yield family


def _drops(readings: Readings) -> Iterator[Any]:
    dropped = CounterMetricFamily("suhe_broker_dropped", "Messages a broker says it threw away", labels=["broker"])
    told = GaugeMetricFamily("suhe_broker_dropped_told", "1 where a broker tells what it throws away", labels=["broker"])
    for one in readings.drops():
        dropped.add_metric([one.broker], one.total)
        told.add_metric([one.broker], int(one.told))
    yield from (dropped, told)


def _strangers(readings: Readings) -> Iterator[Any]:
    names = GaugeMetricFamily("suhe_quarantined_names", "Names nobody has claimed, whose messages wait", labels=["kind"])
    messages = GaugeMetricFamily("suhe_quarantined_messages", "Messages kept whole until somebody claims their sender", labels=["kind"])
    dropped = GaugeMetricFamily("suhe_quarantined_dropped", "Messages of waiting names that were dropped for want of room", labels=["kind"])
    waiting = readings.quarantine()
    for kind in ("gateway", "device", "station", "clock"):
        of_kind = [e for e in waiting if e.kind == kind]
        names.add_metric([kind], len(of_kind))
        messages.add_metric([kind], sum(e.kept for e in of_kind))
        dropped.add_metric([kind], sum(e.dropped for e in of_kind))
    overflow, gone = readings.quarantine_bounds()
    yield CounterMetricFamily("suhe_quarantine_overflow", "Names that found no room in quarantine: dead letters", value=overflow)
    yield CounterMetricFamily("suhe_quarantine_dropped", "Messages that left the quarantine for newer ones", value=gone)
    damaged = CounterMetricFamily("suhe_feed_damaged", "Messages of a foreign sender that could not be read", labels=["feed"])
    for feed, count in readings.damaged().items():
        damaged.add_metric([feed], count)
    reused = CounterMetricFamily("suhe_sequence_reused", "Messages whose number was used before for other readings", labels=["gateway"])
    for gateway, count in readings.reused().items():
        reused.add_metric([gateway], count)
    proposed = sum(p.state == "proposed" for p in readings.clocks())
    yield from (names, messages, dropped, damaged, reused)
    yield GaugeMetricFamily("suhe_clock_proposals", "Clocks whole hours off that wait for a decision", value=proposed)


def _sinks(readings: Readings, now_ms: int) -> Iterator[Any]:
    lag = GaugeMetricFamily("suhe_sink_lag_seconds", "Age of the oldest thing a server store was not sent", labels=["sink"])
    waiting = GaugeMetricFamily("suhe_sink_waiting", "Readings a server store was not sent", labels=["sink"])
    refused = CounterMetricFamily("suhe_sink_refused", "Readings a server store refused for good", labels=["sink"])
    for sink in readings.sinks():
        lag.add_metric([sink.sink], sink.lag_seconds(now_ms))
        waiting.add_metric([sink.sink], sink.waiting)
        refused.add_metric([sink.sink], sink.refused)
    yield from (lag, waiting, refused)
