"""Units as senders write them, and the factors between those of one quantity. A unit that is in no table converts to nothing.

UCUM's own codes stand first; beside them what gateways really write. Factors are exact by definition of the units.
"""

from __future__ import annotations

from foundation.errors import BadInput

# Unit as written (folded, see `_folded`) -> its code in UCUM as our channels use it.
_SPELLINGS: dict[str, str] = {
    "cel": "Cel", "°c": "Cel", "℃": "Cel", "c": "Cel", "degc": "Cel", "deg c": "Cel", "celsius": "Cel", "摄氏度": "Cel", "°": "deg",
    "k": "K", "kelvin": "K", "[degf]": "[degF]", "°f": "[degF]", "℉": "[degF]", "f": "[degF]", "degf": "[degF]", "fahrenheit": "[degF]",
    "%": "%", "%rh": "%", "% rh": "%", "rh%": "%", "percent": "%", "%vwc": "%", "% vwc": "%", "vol%": "%", "%vol": "%", "%el": "%EL",
    "1": "1", "/": "1", "m3/m3": "1", "m³/m³": "1",
    "m": "m", "米": "m", "cm": "cm", "厘米": "cm", "mm": "mm", "毫米": "mm", "km": "km",
    "[in_i]": "[in_i]", "in": "[in_i]", "inch": "[in_i]",
    "m/s": "m/s", "m·s-1": "m/s", "km/h": "km/h", "kmh": "km/h", "kph": "km/h", "[kn_i]": "[kn_i]", "kn": "[kn_i]", "kt": "[kn_i]",
    "[mi_i]/h": "[mi_i]/h", "mph": "[mi_i]/h",
    "pa": "Pa", "hpa": "hPa", "百帕": "hPa", "kpa": "kPa", "mbar": "hPa", "bar": "bar", "mm[hg]": "mm[Hg]", "mmhg": "mm[Hg]",
    "v": "V", "volt": "V", "volts": "V", "伏": "V", "mv": "mV", "w": "W", "kw": "kW", "a": "A", "ma": "mA",
    "w/m2": "W/m2", "w/m²": "W/m2", "w/m^2": "W/m2", "wm-2": "W/m2", "lx": "lx", "lux": "lx", "klx": "klx", "klux": "klx",
    "s/m": "S/m", "ms/cm": "mS/cm", "us/cm": "uS/cm", "µs/cm": "uS/cm", "μs/cm": "uS/cm", "ds/m": "mS/cm",
    "mg/l": "mg/L", "g/m3": "mg/L", "ug/l": "ug/L", "µg/l": "ug/L", "g/l": "g/L",
    "ppm": "ppm", "[ppm]": "ppm", "ppb": "ppb", "[ppb]": "ppb",
    "[ph]": "[pH]", "ph": "[pH]", "ntu": "NTU", "[ntu]": "NTU", "fnu": "NTU", "deg": "deg", "degree": "deg", "degrees": "deg", "度": "deg",
    "{count}": "{count}", "count": "{count}", "counts": "{count}", "个": "{count}", "只": "{count}",
    "s": "s", "sec": "s", "min": "min", "h": "h", "hour": "h", "db": "dB", "dbm": "dBm", "g": "g", "kg": "kg",
    "m3/s": "m3/s", "m³/s": "m3/s", "l/s": "L/s", "m3": "m3", "m³": "m3", "l": "L",
}  # fmt: skip

# (from, to) -> factor and offset: value * factor + offset.
_LINEAR: dict[str, dict[str, float]] = {
    "length": {"mm": 0.001, "cm": 0.01, "m": 1.0, "km": 1000.0, "[in_i]": 0.0254},
    "speed": {"m/s": 1.0, "km/h": 1 / 3.6, "[kn_i]": 1852 / 3600, "[mi_i]/h": 1609.344 / 3600},
    "pressure": {"Pa": 1.0, "hPa": 100.0, "kPa": 1000.0, "bar": 100_000.0, "mm[Hg]": 133.322},
    "voltage": {"V": 1.0, "mV": 0.001},
    "current": {"A": 1.0, "mA": 0.001},
    "power": {"W": 1.0, "kW": 1000.0},
    "light": {"lx": 1.0, "klx": 1000.0},
    "conductivity": {"S/m": 1.0, "mS/cm": 0.1, "uS/cm": 0.0001},
    "concentration": {"mg/L": 1.0, "ug/L": 0.001, "g/L": 1000.0},
    "fraction": {"%": 0.01, "1": 1.0},
    "parts": {"ppm": 1.0, "ppb": 0.001},
    "time": {"s": 1.0, "min": 60.0, "h": 3600.0},
    "mass": {"g": 1.0, "kg": 1000.0},
    "flow": {"m3/s": 1.0, "L/s": 0.001},
    "volume": {"m3": 1.0, "L": 0.001},
}
_KINDS = {unit: (kind, factor) for kind, units in _LINEAR.items() for unit, factor in units.items()}
# Kelvin in terms of each scale: K = value * factor + offset.
_TEMPERATURES = {"Cel": (1.0, 273.15), "K": (1.0, 0.0), "[degF]": (5 / 9, 459.67 * 5 / 9)}


def unit_code(written: str) -> str | None:
    """Return the code our channels use for a unit as a sender wrote it, None for one nobody here knows."""
    return _SPELLINGS.get(_folded(written))


def conversion(written: str, wanted: str) -> tuple[float, float]:
    """Return (factor, offset) that take a value from a unit as written to a unit of ours; raise BadInput where there is no way."""
    if written == wanted:
        return 1.0, 0.0
    one, other = unit_code(written), unit_code(wanted) or wanted
    if one is not None and one == other:
        return 1.0, 0.0
    if one in _TEMPERATURES and other in _TEMPERATURES:
        (factor, offset), (back, less) = _TEMPERATURES[one], _TEMPERATURES[other]
        return factor / back, (offset - less) / back
    if one in _KINDS and other in _KINDS and _KINDS[one][0] == _KINDS[other][0]:
        return _KINDS[one][1] / _KINDS[other][1], 0.0
    raise BadInput(
        "this unit does not convert",
        expected=f"{wanted or 'none'} or a unit of the same quantity",
        got=written[:32],
        todo="name the channel with the unit it really is in: suhe feed name --unit",
    )


def _folded(written: str) -> str:
    return " ".join(written.strip().lower().split())
