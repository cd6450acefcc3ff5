"""What the price desk does: tells how good a price is, keeps the queue of quotes set aside, takes prices told by telephone."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from collections.abc import Mapping as Map
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, and_, select

from foundation.blobs import BlobFolder
from foundation.clock import SHANGHAI, Clock, from_ms, market_day, to_ms
from foundation.database import reading
from foundation.errors import BadInput
from pricing import store
from pricing.desk.calls import Call, CallOutcome, Spoken, UsualLine
from pricing.desk.deciding import decide
from pricing.desk.imports import ImportRun, ImportShelf, SavedMapping, Upload
from pricing.desk.notes import DayQuote, QualityNote, notes_of_quotes
from pricing.desk.queue import BatchWaiting, Beside, Decided, Waiting, batches, beside, decided, past_of, waiting
from pricing.desk.tables import price_spoken, quote_aside
from pricing.desk.telephone import Telephone
from pricing.desk.tellers import SOURCE
from pricing.mapping import Mapping
from pricing.markets import MARKETS

if TYPE_CHECKING:
    from pricing.importing import ImportReport

# So far back a note looks for the days before; "unchanged for n days" cannot be told for longer.
LOOK_BACK_DAYS = 45
REVISED_DAYS = 7
_TROUBLED = ("quarantined", "failing")

Place = tuple[str, str]


def _hidden(county: str | None) -> list[str]:
    """Return the markets a county does not decide about: other counties' own. What belongs to nobody is everybody's to look at."""
    return [m.id for m in MARKETS.values() if county is not None and m.county not in (None, county)]


class PriceDesk:
    """The use cases of the price desk."""

    def __init__(self, engine: Engine, clock: Clock, blobs: BlobFolder) -> None:
        self.engine = engine
        self._reading = reading(engine)
        self._clock = clock
        self._telephone = Telephone(engine, clock, blobs)
        self._shelf = ImportShelf(engine, clock, blobs)

    def waiting(self, county: str | None, run_id: int | None = None) -> list[Waiting]:
        """Return the quotes that wait for a person in the markets a county watches, the most consequential first."""
        with self._reading.connect() as connection:
            return waiting(connection, _hidden(county), market_day(self._clock.now()), run_id)

    def batches(self, county: str | None) -> list[BatchWaiting]:
        """Return the runs of which something waits."""
        with self._reading.connect() as connection:
            return batches(connection, _hidden(county))

    def beside(self, quotes: Sequence[Waiting]) -> dict[int, list[Beside]]:
        """Return quote -> what the other markets of its kind quoted that day."""
        with self._reading.connect() as connection:
            return beside(connection, quotes)

    def past_of(self, quotes: Sequence[Waiting], days: int) -> dict[int, list[tuple[date, int]]]:
        """Return quote -> the days of its series before it, oldest first."""
        with self._reading.connect() as connection:
            return past_of(connection, quotes, days)

    def decided(self, county: str | None, limit: int = 30) -> list[Decided]:
        """Return the last decisions, by people and by rules, the newest first."""
        with self._reading.connect() as connection:
            return decided(connection, _hidden(county), limit)

    def decide(self, aside_ids: Sequence[int], decision: str, decider: str, why: str = "", *, county: str | None = None) -> None:
        """Release or reject quotes set aside, all of them or, where one cannot be decided about, none.

        Raises:
            BadInput: nothing was chosen, or it is no decision.
            NotFound: there is no such quote in the markets the county watches.
            Conflict: the source says something else for that day now.

        """
        if not aside_ids:
            raise BadInput("no quote was chosen", todo="tick the quotes to decide about")
        with self.engine.begin() as connection:
            for aside_id in sorted(set(aside_ids)):
                decide(connection, aside_id, decision, decider, why, to_ms(self._clock.now()), _hidden(county))

    def tell(self, call: Call, county: str, writer: str, confirmed: Collection[int] = ()) -> CallOutcome:
        """Write down what one call told, all of it or nothing; see `Telephone.tell`."""
        return self._telephone.tell(call, county, writer, confirmed)

    def withdraw(self, entry: int, token: str, county: str, writer: str, *, anybodys: bool = False) -> bool:
        """Take back a price told by telephone; see `Telephone.withdraw`."""
        return self._telephone.withdraw(entry, token, county, writer, anybodys=anybodys)

    def usual_lines(self, market: str, day: date) -> list[UsualLine]:
        """Return what a call to a market is usually about, with the last prices; see `Telephone.usual_lines`."""
        return self._telephone.usual_lines(market, day)

    def book(self, county: str, since: date) -> list[Spoken]:
        """Return the book of calls of a county, the newest entry first."""
        return self._telephone.book(county, since)

    def notes(self, product: str, market: str, day: date | None = None) -> list[QualityNote]:
        """Return what a reader should know about a product's price in a market on `day` (default today), the gravest first."""
        return self.notes_of([(product, market)], day).get((product, market), [])

    def notes_of(self, places: Iterable[Place], day: date | None = None) -> dict[Place, list[QualityNote]]:
        """Return (product, market) -> notes for many at once; a place without notes is left out."""
        day = day or market_day(self._clock.now())
        wanted = set(places)
        if not wanted:
            return {}
        t = store.price_series.c
        with self._reading.connect() as connection:
            rows = connection.execute(
                select(t.id, t.product, t.market, t.source)
                .where(t.product.in_({p for p, _ in wanted}), t.market.in_({m for _, m in wanted}))
            )  # fmt: skip
            series = {r.id: r for r in rows if (r.product, r.market) in wanted}
            found: dict[Place, list[QualityNote]] = defaultdict(list)
            quoted = _quotes(connection, series, day)
            newest = {place: max(q.day for q in of) for place, of in quoted.items()}
            waiting_notes = _aside(connection, series, day, newest)
            for note in (*waiting_notes, *_troubled(connection, series), *_revised(connection, series, day)):
                found[(note.product, note.market)].append(note)
            for (product, market), quotes in quoted.items():
                last = max(quotes, key=lambda q: q.day)
                if series[last.series_id].source == SOURCE:
                    found[(product, market)] += _told(connection, product, market, last)
                found[(product, market)] += notes_of_quotes(product, market, quotes, day)
        return {place: notes for place, notes in found.items() if notes}

    def keep_upload(self, county: str, upload: Upload) -> str:
        """Keep what somebody gave the import page until it is imported; return by which hash it is found again."""
        return self._shelf.keep(county, upload)

    def upload(self, county: str, digest: str) -> Upload:
        """Return an upload of a county; raise NotFound where there is none."""
        return self._shelf.upload(county, digest)

    def save_mapping(self, county: str, title: str, mapping: Mapping, writer: str) -> SavedMapping:
        """Save how a county's file is read; see `ImportShelf.save`."""
        return self._shelf.save(county, title, mapping, writer)

    def note_import(self, report: ImportReport, mapping: Mapping) -> None:
        """Note that an import was made; see `ImportShelf.note`."""
        self._shelf.note(report, mapping)

    def saved_mappings(self, county: str) -> list[SavedMapping]:
        """Return the newest version of every mapping a county saved."""
        return self._shelf.saved(county)

    def import_report(self, county: str, run_id: int, rows: int | None = None) -> ImportRun:
        """Return what an import of a county did, with its first refused rows (all, by default)."""
        return self._shelf.report(county, run_id, rows)


def _quotes(connection: Connection, series: dict[int, Any], day: date) -> dict[Place, list[DayQuote]]:
    t = store.quote_current.c
    found: dict[Place, list[DayQuote]] = defaultdict(list)
    rows = connection.execute(
        select(t.series_id, t.valid_date, t.mid, t.mid_kind, t.raw_price, t.observed_ms)
        .where(t.series_id.in_(list(series)), t.valid_date.between(day - timedelta(days=LOOK_BACK_DAYS), day))
    ).all()  # fmt: skip
    # As on the board: where two sources quote one market, the one that spoke last for the newest day is shown, and only it is judged.
    speaker: dict[Place, tuple[date, int, str]] = {}
    for r in rows:
        s = series[r.series_id]
        spoke = (r.valid_date, r.observed_ms, s.source)
        speaker[(s.product, s.market)] = max(speaker.get((s.product, s.market), spoke), spoke)
    for r in rows:
        s = series[r.series_id]
        if s.source == speaker[(s.product, s.market)][2]:
            found[(s.product, s.market)].append(DayQuote(r.series_id, r.valid_date, r.mid, r.mid_kind, r.raw_price))
    return found


def _aside(connection: Connection, series: dict[int, Any], day: date, newest: Map[Place, date]) -> list[QualityNote]:
    """Return what waits for a person and would be the newest price, were it taken: of `day`, or later than what stands."""
    t = quote_aside.c
    rows = connection.execute(
        select(t.series_id, t.mid, t.evidence, t.valid_date)
        .where(t.series_id.in_(list(series)), t.valid_date.between(day - timedelta(days=LOOK_BACK_DAYS), day), t.state == "open")
        .order_by(t.id)
    )  # fmt: skip
    by_place: dict[Place, list[Any]] = defaultdict(list)
    for r in rows:
        place = (series[r.series_id].product, series[r.series_id].market)
        if r.valid_date == day or r.valid_date > newest.get(place, date.min):
            by_place[place].append(r)
    found = []
    for place, of in by_place.items():
        last = max(r.valid_date for r in of)
        today = [r for r in of if r.valid_date == last]
        usual = int(json.loads(today[0].evidence)["usual"])
        found.append(QualityNote("set-aside", *place, {"day": last, "mid": today[0].mid, "usual": usual, "count": len(today)}))
    return found


def _troubled(connection: Connection, series: dict[int, Any]) -> list[QualityNote]:
    t = store.price_source.c
    states = {r.id: r for r in connection.execute(select(t.id, t.state, t.why).where(t.state.in_(_TROUBLED)))}
    places = {(s.product, s.market, s.source) for s in series.values() if s.source in states}
    return [
        QualityNote("source-troubled", product, market, {"source": source, "state": states[source].state, "why": states[source].why})
        for product, market, source in sorted(places)
    ]


def _revised(connection: Connection, series: dict[int, Any], day: date) -> list[QualityNote]:
    """Return the newest revision or withdrawal of each place that was observed in the seven days up to `day`."""
    t, b = store.quote_obs.c, store.quote_obs.alias("before").c
    first = day - timedelta(days=LOOK_BACK_DAYS)
    rows = connection.execute(
        select(t.series_id, t.valid_date, t.mid, t.status, t.observed_ms, b.mid.label("before"), b.observed_ms.label("before_ms"))
        .join(
            b.observed_ms.table,
            and_(
                b.series_id == t.series_id, b.valid_date == t.valid_date, b.ordinal == t.ordinal, b.observed_ms < t.observed_ms,
                b.status == "quoted",
            ),
        )
        .where(t.series_id.in_(list(series)), t.valid_date.between(first, day))
        .order_by(t.observed_ms, b.observed_ms)
    )  # fmt: skip
    newest: dict[Place, QualityNote] = {}
    for r in rows:
        s = series[r.series_id]
        if not 0 <= (day - from_ms(r.observed_ms).astimezone(SHANGHAI).date()).days < REVISED_DAYS:
            continue
        numbers: dict[str, int | str | date] = {"day": r.valid_date, "before": r.before, "observed_ms": r.observed_ms}
        if r.status == "withdrawn":
            newest[(s.product, s.market)] = QualityNote("withdrawn", s.product, s.market, numbers)
        elif r.before != r.mid:
            newest[(s.product, s.market)] = QualityNote("revised", s.product, s.market, {**numbers, "after": r.mid})
    return list(newest.values())


def _told(connection: Connection, product: str, market: str, quote: DayQuote) -> list[QualityNote]:
    t = price_spoken.c
    teller = connection.execute(
        select(t.teller).where(t.series_id == quote.series_id, t.valid_date == quote.day).order_by(t.id.desc()).limit(1)
    ).scalar()
    return [QualityNote("by-telephone", product, market, {"day": quote.day, "teller": teller or "other"})]
