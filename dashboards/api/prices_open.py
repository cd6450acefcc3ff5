"""Open data over HTTP: every quote with its licence, its source and the way to the raw answer it was read from.

What a source's licence does not let us pass on is left out for the public, counted, and said so; whoever signed in sees it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from dashboards.api.deps import GUEST, After, Limit, caller_of, next_page
from dashboards.api.prices import FIRST_DAY, LAST_DAY
from foundation.csv_cells import csv_text
from foundation.errors import TooMany
from foundation.ids import check_county
from pricing.open_rows import LeftOut, OpenRow, Selection, as_of_ms, observed_at

if TYPE_CHECKING:
    from dashboards.services import Services

# Whole answers that may be under way at once in one process; a page is never refused.
MOST_EXPORTS = 3
_PIECE = 256 * 1024
RAW = "/api/v1/prices/runs/{run_id}/payloads"
# The columns of CSV, in order; Parquet has the same.
COLUMNS = (*(n for n in OpenRow._fields if n not in ("observed_ms", "licence")), "observed_at", "licence", "raw")


class QuoteEntry(BaseModel):
    """One quote. Prices are thousandths of `currency` per kilogram: 2345 CNY is 2.345 元/公斤, 1.1725 元/斤."""

    model_config = ConfigDict(from_attributes=True)

    product: str = Field(description="Our name of the product; empty where the source's name means none we know")
    variety: str
    market: str
    county: str = Field(description="GB/T 2260 code where the market is a county's own")
    kind: str = Field(description="origin, wholesale or retail; different kinds are not comparable")
    source: str
    name: str = Field(description="What the source calls it")
    spec: str
    grade: str
    origin: str
    currency: str
    valid_date: date = Field(description="The market day the price is of")
    ordinal: int = Field(description="0, or more where a source gave several prices under one name on one day")
    low_milli_per_kg: int
    mid_milli_per_kg: int
    high_milli_per_kg: int
    mid_kind: str = Field(description="midpoint of low and high, reported by the source, or the single price there is")
    volume_kg: int | None
    raw_price: str = Field(description="low|mid|high as the source wrote them")
    raw_unit: str
    observed_at: str = Field(description="When this value was first seen, UTC")
    run_id: int
    licence: str
    raw: str = Field(description="Where the answer it was read from is kept")


class LeftOutEntry(BaseModel):
    """Rows that match but may not be passed on."""

    model_config = ConfigDict(from_attributes=True)

    source: str
    rows: int
    licence: str
    why: str = "the licence does not allow passing it on; sign in to read it"


class Quotes(BaseModel):
    """A page of quotes in the order of series, day and ordinal; `left_out` is told on the first page."""

    items: list[QuoteEntry]
    next: str | None
    left_out: list[LeftOutEntry]


def router(services: Services) -> APIRouter:
    """Return the routes of open data."""
    routes = APIRouter(prefix="/api/v1", tags=["open data"])
    data = services.prices.open_data
    exports = threading.BoundedSemaphore(MOST_EXPORTS)

    @routes.get(
        "/quotes",
        response_model=Quotes,
        responses={200: {"content": {"text/csv": {}, "application/vnd.apache.parquet": {}}}, 304: {"description": "Nothing changed"}},
    )
    def quotes(
        request: Request,
        response: Response,
        product: Annotated[list[str] | None, Query(max_length=100, description="One or several products; all where none is named")] = None,
        market: Annotated[list[str] | None, Query(max_length=100, description="One or several markets")] = None,
        source: Annotated[list[str] | None, Query(max_length=100, description="One or several sources")] = None,
        county: Annotated[str | None, Query(description="The own markets of a county, GB/T 2260")] = None,
        start: Annotated[date, Query(ge=FIRST_DAY, le=LAST_DAY, description="First market day")] = FIRST_DAY,
        end: Annotated[date, Query(ge=FIRST_DAY, le=LAST_DAY, description="The day after the last one")] = LAST_DAY,
        as_of: Annotated[
            str | None, Query(description="Answer as it was known then: ISO time, ms UTC, or a day (its end in Shanghai)", max_length=40)
        ] = None,
        output: Annotated[Literal["json", "csv", "parquet"], Query(alias="format")] = "json",
        limit: Limit = 500,
        after: After = None,
    ) -> Quotes | Response:
        """Return quotes with their terms. JSON comes in pages, CSV and Parquet whole; what may not be passed on is left out and counted.

        An answer carries an ETag: asked again with If-None-Match it is 304 until a quote changes. CSV cells that a spreadsheet might take
        for a formula begin with an apostrophe.
        """
        selection = Selection(
            tuple(sorted(set(product or ()))), tuple(sorted(set(market or ()))), tuple(sorted(set(source or ()))),
            check_county(county) if county is not None else None, start, end, as_of_ms(as_of),
        )  # fmt: skip
        everything = sees_everything(request)
        tag = answer_tag(data.stamp(), f"{request.url.query}|{everything}")
        headers = {"etag": tag, "cache-control": "no-cache", "vary": "Authorization, Cookie"}
        if is_known(request, tag):
            return Response(status_code=304, headers=headers)
        terms = data.terms(demo=services.demo)
        if output == "json":
            page = data.page(selection, terms, everything=everything, after=after, limit=limit)
            response.headers.update(headers)
            next_page(request, response, page.next)
            left = [LeftOutEntry.model_validate(x, from_attributes=True) for x in page.left_out]
            return Quotes(items=[_entry(r) for r in page.rows], next=page.next, left_out=left)
        if not exports.acquire(blocking=False):
            raise TooMany("too many whole answers are being read at once", expected=f"at most {MOST_EXPORTS}", todo="try again in a minute")
        turn = _Turn(exports)
        headers |= _told(data.left_out(selection, terms, everything=everything))
        if output == "csv":
            headers["content-disposition"] = 'attachment; filename="quotes.csv"'
            rows = data.stream(selection, terms, everything=everything)
            return StreamingResponse(_held(csv_lines(rows), turn), headers=headers, media_type="text/csv; charset=utf-8")
        headers["content-disposition"] = 'attachment; filename="quotes.parquet"'
        folder = Path(tempfile.mkdtemp(prefix="export-", dir=_exports(services.settings.data)))
        turn.folder = folder
        data.write_parquet(folder / "quotes.parquet", selection, terms, everything=everything, raw=RAW)
        headers["content-length"] = str((folder / "quotes.parquet").stat().st_size)
        return StreamingResponse(
            _held(_pieces(folder / "quotes.parquet"), turn), headers=headers, media_type="application/vnd.apache.parquet"
        )

    return routes


def sees_everything(request: Request) -> bool:
    """Tell whether the reader signed in; a demo's guest did not."""
    caller = caller_of(request)
    return caller is not None and caller is not GUEST


class _Turn:
    """One of the whole answers under way; given back once, also when the reader leaves before the first piece."""

    def __init__(self, of: threading.BoundedSemaphore) -> None:
        self._of: threading.BoundedSemaphore | None = of
        self.folder: Path | None = None

    def give_back(self) -> None:
        of, self._of = self._of, None
        if of is not None:
            of.release()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    __del__ = give_back


def _entry(row: OpenRow) -> QuoteEntry:
    return QuoteEntry(**row._asdict(), observed_at=observed_at(row.observed_ms), raw=RAW.format(run_id=row.run_id))


def csv_lines(blocks: Iterable[list[OpenRow]]) -> Iterator[bytes]:
    """Yield CSV in pieces, a block of rows at a time."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    yield out.getvalue().encode()
    # Words, moments and addresses come again and again: each is made once for a while.
    words, text = lru_cache(4096)(lambda head: tuple(map(csv_text, head))), lru_cache(4096)(csv_text)
    moment, raw = lru_cache(4096)(observed_at), lru_cache(4096)(lambda run_id: RAW.format(run_id=run_id))
    for rows in blocks:
        out.seek(0)
        out.truncate()
        writer.writerows((*words(r[:11]), *r[11:18], text(r[18]), text(r[19]), r[21], moment(r[20]), text(r[22]), raw(r[21])) for r in rows)
        yield out.getvalue().encode()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _held(pieces: Iterator[bytes], turn: _Turn) -> Iterator[bytes]:
    try:
        yield from pieces
    finally:
        turn.give_back()


def _exports(data: Path) -> Path:
    """Return the folder of answers under way; what a killed process left there longer than a day ago goes."""
    folder = data / "exports"
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("export-*"):
        if left.stat().st_mtime < datetime.now().timestamp() - 86_400:  # noqa: DTZ005 - compared with a file's own clock
            shutil.rmtree(left, ignore_errors=True)
    return folder


def answer_tag(stamp: tuple[int, ...], asked: str) -> str:
    """Return the tag of an answer: it differs whenever quotes did or something else was asked. Weak, because answers are compressed."""
    return f'W/"{hashlib.sha256(f"{stamp}|{asked}".encode()).hexdigest()[:32]}"'


def is_known(request: Request, tag: str) -> bool:
    """Tell whether the reader has the answer of this tag already."""
    return tag in [t.strip() for t in request.headers.get("if-none-match", "").split(",")]


def _told(left: Iterable[LeftOut]) -> dict[str, str]:
    """Return headers that say what was left out of an answer that has no place for it."""
    found = list(left)
    if not found:
        return {}
    why = "; ".join(f"{x.source}={x.rows} ({x.licence})" for x in found)
    return {"x-suhe-left-out": str(sum(x.rows for x in found)), "x-suhe-left-out-why": why.encode("ascii", "replace").decode()[:500]}
