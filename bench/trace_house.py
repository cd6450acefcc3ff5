"""A small county for benches of the log: a real registry and trace service on SQLite, and a hand that signs events."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rfc8785
from nacl.signing import SigningKey as Seed
from sqlalchemy import Engine

from foundation.clock import SystemClock, to_ms
from foundation.database import open_engine
from foundation.ids import uuid7
from registry.parties import County, Party
from registry.plots import Base, Plot
from registry.products import Product, Variety
from registry.service import Registry
from suhe.migrate import migrate
from traceability.authors import Envelope
from traceability.service import Trace
from traceability.vocabulary import CONTEXT, KINDS

COUNTY = "371522"


@dataclass
class House:
    """The services and the one author of a bench."""

    engine: Engine
    trace: Trace
    seed: Seed
    numbers: dict[str, int] = field(default_factory=dict)

    @property
    def key_id(self) -> str:
        """The author's key id."""
        return hashlib.sha256(bytes(self.seed.verify_key)).hexdigest()[:16]

    def sign(self, told: dict[str, Any]) -> Envelope:
        """Return a body as its author would send it."""
        body = rfc8785.dumps(told)
        return Envelope(body, self.key_id, self.seed.sign(body).signature)

    def event(self, kind: str, number: int, **fields: Any) -> dict[str, Any]:
        """Return the body of an event of the author's."""
        row = KINDS[kind]
        return {
            "@context": CONTEXT, "type": row.epcis_type, "eventID": f"urn:uuid:{uuid7(1764000000000 + number, number.to_bytes(10, 'big'))}",
            "eventTime": "2025-10-01T08:00:00+08:00", "eventTimeZoneOffset": "+08:00", "bizStep": row.biz_step,
            "suhe:party": "urn:suhe:party:coop", **({"action": row.action} if row.action else {}), **fields,
        }  # fmt: skip

    def events(self, n: int, first: int = 0) -> list[Envelope]:
        """Return `n` signed events that fit whatever their order: every one plants a lot of its own."""
        place = {"id": "urn:suhe:plot:a1"}
        return [
            self.sign(
                self.event(
                    "plant", first + k, quantityList=[{"epcClass": f"urn:suhe:lot:{COUNTY}:N{first + k}"}], bizLocation=place,
                    ilmd={"suhe:product": "tomato", "suhe:variety": "tomato_red"}, **{"suhe:note": "育苗移栽，第一批，株距四十厘米"},
                )
            )
            for k in range(n)
        ]  # fmt: skip

    def close(self) -> None:
        """Let the database go."""
        self.engine.dispose()


def make_house(folder: Path, url: str = "") -> House:
    """Return a county with one cooperative, one plot and one product on an empty database."""
    engine = open_engine(url or f"sqlite:///{folder / 'records.db'}")
    migrate(engine)
    clock = SystemClock()
    registry = Registry(engine, clock)
    seed = Seed(hashlib.sha256(b"bench").digest())
    registry.add_county(County(COUNTY, "莘县", "Shenxian", 36.2, 115.6))
    registry.add_party(Party("coop", COUNTY, ("cooperative", "grower"), "示例合作社", "Example cooperative"))
    registry.add_key("coop", bytes(seed.verify_key), to_ms(clock.now()) - 10**9)
    registry.add_base(Base("a", COUNTY, "coop", "示例基地", "Example base", 36.2, 115.6))
    registry.add_plot(Plot("a1", "a", "greenhouse", "一号棚", "House 1", 1.5, 36.2, 115.6))
    registry.add_product(Product("tomato", "番茄", "Tomato", "kg", "short", (Variety("tomato_red", "红果番茄", "Red"),)))
    return House(engine, Trace(engine, registry, clock, folder / "keys" / "log.key"), seed)
