"""What the trace routes take and give, checked at the border; the events themselves are checked by the domain."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from foundation.ids import in_fours
from traceability.documents import event_hash_of
from traceability.ledger import Receipt
from traceability.notes import Checkpoint
from traceability.pass_rates import PassRate
from traceability.verdicts import Verdict
from traceability.views import EventView, LotHistory, LotSummary

MOST_AT_ONCE = 500
# Quantities are exact to a thousandth and far below 2^53, so a JSON number spells them exactly.
Quantity = Annotated[Decimal, PlainSerializer(float, return_type=float)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SecretBody(_Body):
    """A value to which the body commits: it is kept beside the log and can be erased."""

    field: Annotated[str, Field(max_length=40, description="The field of the body that holds the commitment, such as suhe:by")]
    salt: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{43}=$", description="32 random bytes in base 64, new for every value")]
    value: Annotated[str, Field(min_length=1, max_length=120)]
    consent: Annotated[bool, Field(description="The person agreed that everybody may read this")] = False


class EnvelopeBody(_Body):
    """A signed event: the canonical JSON text of its EPCIS body, the id of the key, and the Ed25519 signature over the text's bytes."""

    body: Annotated[str, Field(min_length=2, max_length=32_768, description="The RFC 8785 text that was signed, unchanged")]
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$", description="Key id: the first 16 hex digits of the public key's SHA-256")]
    signature: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{86}==$", description="64 bytes in base 64")]
    secrets: Annotated[list[SecretBody], Field(max_length=4, description="Values behind the body's commitments; erasable")] = []


class BatchBody(_Body):
    """Signed events in the order in which they are to be recorded, all or none."""

    events: Annotated[list[EnvelopeBody], Field(min_length=1, max_length=MOST_AT_ONCE)]


class LotPlace(_Body):
    """Where an event stands in a lot's chain."""

    lot: str
    lot_seq: int


class ReceiptView(_Body):
    """Where an event stands in the log."""

    event_id: str
    log_index: int
    record_time_ms: int
    record_hash: str
    lots: list[LotPlace]

    @classmethod
    def of(cls, receipt: Receipt) -> ReceiptView:
        """Show a receipt."""
        return cls(
            event_id=receipt.event_id,
            log_index=receipt.log_index,
            record_time_ms=receipt.record_time_ms,
            record_hash=receipt.record_hash,
            lots=[LotPlace(lot=lot, lot_seq=seq) for lot, seq in receipt.lots],
        )


class BatchReceipt(_Body):
    """One receipt per event, in the order sent; `new` counts those not recorded before."""

    receipts: list[ReceiptView]
    new: int


class LotView(_Body):
    """A lot as a list shows it."""

    id: str
    county: str
    product: str
    variety: str
    party: str
    plot: str
    state: str
    inspection: str
    unit: str
    quantity: Quantity | None
    held: Quantity
    arriving: Quantity
    planted_day: date | None
    harvested_day: date | None
    code: str
    event_count: int
    last_event_ms: int

    @classmethod
    def of(cls, lot: LotSummary) -> LotView:
        """Show a lot; its code in groups of four, as on the label."""
        values = {name: getattr(lot, name) for name in cls.model_fields}
        return cls(**{**values, "code": in_fours(lot.code) if lot.code else ""})


class PassRateView(_Body):
    """Lots passed of lots tested, and Wilson's 95 % interval of the share; no rate where nothing was tested."""

    passed: int
    n: int
    rate: float | None
    low: float
    high: float

    @classmethod
    def of(cls, rate: PassRate) -> PassRateView:
        """Show a rate."""
        low, high = rate.interval
        return cls(passed=rate.passed, n=rate.n, rate=rate.rate, low=low, high=high)


class HoldView(_Body):
    """Why a lot may not go out, and the lot the reason lies in."""

    reason: str
    lot: str
    event_id: str


class EventBody(_Body):
    """An event of a lot: what its author signed, and what the log added."""

    log_index: int
    lot_seq: int
    event_id: str
    kind: str
    event_time_ms: int
    record_time_ms: int
    party: str
    key_id: str
    prev: str
    record_hash: str
    event_hash: Annotated[str, Field(description="CBV 2.0: identifies what the event says, in any system; it seals nothing")]
    body: str

    @classmethod
    def of(cls, event: EventView) -> EventBody:
        """Show an event."""
        return cls(
            log_index=event.log_index,
            lot_seq=event.lot_seq,
            event_id=event.event_id,
            kind=event.kind,
            event_time_ms=event.event_time_ms,
            record_time_ms=event.record_time_ms,
            party=event.party,
            key_id=event.key_id,
            prev=event.prev_hex,
            record_hash=event.record_hash_hex,
            event_hash=event_hash_of(event.body_text),
            body=event.body_text,
        )


class HistoryView(_Body):
    """Everything recorded of a lot."""

    lot: LotView
    events: list[EventBody]
    parents: list[str]
    children: list[str]
    ancestors: list[LotView]
    inputs: dict[str, str]

    @classmethod
    def of(cls, history: LotHistory) -> HistoryView:
        """Show a history."""
        return cls(
            lot=LotView.of(history.summary),
            events=[EventBody.of(e) for e in history.events],
            parents=list(history.parents),
            children=list(history.children),
            ancestors=[LotView.of(a) for a in history.ancestors],
            inputs=dict(history.inputs),
        )


class CheckpointView(_Body):
    """A checkpoint: size, root in hex, time."""

    origin: str
    size: int
    root: str
    time_ms: int

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> CheckpointView:
        """Show a checkpoint."""
        return cls(origin=checkpoint.origin, size=checkpoint.size, root=checkpoint.root.hex(), time_ms=checkpoint.time_ms)


class VerdictView(_Body):
    """The verification of a lot, recomputed from the stored bytes for this answer."""

    lot: str
    ok: bool
    event_count: int
    pending: int
    head: str
    checkpoint: CheckpointView | None
    steps: list[dict[str, Any]]
    problems: list[dict[str, Any]]

    @classmethod
    def of(cls, verdict: Verdict) -> VerdictView:
        """Show a verdict."""
        return cls(
            lot=verdict.lot,
            ok=verdict.ok,
            event_count=verdict.event_count,
            pending=verdict.pending,
            head=verdict.head,
            checkpoint=CheckpointView.of(verdict.checkpoint) if verdict.checkpoint else None,
            steps=[{"number": s.number, "name": s.name, "ok": s.ok, "detail": s.detail} for s in verdict.steps],
            problems=[
                {"record": p.record_index, "event_id": p.event_id, "lots": list(p.lots), "step": p.step, "what": p.what}
                for p in verdict.problems
            ],
        )
