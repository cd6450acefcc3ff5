"""The nouns of forecasts refuse nonsense."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from foundation.errors import BadInput
from pricing.forecast.nouns import NAIVE, Forecast, ForecastPoint, Skill

LAST = date(2026, 11, 16)
POINT = ForecastPoint(1, LAST + timedelta(weeks=1), 2800, 3000, 3300, NAIVE)
SKILL = Skill(1, 1.1, 1.0, 0.8, 40)
MADE = Forecast("tomato", "xinfadi", "CNY", "xinfadi", 0, LAST, LAST, 3000, 70, 0, (POINT,), (SKILL,))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: replace(POINT, p10=3100),
        lambda: replace(POINT, p10=0),
        lambda: replace(POINT, method="oracle"),
        lambda: replace(MADE, points=()),
        lambda: replace(MADE, skill=()),
        lambda: replace(MADE, points=(POINT, POINT), skill=(SKILL, SKILL)),
        lambda: replace(MADE, last_week=LAST - timedelta(weeks=1)),
    ],
)
def test_a_forecast_that_contradicts_itself_is_refused(wrong: Callable[[], object]) -> None:
    """Quantiles out of order, unknown methods, weeks without skill, a week twice, weeks that do not follow the last one."""
    with pytest.raises(BadInput):
        wrong()


def test_a_gain_is_what_naive_erred_more() -> None:
    """A tenth more error than naive is a gain of minus a tenth; a naive that never errs leaves none."""
    assert SKILL.gain == pytest.approx(-0.1)
    assert replace(SKILL, mase_naive=0.0).gain == 0.0
    assert MADE.at(1) == POINT and MADE.at(2) is None and MADE.skill_at(1) == SKILL and MADE.skill_at(3) is None
