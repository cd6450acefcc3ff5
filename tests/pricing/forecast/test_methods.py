"""The simple methods against statsmodels, whose recursions are the same where nothing is absent."""

from __future__ import annotations

import numpy as np
import pytest

from pricing.forecast.methods import prepare, slope_so_far, smooth, theta
from pricing.forecast.panel import Panel, panel_of
from tests.pricing.forecast.test_outlook import seasonal


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Return one series of 80 weeks."""
    return panel_of(seasonal(80, 1, 0.2))


def test_smoothing_is_that_of_statsmodels(panel: Panel) -> None:
    """With the same parameters and start, level and trend give statsmodels' damped forecasts to nine digits."""
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    logs = panel.prices[0]
    for alpha, beta, damping in ((0.7, 0.1, 0.9), (0.3, 0.2, 0.8)):
        model = ExponentialSmoothing(
            logs, trend="add", damped_trend=True, initialization_method="known", initial_level=logs[0], initial_trend=0.0
        )
        theirs = model.fit(smoothing_level=alpha, smoothing_trend=beta, damping_trend=damping, optimized=False).forecast(12)
        ours = smooth(panel.prices, ((alpha, beta, damping),))
        steps = np.cumsum(damping ** np.arange(1, 13))
        # Ours starts at the first price, theirs one step before it: the same where the start has no trend.
        np.testing.assert_allclose(ours.level[0, -1] + ours.trend[0, -1] * steps, theirs, atol=1e-9)


def test_theta_is_that_of_statsmodels(panel: Panel) -> None:
    """With the same smoothing, theta's drift and catching up give statsmodels' forecasts."""
    from statsmodels.tsa.forecasting.theta import ThetaModel

    logs = panel.prices[0]
    fitted = ThetaModel(logs, deseasonalize=False).fit(use_mle=False)
    slope = slope_so_far(panel.prices)[0, -1]
    assert fitted.params["b0"] == pytest.approx(slope)
    alpha = float(fitted.params["alpha"])
    ready = prepare(panel)
    chosen = float(ready.ses.alpha[0, -1])
    # Theirs optimises, ours picks from a grid: the nearest of it, and the same forecast but for that.
    assert abs(chosen - alpha) <= 0.2
    for h, theirs in enumerate(fitted.forecast(12), start=1):
        assert theta(ready, h)[0, -1] == pytest.approx(theirs, abs=0.01)
