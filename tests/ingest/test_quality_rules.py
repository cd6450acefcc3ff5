"""The rules of quality control as data: sources, a county's own file over them, and what is said of a file that cannot be used."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from foundation.errors import BadInput
from ingest.channels import CHANNELS
from ingest.quality.keeping import rules_of
from ingest.quality.rules import RuleBook, packaged, read_rules
from ingest.reading import FAIL, GOOD, NOT_EVALUATED
from suhe.commands.ingest_rules import run
from tests.ingest.test_quality import batch

ROOT = Path(__file__).parents[2]
S = 'source = "a"\n'


def own(tmp_path: Path, text: str) -> RuleBook:
    """Return the rules with a county's own file."""
    (tmp_path / "quality.toml").write_text(text, encoding="utf-8")
    return read_rules(tmp_path)


def test_every_figure_has_a_source_and_every_channel_a_range() -> None:
    """No table of the packaged file is without one; what stands still by nature has no flat-line test."""
    told = tomllib.loads((ROOT / "ingest" / "quality" / "quality.toml").read_text())
    tables = [t for tests in told["channel"].values() for t in tests.values()]
    tables += [t for kind in told["kind"].values() for tests in kind.values() for t in tests.values()]
    assert all(len(t["source"]) > 5 for t in tables)
    for code, channel in CHANNELS.items():
        rules = packaged().of(code)
        assert rules.gross_range is not None, code
        if channel.kind in ("total", "count") or code == "setpoint":
            assert rules.flat_line is None, code


def test_the_nearer_table_wins_figure_by_figure(tmp_path: Path) -> None:
    """Device over county over kind over channel; a test can be taken away; a county's own channel gets rules."""
    book = own(
        tmp_path,
        f"[channel.tds.gross_range]\nfail = [0, 9]\n{S}"
        f"[kind.greenhouse_climate.air_temperature.gross_range]\nsuspect = [-5, 55]\n{S}"
        f"[county.321023.air_temperature.step]\nsuspect_per_hour = 7\n{S}"
        f"[device.d1.air_temperature.step]\nfail_per_hour = 20\n{S}"
        f"[device.d1.air_temperature.spike]\noff = true\n{S}",
    )
    rules = book.of("air_temperature", kind="weather_station", county="321023", device="d1")
    assert rules.step is not None and rules.spike is None
    assert (rules.step.suspect_at_once, rules.step.suspect_per_hour, rules.step.fail_per_hour) == (3, 7, 20)
    inside = book.of("air_temperature", kind="greenhouse_climate").gross_range
    assert inside is not None and inside.suspect == (-5, 55) and inside.fail == (-40, 60)
    assert book.of("tds").gross_range is not None and book.of("air_temperature", county="371522") == packaged().of("air_temperature")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[channel.rain.gross_range]\nfail = [0, 9]\n", "channel.rain.gross_range has no source"),
        (f"[channel.rain.gross]\n{S}", "there is no such test"),
        (f"[channel.rain.gross_range]\nfial = [0, 9]\n{S}", "there is no such figure"),
        (f"[channel.rain.gross_range]\nfail = [9, 0]\n{S}", "rain.gross_range.fail cannot be used"),
        (f"[channel.rain.gross_range]\nfail = [0, 9]\n{S}", "gross_range of rain fails before it suspects"),
        (f"[channel.ph.step]\nsuspect_at_once = nan\n{S}", "ph.step.suspect_at_once cannot be used"),
        (f"[channel.new.step]\nsuspect_at_once = 1\n{S}", "step of new lacks figures"),
        (f"[channel.rain.internal]\nrule = 'wet'\n{S}", "this relation cannot be used"),
        (f"[channel.air_temperature.climatology]\nmean = [1,2]\n{S}", "climatology.mean cannot be used"),
        ("[country.x]\n", "there is no such table"), ("[height_m]\nd1 = 'high'\n", "height_m.d1 is no height"),
        ("channel = 3", "is no table"),
        ("[county.321023]\nrain = 1\n", "is no table"), ("= 3", "cannot be read as TOML"),
        (f"[kind.k.ph.step]\nfail_at_once = 1\n{S}[county.321023.ph.step]\nsuspect_at_once = 1.5\n{S}", "fails before it suspects"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    """The message names table and figure; what only goes wrong together is found as well."""
    with pytest.raises(BadInput, match=re.escape(says)):
        own(tmp_path, text)


def test_a_broken_file_stops_no_reading(tmp_path: Path) -> None:
    """Ingest goes on with the packaged rules; the command refuses."""
    (tmp_path / "quality.toml").write_text("[nonsense]\n")
    assert rules_of(tmp_path / "readings") is packaged()


def test_the_example_of_the_manual_is_a_file_that_can_be_used(tmp_path: Path) -> None:
    """What docs/operations.md shows may be copied."""
    manual = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    example = re.search(r"## Rules of quality control.*?```toml\n(.*?)```", manual, re.DOTALL)
    assert example
    book = own(tmp_path, example.group(1))
    assert book.heights == {"by-04-weather": 12.0} and book.of("wind_speed", device="by-04-weather").neighbour is None


def test_a_county_s_own_channel_is_evaluated(tmp_path: Path) -> None:
    """With a range of its own an unknown channel is good or not, without one 2."""
    from ingest.quality.plan import Plan
    from ingest.quality.stream import Flagger

    flags = Flagger(Plan(own(tmp_path, f"[channel.tds.gross_range]\nfail = [0, 9]\n{S}")))
    flags.watch(1, "371522", "d1", "tds")
    flags.watch(2, "371522", "d1", "other")
    assert flags.judge(batch([1, 1, 2], [5, 10, 5], [1_700_000_000_000] * 3)).flag.tolist() == [GOOD, FAIL, NOT_EVALUATED]


def test_the_command_prints_figures_and_sources(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One channel with the rules of a kind; nothing unlimited is printed."""
    from foundation.settings import Settings

    run(Settings(data=tmp_path), "air_temperature", "", "greenhouse_climate", "", as_json=False)
    told = capsys.readouterr().out
    assert "suspect_at_once 6" in told and "Shunyi" in told and "inf" not in told
