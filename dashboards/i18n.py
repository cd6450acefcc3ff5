"""Two languages: zh-Hans is the source of every sentence, `locale/en/*.po` its English, one file for each part of the pages.

The choice is `?lang`, then the cookie, then Accept-Language, then Chinese.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale, dates, numbers
from babel.messages.pofile import read_po
from fastapi import Request

from foundation.clock import SHANGHAI, from_ms

CHINESE, ENGLISH = "zh-Hans", "en"
LANGUAGES = (CHINESE, ENGLISH)
COOKIE = "lang"
LOCALE_FOLDER = Path(__file__).with_name("locale")

Translate = Callable[..., str]


def language_of(request: Request) -> str:
    """Return the language to answer this request in."""
    return language_wished(request.query_params.get("lang"), request.cookies.get(COOKIE), request.headers.get("accept-language", ""))


def language_wished(asked: str | None, kept: str | None, accepted: str) -> str:
    """Return the language of a request by its `?lang`, its cookie and its Accept-Language."""
    for wish in (asked, kept):
        if wish in LANGUAGES:
            return str(wish)
    for part in accepted.split(","):
        tag = part.split(";")[0].strip().lower()
        if tag.startswith("zh"):
            return CHINESE
        if tag.startswith("en"):
            return ENGLISH
    return CHINESE


@cache
def catalogue(lang: str) -> dict[str, str]:
    """Return Chinese sentence -> sentence in `lang`; empty for Chinese itself."""
    words: dict[str, str] = {}
    if lang == CHINESE:
        return words
    for path in sorted((LOCALE_FOLDER / lang).glob("*.po")):
        with path.open("rb") as source:
            words.update((str(m.id), str(m.string)) for m in read_po(source) if m.id and m.string)
    return words


def translator(lang: str) -> Translate:
    """Return the function that turns a Chinese sentence into `lang`, filling `%(name)s` from its keywords."""
    words = catalogue(lang)

    def translate(sentence: str, **values: Any) -> str:
        found = words.get(sentence, sentence)
        return found % values if values else found

    return translate


def babel_locale(lang: str) -> Locale:
    """Return Babel's locale for one of our languages."""
    return Locale.parse("zh_Hans_CN") if lang == CHINESE else Locale.parse("en_GB")


def number_text(value: float | Decimal | int, lang: str, decimals: int | None = None) -> str:
    """Return a number as the language writes it, with a fixed count of decimals where one is given."""
    pattern = None if decimals is None else "#,##0" + ("." + "0" * decimals if decimals else "")
    return str(numbers.format_decimal(value, format=pattern, locale=babel_locale(lang)))


def day_text(day: date, lang: str) -> str:
    """Return a calendar day: 2026年5月1日, 1 May 2026."""
    return str(dates.format_date(day, format="long", locale=babel_locale(lang)))


def time_text(moment_ms: int, lang: str) -> str:
    """Return an instant as day and time in Shanghai."""
    local = from_ms(moment_ms).astimezone(SHANGHAI)
    pattern = "M月d日 HH:mm" if lang == CHINESE else "d MMM HH:mm"
    return str(dates.format_datetime(local, pattern, locale=babel_locale(lang)))


def age_text(age_ms: int, t: Translate) -> str:
    """Return how old something is in one unit: 12 秒前, 3 分钟前, 5 小时前, 2 天前."""
    seconds = max(age_ms, 0) // 1000
    if seconds < 60:
        return t("%(n)s 秒前", n=seconds)
    if seconds < 3600:
        return t("%(n)s 分钟前", n=seconds // 60)
    if seconds < 48 * 3600:
        return t("%(n)s 小时前", n=seconds // 3600)
    return t("%(n)s 天前", n=seconds // 86400)


def name_of(thing: Any, lang: str) -> str:
    """Return a thing's name in the language."""
    return str(thing.name_zh if lang == CHINESE else thing.name_en)
