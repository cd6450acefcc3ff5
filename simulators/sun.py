"""Where the sun stands: sunrise, sunset and the share of full radiation, by Shanghai clock time."""

from __future__ import annotations

import numpy as np

from simulators.timegrid import Floats

_ZONE_MERIDIAN = 120.0


def declination(yday: int) -> float:
    """Return the sun's declination in radians (FAO-56 eq. 24)."""
    return 0.409 * float(np.sin(2 * np.pi * yday / 365 - 1.39))


def daylight(lat: float, lon: float, yday: int) -> tuple[float, float]:
    """Return sunrise and sunset in clock hours."""
    half = 12 / np.pi * float(np.arccos(np.clip(-np.tan(np.radians(lat)) * np.tan(declination(yday)), -1, 1)))
    noon = solar_noon(lon)
    return noon - half, noon + half


def solar_noon(lon: float) -> float:
    """Return the clock hour of solar noon; the equation of time (at most a quarter of an hour) is left out."""
    return 12 + (_ZONE_MERIDIAN - lon) / 15


def radiation_share(lat: float, lon: float, yday: int, hours: Floats) -> Floats:
    """Return the sine of the sun's height, never negative, times the earth's distance factor."""
    tilt, angle = declination(yday), np.pi / 12 * (hours - solar_noon(lon))
    height = np.sin(np.radians(lat)) * np.sin(tilt) + np.cos(np.radians(lat)) * np.cos(tilt) * np.cos(angle)
    return np.asarray(np.maximum(0.0, height) * (1 + 0.033 * np.cos(2 * np.pi * yday / 365)))


def extraterrestrial(lat: float, yday: int) -> float:
    """Return the daily radiation above the atmosphere in MJ/m2 (FAO-56 eq. 21)."""
    tilt, phi = declination(yday), np.radians(lat)
    ws = float(np.arccos(np.clip(-np.tan(phi) * np.tan(tilt), -1, 1)))
    distance = 1 + 0.033 * np.cos(2 * np.pi * yday / 365)
    return float(24 * 60 / np.pi * 0.0820 * distance * (ws * np.sin(phi) * np.sin(tilt) + np.cos(phi) * np.cos(tilt) * np.sin(ws)))
