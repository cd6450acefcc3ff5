"""What the import page keeps: uploads until they are imported, mappings under the name a person gave them, and reports by their run."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, func, insert, select

from foundation.blobs import BlobFolder
from foundation.clock import Clock, to_ms
from foundation.database import reading
from foundation.errors import BadInput, NotFound
from foundation.ids import check_county
from pricing import store
from pricing.desk.tables import price_mapping
from pricing.mapping import Mapping
from pricing.quotes import Window
from pricing.source import Page, Request, Source

if TYPE_CHECKING:
    from pricing.importing import ImportReport

LONGEST_TITLE = 60
LONGEST_NAME = 120
# Before the bytes of an upload: a blob of another kind, or of another county, is not read as a table by naming its hash.
_MARK = b"suhe price upload\n"
KINDS = ("file", "pasted")


@dataclass(frozen=True, slots=True)
class Upload:
    """What somebody gave the page: a file's bytes and name, or pasted text."""

    kind: str
    name: str
    body: bytes

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BadInput("there is no such kind of upload", expected=", ".join(KINDS), got=self.kind[:20])
        if not self.body.strip():
            raise BadInput("there is nothing in this table", todo="choose a file, or paste some rows with their headings")


@dataclass(frozen=True, slots=True)
class SavedMapping:
    """A mapping under the title a person gave it; the newest version counts, the older ones are kept."""

    title: str
    version: int
    mapping: Mapping
    writer: str
    made_ms: int


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """One row of an import that was not taken, and why."""

    row: int
    day: date
    name: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class ImportRun:
    """What an import did, by its run: the report that is there after every reload."""

    run_id: int
    source: str
    file: str
    first: date
    last: date
    finished_ms: int
    received: int
    kept: int
    refused: int
    changed: int
    unknown: int
    reasons: dict[str, int]
    rows: tuple[RefusedRow, ...]


def source_of(county: str, title: str) -> str:
    """Return the id under which quotes imported with a title are kept: one county's titles never speak for another's."""
    return f"import-{county}-{hashlib.sha256(title.encode()).hexdigest()[:8]}"


class ImportShelf:
    """Uploads, mappings and reports of the import page."""

    def __init__(self, engine: Engine, clock: Clock, blobs: BlobFolder) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._clock = clock
        self._blobs = blobs

    def keep(self, county: str, upload: Upload) -> str:
        """Keep an upload and return the hash by which the next step of the page finds it."""
        head = json.dumps({"county": check_county(county), "kind": upload.kind, "name": upload.name[:LONGEST_NAME]})
        return self._blobs.put(_MARK + head.encode() + b"\n" + upload.body)

    def upload(self, county: str, digest: str) -> Upload:
        """Return what was kept; raise NotFound where there is none of this county."""
        blob = self._blobs.get(digest)
        head, _, body = blob.removeprefix(_MARK).partition(b"\n")
        if not blob.startswith(_MARK) or (told := json.loads(head))["county"] != county:
            raise NotFound("there is no such upload", got=digest[:64], todo="upload the file again")
        return Upload(told["kind"], told["name"], body)

    def save(self, county: str, title: str, mapping: Mapping, writer: str) -> SavedMapping:
        """Save a mapping under a title; the same mapping again is no new version."""
        title = title.strip()
        if not 0 < len(title) <= LONGEST_TITLE:
            raise BadInput("this mapping needs a title", expected=f"1 to {LONGEST_TITLE} letters", got=f"{len(title)}")
        text = mapping.model_dump_json()
        with self._engine.begin() as connection:
            known = _newest(connection, county).get(title)
            if known is not None and known.mapping == mapping:
                return known
            t, now = price_mapping.c, to_ms(self._clock.now())
            version = 1 + (connection.execute(select(func.max(t.version)).where(t.county == county, t.name == title)).scalar() or 0)
            row = {"county": county, "name": title, "version": version, "mapping": text, "writer": writer, "made_ms": now}
            connection.execute(insert(price_mapping).values(row))
        return SavedMapping(title, version, mapping, writer, now)

    def saved(self, county: str) -> list[SavedMapping]:
        """Return the newest version of every mapping a county saved, by title."""
        with self._reading.connect() as connection:
            found = _newest(connection, county)
        return [found[title] for title in sorted(found)]

    def note(self, report: ImportReport, mapping: Mapping) -> None:
        """Note that a source of imports has spoken, so that pages can name it and say how old it is."""
        now = to_ms(self._clock.now())
        told = {"state": "ok", "why": "", "last_success_ms": now, "last_attempt_ms": now, "rows_last": report.rows}
        with self._engine.begin() as connection:
            store.upsert_source(connection, mapping.source, told)

    def report(self, county: str, run_id: int, rows: int | None = None) -> ImportRun:
        """Return what an import of a county did, with the first `rows` refused rows; raise NotFound where there is none."""
        t, p, f = store.price_run.c, store.price_payload.c, store.price_refused.c
        with self._reading.connect() as connection:
            run = connection.execute(
                select(store.price_run, p.url).outerjoin(store.price_payload, (p.run_id == t.id) & (p.number == 1)).where(t.id == run_id)
            ).first()
            if run is None or run.kind != "import" or not run.source.startswith(f"import-{county}-"):
                raise NotFound("there is no such import", got=str(run_id))
            refused = connection.execute(
                select(f.row, f.day, f.name, f.reason, f.detail).where(f.run_id == run_id).order_by(f.row).limit(rows)
            ).all()
            reasons = connection.execute(select(f.reason, func.count()).where(f.run_id == run_id).group_by(f.reason)).all()
        return ImportRun(
            run.id, run.source, (run.url or "").removeprefix("file:"), run.window_start, run.window_end, run.finished_ms or 0, run.received,
            run.kept, run.refused, run.changed, run.unknown, dict(Counter({r[0]: r[1] for r in reasons})),
            tuple(RefusedRow(*r) for r in refused),
        )  # fmt: skip


def import_sources(connection: Connection) -> list[Source]:
    """Return what was imported on the page as sources with the titles people gave them; the collector knows none of them."""
    t = price_mapping.c
    found: dict[str, Source] = {}
    for r in connection.execute(select(t.county, t.name, t.mapping).order_by(t.county, t.name, t.version)):
        # Read as kept: a market that was renamed since makes a mapping useless, but what it imported is still shown.
        m = json.loads(r.mapping)
        # A person's title is the only name there is, whatever the language.
        found[m["source"]] = Source(
            m["source"], r.name, r.name, "", m["licence"], "own", (m["market"],), _no_plan, _no_answer, kind="mixed"
        )
    return list(found.values())


def _no_plan(_window: Window) -> Iterable[Request]:
    return ()


def _no_answer(_body: bytes, _request: Request) -> Page:
    raise BadInput("imported files are read as their mapping says", todo="use the import page")


def _newest(connection: Connection, county: str) -> dict[str, SavedMapping]:
    t = price_mapping.c
    rows = connection.execute(select(price_mapping).where(t.county == county).order_by(t.name, t.version))
    found = {}
    for r in rows:
        try:
            mapping = Mapping.model_validate_json(r.mapping)
        except ValidationError:
            continue  # it named a market or column that is no more: the person chooses anew
        found[r.name] = SavedMapping(r.name, r.version, mapping, r.writer, r.made_ms)
    return found
