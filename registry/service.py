"""The registry's use cases. Adding the same thing twice changes nothing; adding another under the same id is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, select, update

from foundation.clock import Clock, to_ms
from foundation.database import reading
from foundation.errors import Conflict, NotFound
from foundation.ids import shard_of
from foundation.passwords import hash_password, new_password, password_fits
from registry import store
from registry.access import Access
from registry.devices import Device, Gateway
from registry.keys import SigningKey, key_id
from registry.parties import County, Party
from registry.plots import Base, Plot
from registry.products import Product
from registry.rows import TABLES, Noun, from_row, key_column, to_row

T = TypeVar("T")


class Registry(Access):
    """Who and where, on one records database. Access (people, sessions, keys) is inherited from `access.py`."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        super().__init__(engine, clock)
        self._engine = engine
        self._reader = reading(engine)
        self._clock = clock

    # Adding

    def add_all(self, items: Iterable[Noun]) -> None:
        """Add many nouns in one transaction, in an order that satisfies their references.

        Raises:
            Conflict: one is already there under the same id with other content; nothing is added then.

        """
        by_kind: dict[type[Any], list[Noun]] = {}
        for item in items:
            by_kind.setdefault(type(item), []).append(item)
        with self._engine.begin() as connection:
            for kind in TABLES:
                _add(connection, kind, by_kind.get(kind, []))

    def add_county(self, county: County) -> None:
        """Add a county."""
        self.add_all([county])

    def add_party(self, party: Party) -> None:
        """Add a party."""
        self.add_all([party])

    def add_base(self, base: Base) -> None:
        """Add a base of a party."""
        self.add_all([base])

    def add_plot(self, plot: Plot) -> None:
        """Add a field, greenhouse or pond."""
        self.add_all([plot])

    def add_product(self, product: Product) -> None:
        """Add a product with its varieties."""
        self.add_all([product])

    def add_device(self, device: Device) -> None:
        """Add a device and bind it to its gateway."""
        self.add_all([device])

    # Gateways

    def register_gateway(self, gateway_id: str, county: str, base: str, name_zh: str, name_en: str) -> tuple[Gateway, str]:
        """Register a gateway and return it with its password, which is shown this once and stored only as a hash.

        Raises:
            Conflict: the id is taken.

        """
        return self.register_gateways([(gateway_id, county, base, name_zh, name_en)])[0]

    def register_gateways(self, wanted: Sequence[tuple[str, str, str, str, str]]) -> list[tuple[Gateway, str]]:
        """Register many gateways in one transaction; see `register_gateway`."""
        now = to_ms(self._clock.now())
        made = []
        for gateway_id, county, base, name_zh, name_en in wanted:
            gateway = Gateway(gateway_id, county, base, name_zh, name_en, shard_of(gateway_id), now)
            made.append((gateway, new_password()))
        with self._engine.begin() as connection:
            taken = set(connection.scalars(select(store.gateway.c.id).where(store.gateway.c.id.in_([g.id for g, _ in made]))))
            if taken:
                raise Conflict("this gateway id is taken", got=", ".join(sorted(taken)), todo="choose another id, or rotate its password")
            rows = [{**to_row(gateway), "password_hash": hash_password(password)} for gateway, password in made]
            if rows:
                connection.execute(store.gateway.insert(), rows)
        return made

    def rotate_gateway(self, gateway_id: str) -> str:
        """Give a gateway a new password and return it, shown this once; the old one stops fitting at once."""
        password = new_password()
        with self._engine.begin() as connection:
            change = update(store.gateway).where(store.gateway.c.id == gateway_id)
            values = {"password_hash": hash_password(password), "last_rotated_ms": to_ms(self._clock.now())}
            if connection.execute(change.values(**values)).rowcount == 0:
                raise NotFound("there is no such gateway", got=gateway_id)
        return password

    def check_gateway(self, gateway_id: str, password: str) -> bool:
        """Tell whether `password` is the gateway's present one."""
        with self._reader.connect() as connection:
            hashed = connection.scalar(select(store.gateway.c.password_hash).where(store.gateway.c.id == gateway_id))
        return password_fits(password, hashed) if hashed else False

    def broker_credentials(self) -> list[tuple[str, str]]:
        """Return (gateway id, hash in mosquitto's format) of every gateway, for the broker's password file."""
        with self._reader.connect() as connection:
            rows = connection.execute(select(store.gateway.c.id, store.gateway.c.password_hash).order_by(store.gateway.c.id))
            return [(row.id, row.password_hash) for row in rows]

    # Signing keys

    def add_key(self, party: str, public_key: bytes, valid_from_ms: int, valid_to_ms: int | None = None) -> SigningKey:
        """Add a party's public key. The same key again changes nothing; another party's key is refused."""
        return self.add_keys([(party, public_key, valid_from_ms, valid_to_ms)])[0]

    def add_keys(self, wanted: Sequence[tuple[str, bytes, int, int | None]]) -> list[SigningKey]:
        """Add many public keys in one transaction; see `add_key`."""
        keys = [SigningKey(key_id(public), party, public, begins, ends) for party, public, begins, ends in wanted]
        with self._engine.begin() as connection:
            known = dict(connection.execute(select(store.signing_key.c.id, store.signing_key.c.party)).tuples())
            for key in keys:
                if known.get(key.id, key.party) != key.party:
                    raise Conflict("this key belongs to another party", got=known[key.id])
            rows = [
                {"id": k.id, "party": k.party, "public_key": k.public_key, "valid_from_ms": k.valid_from_ms, "valid_to_ms": k.valid_to_ms}
                for k in keys
                if k.id not in known
            ]
            if rows:
                connection.execute(store.signing_key.insert(), rows)
        return keys

    def revoke_key(self, key: str, at_ms: int) -> None:
        """Revoke a key from `at_ms` on; what was logged before still rests on it. A revocation is never moved later."""
        with self._engine.begin() as connection:
            found = connection.execute(select(store.signing_key.c.revoked_ms).where(store.signing_key.c.id == key)).first()
            if found is None:
                raise NotFound("there is no such key", got=key)
            if found.revoked_ms is None or at_ms < found.revoked_ms:
                connection.execute(update(store.signing_key).where(store.signing_key.c.id == key).values(revoked_ms=at_ms))

    def key(self, key: str) -> SigningKey:
        """Return a signing key by id; raise NotFound."""
        with self._reader.connect() as connection:
            row = connection.execute(select(store.signing_key).where(store.signing_key.c.id == key)).mappings().first()
        if row is None:
            raise NotFound("there is no such signing key", got=key[:32], todo="register the public key of its party first")
        found: SigningKey = from_row(SigningKey, dict(row))
        return found

    def keys(self, party: str | None = None) -> list[SigningKey]:
        """Return signing keys, of one party or all."""
        query = select(store.signing_key).order_by(store.signing_key.c.id)
        if party is not None:
            query = query.where(store.signing_key.c.party == party)
        with self._reader.connect() as connection:
            return [from_row(SigningKey, dict(row)) for row in connection.execute(query).mappings()]

    # Looking up

    def counties(self) -> list[County]:
        """Return every county."""
        return self._many(County)

    def county(self, code: str) -> County:
        """Return a county; raise NotFound."""
        return self._one(County, code)

    def parties(self, county: str | None = None) -> list[Party]:
        """Return parties, of one county or all."""
        return self._many(Party, county=county)

    def party(self, party_id: str) -> Party:
        """Return a party; raise NotFound."""
        return self._one(Party, party_id)

    def bases(self, county: str | None = None) -> list[Base]:
        """Return bases, of one county or all."""
        return self._many(Base, county=county)

    def base(self, base_id: str) -> Base:
        """Return a base; raise NotFound."""
        return self._one(Base, base_id)

    def plots(self, base: str | None = None, county: str | None = None) -> list[Plot]:
        """Return plots, of one base, one county or all."""
        plots = self._many(Plot, base=base)
        if county is None:
            return plots
        here = {b.id for b in self.bases(county)}
        return [p for p in plots if p.base in here]

    def plot(self, plot_id: str) -> Plot:
        """Return a plot; raise NotFound."""
        return self._one(Plot, plot_id)

    def products(self) -> list[Product]:
        """Return every product."""
        return self._many(Product)

    def product(self, product_id: str) -> Product:
        """Return a product; raise NotFound."""
        return self._one(Product, product_id)

    def devices(self, county: str | None = None, plot: str | None = None, gateway: str | None = None) -> list[Device]:
        """Return devices, narrowed by county, plot or gateway."""
        return self._many(Device, county=county, plot=plot, gateway=gateway)

    def device(self, device_id: str) -> Device:
        """Return a device; raise NotFound."""
        return self._one(Device, device_id)

    def gateways(self, county: str | None = None) -> list[Gateway]:
        """Return gateways, of one county or all."""
        return self._many(Gateway, county=county)

    def gateway(self, gateway_id: str) -> Gateway:
        """Return a gateway; raise NotFound."""
        return self._one(Gateway, gateway_id)

    def _one(self, kind: type[T], key: str) -> T:
        table = TABLES[kind]
        with self._reader.connect() as connection:
            row = connection.execute(select(table).where(table.c[key_column(kind)] == key)).mappings().first()
        if row is None:
            raise NotFound(f"there is no such {kind.__name__.lower()}", got=key[:64])
        found: T = from_row(kind, dict(row))
        return found

    def _many(self, kind: type[T], **where: str | None) -> list[T]:
        table = TABLES[kind]
        query = select(table).order_by(table.c[key_column(kind)])
        for column, value in where.items():
            if value is not None:
                query = query.where(table.c[column] == value)
        with self._reader.connect() as connection:
            return [from_row(kind, dict(row)) for row in connection.execute(query).mappings()]


def _add(connection: Connection, kind: type[Any], items: Sequence[Noun]) -> None:
    if not items:
        return
    table, key = TABLES[kind], key_column(kind)
    wanted = {row[key]: row for row in map(to_row, items)}
    for row in connection.execute(select(table).where(table.c[key].in_(list(wanted)))).mappings():
        known = from_row(kind, dict(row))
        asked = from_row(kind, wanted.pop(row[key]))
        if known != asked:
            raise Conflict(f"another {kind.__name__.lower()} has this id", expected=repr(known), got=repr(asked), todo="choose another id")
    if wanted:
        connection.execute(table.insert(), list(wanted.values()))
