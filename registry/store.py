"""The registry's tables and how its nouns lie in them. Lists inside a noun (roles, varieties, channels) are JSON text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    LargeBinary,
    RowMapping,
    String,
    Table,
    Text,
    insert,
    select,
)

from foundation.database import metadata
from foundation.errors import BadInput, Conflict
from foundation.ids import shard_of
from registry.devices import Device, DeviceChannel, Gateway, GatewayKey
from registry.keys import SigningKey
from registry.parties import County, Party
from registry.people import ApiKey, Person
from registry.plots import Base, Plot
from registry.products import Product, Variety

N = TypeVar("N")


def _id(name: str = "id") -> Column[str]:
    return Column(name, String(64), primary_key=True)


def _to(target: str, *, null: bool = False, index: bool = True, name: str = "") -> Column[Any]:
    return Column(name or target.split(".")[0], String(64), ForeignKey(target), nullable=null, index=index)


def _names() -> tuple[Column[str], Column[str]]:
    return Column("name_zh", Text, nullable=False), Column("name_en", Text, nullable=False)


def _place() -> tuple[Column[float], Column[float]]:
    return Column("lat", Float, nullable=False), Column("lon", Float, nullable=False)


def _ms(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, BigInteger, nullable=null)


county = Table("county", metadata, _id("code"), *_names(), *_place())
party = Table(
    "party", metadata, _id(), _to("county.code"), Column("roles", Text, nullable=False), *_names(),
    Column("address_zh", Text, nullable=False), Column("address_en", Text, nullable=False),
)  # fmt: skip
signing_key = Table(
    "signing_key", metadata, _id(), _to("party.id"), Column("public_key", LargeBinary, nullable=False, unique=True),
    _ms("valid_from_ms"), _ms("valid_to_ms", null=True), _ms("revoked_ms", null=True),
)  # fmt: skip
base = Table("base", metadata, _id(), _to("county.code"), _to("party.id"), *_names(), *_place())
plot = Table(
    "plot", metadata, _id(), _to("base.id"), Column("kind", String(32), nullable=False), *_names(),
    Column("area_mu", Float, nullable=False), *_place(), Column("outline", Text),
)  # fmt: skip
product = Table(
    "product", metadata, _id(), *_names(), Column("unit", String(16), nullable=False),
    Column("shelf_life_class", String(16), nullable=False), Column("varieties", Text, nullable=False),
)  # fmt: skip
# password_hash is empty while the gateway is revoked: no broker and no page lets it in.
gateway = Table(
    "gateway", metadata, _id(), _to("county.code"), _to("base.id"), *_names(),
    Column("password_hash", Text, nullable=False), _ms("last_rotated_ms"),
)  # fmt: skip
# The key a gateway signs with is the one not retired; the former ones stay, because readings were sealed under them.
gateway_key = Table(
    "gateway_key", metadata, _id(), _to("gateway.id"), Column("public_key", LargeBinary, nullable=False, unique=True),
    Column("must_sign", Boolean, nullable=False), _ms("registered_ms"), _ms("retired_ms", null=True),
)  # fmt: skip
device = Table(
    "device", metadata, _id(), _to("county.code"), _to("gateway.id"), _to("plot.id", null=True), _to("base.id", index=False),
    Column("kind", String(64), nullable=False), *_names(), Column("channels", Text, nullable=False),
)  # fmt: skip
person = Table(
    "person", metadata, Column("name", Text, primary_key=True), Column("role", String(32), nullable=False),
    _to("county.code", null=True, index=False), _to("party.id", null=True, index=False),
)  # fmt: skip
# Of a link and a session only the SHA-256 is kept: whoever reads the database cannot sign in with what it holds.
sign_in_link = Table(
    "sign_in_link", metadata, _id("token_hash"),
    Column("person", Text, ForeignKey("person.name", ondelete="CASCADE"), nullable=False, index=True), _ms("expires_ms"),
)  # fmt: skip
sign_in = Table(
    "sign_in", metadata, _id("token_hash"),
    Column("person", Text, ForeignKey("person.name", ondelete="CASCADE"), nullable=False, index=True), _ms("made_ms"), _ms("expires_ms"),
)  # fmt: skip
api_key = Table(
    "api_key", metadata, _id("prefix"), Column("key_hash", String(64), nullable=False), Column("name", Text, nullable=False),
    Column("role", String(32), nullable=False), _to("county.code", null=True, index=False), _to("party.id", null=True, index=False),
    _ms("made_ms"), _ms("last_used_ms", null=True), _ms("revoked_ms", null=True),
)  # fmt: skip


@dataclass(frozen=True)
class Kind(Generic[N]):
    """One kind of noun in its table. `lists` names the fields kept as JSON, with how an element is read back."""

    noun: type[N]
    table: Table
    called: str
    key: str = "id"
    lists: Mapping[str, Callable[[Any], Any]] | None = None
    computed: Mapping[str, Callable[[RowMapping], Any]] | None = None

    def row(self, item: N) -> dict[str, Any]:
        """Return `item` as a row."""
        found = {f.name: getattr(item, f.name) for f in fields(item) if f.name in self.table.c}  # type: ignore[arg-type]
        for name in self.lists or {}:
            found[name] = json.dumps([_plain(v) for v in found[name]], ensure_ascii=False, separators=(",", ":"))
        return found

    def read(self, row: RowMapping) -> N:
        """Return a row as its noun; columns the noun has no field for stay behind."""
        told = {f.name: row[f.name] for f in fields(self.noun) if f.name in row}  # type: ignore[arg-type]
        for name, element in (self.lists or {}).items():
            told[name] = tuple(element(v) for v in json.loads(told[name]))
        for name, compute in (self.computed or {}).items():
            told[name] = compute(row)
        return self.noun(**told)

    @property
    def id(self) -> Column[Any]:
        """The column of the id."""
        return self.table.c[self.key]


COUNTY = Kind(County, county, "county", key="code")
PARTY = Kind(Party, party, "party", lists={"roles": str})
SIGNING_KEY = Kind(SigningKey, signing_key, "signing key")
BASE = Kind(Base, base, "base")
PLOT = Kind(Plot, plot, "plot")
PRODUCT = Kind(Product, product, "product", lists={"varieties": lambda v: Variety(**v)})
GATEWAY = Kind(Gateway, gateway, "gateway", computed={"shard": lambda row: shard_of(row["id"])})
GATEWAY_KEY = Kind(GatewayKey, gateway_key, "gateway key")
DEVICE = Kind(Device, device, "device", lists={"channels": lambda v: DeviceChannel(**v)})
PERSON = Kind(Person, person, "person", key="name")
API_KEY = Kind(ApiKey, api_key, "API key", key="prefix")


def find(connection: Connection, kind: Kind[N], **where: Any) -> list[N]:
    """Return the nouns whose columns equal `where` (None is no condition), in the order of their ids."""
    query = select(kind.table).order_by(kind.id)
    for name, value in where.items():
        if value is not None:
            if not _storable(value):
                return []
            query = query.where(kind.table.c[name] == value)
    return [kind.read(row) for row in connection.execute(query).mappings()]


def find_by_id(connection: Connection, kind: Kind[N], ids: Iterable[str]) -> dict[str, N]:
    """Return those of `ids` that exist. Any number of ids may be given."""
    wanted, found = [i for i in dict.fromkeys(ids) if _storable(i)], {}
    for k in range(0, len(wanted), 500):  # SQLite takes 32,766 parameters at most, older ones 999
        rows = connection.execute(select(kind.table).where(kind.id.in_(wanted[k : k + 500]))).mappings()
        found.update({str(row[kind.key]): kind.read(row) for row in rows})
    return found


def add_new(connection: Connection, kind: Kind[N], items: Sequence[N]) -> int:
    """Insert those of `items` that are not there and return their number; refuse one that is there and differs."""
    given: dict[str, N] = {}
    for item in items:
        one = given.setdefault(getattr(item, kind.key), item)
        _must_be_same(kind, one, item)
    there = find_by_id(connection, kind, given)
    for item_id, found in there.items():
        _must_be_same(kind, found, given[item_id])
    fresh = [kind.row(item) for item_id, item in given.items() if item_id not in there]
    if fresh:
        connection.execute(insert(kind.table), fresh)
    return len(fresh)


def must_exist(connection: Connection, kind: Kind[N], ids: Iterable[str | None], for_what: str) -> dict[str, N]:
    """Return the nouns behind `ids`; refuse the whole write where one is missing."""
    wanted = {i for i in ids if i is not None}
    found = find_by_id(connection, kind, wanted)
    missing = sorted(wanted - set(found))
    if missing:
        raise BadInput(
            f"this {for_what} names a {kind.called} that is not registered", got=missing[0], todo=f"register the {kind.called} first"
        )
    return found


def _must_be_same(kind: Kind[N], there: N, given: N) -> None:
    if there != given:
        names = [f.name for f in fields(there) if getattr(there, f.name) != getattr(given, f.name)]  # type: ignore[arg-type]
        raise Conflict(
            f"this {kind.called} is registered otherwise",
            expected="; ".join(f"{n} {getattr(there, n)!r}" for n in names)[:300],
            got=f"{getattr(given, kind.key)}: " + "; ".join(f"{n} {getattr(given, n)!r}" for n in names)[:300],
            todo="use another id",
        )


def _storable(text: str) -> bool:
    """Tell whether both engines take this text as a parameter: what they cannot hold, nothing is registered under."""
    return "\x00" not in text and text.isprintable()


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else {f.name: getattr(value, f.name) for f in fields(value)}
