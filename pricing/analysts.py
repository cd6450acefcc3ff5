"""`pricing.frame`: quotes as a pandas DataFrame, from a data folder, from the API of an installation, or from a service in hand.

Nothing heavy is imported before `frame` is called: `import pricing` stays light.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from pricing.service import Prices

# What a row of the frame is made of, in the order the quotes are read.
_QUOTE = (
    "product", "market", "county", "kind", "source", "currency", "licence", "valid_date", "observed_ms",
    "low_milli_per_kg", "mid_milli_per_kg", "high_milli_per_kg",
)  # fmt: skip
_DAY = ["product", "market", "valid_date"]
_WORDS = ("product", "market", "county", "kind", "source", "currency", "licence")
_JIN_PER_KG = 2


def frame(
    products: str | Sequence[str], markets: str | Sequence[str] | None = None, start: date | str | None = None,
    end: date | str | None = None, *, as_of: str | int | None = None, weekly: bool = False, where: str | Path | Prices | None = None,
    key: str = "",
) -> pd.DataFrame:  # fmt: skip
    """Return market days of some products as a DataFrame with typed columns; `weekly` gives medians of ISO weeks instead.

    Args:
        products: one product or several, by our ids (`tomato`).
        markets: one market or several; all where none is named.
        start: first market day; a date or YYYY-MM-DD.
        end: the day after the last one.
        as_of: answer as it was known then: an ISO time, a day (its end in Shanghai) or ms UTC.
        weekly: one row for each Monday with the median of that week's days; a week without a quote is absent.
        where: a data folder, the address of an installation (`https://…`), or a `Prices`; without it the folder of the settings.
        key: an API key where `where` is an address: without one only what may be passed on is there.

    One row is one product in one market on one day, as the board has it: lowest low, mean mid and highest high over the quotes of the
    source that spoke last. Prices are integer thousandths of `currency` per kilogram; `mid_per_kg` and `mid_per_jin` are the same in
    the currency itself. Days nobody quoted are absent. `attrs["left_out"]` counts rows that were left out because of their licence.

    Raises:
        BadInput: a day or moment that cannot be read, or a folder without records.
        SuheError: the installation refused; the message is its own.

    """
    import pandas as pd

    asked = {"product": _several(products), "market": _several(markets), "start": _day(start), "end": _day(end), "as_of": as_of}
    found, today, left_out = _ask(where, asked, key)
    days = _days(pd.DataFrame.from_records(found, columns=list(_QUOTE)), today)
    made = _weeks(days) if weekly else days
    made.attrs.update(where=str(where) if isinstance(where, str) else type(where).__name__, as_of=as_of, left_out=left_out)
    return made


def _ask(where: str | Path | Prices | None, asked: Mapping[str, Any], key: str) -> tuple[Iterable[tuple[Any, ...]], date, int]:
    """Return the quotes, the day the question is about, and how many rows were left out."""
    from foundation.clock import SystemClock, from_ms, market_day
    from pricing.open_rows import as_of_ms

    moment = as_of_ms(str(asked["as_of"])) if asked["as_of"] is not None else None
    if isinstance(where, str) and where.startswith(("http://", "https://")):
        rows, left_out = _of_api(where, asked, key)
        return rows, market_day(from_ms(moment) if moment is not None else SystemClock().now()), left_out
    if where is None or isinstance(where, (str, Path)):
        with _house(where) as prices:
            return _of_service(prices, asked, moment), market_day(from_ms(moment) if moment is not None else SystemClock().now()), 0
    return _of_service(where, asked, moment), market_day(from_ms(moment)) if moment is not None else where.round_window().end, 0


class _house:  # noqa: N801 - used as a function
    """Opens the records of a data folder for as long as a question takes."""

    def __init__(self, where: str | Path | None) -> None:
        from foundation.blobs import BlobFolder
        from foundation.clock import SystemClock
        from foundation.database import open_engine
        from foundation.errors import BadInput
        from foundation.settings import Settings
        from pricing.service import Prices

        settings = Settings(data=Path(where)) if where is not None else Settings()
        if not settings.database_url.get_secret_value() and not (settings.data / "records.db").exists():
            raise BadInput("there are no records in this folder", expected="a data folder of an installation", got=str(settings.data)[:200])
        self._engine = open_engine(settings.records_url)
        self._prices = Prices(self._engine, SystemClock(), BlobFolder(settings.data / "blobs"))

    def __enter__(self) -> Prices:
        return self._prices

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()


def _of_service(prices: Prices, asked: Mapping[str, Any], moment: int | None) -> list[tuple[Any, ...]]:
    from operator import attrgetter

    from pricing.open_rows import Selection

    days = {k: asked[k] for k in ("start", "end") if asked[k] is not None}
    selection = Selection(products=asked["product"], markets=asked["market"], as_of_ms=moment, **days)
    row = attrgetter(*_QUOTE)
    data = prices.open_data
    return [row(r) for block in data.stream(selection, data.terms(demo=False), everything=True) for r in block]


def _of_api(address: str, asked: Mapping[str, Any], key: str) -> tuple[Iterator[tuple[Any, ...]], int]:
    import httpx

    from foundation.errors import SuheError

    query = [(k, str(v)) for k in ("product", "market") for v in asked[k]]
    query += [(k, str(asked[k])) for k in ("start", "end", "as_of") if asked[k] is not None]
    headers = {"authorization": f"Bearer {key}"} if key else {}
    answer = httpx.get(f"{address.rstrip('/')}/api/v1/quotes", params=[*query, ("format", "csv")], headers=headers, timeout=600)
    if answer.status_code != 200:
        told = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        words = str(told.get("detail", f"the installation answered {answer.status_code}"))
        raise SuheError(words, expected=str(told.get("expected", "")), got=str(told.get("got", "")), todo=str(told.get("todo", "")))
    return _of_csv(answer.text), int(answer.headers.get("x-suhe-left-out", 0))


def _of_csv(text: str) -> Iterator[tuple[Any, ...]]:
    import csv
    import io
    from datetime import datetime

    from foundation.clock import to_ms

    for r in csv.DictReader(io.StringIO(text)):
        observed = to_ms(datetime.fromisoformat(r["observed_at"]))
        numbers = (int(r[name]) for name in _QUOTE[9:])
        yield (*(r[name] for name in _QUOTE[:7]), date.fromisoformat(r["valid_date"]), observed, *numbers)


def _days(quotes: pd.DataFrame, today: date) -> pd.DataFrame:
    """Return the market days that quotes make together, by the rule of the board."""
    import pandas as pd

    quotes = _in_market_currency(quotes)
    quotes = quotes.sort_values(["observed_ms", "source"], kind="stable")
    spoke_last = quotes.groupby(_DAY, sort=False)["source"].transform("last")
    of = quotes[quotes["source"] == spoke_last].groupby(_DAY, sort=True)
    made = of.agg(
        **{k: (k, "first") for k in _WORDS if k not in _DAY},
        low_milli_per_kg=("low_milli_per_kg", "min"), mid_milli_per_kg=("mid_milli_per_kg", "mean"),
        high_milli_per_kg=("high_milli_per_kg", "max"), quotes=("mid_milli_per_kg", "size"), observed_ms=("observed_ms", "max"),
    ).reset_index()  # fmt: skip
    # Half to even, as Python's round.
    for name in ("low_milli_per_kg", "mid_milli_per_kg", "high_milli_per_kg", "quotes"):
        made[name] = made[name].astype("float64").round().astype("int64")
    made["valid_date"] = pd.to_datetime(made["valid_date"])
    made["observed_at"] = pd.to_datetime(made.pop("observed_ms").astype("int64"), unit="ms", utc=True)
    made["age_days"] = (pd.Timestamp(today) - made["valid_date"]).dt.days.astype("int64")
    return _finished(made)


def _weeks(days: pd.DataFrame) -> pd.DataFrame:
    """Return the median of each ISO week's days (pricing.weekly), sources apart."""
    import pandas as pd

    monday = (days["valid_date"] - pd.to_timedelta(days["valid_date"].dt.day_of_week, unit="D")).rename("week")
    by = [*(days[k].astype("object") for k in _WORDS), monday]
    made = days.groupby(by, sort=True).agg(mid_milli_per_kg=("mid_milli_per_kg", "median"), days=("mid_milli_per_kg", "size")).reset_index()
    made["week"] = pd.to_datetime(made["week"])
    made["mid_milli_per_kg"] = made["mid_milli_per_kg"].astype("float64")
    return _finished(made)


def _finished(made: pd.DataFrame) -> pd.DataFrame:
    made["mid_per_kg"] = made["mid_milli_per_kg"] / 1000
    made["mid_per_jin"] = made["mid_milli_per_kg"] / (1000 * _JIN_PER_KG)
    for name in _WORDS:
        made[name] = made[name].astype("str").astype("category")
    return made


def _in_market_currency(quotes: pd.DataFrame) -> pd.DataFrame:
    """Leave out quotes in another currency than their market's: two currencies never stand side by side as if they were one."""
    from pricing.markets import currency_of

    kept = [currency_of(m) in (None, c) for m, c in zip(quotes["market"], quotes["currency"], strict=True)]
    return quotes[kept] if kept else quotes


def _several(names: str | Sequence[str] | None) -> tuple[str, ...]:
    return () if names is None else (names,) if isinstance(names, str) else tuple(names)


def _day(day: date | str | None) -> date | None:
    from foundation.errors import BadInput

    try:
        return date.fromisoformat(day) if isinstance(day, str) else day
    except ValueError as error:
        raise BadInput("this day cannot be read", expected="YYYY-MM-DD", got=day[:40] if isinstance(day, str) else "") from error
