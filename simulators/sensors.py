"""What a sensor makes of the truth: its noise, its resolution, its span, and how far a fault throws it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sensor:
    """One channel's sensor; `fault` is the size of a small fault, 0 where only the whole device fails."""

    noise: float
    decimals: int
    low: float
    high: float
    fault: float = 0.0


SENSORS: dict[str, Sensor] = {
    "air_temperature": Sensor(0.08, 1, -40, 70, 8),
    "air_humidity": Sensor(0.6, 1, 0, 100, 22),
    "rain": Sensor(0, 1, 0, 200),
    "wind_speed": Sensor(0.15, 1, 0, 45, 7),
    "wind_direction": Sensor(4, 0, 0, 360),
    "solar_radiation": Sensor(3, 0, 0, 1400, 350),
    "air_pressure": Sensor(0.08, 1, 900, 1080, 20),
    "co2": Sensor(8, 0, 300, 5000, 500),
    "soil_temperature": Sensor(0.05, 1, -20, 60, 7),
    "soil_moisture": Sensor(0.12, 1, 0, 60, 8),
    "soil_ec": Sensor(0.008, 2, 0, 20, 0.9),
    "water_level": Sensor(0.08, 1, 0, 150, 12),
    "water_temperature": Sensor(0.05, 1, -2, 45, 6),
    "dissolved_oxygen": Sensor(0.05, 2, 0, 20, 4),
    "ph": Sensor(0.015, 2, 0, 14, 1.4),
    "water_ec": Sensor(0.004, 2, 0, 10, 0.5),
    "turbidity": Sensor(0.8, 1, 0, 1000, 80),
    "battery": Sensor(0.008, 2, 0, 5),
    "spore_count": Sensor(0, 0, 0, 1e6),
    "pest_count": Sensor(0, 0, 0, 1e6),
}

COUNTS = frozenset({"spore_count", "pest_count"})
TIP_MM = 0.2  # a tipping bucket's step
