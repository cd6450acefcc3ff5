"""Prices told by telephone: one call to one market, several products, written down in one transaction or not at all.

A product of a market has one price a day from this source: told again, it is a revision, and both are kept. What is far from its past
is asked about; confirmed by the person who just spoke to the market it stands at once, and a reviewer sees it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import IntegrityError

from foundation.blobs import BlobFolder
from foundation.clock import Clock, market_day, to_ms
from foundation.database import reading
from foundation.errors import BadInput, NotAllowed, NotFound
from foundation.ids import check_id
from pricing import store
from pricing.clean import Refusal, quote_of
from pricing.desk.calls import Call, CallOutcome, LineOutcome, Spoken, UsualLine
from pricing.desk.deciding import CONFIRMED, note_decision, observed_at
from pricing.desk.moves import Moves, read_moves
from pricing.desk.soft_gate import FEWEST, PAST_DAYS, Oddity, Triple, judge, looks_usual, recent_of
from pricing.desk.tables import price_spoken, quote_aside
from pricing.desk.tellers import SOURCE
from pricing.markets import markets_of
from pricing.payloads import compressed
from pricing.quotes import Quote, RawQuote
from pricing.recording import Standing, changes
from pricing.synonyms import SYNONYMS

# Older than this, a price is history and comes from a file, not from a call.
OLDEST_DAYS = 7
_DAY = timedelta(days=1)


@dataclass(slots=True)
class _Read:
    """A call read against the records."""

    outcomes: list[LineOutcome] = field(default_factory=list)
    quotes: dict[int, Quote] = field(default_factory=dict)  # by line


class Telephone:
    """The book of calls."""

    def __init__(self, engine: Engine, clock: Clock, blobs: BlobFolder) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._clock = clock
        self._blobs = blobs

    def tell(self, call: Call, county: str, writer: str, confirmed: Collection[int] = ()) -> CallOutcome:
        """Write a call down. `confirmed` are the numbers of the lines the person says are right though they are far off.

        Raises:
            NotAllowed: the market is not one this county may speak for.
            BadInput: the day is not one to telephone about, or a product is unknown.

        """
        self._check(call, county)
        blob_of = json.dumps({"call": _plain(call), "county": county}, ensure_ascii=False, sort_keys=True).encode()
        blob = self._blobs.put(compressed(blob_of))
        try:
            with self._engine.begin() as connection:
                return self._tell(connection, call, county, writer, confirmed, blob_of, blob)
        except IntegrityError:
            # The same form came in twice at the same moment: the other one was first.
            with self._engine.begin() as connection:
                return self._tell(connection, call, county, writer, confirmed, blob_of, blob)

    def withdraw(self, entry: int, token: str, county: str, writer: str, *, anybodys: bool = False) -> bool:
        """Take back one's own entry; what was told stays in the book. Return whether anything changed: taken back twice is once.

        Raises:
            NotFound: there is no such entry in this county.
            NotAllowed: somebody else wrote it, and `anybodys` is not given.

        """
        check_id(token, "token of the form")
        t = price_spoken.c
        now = to_ms(self._clock.now())
        with self._engine.begin() as connection:
            row = connection.execute(select(price_spoken).where(t.id == entry, t.county == county, t.act != "withdrawn")).first()
            if row is None:
                raise NotFound("there is no such price in the book of calls", got=str(entry))
            if row.writer != writer and not anybodys:
                raise NotAllowed("somebody else wrote this price down", expected=row.writer, got=writer)
            stands = _standing(connection, row.series_id, row.valid_date)
            if stands is None or stands.values[:3] != (row.low, row.mid, row.high):
                return False
            low, mid, high, kind, volume = stands.values
            later = observed_at(connection, row.series_id, row.valid_date, 0, now)
            gone = {
                "series_id": row.series_id, "valid_date": row.valid_date, "ordinal": 0, "observed_ms": later, "low": low, "mid": mid,
                "high": high, "mid_kind": kind, "volume_kg": volume, "raw_price": row.raw_price, "raw_unit": "斤", "run_id": row.run_id,
                "status": "withdrawn",
            }  # fmt: skip
            store.append(connection, [gone])
            kept = {c.name: getattr(row, c.name) for c in price_spoken.columns if c.name != "id"}
            written = {"token": token, "act": "withdrawn", "corrects": row.id, "writer": writer, "spoken_ms": now}
            connection.execute(insert(price_spoken).values({**kept, **written}))
        return True

    def book(self, county: str, since: date, limit: int = 200) -> list[Spoken]:
        """Return what was told for the days from `since` on, the newest first."""
        t, s, c = price_spoken.c, store.price_series.c, store.quote_current.c
        with self._reading.connect() as connection:
            rows = connection.execute(
                select(price_spoken, s.market, s.product, s.name, s.grade, s.spec, s.origin, c.low.label("now_low"), c.mid.label("now_mid"),
                       c.high.label("now_high"))
                .join(store.price_series, s.id == t.series_id)
                .outerjoin(store.quote_current, (c.series_id == t.series_id) & (c.valid_date == t.valid_date) & (c.ordinal == t.ordinal))
                .where(t.county == county, t.valid_date >= since)
                .order_by(t.id.desc()).limit(limit)
            ).all()  # fmt: skip
        spoken: list[Spoken] = []
        told: set[tuple[int, date]] = set()
        for r in rows:
            newest = (r.series_id, r.valid_date) not in told
            told.add((r.series_id, r.valid_date))
            stands = newest and r.act != "withdrawn" and (r.now_low, r.now_mid, r.now_high) == (r.low, r.mid, r.high)
            spoken.append(
                Spoken(r.id, r.act, r.market, r.product, r.name, r.grade, r.spec, r.origin, r.valid_date, r.low, r.mid, r.high, r.mid_kind,
                       r.teller, r.note, r.writer, r.spoken_ms, r.aside_id is not None, stands)
            )  # fmt: skip
        return spoken

    def usual_lines(self, market: str, day: date) -> list[UsualLine]:
        """Return what a call to a market is usually about, each with its last price before `day`.

        What was told by telephone in the last weeks comes with its grade and spec; a product that only other sources quote there follows.
        """
        s, t = store.price_series.c, store.quote_current.c
        with self._reading.connect() as connection:
            rows = connection.execute(
                select(s.source, s.product, s.grade, s.spec, s.origin, t.valid_date, t.low, t.mid, t.high)
                .join(store.quote_current, t.series_id == s.id)
                .where(s.market == market, s.product.in_(list(NAMES)), t.valid_date.between(day - timedelta(days=PAST_DAYS), day - _DAY))
                .order_by(t.valid_date, t.observed_ms)
            ).all()  # fmt: skip
        lines: dict[tuple[str, str, str, str], UsualLine] = {}
        told = {r.product for r in rows if r.source == SOURCE}
        for r in rows:
            own = r.source == SOURCE
            if not own and r.product in told:
                continue
            grade, spec, origin = (r.grade, r.spec, r.origin) if own else ("", "", "")
            lines[(r.product, grade, spec, origin)] = UsualLine(
                r.product, grade, spec, origin, r.valid_date, r.low, r.mid, r.high, r.source
            )
        order = {product: n for n, product in enumerate(NAMES)}
        return sorted(lines.values(), key=lambda x: (x.source != SOURCE, order[x.product], x.grade, x.spec, x.origin))

    def _check(self, call: Call, county: str) -> None:
        allowed = [m.id for m in markets_of(county)]
        if call.market not in allowed:
            raise NotAllowed("this county does not telephone with that market", expected=", ".join(allowed), got=call.market[:64])
        today = market_day(self._clock.now())
        if not today - timedelta(days=OLDEST_DAYS) <= call.day <= today:
            raise BadInput(
                "a call is about today or the last days", expected=f"{today - timedelta(days=OLDEST_DAYS)} to {today}", got=str(call.day)
            )
        unknown = [x.product for x in call.lines if not x.empty and x.product not in NAMES]
        if unknown:
            raise BadInput("we know no such product", expected="a product of the table of names", got=unknown[0][:64])

    def _tell(
        self, connection: Connection, call: Call, county: str, writer: str, confirmed: Collection[int], body: bytes, blob: str
    ) -> CallOutcome:
        run = store.price_run
        known = connection.execute(select(run.c.id).where(run.c.source == SOURCE, run.c.slot == call.token)).scalar()
        if known is not None:
            return CallOutcome(tuple(LineOutcome("empty" if x.empty else "same") for x in call.lines), stored=True, again=True)
        read = self._read(connection, call, confirmed)
        if any(x.state in ("ask", "refused") for x in read.outcomes):
            return CallOutcome(tuple(read.outcomes), stored=False)
        if read.quotes:
            now = to_ms(self._clock.now())
            run_id = _begin(connection, call, now, len(read.quotes), body, blob)
            for number, quote in read.quotes.items():
                self._keep(connection, call, county, writer, number, quote, read.outcomes, run_id, now)
        return CallOutcome(tuple(read.outcomes), stored=True)

    def _read(self, connection: Connection, call: Call, confirmed: Collection[int]) -> _Read:
        today = market_day(self._clock.now())
        read = _Read()
        parsed: list[Quote | Refusal | None] = []
        for x in call.lines:
            raw = RawQuote(call.market, NAMES.get(x.product, ""), call.day, x.low, x.mid, x.high, "斤", x.spec, x.grade, x.origin)
            parsed.append(None if x.empty else quote_of(raw, SOURCE, today))
        quotes = [q for q in parsed if isinstance(q, Quote)]
        twice = {q.series.key for q in quotes if sum(o.series.key == q.series.key for o in quotes) > 1}
        moves = read_moves(connection, {q.series.product for q in quotes if q.series.product}, call.day, call.day,
                           {(q.series.key, q.valid_date, 0): q for q in quotes}, store.series_ids(connection, SOURCE))  # fmt: skip
        past = _past(connection, call.market, call.day, {str(q.series.product) for q in quotes})
        for number, q in enumerate(parsed):
            if q is None:
                read.outcomes.append(LineOutcome("empty"))
            elif isinstance(q, Refusal):
                read.outcomes.append(LineOutcome("refused", refusal=q.reason))
            elif q.series.key in twice:
                read.outcomes.append(LineOutcome("refused", q, "twice"))
            else:
                read.outcomes.append(_judged(q, past, moves, number in confirmed))
                read.quotes[number] = q
        return read

    def _keep(
        self, connection: Connection, call: Call, county: str, writer: str, number: int, quote: Quote, outcomes: list[LineOutcome],
        run_id: int, now: int,
    ) -> None:  # fmt: skip
        key = quote.series.key
        ids = store.add_series(connection, store.series_ids(connection, SOURCE), [quote.series])
        stands = _standing(connection, ids[key], call.day)
        standing = {(ids[key], call.day, 0): stands} if stands else {}
        change = changes({(key, call.day, 0): quote}, 0, ids, standing, [], run_id, now)
        if not change.observed:
            outcomes[number] = LineOutcome("same", quote)
            return
        later = observed_at(connection, ids[key], call.day, 0, now)
        store.append(connection, [{**row, "observed_ms": later} for row in change.observed])
        oddity = outcomes[number].oddity
        # Whoever has just spoken to the market knows more than any later reader; the reader still sees it, and may reject it.
        aside = _noted_as_odd(connection, ids[key], quote, oddity, writer, run_id, now) if oddity else None
        act, corrects = "corrected" if stands else "told", _last(connection, ids[key], call.day)
        connection.execute(insert(price_spoken).values(
            token=f"{call.token}.{number}", county=county, act=act, corrects=corrects, series_id=ids[key],
            valid_date=call.day, ordinal=0, low=quote.low, mid=quote.mid, high=quote.high, mid_kind=quote.mid_kind,
            raw_price=quote.raw_price, teller=call.teller, note=call.note, writer=writer, spoken_ms=now, aside_id=aside, run_id=run_id,
        ))  # fmt: skip


def _names() -> dict[str, str]:
    """Return product -> the name a price told by telephone is kept under: the first of the curated table that names no variety."""
    found: dict[str, str] = {}
    for entry in SYNONYMS:
        if entry.variety is None:
            found.setdefault(entry.product, entry.names[0])
    return found


NAMES: Mapping[str, str] = _names()


def _plain(call: Call) -> dict[str, Any]:
    return {**asdict(call), "day": call.day.isoformat()}


def _begin(connection: Connection, call: Call, now: int, lines: int, body: bytes, blob: str) -> int:
    """Note the call as a run of its own, with what was typed as its payload: every number leads back to it."""
    run = store.price_run
    values = {
        "source": SOURCE, "slot": call.token, "kind": "telephone", "window_start": call.day, "window_end": call.day, "started_ms": now,
        "finished_ms": now, "state": "ok", "received": lines, "kept": lines,
    }  # fmt: skip
    run_id = int(connection.execute(insert(run).values(values).returning(run.c.id)).scalar_one())
    connection.execute(insert(store.price_payload).values(
        run_id=run_id, number=1, url=f"telephone:{call.market}", fetched_ms=now, size=len(body), sha256=hashlib.sha256(body).hexdigest(),
        blob=blob,
    ))  # fmt: skip
    store.upsert_source(connection, SOURCE, {"state": "ok", "why": "", "last_success_ms": now, "last_attempt_ms": now, "rows_last": lines})
    return run_id


def _judged(quote: Quote, past: Mapping[tuple[Any, ...], Sequence[tuple[date, Triple]]], moves: Moves, confirmed: bool) -> LineOutcome:
    prices = (quote.low, quote.mid, quote.high)
    own = recent_of(past.get(quote.series.key, ()), quote.valid_date)
    # A product told for the first times is held against what other sources say of the same market.
    recent = own if len(own) >= FEWEST else recent_of(past.get((str(quote.series.product),), ()), quote.valid_date)
    market, day = quote.series.market, quote.valid_date
    oddity = None if looks_usual(recent, prices) else judge(recent, prices, moves.others(quote.series.product, market, day))
    return LineOutcome("kept" if oddity is None or confirmed else "ask", quote, oddity=oddity)


def _past(connection: Connection, market: str, day: date, products: set[str]) -> dict[tuple[Any, ...], list[tuple[date, Triple]]]:
    """Return the quotes of the last weeks, by series key and by (product,) over all sources of the market."""
    s, t = store.price_series.c, store.quote_current.c
    rows = connection.execute(
        select(s.source, s.market, s.name, s.spec, s.grade, s.origin, s.currency, s.product, t.valid_date, t.low, t.mid, t.high)
        .join(store.quote_current, t.series_id == s.id)
        .where(s.market == market, s.product.in_(sorted(products)), t.valid_date.between(day - timedelta(days=PAST_DAYS), day))
        .order_by(t.valid_date)
    )  # fmt: skip
    found: dict[tuple[Any, ...], list[tuple[date, Triple]]] = {}
    for r in rows:
        for key in (tuple(r[:7]), (r.product,)):
            found.setdefault(key, []).append((r.valid_date, (r.low, r.mid, r.high)))
    return {key: sorted(quotes) for key, quotes in found.items()}


def _standing(connection: Connection, series_id: int, day: date) -> Standing | None:
    rows = [r for r in store.current_rows(connection, [series_id], day, day) if r[2] == 0]
    return Standing((rows[0][3], rows[0][4], rows[0][5], rows[0][6], rows[0][7]), rows[0][8], rows[0][9]) if rows else None


def _noted_as_odd(connection: Connection, series_id: int, quote: Quote, oddity: Oddity, writer: str, run_id: int, now: int) -> int:
    """Note a confirmed price with what it was held against, as released by the person who confirmed it; return the note's id."""
    t = quote_aside.c
    same = (t.series_id == series_id, t.valid_date == quote.valid_date, t.low == quote.low, t.mid == quote.mid, t.high == quote.high)
    row = connection.execute(select(quote_aside).where(*same)).first()
    if row is None:
        values = {
            "series_id": series_id, "valid_date": quote.valid_date, "ordinal": 0, "low": quote.low, "mid": quote.mid, "high": quote.high,
            "mid_kind": quote.mid_kind, "volume_kg": quote.volume_kg, "raw_price": quote.raw_price, "raw_unit": quote.raw_unit,
            "run_id": run_id, "aside_ms": now, "reason": oddity.reason, "evidence": json.dumps(oddity.as_dict(), sort_keys=True),
            "state": "open",
        }  # fmt: skip
        row = connection.execute(insert(quote_aside).values(values).returning(quote_aside)).one()
    if row.state != "released":
        note_decision(connection, row, "released", writer, CONFIRMED, now)
    return int(row.id)


def _last(connection: Connection, series_id: int, day: date) -> int | None:
    t = price_spoken.c
    found: int | None = connection.execute(
        select(t.id).where(t.series_id == series_id, t.valid_date == day).order_by(t.id.desc()).limit(1)
    ).scalar()
    return found
