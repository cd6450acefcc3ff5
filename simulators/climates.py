"""The climates of the two counties as parameters of the weather generator.

They are configured so that simulated years resemble the counties' published normals (about 560 mm of rain and a mean of 13.7 C at
Shenxian, about 1,000 mm and 14.9 C at Baoying); they are not fitted to a station, and nothing simulated is a measurement.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulators.scenario_places import BAOYING, SHENXIAN


@dataclass(frozen=True)
class Climate:
    """Monthly rain statistics and the yearly course of temperature; twelve values from January on."""

    county: str
    lat: float
    lon: float
    wet_after_dry: tuple[float, ...]  # P01
    wet_after_wet: tuple[float, ...]  # P11
    wet_day_mm: tuple[float, ...]
    mean_c: float
    amplitude_c: float
    coldest_day: float
    half_range_dry_c: float
    half_range_wet_c: float
    dew_gap_dry_c: float  # how far the dew point lies under the night's minimum on a dry day
    wind_mean: float
    wind_from_winter_deg: float
    wind_from_summer_deg: float

    def __post_init__(self) -> None:
        for name in ("wet_after_dry", "wet_after_wet"):
            values = getattr(self, name)
            if len(values) != 12 or not all(0 < p < 1 for p in values):
                raise ValueError(f"{name} needs twelve probabilities, got {values}")
        if len(self.wet_day_mm) != 12 or min(self.wet_day_mm) <= 0:
            raise ValueError(f"wet_day_mm needs twelve positive amounts, got {self.wet_day_mm}")


CLIMATES: dict[str, Climate] = {
    SHENXIAN: Climate(
        county=SHENXIAN, lat=36.24, lon=115.67,
        wet_after_dry=(0.04, 0.06, 0.08, 0.11, 0.13, 0.16, 0.27, 0.24, 0.16, 0.11, 0.08, 0.05),
        wet_after_wet=(0.28, 0.30, 0.32, 0.34, 0.36, 0.38, 0.50, 0.48, 0.42, 0.38, 0.34, 0.30),
        wet_day_mm=(2.0, 3.2, 4.5, 7.0, 9.0, 11.5, 13.5, 12.5, 9.5, 7.5, 5.0, 2.5),
        mean_c=13.7, amplitude_c=14.3, coldest_day=14.0, half_range_dry_c=5.8, half_range_wet_c=3.4, dew_gap_dry_c=2.5,
        wind_mean=2.4, wind_from_winter_deg=345.0, wind_from_summer_deg=180.0,
    ),
    BAOYING: Climate(
        county=BAOYING, lat=33.24, lon=119.36,
        wet_after_dry=(0.16, 0.19, 0.21, 0.20, 0.21, 0.25, 0.34, 0.28, 0.22, 0.16, 0.15, 0.12),
        wet_after_wet=(0.45, 0.48, 0.48, 0.46, 0.45, 0.50, 0.56, 0.52, 0.50, 0.46, 0.46, 0.44),
        wet_day_mm=(5.0, 5.6, 7.0, 7.6, 9.0, 14.0, 16.5, 14.5, 10.5, 7.5, 6.8, 4.2),
        mean_c=14.9, amplitude_c=13.0, coldest_day=18.0, half_range_dry_c=4.7, half_range_wet_c=2.8, dew_gap_dry_c=1.2,
        wind_mean=2.9, wind_from_winter_deg=20.0, wind_from_summer_deg=135.0,
    ),
}  # fmt: skip
