"""Times as senders write them, in ms since 1970 UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from foundation.errors import BadInput

# The end of the year 9999: what any text of RFC 3339 can say.
LAST_MS = 253_402_300_799_999

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,12})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)
_LOCAL = re.compile(r"([0-9]{4})([-/]?)([0-9]{2})\2([0-9]{2})[T ]?([0-9]{2})(:?)([0-9]{2})(?:\6([0-9]{2})(\.[0-9]{1,12})?)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def rfc3339_ms(told: Any, what: str = "the time") -> int:
    """Return a time of RFC 3339, nanoseconds cut to ms; a leap second is the second after it. Raise BadInput for anything else."""
    if type(told) is not str or not _RFC_3339.fullmatch(told):
        raise BadInput(f"{what} cannot be read", expected="RFC 3339, such as 2026-07-18T09:34:15.775Z", got=repr(told)[:60])
    return _ms(told, what)


def local_ms(told: Any, zone_ms: int, what: str = "the time") -> int:
    """Return a time that may carry no zone: then it is of `zone_ms` east of UTC. Also `2026/07/18 09:34` and `20260718093415`."""
    found = _LOCAL.fullmatch(told) if type(told) is str else None
    if found is None:
        return rfc3339_ms(told, what)
    year, _, month, day, hour, _, minute, second, part = found.groups()
    return _within(_ms(f"{year}-{month}-{day}T{hour}:{minute}:{second or '00'}{part or ''}Z", what) - zone_ms, what)


def epoch_ms(told: Any, what: str = "the time", *, per_unit: int = 1) -> int:
    """Return a time told as a number since 1970: ms, or seconds with `per_unit` 1000."""
    if type(told) is not int and type(told) is not float:
        raise BadInput(f"{what} is no number", expected="seconds or ms since 1970", got=repr(told)[:60])
    if not 0 <= told <= LAST_MS:
        raise BadInput(f"{what} is outside every calendar", expected="1970 to 9999", got=repr(told)[:60])
    return _within(round(told * per_unit), what)


def _ms(text: str, what: str) -> int:
    leap = text[17:19] == "60"
    try:
        moment = datetime.fromisoformat(f"{text[:17]}59{text[19:]}" if leap else text)
        return _within((moment - _EPOCH) // _MS + (1000 if leap else 0), what)
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{what} is in no calendar", got=text[:40]) from error


def _within(ms: int, what: str) -> int:
    if not 0 <= ms <= LAST_MS:
        raise BadInput(f"{what} is outside every calendar", expected="1970 to 9999", got=f"{ms} ms since 1970"[:60])
    return ms
