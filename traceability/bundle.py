"""Make a lot's proof bundle from the database: its records, those of its ancestors and signing keys, and what proves them whole.

The plan: 1. collect the chains; 2. choose the checkpoint; 3. part what it proves from what waits; 4. prove: the map for every chain,
inclusion for the lot's last record, the anchor's root as a prefix. `bundle_check.py` takes it apart again, believing none of it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, Row, func, select

from foundation.errors import NotFound
from traceability import anchor_store, map_store, secret_store, store, witness_store
from traceability.anchor import ON_CHAIN, Anchor
from traceability.bundle_form import FORM
from traceability.lot_map import EMPTY
from traceability.merkle import consistency_proof
from traceability.records import FIRST_PREV
from traceability.secrets import commitments, may_see
from traceability.statements import KEY_URN
from traceability.tiles import Tiles

if TYPE_CHECKING:
    from traceability.anchor import Contract
    from traceability.service import Trace
    from traceability.store import StoredEvent

MOST_LOTS = 40


class Bundles:
    """Makes bundles of one log."""

    def __init__(self, engine: Engine, trace: Trace) -> None:
        self._engine, self._trace = engine, trace

    def make(self, lot: str, role: str = "public", party: str | None = None) -> bytes:
        """Return the bundle of a lot, by URN, as the bytes of its file, with the personal values that a role, acting for a party, may see.

        The same bytes until something it holds changes.
        """
        with store.snapshot(self._engine) as connection:
            told = _Making(connection, lot, self._trace.log_vkey()).bundle(self._trace.witnessing.lines)
            told["disclosed"] = _disclosed(connection, told, role, party)
        return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()

    def pins(self) -> tuple[str, tuple[str, ...], int]:
        """Return what this server tells a checker to trust: log key, independent witnesses, quorum."""
        with store.snapshot(self._engine) as connection:
            known = tuple(w.cosigner.vkey() for w in witness_store.witnesses(connection) if not w.ours)
        return self._trace.log_vkey(), known, len(known) // 2 + 1


@dataclass
class _Chain:
    subject: str
    events: list[StoredEvent]


class _Making:
    """One bundle on its way."""

    def __init__(self, connection: Connection, lot: str, log_vkey: str) -> None:
        self._connection, self._lot, self._log = connection, lot, log_vkey

    def bundle(self, cosigned: Callable[[Connection, str], str]) -> dict[str, Any]:
        chains, code, cut = self._chains()  # 1
        last = chains[0].events[-1].log_index
        checkpoint = self._checkpoint(last)  # 2
        size = checkpoint.size if checkpoint is not None else 0
        records = sorted({e.log_index: e for c in chains for e in c.events}.values(), key=lambda e: e.log_index)  # 3
        told = _records(records)
        tiles = Tiles(size, lambda level, number: store.load_tile(self._connection, level, number)) if size else None
        own = [e.log_index for e in chains[0].events if e.log_index < size]
        bundle: dict[str, Any] = {
            "suhe": FORM,
            "lot": self._lot,
            "code": code,
            "made": max([e.record_time_ms for e in records] + ([checkpoint.time_ms] if checkpoint is not None else [])),
            "log": self._log,
            "witnesses": [w.cosigner.vkey() for w in witness_store.witnesses(self._connection)],
            "checkpoint": cosigned(self._connection, str(checkpoint.note)) if checkpoint is not None else None,
            "records": [r for r in told if r["index"] < size],
            "chains": [self._proved(c, size) for c in chains],  # 4
            "inclusion": {"index": own[-1], "proof": _b64s(tiles.proof(own[-1], size))} if own and tiles else None,
            "anchor": self._anchor(tiles, size, own) if tiles else None,
            "disclosed": {},
            "pending": [r for r in told if r["index"] >= size],
        }
        return {**bundle, "cut": True} if cut else bundle

    def _chains(self) -> tuple[list[_Chain], str | None, bool]:
        """Return the chains of the lot, its ancestors and every key that signed in them; the lot's code; whether some are left out."""
        row = self._connection.execute(select(store.lot.c.code).where(store.lot.c.id == self._lot)).first()
        if row is None:
            raise NotFound("there is no such lot", got=self._lot[:160])
        lots, cut = self._ancestors()
        chains = [_Chain(lot, store.events_of_lot(self._connection, lot)) for lot in [self._lot, *lots]]
        signed_by = sorted({e.key_id for c in chains for e in c.events})
        keys = [_Chain(KEY_URN + k, store.events_of_lot(self._connection, KEY_URN + k)) for k in signed_by]
        found = [c for c in [*chains, *keys] if c.events]
        if not found or found[0].subject != self._lot:
            raise NotFound("the lot has no records", got=self._lot[:160])
        return found, row.code, cut

    def _ancestors(self) -> tuple[list[str], bool]:
        edge, found, ring = store.lot_edge.c, dict[str, None](), [self._lot]
        while ring:
            parents: list[str] = []
            for some in store.chunks(ring):
                parents += self._connection.execute(select(edge.parent).where(edge.child.in_(some)).order_by(edge.parent)).scalars()
            ring = [p for p in dict.fromkeys(parents) if p not in found and p != self._lot]
            found.update(dict.fromkeys(ring))
            if len(found) > MOST_LOTS:
                return list(found)[:MOST_LOTS], True
        return list(found), False

    def _checkpoint(self, last: int) -> Row[Any] | None:
        """Return the checkpoint to prove under: of those that cover the lot the one with most cosignatures, the newest of these."""
        made = store.checkpoint.c
        kept = select(made.size).where(made.map_root.is_not(None)).order_by(made.size.desc()).limit(map_store.KEPT_CHECKPOINTS)
        oldest = min(self._connection.execute(kept).scalars(), default=None)
        if oldest is None:
            return None
        usable = (made.size > last) & (made.size >= oldest) & made.map_root.is_not(None)
        lines = witness_store.cosignature.c
        voices = func.count(lines.witness)
        best = (
            select(store.checkpoint)
            .join(witness_store.cosignature, lines.size == made.size)
            .where(usable)
            .group_by(*store.checkpoint.c)
            .order_by(voices.desc(), made.size.desc())
            .limit(1)
        )
        newest = select(store.checkpoint).where(made.map_root.is_not(None)).order_by(made.size.desc()).limit(1)
        return self._connection.execute(best).first() or self._connection.execute(newest).first()

    def _proved(self, chain: _Chain, size: int) -> dict[str, Any]:
        places = [e.log_index for e in chain.events if e.log_index < size]
        siblings = map_store.prove(self._connection, chain.subject, size)[1].siblings if places else ()
        return {"subject": chain.subject, "records": places, "map": ["" if s == EMPTY else _b64(s) for s in siblings]}

    def _anchor(self, tiles: Tiles, size: int, own: Sequence[int]) -> dict[str, Any] | None:
        """Return the receipt of the anchor that covers most of the lot. One that does not fit our log is told too: it shows."""
        contract = next((c for c in anchor_store.contracts(self._connection) if c.gone_ms is None), None)
        if contract is None or not own:
            return None
        held = [a for a in anchor_store.anchors(self._connection, contract.id, states=ON_CHAIN) if a.size <= size]
        whole = [a for a in held if a.size > own[-1]]
        chosen = min(whole, key=lambda a: a.size) if whole else next(iter(held), None)
        if chosen is None:
            return None
        told = _receipt(chosen, contract, consistency_proof(tiles.node, chosen.size, size))
        inside = [k for k in own if k < chosen.size]
        if not whole and inside:
            told["covers"] = {"index": inside[-1], "proof": _b64s(tiles.proof(inside[-1], chosen.size))}
        return told


def _receipt(a: Anchor, contract: Contract, consistency: Iterable[bytes]) -> dict[str, Any]:
    return {
        "chain": contract.chain_id,
        "contract": contract.address,
        "tx": a.tx_hash,
        "block": a.block_number or 0,
        "time": a.block_ms or a.sent_ms,
        "size": a.size,
        "root": _b64(a.root),
        "consistency": _b64s(consistency),
        "development": contract.development,
    }


def _records(events: Iterable[StoredEvent]) -> list[dict[str, Any]]:
    told, last = [], dict[str, bytes]()
    for e in events:
        entries = []
        for entry in e.entries:
            follows = last.get(entry.lot, FIRST_PREV) == entry.prev
            entries.append([entry.lot, entry.lot_seq, "" if follows else _b64(entry.prev)])
            last[entry.lot] = e.record_hash
        body = e.body.decode(errors="replace")
        told.append(
            {"index": e.log_index, "body": body, "key": e.key_id, "sig": _b64(e.signature), "time": e.record_time_ms, "entries": entries}
        )
    return told


def _disclosed(connection: Connection, told: Mapping[str, Any], role: str, party: str | None) -> dict[str, dict[str, str]]:
    """Return commitment -> salt and value of what may be seen; what was erased or altered is in it for nobody."""
    wanted: set[str] = set()
    for record in (*told["records"], *told["pending"]):
        try:
            wanted.update(commitments(json.loads(record["body"])))
        except (ValueError, AttributeError):
            continue  # an altered record; the check names it
    return {
        c: {"salt": _b64(kept.salt), "value": kept.value}
        for c, kept in sorted(secret_store.read(connection, wanted).items())
        if kept.salt is not None and kept.value is not None and kept.fits and may_see(role, party, kept)
    }


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _b64s(hashes: Iterable[bytes]) -> list[str]:
    return [_b64(h) for h in hashes]
