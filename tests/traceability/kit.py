"""A small registry and authors for tests of traceability: two bases, four parties, bodies as a real app would write them."""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rfc8785
from nacl.signing import SigningKey as Seed
from sqlalchemy import Engine

from foundation.clock import FixedClock, to_ms
from foundation.database import metadata, open_engine
from foundation.errors import NotFound
from foundation.ids import uuid7
from registry.keys import SigningKey
from registry.parties import Party
from registry.plots import Base, Plot
from registry.products import Product, Variety
from traceability import map_store, store, witness_store
from traceability.authors import Envelope
from traceability.events import lot_urn
from traceability.ledger import Receipt
from traceability.limits_store import residue_limit
from traceability.secret_store import secret
from traceability.service import Trace
from traceability.vocabulary import CONTEXT, KINDS

COUNTY = "371522"
NOW = datetime(2025, 11, 20, 4, 0, tzinfo=UTC)

PARTIES = {
    "coop": ("cooperative", "grower"),
    "coop-2": ("cooperative", "grower"),
    "works": ("processor",),
    "inspector": ("inspector",),
    "shop": ("retailer",),
}


KEYS = len(PARTIES)


class FakeRegistry:
    """The few answers traceability asks of the registry."""

    def __init__(self) -> None:
        self.things: dict[tuple[str, str], Any] = {}

    def put(self, kind: str, thing: Any) -> None:
        """Register a thing."""
        self.things[kind, thing.id] = thing

    def _get(self, kind: str, thing_id: str) -> Any:
        try:
            return self.things[kind, thing_id]
        except KeyError as error:
            raise NotFound(f"there is no such {kind}", got=thing_id) from error

    def key(self, key_id: str) -> Any:
        """Return a key or raise NotFound."""
        return self._get("key", key_id)

    def signing_keys(self) -> list[Any]:
        """Return every key."""
        return [thing for (kind, _), thing in self.things.items() if kind == "key"]

    def party(self, party_id: str) -> Any:
        """Return a party or raise NotFound."""
        return self._get("party", party_id)

    def plot(self, plot_id: str) -> Any:
        """Return a plot or raise NotFound."""
        return self._get("plot", plot_id)

    def plots_run_by(self, party_id: str) -> list[str]:
        """Return the ids of the plots a party runs."""
        bases = {b.id for (kind, _), b in self.things.items() if kind == "base" and b.party == party_id}
        return sorted(p.id for (kind, _), p in self.things.items() if kind == "plot" and p.base in bases)

    def base(self, base_id: str) -> Any:
        """Return a base or raise NotFound."""
        return self._get("base", base_id)

    def device(self, device_id: str) -> Any:
        """Return a device or raise NotFound."""
        return self._get("device", device_id)

    def product(self, product_id: str) -> Any:
        """Return a product or raise NotFound."""
        return self._get("product", product_id)


@dataclass
class Kit:
    """A trace service on an empty database with registered authors, and a hand for writing events."""

    engine: Engine
    trace: Trace
    registry: FakeRegistry
    clock: FixedClock
    seeds: dict[str, Seed]
    numbers: Any = field(default_factory=itertools.count)

    def lot(self, number: str) -> str:
        """Return the URN of a lot of the kit's county."""
        return lot_urn(COUNTY, number)

    def key_id(self, party: str) -> str:
        """Return the id of a party's key."""
        return key_id_of(self.seeds[party])

    def body(self, kind: str, party: str, *, changes: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        """Return an event's body as a Python value; `fields` by their EPCIS names, `changes` applied last (None removes)."""
        row = KINDS[kind]
        n = next(self.numbers)
        told: dict[str, Any] = {
            "@context": CONTEXT,
            "type": row.epcis_type,
            "eventID": f"urn:uuid:{uuid7(to_ms(NOW) + n, n.to_bytes(10, 'big'))}",
            "eventTime": "2025-10-01T08:00:00+08:00",
            "eventTimeZoneOffset": "+08:00",
            "bizStep": row.biz_step,
            "suhe:party": f"urn:suhe:party:{party}",
            **({"action": row.action} if row.action else {}),
            **fields,
            **(changes or {}),
        }
        return {name: value for name, value in told.items() if value is not None}

    def sign(self, body: dict[str, Any] | bytes, party: str) -> Envelope:
        """Return a body as its author would send it."""
        text = body if isinstance(body, bytes) else rfc8785.dumps(body)
        return Envelope(text, self.key_id(party), self.seeds[party].sign(text).signature)

    def send(self, kind: str, party: str = "coop", **fields: Any) -> Receipt:
        """Write, sign and capture an event."""
        envelope = self.sign(self.body(kind, party, **fields), party)
        return self.trace.capture(envelope.body, envelope.key_id, envelope.signature)

    # The kinds of events with the fields they need

    def plant(self, number: str, party: str = "coop", plot: str = "a1", product: str = "tomato", **more: Any) -> Receipt:
        """Plant a lot."""
        return self.send(
            "plant", party, quantityList=[{"epcClass": self.lot(number)}], ilmd={"suhe:product": product},
            bizLocation={"id": f"urn:suhe:plot:{plot}"}, **more,
        )  # fmt: skip

    def harvest(self, number: str, kg: float, party: str = "coop", plot: str = "a1", **more: Any) -> Receipt:
        """Pick from a lot."""
        return self.send("harvest", party, quantityList=[self.part(number, kg)], bizLocation={"id": f"urn:suhe:plot:{plot}"}, **more)

    def inspect(self, number: str, result: str = "pass", party: str = "inspector", **more: Any) -> Receipt:
        """Inspect a lot."""
        told = {"method": "enzyme_inhibition", "result": result}
        return self.send("inspect", party, quantityList=[{"epcClass": self.lot(number)}], **{"suhe:inspection": told}, **more)

    def buy(self, number: str, amount: float, *lots: str, **more: Any) -> Receipt:
        """Buy an input for lots."""
        ilmd = {"suhe:inputClass": "fertiliser", "suhe:nameZh": "有机肥"}
        return self.send(
            "input_bought", quantityList=[self.part(number, amount)], ilmd=ilmd, **{"suhe:lots": [self.lot(x) for x in lots]}, **more
        )

    def use(self, number: str, amount: float, *lots: str, **more: Any) -> Receipt:
        """Use an input on lots."""
        return self.send("input_used", quantityList=[self.part(number, amount)], **{"suhe:lots": [self.lot(x) for x in lots]}, **more)

    def transform(
        self, kind: str, inputs: dict[str, float], outputs: dict[str, float], party: str = "coop", product: str = "tomato", **more: Any
    ) -> Receipt:
        """Split, merge or pack."""
        return self.send(
            kind, party, inputQuantityList=[self.part(*x) for x in inputs.items()],
            outputQuantityList=[self.part(*x) for x in outputs.items()], ilmd={"suhe:product": product}, **more,
        )  # fmt: skip

    def ship(self, number: str, kg: float, party: str = "coop", to: str = "shop", **more: Any) -> Receipt:
        """Ship some of a lot."""
        return self.send("ship", party, quantityList=[self.part(number, kg)], **_way(party, to), **more)

    def receive(self, number: str, kg: float, party: str = "shop", source: str = "coop", **more: Any) -> Receipt:
        """Receive some of a lot."""
        return self.send("receive", party, quantityList=[self.part(number, kg)], **_way(source, party), **more)

    def sample(self, number: str, party: str = "inspector", **more: Any) -> Receipt:
        """Take a sample of a lot."""
        told = {"plan": "例行", "sampler": "urn:suhe:party:inspector", "taken": "五点取样", "custody": "冷藏送检"}
        return self.send("sample", party, quantityList=[{"epcClass": self.lot(number)}], **{"suhe:sample": told}, **more)

    def test(self, number: str, sample: str, *analytes: dict[str, Any], method: str = "lc_ms", **more: Any) -> Receipt:
        """Test a sample; `analytes` as the body has them, by default an inhibition of 20 %."""
        told = {
            "sample": sample, "method": method, "standard": "GB/T 5009.199-2003" if method == "enzyme_inhibition" else "GB 23200.121-2021",
            "analytes": list(analytes) or [{"name": "抑制率", "unit": "%", "value": 20}], "lab": "示例检测站", "reportHash": "ab" * 32,
        }  # fmt: skip
        return self.send("test", "inspector", quantityList=[{"epcClass": self.lot(number)}], **{"suhe:test": told}, **more)

    def judge(self, number: str, test: str, result: str, *limits: dict[str, Any], edition: str = "GB 2763-2021", **more: Any) -> Receipt:
        """Judge a test; without limits as a screening by inhibition."""
        of = list(limits) or [{"analyte": "抑制率", "limit": 50, "unit": "%"}]
        told = {
            "test": test, "class": "confirmatory" if limits else "screening", "result": result,
            "edition": edition if limits else "GB/T 5009.199-2003", "limits": of,
        }  # fmt: skip
        return self.send("judge", "inspector", quantityList=[{"epcClass": self.lot(number)}], **{"suhe:judgement": told}, **more)

    def part(self, number: str, kg: float) -> dict[str, Any]:
        """Return a quantity element."""
        return {"epcClass": self.lot(number), "quantity": kg, "uom": "KGM"}


def _way(source: str, destination: str) -> dict[str, Any]:
    return {
        "sourceList": [{"type": "possessing_party", "source": f"urn:suhe:party:{source}"}],
        "destinationList": [{"type": "possessing_party", "destination": f"urn:suhe:party:{destination}"}],
    }


def key_id_of(seed: Seed) -> str:
    return hashlib.sha256(bytes(seed.verify_key)).hexdigest()[:16]


def make_kit(url: str, folder: Path) -> Kit:
    """Return a kit on the database at `url`, its tables made."""
    engine = open_engine(url)
    tables = [store.event, store.event_lot, store.lot, store.lot_edge, store.holding, store.checkpoint, store.log_tile]
    tables += [map_store.map_node, map_store.map_past, witness_store.witness, witness_store.cosignature, witness_store.witness_alarm]
    tables += [secret, residue_limit]
    metadata.create_all(engine, tables=tables)
    registry, clock = FakeRegistry(), FixedClock(NOW)
    seeds = {}
    for party, roles in PARTIES.items():
        registry.put("party", Party(party, COUNTY, roles, "示例", "Example"))
        seeds[party] = seed = Seed(hashlib.sha256(party.encode()).digest())
        registry.put("key", SigningKey(key_id_of(seed), party, bytes(seed.verify_key), to_ms(NOW) - 10**9))
    registry.put("product", Product("tomato", "番茄", "Tomato", "kg", "short", (Variety("tomato_red", "红果番茄", "Red"),)))
    registry.put("product", Product("sauce", "番茄酱", "Tomato sauce", "kg", "long", ()))
    for base, party in (("a", "coop"), ("b", "coop-2")):
        registry.put("base", Base(base, COUNTY, party, "示例基地", "Example base", 36.2, 115.6))
        for k in (1, 2, 3):
            registry.put("plot", Plot(f"{base}{k}", base, "greenhouse", "棚", "House", 1.5, 36.2, 115.6))
    trace = Trace(engine, registry, clock, folder / "keys" / "log.key")  # type: ignore[arg-type]
    # The statements about the keys come first, so that a test's first event has the place KEYS.
    trace.note_keys([key_id_of(seeds[p]) for p in PARTIES])
    return Kit(engine, trace, registry, clock, seeds)


def small_season(kit: Kit) -> None:
    """Write a season that uses every kind of event."""
    kit.plant("L1")
    kit.plant("L2", plot="a2")
    kit.buy("F1", 40, "L1", "L2")
    kit.use("F1", 12.5, "L1")
    kit.use("F1", 12.5, "L2")
    kit.harvest("L1", 400)
    kit.harvest("L2", 300, plot="a2")
    kit.inspect("L1")
    kit.trace.make_checkpoint()
    kit.transform("split", {"L1": 400}, {"L1a": 250, "L1b": 150})
    kit.transform("merge", {"L1b": 150, "L2": 300}, {"M": 450})
    kit.ship("M", 450, to="works")
    kit.receive("M", 450, party="works")
    kit.transform("pack", {"M": 450}, {"P1": 200, "P2": 180.5}, party="works", product="sauce")
    kit.trace.make_checkpoint()
    kit.ship("P1", 200, party="works")
    kit.receive("P1", 198, source="works")
    kit.ship("L1a", 100)
    kit.trace.make_checkpoint()
    kit.plant("L3", party="coop-2", plot="b1")


def flip(value: Any) -> Any:
    """Return a stored value changed as little as its type allows."""
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:] if value else b"x"
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return chr(ord(value[0]) ^ 1) + value[1:] if value else "x"
    return 1


def as_json(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body)
    return found
