"""The use cases of traceability: record signed events, answer about lots, seal the log, verify everything from stored bytes."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, select

from foundation.clock import Clock, to_ms
from foundation.errors import BadInput, NotFound, SuheError
from traceability import map_store, secret_store, store
from traceability.activity import Activity, activity, failed_lots, inspections
from traceability.audit import audit
from traceability.authors import Desk, Envelope, ReadEnvelope, Reader
from traceability.codes import RandomBytes, read_code
from traceability.events import TraceEvent, check_lot, decimal_of, read_event
from traceability.group_commit import GroupCommit
from traceability.key_register import Register, standing_of
from traceability.labelling import Hold, holds
from traceability.ledger import Appender, LoggedKeys, Receipt, SignedEvent, append_groups, seal
from traceability.limits import Limits, read_limits
from traceability.limits_store import import_limits, read_table
from traceability.lot_map import MapEntry, MapProof
from traceability.merkle import consistency_proof
from traceability.notes import Checkpoint, NoteSigner, read_signer
from traceability.pass_rates import PassRate, pass_rates
from traceability.recall_state import affected
from traceability.secrets import Kept, check_impersonal, commitments, may_see
from traceability.statements import Statement, read_statement
from traceability.tile_paths import pack_entries
from traceability.tiles import TILE_WIDTH, Tiles
from traceability.verdicts import LogReport, Verdict
from traceability.verify_log import verify_log
from traceability.verify_lot import verify_lot
from traceability.views import EventView, LotHistory, LotSummary, summaries, summary_of, view_of
from traceability.vocabulary import LOT_URN
from traceability.witness_store import Witness
from traceability.witnessing import Cosigned, Witnessed, Witnessing

if TYPE_CHECKING:
    from registry.service import Registry

# The kinds of events that move lots, or tell what a lot's way was like.
MOVEMENTS = ("ship", "receive", "sensor_summary")
MOST_REASON = 200


@dataclass(frozen=True, slots=True)
class Movement:
    """A shipment, a receipt or a leg's summary as the log holds it, with the product of each of its lots."""

    log_index: int
    record_time_ms: int
    event: TraceEvent
    products: Mapping[str, str]


class Trace:
    """Lots and the log behind them. `log_key_path` holds the log's private key, made at first use if there is none."""

    def __init__(
        self, engine: Engine, registry: Registry, clock: Clock, log_key_path: Path, *, random_bytes: RandomBytes = secrets.token_bytes
    ) -> None:
        self._engine, self._registry, self._clock = engine, registry, clock
        self._log_key_path, self._random_bytes = log_key_path, random_bytes
        self._logged: LoggedKeys = {}
        self._reader = Reader(registry)
        self._commits: GroupCommit[list[ReadEnvelope], list[Receipt]] = GroupCommit(self._commit)

    # Recording

    def capture(self, body: bytes, key_id: str, signature: bytes) -> Receipt:
        """Record one signed event and return its receipt; the same bytes again return the first receipt.

        Raises:
            BadInput: the body breaks a rule of form, or the signature does not fit it.
            NotAllowed: the key does not count, or its party may not sign this kind of event here.
            NotFound: the body names a party, plot or product that is not registered.
            Conflict: the event id is taken by another body, or the event does not fit the lots as they stand.

        """
        return self.capture_many([Envelope(body, key_id, signature)])[0]

    def capture_many(self, envelopes: Sequence[Envelope]) -> list[Receipt]:
        """Record signed events in order, all or none, in one transaction. Raises as `capture`, naming the event by its number."""
        if not envelopes:
            return []
        return self._commits.submit(self._reader.read(envelopes))

    def state(self, kind: str, subject: str, fields: Mapping[str, Any]) -> Receipt:
        """Log a statement signed by the log's own key and return its receipt."""
        return self.state_many([(kind, subject, fields)])[0]

    def state_many(self, statements: Sequence[tuple[str, str, Mapping[str, Any]]]) -> list[Receipt]:
        """Log statements, each (type, subject, fields), in order in one transaction."""
        with self._engine.begin() as connection:
            page = self._appender(connection)
            receipts = [page.state(*one) for one in statements]
            page.finish()
        return receipts

    def erase(self, commitment: str, reason: str) -> int:
        """Delete the salt and the value behind a commitment; return when it was erased. Every proof verifies as before.

        Raises:
            NotFound: no value is kept behind this commitment.
            BadInput: no reason is given, or one that names a person.

        """
        if not reason.strip() or len(reason) > MOST_REASON or not reason.isprintable():
            raise BadInput("say why this is erased", expected=f"1 to {MOST_REASON} printable characters", got=repr(reason)[:60])
        check_impersonal({"reason": reason})
        return secret_store.erase(self._engine, commitment.strip().lower(), reason.strip(), to_ms(self._clock.now()))

    def make_checkpoint(self) -> Checkpoint | None:
        """Seal what was recorded since the last checkpoint, newly revoked keys with it; return None where nothing was."""
        self.note_revocations()
        with self._engine.begin() as connection:
            return seal(connection, now_ms=to_ms(self._clock.now()), signer=self._signer)

    def note_keys(self, keys: Sequence[str]) -> None:
        """State in the log whose these keys are, where it does not know yet; the first event of a key does so by itself."""
        found = [self._registry.key(k) for k in keys]
        standings = [standing_of(k, self._registry.party(k.party).roles, self._registry.plots_run_by(k.party)) for k in found]
        with self._engine.begin() as connection:
            page = self._appender(connection)
            page.prepare([], [s.id for s in standings])
            for standing in standings:
                page.register(standing)
            page.finish()

    def note_revocations(self) -> list[str]:
        """State in the log which logged keys the registry has revoked since; return their ids."""
        revoked = {k.id: k.revoked_ms for k in self._registry.signing_keys() if k.revoked_ms is not None}
        if not revoked:
            return []
        with self._reading() as connection:
            logged = Register(connection, self._registry.key, self._signer.verifier).logged(revoked)
        told = {k: standing.revoked_ms for k, standing in logged.items()}
        waiting = [k for k in sorted(told) if told[k] is None or (told[k] or 0) > revoked[k]]
        if waiting:
            with self._engine.begin() as connection:
                page = self._appender(connection)
                for k in waiting:
                    page.revoke(k, revoked[k], "revoked by the county's registry")
                page.finish()
        return waiting

    # Asking

    def lots(
        self, county: str | None = None, product: str | None = None, after: str | None = None, limit: int = 50, *, state: str | None = None
    ) -> list[LotSummary]:
        """Return lots of produce, the newest first; `after` is the id of the last lot of the page before."""
        query = select(store.lot).where(store.lot.c.kind == "produce")
        for column, value in ((store.lot.c.county, county), (store.lot.c.product, product), (store.lot.c.state, state)):
            if value:
                query = query.where(column == value)
        with self._reading() as connection:
            if after:
                before = connection.execute(select(store.lot.c.first_index).where(store.lot.c.id == full_lot_id(after))).scalar()
                if before is None:
                    raise NotFound("there is no such lot to go on from", got=after[:160])
                # One event may make several lots; their ids break the tie.
                first, last_id = store.lot.c.first_index, full_lot_id(after)
                query = query.where((first < before) | ((first == before) & (store.lot.c.id > last_id)))
            rows = connection.execute(query.order_by(store.lot.c.first_index.desc(), store.lot.c.id).limit(max(1, min(limit, 500)))).all()
            return summaries(connection, list(rows))

    def lots_at_makers(self, county: str) -> list[LotSummary]:
        """Return every lot of produce of which its maker still holds something, the newest first; `held` is what the maker holds.

        What is under recall is left out: it is offered nowhere.
        """
        lot, holding = store.lot, store.holding.c
        own = lot.join(store.holding, (holding.lot == lot.c.id) & (holding.party == lot.c.party) & (holding.held > 0))
        query = select(lot, holding.held.label("own")).select_from(own).where(lot.c.kind == "produce", lot.c.county == county)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(lot.c.first_index.desc(), lot.c.id)).all()
            cases = affected(connection, [row.id for row in rows])
        called_back = {x for x, found in cases.items() if not all(c.drill for c in found)}
        return [summary_of(row, row.own, 0) for row in rows if row.id not in called_back]

    def lot(self, lot_id: str) -> LotHistory:
        """Return a lot with its events in the order of its chain."""
        lot_id = full_lot_id(lot_id)
        with self._reading() as connection:
            row = connection.execute(select(store.lot).where(store.lot.c.id == lot_id)).first()
            if row is None:
                raise NotFound("there is no such lot", got=lot_id[:160])
            events = tuple(view_of(stored, lot_id) for stored in store.events_of_lot(connection, lot_id))
            edge = store.lot_edge.c
            parents = connection.execute(select(edge.parent).where(edge.child == lot_id).order_by(edge.parent)).scalars().all()
            children = connection.execute(select(edge.child).where(edge.parent == lot_id).order_by(edge.child)).scalars().all()
            found = store.lots_by_id(connection, [lot_id])[lot_id]
            inputs = {a.lot for e in events for a in e.amounts if e.kind in ("input_bought", "input_used") and a.role != "for"}
            named = connection.execute(select(store.lot.c.id, store.lot.c.name_zh).where(store.lot.c.id.in_(inputs))).all()
            return LotHistory(
                summary=summaries(connection, [row])[0],
                events=events,
                parents=tuple(parents),
                children=tuple(children),
                holders={party: decimal_of(milli) for party, milli in sorted(found.held.items())},
                ancestors=tuple(_ancestors(connection, lot_id)),
                inputs={r.id: r.name_zh for r in named},
            )

    def lot_of_code(self, code: str) -> str:
        """Return the lot of a trace code as a person wrote it; BadInput where it is mistyped, NotFound where there is no such lot."""
        wanted = read_code(code)
        with self._reading() as connection:
            found = connection.execute(select(store.lot.c.id).where(store.lot.c.code == wanted)).scalar()
        if found is None:
            raise NotFound("no lot has this trace code", got=wanted, todo="compare it with the label")
        return str(found)

    def code_of(self, lot_id: str) -> str:
        """Return a lot's trace code without dashes."""
        with self._reading() as connection:
            found = connection.execute(select(store.lot.c.code).where(store.lot.c.id == full_lot_id(lot_id))).scalar()
        if not found:
            raise NotFound("no lot of produce has this id", got=lot_id[:160])
        return str(found)

    def holds_on_labels(self, lot_id: str) -> list[Hold]:
        """Return what keeps labels of a lot from being printed, nothing where it may go out."""
        own = self.lot(lot_id)
        with self._reading() as connection:
            cases = affected(connection, [own.summary.id]).get(own.summary.id, [])
        # A drill stops nothing. What is called back goes out under no name, whatever an inspection said.
        called_back = [Hold("recalled", c.open_roots[0], c.id) for c in cases if not c.drill]
        return called_back + holds(own, [self.lot(a.id) for a in own.ancestors])

    def recalled(self, lots: Iterable[str]) -> frozenset[str]:
        """Return, of these lots, those under an open recall that is no drill: they are not offered and not labelled."""
        with self._reading() as connection:
            return frozenset(x for x, cases in affected(connection, lots).items() if not all(c.drill for c in cases))

    def pass_rates(self, county: str, since_ms: int) -> dict[str, PassRate]:
        """Return the pass rates of a county's lots since a time, "screening" and "confirmatory" apart, each with its n and interval."""
        with self._reading() as connection:
            return pass_rates(connection, county, since_ms)

    def limits(self) -> Limits:
        """Return the table of limits judgements are held against: what was imported, else the shipped sample."""
        with self._reading() as connection:
            return read_table(connection)

    def import_limits(self, text: str) -> int:
        """Keep the limits of a CSV file, each edition it names replaced whole, and return how many there are."""
        found = read_limits(text)
        with self._engine.begin() as connection:
            import_limits(connection, found)
        return len(found)

    def movements(self, after: int, limit: int = 500) -> list[Movement]:
        """Return shipments, receipts and leg summaries behind a place of the log, in its order; altered ones are passed over."""
        table = store.event.c
        query = select(table.log_index).where(table.log_index > after, table.event_type.in_(MOVEMENTS)).order_by(table.log_index)
        found = []
        with self._reading() as connection:
            for stored in store.stored_events(connection, connection.execute(query.limit(limit)).scalars()):
                try:
                    found.append((stored, read_event(stored.body)))
                except SuheError:
                    continue
            lots = store.lots_by_id(connection, {lot for _, event in found for lot in event.lots})
        return [Movement(s.log_index, s.record_time_ms, event, {x: lots[x].product for x in event.lots if x in lots}) for s, event in found]

    def activity(self, county: str, since_ms: int, most: int = 6) -> Activity:
        """Return what was done in a county since a time, and its last events."""
        with self._reading() as connection:
            return activity(connection, county, since_ms, most)

    def inspections(self, county: str, since_ms: int) -> dict[str, int]:
        """Return how many lots picked since a time have which result as their last; "" stands for those not tested."""
        with self._reading() as connection:
            return inspections(connection, county, since_ms)

    def failed_lots(self, county: str, since_ms: int) -> list[tuple[str, str, int]]:
        """Return (lot, result, time of its last event) of lots picked since a time that did not pass, the oldest first."""
        with self._reading() as connection:
            return failed_lots(connection, county, since_ms)

    def kept(self, events: Iterable[EventView]) -> Mapping[str, Kept]:
        """Return what is kept behind the commitments of events, erased or not; for our own eyes, not for an answer."""
        wanted = {c for e in events for c in commitments(e.body)}
        with self._reading() as connection:
            return secret_store.read(connection, wanted)

    def disclosed(self, events: Iterable[EventView], role: str, party: str | None = None) -> dict[str, dict[str, str]]:
        """Return commitment -> salt (base 64) and value of what a role, acting for a party, may read in events.

        What was erased, and what was altered so that it no longer fits its commitment, is in it for nobody.
        """
        return {
            c: {"salt": base64.b64encode(kept.salt).decode(), "value": kept.value}
            for c, kept in self.kept(events).items()
            if kept.salt is not None and kept.value is not None and kept.fits and may_see(role, party, kept)
        }

    def log_size(self) -> int:
        """Return how many records the log holds, sealed by a checkpoint or not."""
        with self._reading() as connection:
            return store.log_end(connection)[0]

    def latest_checkpoint(self) -> Checkpoint | None:
        """Return the latest checkpoint as stored, or None where there is none yet."""
        notes = self.checkpoints(1)
        return notes[0] if notes else None

    def checkpoints(self, limit: int = 100) -> list[Checkpoint]:
        """Return checkpoints, the latest first."""
        with self._reading() as connection:
            rows = connection.execute(select(store.checkpoint).order_by(store.checkpoint.c.size.desc()).limit(limit)).all()
        return [Checkpoint(self._signer.name, row.size, row.root, row.time_ms, row.map_root) for row in rows]

    def checkpoint_note(self, size: int | None = None) -> str:
        """Return the signed note of the latest checkpoint, or of the one at `size`, with the lines of the witnesses that cosigned it."""
        query = select(store.checkpoint.c.note).order_by(store.checkpoint.c.size.desc()).limit(1)
        if size is not None:
            query = query.where(store.checkpoint.c.size == size)
        with self._reading() as connection:
            note = connection.execute(query).scalar()
            if note is None:
                raise NotFound("there is no such checkpoint", got=str(size) if size is not None else "none yet")
            return self.witnessing.lines(connection, str(note))

    def tile(self, level: int, number: int) -> bytes:
        """Return a stored tile of the log's tree, empty where there is none."""
        with self._reading() as connection:
            return store.load_tile(connection, level, number)

    def consistency(self, first: int, second: int) -> list[bytes]:
        """Return the proof that the tree of `first` leaves is a prefix of that of `second`; both must be sealed."""
        latest = self.latest_checkpoint()
        if latest is None or not 0 < first <= second <= latest.size:
            raise NotFound("the log has no such two sizes", expected=f"1 to {latest.size if latest else 0}", got=f"{first} and {second}")
        with self._reading() as connection:
            tiles = Tiles(latest.size, lambda level, number: store.load_tile(connection, level, number))
            return consistency_proof(tiles.node, first, second)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Return the proof that the record at `index` is in the tree of `size` leaves."""
        with self._reading() as connection:
            return Tiles(size, lambda level, number: store.load_tile(connection, level, number)).proof(index, size)

    def map_proof(self, subject: str, size: int) -> tuple[MapEntry | None, MapProof]:
        """Return what the map under the checkpoint at `size` says of a subject, with the proof of it or of its absence."""
        with self._reading() as connection:
            return map_store.prove(connection, subject, size)

    def records(self, start: int, end: int) -> list[store.StoredEvent]:
        """Return the records at places from `start` to before `end`, in order."""
        with self._reading() as connection:
            return store.stored_events(connection, range(start, end))

    def chain(self, subject: str) -> list[store.StoredEvent]:
        """Return a subject's records in the order of its chain."""
        with self._reading() as connection:
            return store.events_of_lot(connection, subject)

    def statements(self, subject: str) -> list[tuple[store.StoredEvent, Statement]]:
        """Return a subject's statements with their records, in the order of its chain."""
        return [(stored, read_statement(stored.body)) for stored in self.chain(subject)]

    def entry_bundle(self, number: int, width: int) -> bytes:
        """Return whole leaves of the log as a C2SP entry bundle, empty where the log does not hold them all under a checkpoint."""
        start = number * TILE_WIDTH
        latest = self.latest_checkpoint()
        if latest is None or start + width > latest.size:
            return b""
        with self._reading() as connection:
            found = store.stored_events(connection, range(start, start + width))
        return pack_entries(e.record().leaf() for e in found)

    def log_vkey(self) -> str:
        """Return the log's public key as C2SP tools take it."""
        return self._signer.verifier.vkey()

    # Witnesses

    @cached_property
    def witnessing(self) -> Witnessing:
        """Everything about this log's witnesses."""
        return Witnessing(self._engine, self._clock, lambda: self._signer.verifier)

    def add_witness(self, vkey: str, *, whole: bool = False, ours: bool = False) -> Witness:
        """Know a witness by its public key. `whole`: it recomputes maps too; `ours`: we run it ourselves, so it is not independent."""
        return self.witnessing.add(vkey, whole=whole, ours=ours)

    def witnesses(self) -> list[Witness]:
        """Return the known witnesses, the oldest first."""
        return self.witnessing.known()

    def add_cosignature(self, note: str) -> list[Cosigned]:
        """Keep the cosignatures of known witnesses under a checkpoint of ours; see `Witnessing.take` for what is refused."""
        return self.witnessing.take(note)

    def witnessed(self, log_index: int) -> Witnessed:
        """Return who vouched for a record; it is false where nobody did."""
        return self.witnessing.witnessed(log_index)

    def log_signed(self, message: bytes, signature: bytes) -> bool:
        """Tell whether a signature is the log's own."""
        return self._signer.verifier.fits(message, signature)

    # Verifying

    def verify_lot(self, lot_id: str) -> Verdict:
        """Recompute a lot's whole history from the stored bytes, in numbered steps."""
        with self._reading() as connection:
            return verify_lot(connection, full_lot_id(lot_id), self._register(connection), self._signer.verifier)

    def verify_all(self, progress: Callable[[int, int], None] | None = None) -> LogReport:
        """Recompute the whole log and every table beside it from the stored bytes; name every record that does not hold."""
        with self._reading() as connection:
            return verify_log(connection, self._register(connection), self._signer.verifier, progress)

    def audit(self, progress: Callable[[int, int], None] | None = None) -> LogReport:
        """Recompute every hash, chain, root and map of the log; signatures of authors and the rules are left to `verify_all`."""
        with self._reading() as connection:
            return audit(connection, self._signer.verifier, progress)

    @cached_property
    def _signer(self) -> NoteSigner:
        return read_signer(self._log_key_path)

    def _register(self, connection: Connection) -> Register:
        """Return the keys as the log tells them."""
        return Register(connection, self._registry.key, self._signer.verifier)

    def _appender(self, connection: Connection) -> Appender:
        return Appender(connection, now_ms=to_ms(self._clock.now()), signer=self._signer, random_bytes=self._random_bytes)

    def _commit(self, groups: Sequence[list[ReadEnvelope]]) -> list[list[Receipt] | Exception]:
        """Append groups of events in one transaction, each admitted or refused by itself."""
        now_ms, logged = to_ms(self._clock.now()), dict(self._logged)
        desk = Desk(self._registry, now_ms)
        answers: dict[int, list[Receipt] | Exception] = {}
        admitted: dict[int, list[SignedEvent]] = {}
        for number, group in enumerate(groups):
            try:
                admitted[number] = desk.admit(group)
            except SuheError as error:
                answers[number] = error
        if admitted:
            with self._engine.begin() as connection:
                found = append_groups(
                    connection, list(admitted.values()), now_ms=now_ms, signer=self._signer, random_bytes=self._random_bytes, logged=logged
                )  # fmt: skip
                taken = [s for group, answer in zip(admitted.values(), found, strict=True) if isinstance(answer, list) for s in group]
                secret_store.keep(connection, [(secret, s.event.party) for s in taken for secret in s.secrets], now_ms)
            self._logged = logged  # only what was committed
            answers.update(zip(admitted, found, strict=True))
        return [answers[number] for number in range(len(groups))]

    def _reading(self) -> AbstractContextManager[Connection]:
        return store.snapshot(self._engine)


def full_lot_id(lot_id: str) -> str:
    """Return the URN for a lot named by its URN or by `{county}:{number}`."""
    return check_lot(lot_id if lot_id.startswith(LOT_URN) else LOT_URN + lot_id)


def _ancestors(connection: Connection, lot_id: str) -> list[LotSummary]:
    found: dict[str, None] = {}
    edge = store.lot_edge.c
    ring = [lot_id]
    while ring:
        parents: list[str] = []
        for some in store.chunks(ring):
            parents += connection.execute(select(edge.parent).where(edge.child.in_(some)).order_by(edge.parent)).scalars()
        # Each lot once: a lattice of splits and merges has more paths than lots.
        ring = [p for p in dict.fromkeys(parents) if p not in found and p != lot_id]
        found.update(dict.fromkeys(ring))
    rows = [r for some in store.chunks(found) for r in connection.execute(select(store.lot).where(store.lot.c.id.in_(some)))]
    order = {one: k for k, one in enumerate(found)}
    return summaries(connection, sorted(rows, key=lambda r: order[r.id]))
