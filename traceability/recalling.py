"""The use cases of a recall: find the lots, see the reach, call back, lift it, and ask what is recalled. A recall is a signed event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, select

from foundation.clock import SHANGHAI, Clock, to_ms
from foundation.errors import BadInput, NotFound, SuheError
from foundation.ids import uuid7
from registry.keys import key_id
from traceability import store
from traceability.balance import Balance, balance_of
from traceability.canonical import canonical
from traceability.events import read_event
from traceability.office_key import keep_office_key, read_office_key
from traceability.reach import Reach, reach_of
from traceability.recall_export import as_csv, as_epcis, as_xlsx
from traceability.recall_state import RecallCase, affected, cases
from traceability.service import Trace, full_lot_id
from traceability.vocabulary import CONTEXT, KINDS, PARTY_URN

if TYPE_CHECKING:
    from registry.service import Registry


@dataclass(frozen=True, slots=True)
class Order:
    """A recall as someone orders it. `drill` runs everything but the notices to consumers."""

    lots: tuple[str, ...]
    party: str
    level: int
    reason_zh: str
    reason_en: str = ""
    drill: bool = False


class Recalls:
    """Recalls of one installation. `keys_folder` holds the keys it may sign with for its offices."""

    def __init__(self, engine: Engine, trace: Trace, registry: Registry, clock: Clock, keys_folder: Path) -> None:
        self._engine, self._trace, self._registry, self._clock, self._keys = engine, trace, registry, clock, keys_folder

    # Asking

    def find(self, entered: str) -> str:
        """Return the id of the lot or input that someone named: a trace code, a lot's URN, or `{county}:{number}`.

        Raises:
            NotFound: there is none.
            BadInput: it is neither a code nor a lot.

        """
        try:
            return self._trace.lot_of_code(entered)
        except SuheError:
            lot = full_lot_id(entered.strip())
        with store.snapshot(self._engine) as connection:
            if connection.execute(select(store.lot.c.id).where(store.lot.c.id == lot)).first() is None:
                raise NotFound("there is no such lot or input", got=lot[:160], todo="look at the label, or at the list of lots")
        return lot

    def reach(self, lots: Sequence[str]) -> Reach:
        """Return what these lots or inputs reach now; nothing is written."""
        with store.snapshot(self._engine) as connection:
            return reach_of(connection, tuple(full_lot_id(x) for x in lots), to_ms(self._clock.now()))

    def cases(self, county: str | None = None) -> list[RecallCase]:
        """Return the recalls that name a lot of a county, or all, the newest first."""
        with store.snapshot(self._engine) as connection:
            return [c for c in cases(connection) if county is None or any(r.split(":")[3] == county for r in c.roots)]

    def case(self, recall_id: str) -> RecallCase:
        """Return one recall by the eventID of its event, with or without `urn:uuid:`."""
        wanted = recall_id if recall_id.startswith("urn:uuid:") else f"urn:uuid:{recall_id}"
        for one in self.cases():
            if one.id == wanted:
                return one
        raise NotFound("there is no such recall", got=recall_id[:80])

    def affecting(self, lots: Iterable[str]) -> Mapping[str, Sequence[RecallCase]]:
        """Return, of these lots, those under an open recall or drill, each with what reaches it."""
        with store.snapshot(self._engine) as connection:
            return affected(connection, lots)

    def export(self, reach: Reach, kind: str) -> bytes:
        """Return a reach as `csv`, `xlsx` or `epcis`; the last holds every event of every lot in it."""
        if kind == "csv":
            return as_csv(reach)
        if kind == "xlsx":
            return as_xlsx(reach)
        if kind != "epcis":
            raise BadInput("there is no such form of export", expected="csv, xlsx or epcis", got=kind[:20])
        with store.snapshot(self._engine) as connection:
            return as_epcis(store.bodies_of(connection, [x.id for x in reach.lots]), reach.at_ms)

    def balance(self, lot: str) -> Balance:
        """Return a lot's mass balance, from its events; what was altered in the database is passed over and leaves a gap."""
        lot = full_lot_id(lot)
        with store.snapshot(self._engine) as connection:
            found = store.lots_by_id(connection, [lot])
            if lot not in found:
                raise NotFound("there is no such lot", got=lot[:160])
            events = []
            for stored in store.events_of_lot(connection, lot):
                with suppress(SuheError):
                    events.append(read_event(stored.body))
        return balance_of(found[lot], events)

    # Doing

    def may_sign_for(self, party: str) -> bool:
        """Tell whether this installation holds a key of a party."""
        try:
            read_office_key(self._keys, party)
        except SuheError:
            return False
        return True

    def draft(self, order: Order) -> bytes:
        """Return the bytes to sign for a recall, for a party that signs with a key of its own."""
        authority = "county" if "county" in self._registry.party(order.party).roles else "maker"
        told: dict[str, Any] = {"level": order.level, "reasonZh": order.reason_zh, "authority": authority}
        if order.reason_en:
            told["reasonEn"] = order.reason_en
        more = {"suhe:recall": told, "suhe:drill": order.drill, "disposition": "recalled"}
        return canonical(
            self._body("recall", order.party, order.lots, {k: v for k, v in more.items() if k != "disposition" or not order.drill})
        )

    def start(self, order: Order) -> RecallCase:
        """Call lots back: sign the recall with the party's office key and log it.

        Raises:
            NotFound: a lot or the party is not known, or this installation holds no key of the party.
            NotAllowed, BadInput, Conflict: as `Trace.capture` says.

        """
        body = self.draft(order)
        return self.case(self._capture(body, order.party))

    def lift(self, recall_id: str, note: str = "", lots: Sequence[str] = ()) -> RecallCase:
        """Lift a recall, wholly or for some of its roots, signed by the party that ordered it."""
        case = self.case(recall_id)
        roots = tuple(full_lot_id(x) for x in lots) or case.open_roots
        more = {"suhe:recallOf": case.id, **({"suhe:note": note} if note else {})}
        self._capture(canonical(self._body("recall_lifted", case.party, roots, more)), case.party)
        return self.case(recall_id)

    def make_office_key(self, party: str) -> str:
        """Give this installation a key of a party, registered as valid from now, and return its id; the same one again at a second call."""
        known = self._registry.party(party)
        own = keep_office_key(self._keys, known.id)
        found = key_id(bytes(own.verify_key))
        try:
            self._registry.key(found)
        except NotFound:
            self._registry.add_key(known.id, bytes(own.verify_key), to_ms(self._clock.now()))
        return found

    def _capture(self, body: bytes, party: str) -> str:
        own = read_office_key(self._keys, party)
        return self._trace.capture(body, key_id(bytes(own.verify_key)), own.sign(body).signature).event_id

    def _body(self, kind: str, party: str, lots: Sequence[str], more: Mapping[str, Any]) -> dict[str, Any]:
        now = self._clock.now()
        row = KINDS[kind]
        return {
            "@context": CONTEXT, "type": row.epcis_type, "action": row.action, "bizStep": row.biz_step,
            "eventID": f"urn:uuid:{uuid7(to_ms(now))}",
            "eventTime": now.astimezone(SHANGHAI).isoformat(timespec="milliseconds"), "eventTimeZoneOffset": "+08:00",
            "suhe:party": PARTY_URN + party, "quantityList": [{"epcClass": full_lot_id(x)} for x in lots], **more,
        }  # fmt: skip
