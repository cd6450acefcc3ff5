"""Quality control in words: each test, each flag, and what the tests said of a channel's readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.i18n import Translate, number_text, time_text
from dashboards.joining import listed
from ingest.channels import channel_of
from ingest.quality import TESTS
from ingest.reading import FAIL, GOOD, MISSING, NOT_EVALUATED, SUSPECT

if TYPE_CHECKING:
    from ingest.quality.report import FlagCounts, FlaggedReading

# Flagged readings of a channel that are named one by one.
SHOWN = 12


@dataclass(frozen=True)
class TestedLine:
    """What one test said of a channel's readings in a stretch of time, each as text; `bad` where it found something."""

    name: str
    passed: str
    not_made: str
    suspect: str
    failed: str
    bad: bool


@dataclass(frozen=True)
class FlaggedLine:
    """One flagged reading: when, its value, its flag, which tests said so, and whether that came after its arrival."""

    time: str
    value: str
    flag: str
    tests: str
    final: bool


def words_of_tests(t: Translate) -> dict[str, str]:
    """Return each test's name."""
    words = (t("时间"), t("量程"), t("气候"), t("阶跃"), t("尖峰"), t("恒值"), t("邻站"), t("内部一致"))
    return dict(zip(TESTS, words, strict=True))


def flag_words(t: Translate) -> dict[int, str]:
    """Return each flag of QARTOD in a word."""
    return {GOOD: t("好"), NOT_EVALUATED: t("未评"), SUSPECT: t("可疑"), FAIL: t("失败"), MISSING: t("缺测")}


def lines_of_tests(counts: FlagCounts, lang: str, t: Translate) -> list[TestedLine]:
    """Return what each test that applied said, in the order of the tests."""
    words = words_of_tests(t)
    lines = []
    for test in TESTS:
        told = counts.tests.get(test)
        if told:
            good, not_made, suspect, failed = (number_text(told.get(flag, 0), lang) for flag in (GOOD, NOT_EVALUATED, SUSPECT, FAIL))
            bad = bool(told.get(SUSPECT) or told.get(FAIL))
            lines.append(TestedLine(words[test], good, not_made, suspect, failed, bad))
    return lines


def flagged_line(reading: FlaggedReading, lang: str, t: Translate) -> FlaggedLine:
    """Return one flagged reading in words."""
    decimals = channel_of(reading.channel).decimals
    value = number_text(round(reading.value, decimals), lang, decimals)
    return FlaggedLine(
        time_text(reading.t_ms, lang),
        value,
        flag_words(t).get(reading.flag, str(reading.flag)),
        _blamed(reading.tests, lang, t),
        reading.final,
    )


def _blamed(tests: Mapping[str, int], lang: str, t: Translate) -> str:
    words = words_of_tests(t)
    return listed((words[test] for test in TESTS if tests.get(test, 0) in (SUSPECT, FAIL, MISSING)), lang)
