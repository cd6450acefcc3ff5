"""A season counts only good hours, names the missing ones, and never fills a gap."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace

from dashboards.charts import DayRange, season_strip
from dashboards.season import HOUR_MS, day_start_ms, season_of, told_channels
from foundation.clock import FixedClock

FIRST, LAST = date(2026, 9, 1), date(2026, 9, 3)


def device(name: str, plot: str | None, *codes: str) -> SimpleNamespace:
    return SimpleNamespace(id=name, plot=plot, base="by-01", county="321023",
                           channels=tuple(SimpleNamespace(code=c, unit="Cel", interval_s=600) for c in codes))  # fmt: skip


class Readings:
    """Hourly windows of six readings each, except in the hours left out."""

    def __init__(self, missing: set[int] = frozenset()) -> None:  # type: ignore[assignment]
        self.missing = missing
        self.calls = 0

    def aggregate_many(self, keys, start_ms, end_ms, window_ms, good_only=True):
        """Return six readings in every hour that is not missing."""
        self.calls += 1
        hours = [h for h in range(start_ms, end_ms, window_ms) if (h - start_ms) // window_ms not in self.missing]
        return {
            k: [SimpleNamespace(start_ms=h, n=6, mean=20.0 + (h // HOUR_MS) % 3, min=10.0, max=30.0, flagged=0) for h in hours]
            for k in keys
        }


class Sealed:
    """Seals of some days, told as the log tells them."""

    def __init__(self, *told: tuple[date, list[dict[str, object]]]) -> None:
        self.told = dict(told)

    def sealed(self, _plot, first, last):
        """Return the seals between two days."""
        return {d: SimpleNamespace(told={"channels": c}) for d, c in self.told.items() if first <= d <= last}


def sealed_channel(device: str, channel: str, missing: list[int]) -> dict[str, object]:
    """Return a sealed channel with six readings of 15 in every hour that is not missing."""
    n = 6 * (24 - len(missing))
    told = {"device": device, "channel": channel, "n": n, "missingHours": missing}
    return told | ({"min": 12.0, "mean": 15.0, "max": 18.0, "sum": 15.0 * n} if n else {})


def services(readings: Readings, now: datetime = datetime(2026, 10, 1, tzinfo=UTC), kind: str = "pond") -> SimpleNamespace:
    devices = [
        device("by-01-station", None, "air_temperature", "rain"),
        device("by-01-p1-water", "by-01-p1", "water_temperature", "battery"),
        device("by-01-p2-water", "by-01-p2", "water_temperature"),
    ]
    registry = SimpleNamespace(
        plot=lambda key: SimpleNamespace(id=key, base="by-01", kind=kind),
        base=lambda key: SimpleNamespace(id=key, county="321023"),
        devices=lambda county=None, plot=None, gateway=None: devices,
    )
    return SimpleNamespace(registry=registry, readings=readings, clock=FixedClock(now), seals=Sealed())


def test_a_plot_is_told_by_its_own_devices_then_its_base() -> None:
    """A neighbour's device is not asked, and what is of no interest to a buyer is left out."""
    assert [(k.device, k.channel, k.at_plot) for k in told_channels(services(Readings()), "by-01-p1")] == [
        ("by-01-p1-water", "water_temperature", True),
        ("by-01-station", "air_temperature", False),
        ("by-01-station", "rain", False),
    ]


def test_a_greenhouse_is_not_told_by_the_weather_outside() -> None:
    """A greenhouse with devices of its own is told by them alone; one without says what the base measured."""
    assert [k.channel for k in told_channels(services(Readings(), kind="greenhouse"), "by-01-p1")] == ["water_temperature"]
    assert [k.channel for k in told_channels(services(Readings(), kind="greenhouse"), "by-01-p9")] == ["air_temperature", "rain"]


def test_a_full_season_is_complete() -> None:
    """With a reading in every hour the season is 100 % complete, has no gap, and needed one question."""
    readings = Readings()
    season = season_of(services(readings), "by-01-p1", FIRST, LAST)
    assert readings.calls == 1
    for channel in season.channels:
        assert channel.hours == 72
        assert channel.complete_percent == 100
        assert channel.gaps == ()
        assert len(channel.days) == 3
        assert (channel.low, channel.high) == (10, 30)


def test_missing_hours_are_named_and_an_empty_day_stays_empty() -> None:
    """A whole day and two single hours without readings appear as gaps, the longest first."""
    missing = set(range(24, 48)) | {2, 60}
    water = season_of(services(Readings(missing)), "by-01-p1", FIRST, LAST).channels[0]
    assert water.days[1] is None
    assert water.hours_with_data == 72 - 26
    start = day_start_ms(FIRST)
    assert water.gaps[0] == (start + 24 * HOUR_MS, start + 48 * HOUR_MS)
    assert set(water.gaps[1:]) == {(start + h * HOUR_MS, start + (h + 1) * HOUR_MS) for h in (2, 60)}


def test_hours_that_have_not_happened_are_not_missing() -> None:
    """A season still running is measured up to now only."""
    now = datetime(2026, 9, 2, 4, tzinfo=UTC)  # noon of the second day in Shanghai
    assert season_of(services(Readings(), now), "by-01-p1", FIRST, LAST).channels[0].hours == 36


def test_sealed_days_are_told_by_their_seals() -> None:
    """A season sealed as a whole asks for no raw reading; its numbers and its missing hours are the seals'."""
    readings = Readings()
    asked = services(readings)
    keys = [(k.device, k.channel) for k in told_channels(asked, "by-01-p1")]
    days = [date(2026, 9, d) for d in (1, 2, 3)]
    asked.seals = Sealed(*((d, [sealed_channel(*k, [5, 6] if d.day == 2 else []) for k in keys]) for d in days))
    season = season_of(asked, "by-01-p1", FIRST, LAST)
    assert readings.calls == 0
    for channel in season.channels:
        assert channel.sealed == (True, True, True)
        assert (channel.low, channel.mean, channel.high, channel.count) == (12, 15, 18, 6 * 70)
        start = day_start_ms(date(2026, 9, 2))
        assert channel.gaps == ((start + 5 * HOUR_MS, start + 7 * HOUR_MS),)


def test_days_not_sealed_yet_are_told_apart() -> None:
    """The raw readings are asked for what no seal tells, and a sealed day is not told twice; a sealed silence stays a silence."""
    readings = Readings()
    asked = services(readings)
    keys = [(k.device, k.channel) for k in told_channels(asked, "by-01-p1")]
    asked.seals = Sealed((FIRST, [sealed_channel(*k, list(range(24))) for k in keys]), (LAST, [sealed_channel(*keys[0], [])]))
    water, air, _ = season_of(asked, "by-01-p1", FIRST, LAST).channels
    assert (water.sealed, air.sealed) == ((True, False, True), (True, False, False))
    assert water.days[0] is None and water.days[2].high == 18 and water.days[1].high == 30
    assert (water.sealed_days, water.count) == (2, 24 * 6 * 2)
    assert readings.calls == 1


def test_the_strip_draws_days_not_sealed_yet_lighter() -> None:
    """A run of sealed days and one of others are two bands, the latter lighter; without a word about seals there is one band."""
    days = [DayRange(1, 2, 3 + k % 2) for k in range(6)]
    assert season_strip(days, "x", sealed=[True, True, True, False, False, True]).count('class="band open"') == 1
    assert "opacity" not in season_strip(days, "x")
