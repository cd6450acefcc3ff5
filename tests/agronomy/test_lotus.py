"""The calendar of the lotus: every day has one stage, every figure its standing."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from agronomy.lotus import AGREE, ASSUMPTION, DIFFER, RISKS, STAGES, Span, depth_band, risk_on, stage_on, stages_of, year_of

EVERY_DAY = [date(2026, 1, 1) + timedelta(days=k) for k in range(365)] + [date(2028, 2, 29)]


@pytest.mark.parametrize(
    ("day", "key", "low", "high"),
    [
        (date(2026, 4, 15), "sprouting", 3, 5),
        (date(2026, 5, 20), "leaves", 5, 10),
        (date(2026, 7, 1), "vigour", 10, 20),
        (date(2026, 8, 31), "vigour", 10, 20),
        (date(2026, 9, 15), "swelling", 4, 10),
        (date(2026, 11, 25), "harvest", 8, 15),
        (date(2026, 2, 1), "harvest", 8, 15),
    ],
)
def test_a_day_has_its_stage_and_depth(day: date, key: str, low: float, high: float) -> None:
    """The stage of a day and the depth it wants are those of the extension texts."""
    band = depth_band(stage_on(day))
    assert (stage_on(day).key, band.low, band.high) == (key, low, high)


def test_the_stages_cover_the_year_once() -> None:
    """The stages of a lotus year follow each other without a hole, from planting to the day before the next planting."""
    for day in EVERY_DAY:
        rows = list(stages_of(day))
        first, after = year_of(day)
        assert rows[0][1] == first <= day < after
        assert [start for _, start, _ in rows[1:]] == [last + timedelta(days=1) for _, _, last in rows[:-1]]
        assert rows[-1][2] + timedelta(days=1) == after
        assert [s for s, start, last in rows if start <= day <= last] == [stage_on(day)]


def test_what_no_text_says_is_called_an_assumption() -> None:
    """Winter depth and the seasons of risk are ours, swelling is disputed between texts, the rest is agreed."""
    assert {s.key: s.depth_cm.status for s in STAGES} == {
        "sprouting": AGREE, "leaves": AGREE, "vigour": AGREE, "swelling": DIFFER, "harvest": ASSUMPTION,
    }  # fmt: skip
    assert {r.status for r in RISKS} == {ASSUMPTION}
    assert all(s.depth_cm.source_zh and s.depth_cm.source_en for s in STAGES)


def test_a_risk_has_its_season() -> None:
    """Moths and leaf spot are looked for in summer, not in winter; the first and the last day count."""
    moth = next(r for r in RISKS if r.key == "litura")
    assert [risk_on(moth, d) for d in (date(2026, 6, 14), date(2026, 6, 15), date(2026, 10, 31), date(2026, 11, 1))] == [
        False, True, True, False,
    ]  # fmt: skip


def test_a_band_judges_a_value_and_refuses_nonsense() -> None:
    """A value is below, within or above; ends belong to the band; a band without ends or upside down is refused."""
    band = Span(3, 5, AGREE, "甲", "a")
    assert [band.judge(x) for x in (2.9, 3, 5, 5.1)] == ["below", "within", "within", "above"]
    assert Span(None, 25, AGREE, "甲", "a").judge(-3) == "within"
    assert Span(8, None, AGREE, "甲", "a").judge(99) == "within"
    with pytest.raises(ValueError, match="at least one end"):
        Span(None, None, AGREE, "甲", "a")
    with pytest.raises(ValueError, match="low end below"):
        Span(5, 3, AGREE, "甲", "a")
    with pytest.raises(ValueError, match="stands as"):
        Span(3, 5, "certain", "甲", "a")
