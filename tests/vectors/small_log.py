"""A log made of nothing but seeds: authors, records, tree, map, checkpoints, cosignatures. The same bytes on every machine."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import struct
from dataclasses import dataclass, field
from typing import Any

import rfc8785
from nacl.signing import SigningKey

from traceability.lot_map import EMPTY, MapEntry, bit_of, inner, path_of
from traceability.merkle import consistency_proof, inclusion_proof, node_hash, range_hash
from traceability.records import Entry, Record, hash_body
from traceability.vocabulary import CONTEXT, KINDS

T0 = 1_763_600_000_000  # 2025-11-20 in the morning
COUNTY = "371522"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def seed(name: str) -> SigningKey:
    return SigningKey(hashlib.sha256(b"suhe vector " + name.encode()).digest())


def public(name: str) -> bytes:
    return bytes(seed(name).verify_key)


def key_of(name: str) -> str:
    return hashlib.sha256(public(name)).hexdigest()[:16]


def vkey(name: str, kind: int) -> str:
    key = bytes([kind]) + public(name)
    return f"{name}+{key_hash(name, kind).hex()}+{b64(key)}"


def key_hash(name: str, kind: int) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public(name)).digest()[:4]


def lot(number: str) -> str:
    return f"urn:suhe:lot:{COUNTY}:{number}"


LOG, WITNESSES = "suhe-log/vectors", ("witness.example/a", "witness.example/b", "witness.example/c")
ROLES = {"coop": ["cooperative", "grower"], "works": ["processor"], "inspector": ["inspector"], "shop": ["retailer"]}
PLOTS = {"coop": ["a1", "a2"]}


@dataclass
class SmallLog:
    """Appends events and statements, makes checkpoints and bundles. `time` goes on by a minute with every record."""

    time: int = T0
    records: list[Record] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    heads: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    chains: dict[str, list[int]] = field(default_factory=dict)
    numbers: Any = field(default_factory=itertools.count)
    authors: dict[str, str] = field(default_factory=lambda: {p: p for p in ROLES})

    def put(self, body: bytes, subjects: list[str], signer: str | None) -> int:
        """Log a body under its subjects' chains, signed by `signer`; None: by nobody."""
        self.time += 60_000
        entries = tuple(Entry(s, self.heads.get(s, (0, EMPTY))[0] + 1, self.heads.get(s, (0, EMPTY))[1]) for s in sorted(subjects))
        key, signature = (key_of(signer), seed(signer).sign(body).signature) if signer else ("", b"")
        record = Record(body, entries, hash_body(body), key, signature, self.time)
        digest, leaf = record.hashes()
        self.records.append(record)
        self.hashes.append(digest)
        self.leaves.append(leaf)
        for e in entries:
            self.heads[e.lot] = (e.lot_seq, digest)
            self.chains.setdefault(e.lot, []).append(len(self.records) - 1)
        return len(self.records) - 1

    def uuid(self) -> str:
        """Return the next event's id."""
        n = next(self.numbers)
        return f"urn:uuid:019a9f00-0000-7000-8000-{n:012x}"

    def state(self, kind: str, subject: str, fields: dict[str, Any]) -> int:
        """Log a statement of the log's own."""
        said_at = "2025-11-20T04:00:00.000Z"
        told = {
            "@context": "urn:suhe:statement:1",
            "type": kind,
            "id": self.uuid(),
            "time": said_at,
            "subject": subject,
            **fields,
        }
        return self.put(rfc8785.dumps(told), [subject], LOG)

    def register(self, party: str, signer: str | None = None, **changes: Any) -> int:
        """State whose a key is."""
        name = signer or party
        told = {
            "publicKey": public(name).hex(), "party": f"urn:suhe:party:{party}", "roles": sorted(ROLES[party]),
            "plots": PLOTS.get(party, []), "validFrom": T0 - 10**9, **changes,
        }  # fmt: skip
        return self.state("key_registered", f"urn:suhe:key:{key_of(name)}", told)

    def body(self, kind: str, party: str, **fields: Any) -> dict[str, Any]:
        """Return an event's body."""
        row = KINDS[kind]
        return {
            "@context": CONTEXT, "type": row.epcis_type, "eventID": self.uuid(), "eventTime": "2025-11-20T08:00:00+08:00",
            "eventTimeZoneOffset": "+08:00", "bizStep": row.biz_step, "suhe:party": f"urn:suhe:party:{party}",
            **({"action": row.action} if row.action else {}), **fields,
        }  # fmt: skip

    def event(
        self, kind: str, party: str, lots: list[str] | None = None, *, signer: str | None = "", raw: bytes | None = None, **fields: Any
    ) -> int:
        """Log an event; `lots` stand in quantityList, `signer` defaults to the party."""
        told = self.body(kind, party, **fields)
        if lots:
            told["quantityList"] = [{"epcClass": x, "quantity": 10, "uom": "KGM"} for x in lots]
        named = [e["epcClass"] for n in ("quantityList", "inputQuantityList", "outputQuantityList") for e in told.get(n, [])]
        named += told.get("suhe:lots", [])
        who = party if signer == "" else signer
        return self.put(rfc8785.dumps(told), named, who)

    def season(self, *, by: str | None = None) -> None:
        """A season: two lots planted, picked, tested, merged into one that is shipped and received."""
        for party in ROLES:
            self.register(party)
        for number, plot in (("L1", "a1"), ("L2", "a2")):
            extra: dict[str, Any] = {"suhe:by": by} if by and number == "L1" else {}
            place = {"id": f"urn:suhe:plot:{plot}"}
            self.event("plant", "coop", [lot(number)], ilmd={"suhe:product": "tomato"}, bizLocation=place, **extra)
            self.event("input_used", "coop", [lot("F1")], **{"suhe:lots": [lot(number)]})
            self.event("harvest", "coop", [lot(number)], bizLocation=place)
            self.event("inspect", "inspector", [lot(number)], **{"suhe:note": "农残快检 “é” 合格"})
        self.event(
            "merge", "coop", ilmd={"suhe:product": "tomato"},
            inputQuantityList=[{"epcClass": lot(x), "quantity": 10.5, "uom": "KGM"} for x in ("L1", "L2")],
            outputQuantityList=[{"epcClass": lot("M"), "quantity": 21, "uom": "KGM"}],
        )  # fmt: skip
        self.event("ship", "coop", [lot("M")])
        self.event("receive", "shop", [lot("M")])

    def filler(self, count: int) -> None:
        """Other people's lots."""
        for k in range(count):
            place = {"id": "urn:suhe:plot:a1"}
            self.event("plant", "coop", [lot(f"X{k}")], ilmd={"suhe:product": "tomato"}, bizLocation=place)

    # Proofs

    def node(self, size: int) -> Any:
        """Return the lookup of the nodes of the tree of a size."""
        leaves = self.leaves[:size]

        def node(level: int, number: int) -> bytes:
            if level == 0:
                return leaves[number]
            return node_hash(node(level - 1, 2 * number), node(level - 1, 2 * number + 1))

        return node

    def root(self, size: int) -> bytes:
        """Return the tree's root."""
        return range_hash(self.node(size), 0, size)

    def heads_at(self, size: int) -> list[MapEntry]:
        """Return what the map of a size says of every subject."""
        found: dict[str, MapEntry] = {}
        for k in range(size):
            for e in self.records[k].entries:
                found[e.lot] = MapEntry(e.lot, e.lot_seq, self.hashes[k])
        return list(found.values())

    def map_root(self, size: int) -> bytes:
        """Return the map's root."""
        return _subtree([(path_of(e.subject), e.leaf()) for e in self.heads_at(size)], 0)

    def map_proof(self, subject: str, size: int) -> list[bytes]:
        """Return a subject's siblings, the deepest first."""
        here, mine, found, depth = [(path_of(e.subject), e.leaf()) for e in self.heads_at(size)], path_of(subject), [], 0
        while len(here) > 1:
            other = [x for x in here if bit_of(x[0], depth) != bit_of(mine, depth)]
            here = [x for x in here if bit_of(x[0], depth) == bit_of(mine, depth)]
            depth += 1
            found.append(_subtree(other, depth))
        return found[::-1]

    def note(self, size: int, witnesses: tuple[str, ...] = (), *, time: int | None = None, signer: str = LOG) -> str:
        """Return the checkpoint at a size, signed and cosigned."""
        text = f"{LOG}\n{size}\n{b64(self.root(size))}\ntime {time or self.time}\nmap {b64(self.map_root(size))}\n"
        lines = [f"— {LOG} {b64(key_hash(LOG, 1) + seed(signer).sign(text.encode()).signature)}"]
        lines += [cosignature(w, text, 1_763_700_000) for w in witnesses]
        return text + "\n" + "\n".join(lines) + "\n"

    def bundle(
        self,
        number: str,
        size: int | None = None,
        witnesses: tuple[str, ...] = (),
        anchored: int = 0,
        disclosed: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return a lot's bundle as JSON values; a size of 0 makes one before any checkpoint."""
        size = len(self.records) if size is None else size
        subjects, queue = [], [lot(number)]
        while queue:
            at = queue.pop(0)
            if at not in subjects:
                subjects.append(at)
                queue += [p for k in self.chains[at] for p in _parents(self.records[k], at)]
        wanted = sorted({k for s in subjects for k in self.chains[s]})
        keys = sorted(
            {f"urn:suhe:key:{self.records[k].key_id}" for k in wanted if self.records[k].key_id and self.records[k].key_id != key_of(LOG)}
        )
        subjects += [k for k in keys if k in self.chains]
        wanted = sorted({k for s in subjects for k in self.chains[s]})
        seen: dict[str, int] = {}
        told = []
        for k in wanted:
            r, entries = self.records[k], []
            for e in r.entries:
                follows = seen.get(e.lot, 0) == e.lot_seq - 1
                entries.append([e.lot, e.lot_seq, "" if follows else b64(e.prev)])
                seen[e.lot] = e.lot_seq
            told.append({
                "index": k, "body": r.body.decode(), "key": r.key_id, "sig": b64(r.signature), "time": r.record_time_ms, "entries": entries,
            })  # fmt: skip
        own = [k for k in self.chains[lot(number)] if k < size]
        chains = []
        for s in subjects:
            proved = [k for k in self.chains[s] if k < size]
            chains.append(
                {"subject": s, "records": proved, "map": [b64(h) if h != EMPTY else "" for h in self.map_proof(s, size)] if proved else []}
            )
        anchor = None
        if anchored:
            anchor = {
                "chain": 1, "contract": "0x" + "11" * 20, "tx": "0x" + "22" * 32, "block": 7, "time": self.time, "size": anchored,
                "root": b64(self.root(anchored)), "consistency": [b64(h) for h in consistency_proof(self.node(size), anchored, size)],
                "development": False,
            }  # fmt: skip
        return {
            "suhe": "bundle/1", "lot": lot(number), "code": None, "made": self.time, "log": vkey(LOG, 1),
            "witnesses": [vkey(w, 4) for w in WITNESSES], "checkpoint": self.note(size, witnesses) if size else None,
            "records": [r for r in told if r["index"] < size], "pending": [r for r in told if r["index"] >= size], "chains": chains,
            "inclusion": {"index": own[-1], "proof": [b64(h) for h in inclusion_proof(self.node(size), own[-1], size)]} if own else None,
            "anchor": anchor, "disclosed": disclosed or {},
        }  # fmt: skip


def cosignature(name: str, text: str, seconds: int) -> str:
    signature = seed(name).sign(f"cosignature/v1\ntime {seconds}\n{text}".encode()).signature
    return f"— {name} {b64(key_hash(name, 4) + struct.pack('>Q', seconds) + signature)}"


def commitment(salt: bytes, name: str, value: str) -> str:
    return hmac.new(salt, f"suhe/secret/v1\n{name}\n{value}".encode(), hashlib.sha256).hexdigest()


def _subtree(leaves: list[tuple[int, bytes]], depth: int) -> bytes:
    if len(leaves) < 2:
        return leaves[0][1] if leaves else EMPTY
    sides: tuple[list[tuple[int, bytes]], list[tuple[int, bytes]]] = ([], [])
    for one in leaves:
        sides[bit_of(one[0], depth)].append(one)
    return inner(_subtree(sides[0], depth + 1), _subtree(sides[1], depth + 1))


def _parents(record: Record, child: str) -> list[str]:
    if b'"outputQuantityList"' not in record.body:
        return []
    told = json.loads(record.body)
    if child not in [e["epcClass"] for e in told.get("outputQuantityList", [])]:
        return []
    return [e["epcClass"] for e in told.get("inputQuantityList", [])]
