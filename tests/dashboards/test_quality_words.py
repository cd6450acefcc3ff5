"""What quality control said of a device's readings, in words and on the device's page."""

from __future__ import annotations

import re
from pathlib import Path

from dashboards.i18n import translator
from dashboards.quality_words import flag_words, flagged_line, lines_of_tests, words_of_tests
from foundation.clock import to_ms
from ingest.payloads import ReadingIn, encode_up
from ingest.quality import TESTS
from ingest.quality.report import FlagCounts, FlaggedReading
from tests.dashboards.fakes import BAOYING, build_installation


def test_every_test_and_flag_has_a_word_in_both_languages() -> None:
    """No test is without a name, and no two share one."""
    for lang in ("en", "zh-Hans"):
        t = translator(lang)
        assert set(words_of_tests(t)) == set(TESTS) and len(set(words_of_tests(t).values())) == len(TESTS)
        assert set(flag_words(t)) == {1, 2, 3, 4, 9}


def test_counts_and_flagged_readings_are_told() -> None:
    """Tests that did not apply are left out; what found something stands out; the test that flagged a reading is named."""
    t = translator("en")
    counts = FlagCounts("d", "water_level", 12, {1: 11, 4: 1}, {"gross_range": {1: 11, 4: 1}, "spike": {2: 12}})
    assert [(x.name, x.passed, x.not_made, x.suspect, x.failed, x.bad) for x in lines_of_tests(counts, "en", t)] == [
        ("Gross range", "11", "0", "0", "1", True), ("Spike", "0", "12", "0", "0", False),
    ]  # fmt: skip
    told = flagged_line(
        FlaggedReading("d", "water_level", 1_764_000_000_000, 400.04, 4, {"gross_range": 4, "step": 3, "spike": 1}, True), "en", t
    )
    assert (told.value, told.flag, told.tests, told.final) == ("400.0", "Fail", "Gross range, Step", True)


def test_a_device_s_page_names_the_test_and_leaves_the_value(tmp_path: Path) -> None:
    """A level no sensor of that kind can tell stands on the page with its value, its flag and the tests that flagged it."""
    made = build_installation(tmp_path)
    now = to_ms(made.services.clock.now())
    rows = [ReadingIn("by-01-p1-level", "water_level", now - (9 - k) * 600_000, 400.0 if k == 5 else 20.0) for k in range(9)]
    made.services.readings.accept("by-01-gw", encode_up(30_000, rows))
    with made.browser("en") as web:
        page = web.get(f"/c/{BAOYING}/field/by-01-p1-level").text
    (row,) = (r for r in re.findall(r"<tr><td>.*?</tr>", page, re.S) if "400.0" in r)
    assert "Fail" in row and "Gross range" in row
    assert "Quality tests (QARTOD)" in page
