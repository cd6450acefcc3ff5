"""Market days as files write them: formats of the standard library, the calendar of Taiwan, and the day numbers of spreadsheets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import lru_cache

from foundation.errors import BadInput

# In the order they are tried. 31/12/2026 is tried before 12/31/2026: a sample with a day above 12 tells them apart.
FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d", "%d/%m/%Y", "%m/%d/%Y", "roc", "excel")
# Year 1 of the Republic of China is 1912.
_ROC = re.compile(r"(\d{2,3})[./-](\d{1,2})[./-](\d{1,2})\Z", re.ASCII)
# Day 1 of a spreadsheet is 1900-01-01 and the non-existent 1900-02-29 is counted, so day 0 is 1899-12-30 for every later day.
_EXCEL_EPOCH = date(1899, 12, 30)
_EXCEL = re.compile(r"[2-7]\d{4}(\.0+)?\Z", re.ASCII)
_CLOCK = re.compile(r"[ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\Z", re.ASCII)


@lru_cache(maxsize=65536)
def read_day(text: str, written: str) -> date:
    """Return the day a text means in one format; a time of day after it is left out.

    Raises:
        BadInput: the text is not written so, or no such day exists.

    """
    plain = _CLOCK.sub("", text.strip())
    try:
        if written == "roc" and (found := _ROC.match(plain)) is not None:
            return date(int(found[1]) + 1911, int(found[2]), int(found[3]))
        if written == "excel" and _EXCEL.match(plain):
            return _EXCEL_EPOCH + timedelta(days=int(plain.split(".")[0]))
        if written not in ("roc", "excel"):
            return datetime.strptime(plain, written).date()  # noqa: DTZ007 - a market day has no zone
    except ValueError:
        pass
    raise BadInput("this day cannot be read", expected=written, got=repr(text[:40]))


def formats_of(texts: Iterable[str]) -> list[str]:
    """Return the formats in which every one of the texts is a day, the likeliest first; more than one means a person must say."""
    told = [t for t in texts if t.strip()]
    return [f for f in FORMATS if told and all(_reads(t, f) for t in told)]


def _reads(text: str, written: str) -> bool:
    try:
        return 1990 <= read_day(text, written).year <= 2100
    except BadInput:
        return False
