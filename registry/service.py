"""The registry's use cases: register places and things, give and check credentials, answer who and where."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import Connection, func, insert, select, update

from foundation.errors import BadInput, Conflict, NotFound
from foundation.ids import ID_PATTERN, shard_of
from foundation.passwords import hash_password, new_password, password_fits
from registry import rules, store
from registry.accounts import Accounts
from registry.devices import Device, DevicePlace, Gateway, GatewayKey
from registry.feed_keeping import FeedKeeping
from registry.keys import SigningKey, key_id
from registry.parties import County, Party
from registry.plots import Base, Plot
from registry.products import Product

N = TypeVar("N")
Item = County | Party | Base | Plot | Product | Device


class Registry(Accounts, FeedKeeping):
    """Who and where. A method that changes something has committed when it returns.

    People and API keys: see Accounts. Foreign senders: see FeedKeeping.
    """

    def add_all(self, items: Iterable[Item]) -> int:
        """Register things of any kinds, in any order, all or none; return how many were new.

        A thing registered before with the same content is passed over.

        Raises:
            Conflict: a thing of this id is registered with other content.
            BadInput: something it names is not registered, or lies in another county or base.

        """
        found: dict[type, list[Any]] = defaultdict(list)
        for item in items:
            found[type(item)].append(item)
        unknown = set(found) - set(_ADDERS)
        if unknown:
            raise BadInput("this cannot be registered", got=", ".join(sorted(t.__name__ for t in unknown)))
        with self._writing() as connection:
            return sum(add(connection, found[noun]) for noun, add in _ADDERS.items() if found[noun])

    def add_county(self, county: County) -> None:
        """Register a county."""
        self.add_all([county])

    def add_party(self, party: Party) -> None:
        """Register a party of a known county."""
        self.add_all([party])

    def add_base(self, base: Base) -> None:
        """Register a base of a known county and party."""
        self.add_all([base])

    def add_plot(self, plot: Plot) -> None:
        """Register a plot of a known base."""
        self.add_all([plot])

    def add_product(self, product: Product) -> None:
        """Register a product with its varieties."""
        self.add_all([product])

    def add_device(self, device: Device) -> None:
        """Register a device behind a known gateway."""
        self.add_all([device])

    def register_gateway(self, gateway_id: str, county: str, base: str, name_zh: str, name_en: str) -> tuple[Gateway, str]:
        """Register a gateway and return it with its password, which cannot be shown again.

        Raises:
            Conflict: a gateway of this id exists; `rotate_gateway` gives it a new password.

        """
        return self.register_gateways([(gateway_id, county, base, name_zh, name_en)])[0]

    def register_gateways(self, rows: Sequence[tuple[str, str, str, str, str]]) -> list[tuple[Gateway, str]]:
        """Register several gateways, each (id, county, base, name_zh, name_en), all or none."""
        now = self._now_ms()
        made = [(Gateway(i, county, base, zh, en, shard_of(i), now), new_password()) for i, county, base, zh, en in rows]
        with self._writing() as connection:
            bases = store.must_exist(connection, store.BASE, [g.base for g, _ in made], "gateway")
            for gateway, _ in made:
                rules.check_gateway_place(gateway.county, bases[gateway.base])
            there = store.find_by_id(connection, store.GATEWAY, [g.id for g, _ in made])
            if there or len({g.id for g, _ in made}) != len(made):
                raise Conflict("this gateway is registered already", got=", ".join(sorted(there)), todo="rotate its password instead")
            if made:
                rows_in = [store.GATEWAY.row(g) | {"password_hash": hash_password(password)} for g, password in made]
                connection.execute(insert(store.gateway), rows_in)
        return made

    def add_gateway_key(self, gateway_id: str, public_key: bytes, *, must_sign: bool = False) -> GatewayKey:
        """Register the key a gateway signs with from now on; the one before is retired and kept.

        The same key again changes only whether it must be used.

        Raises:
            Conflict: the key is another gateway's, or was retired.

        """
        made = GatewayKey(key_id(public_key), gateway_id, public_key, must_sign, self._now_ms())
        columns = store.gateway_key.c
        with self._writing() as connection:
            _one(connection, store.GATEWAY, gateway_id)
            known = store.find_by_id(connection, store.GATEWAY_KEY, [made.id]).get(made.id)
            if known is not None and (known.gateway != gateway_id or known.retired_ms is not None):
                raise Conflict("this key was registered before", got=f"{known.id} of {known.gateway}", todo="make a new key")
            if known is not None:
                connection.execute(update(store.gateway_key).where(columns.id == made.id).values(must_sign=must_sign))
                return replace(known, must_sign=must_sign)
            former = update(store.gateway_key).where(columns.gateway == gateway_id, columns.retired_ms.is_(None))
            connection.execute(former.values(retired_ms=max(made.registered_ms, 1 + _last_registered(connection, gateway_id))))
            connection.execute(insert(store.gateway_key).values(store.GATEWAY_KEY.row(made)))
        return made

    def gateway_keys(self, gateway_id: str | None = None, *, retired: bool = False) -> list[GatewayKey]:
        """Return the keys gateways sign with at present, of one or of all; with `retired` those they signed with before as well."""
        found = self._find(store.GATEWAY_KEY, gateway=gateway_id)
        return [k for k in found if retired or k.retired_ms is None]

    def rotate_gateway(self, gateway_id: str) -> str:
        """Give a gateway a new password and return it; the former one stops working. A revoked gateway is let in again."""
        password = new_password()
        self._set_gateway_hash(gateway_id, hash_password(password))
        return password

    def revoke_gateway(self, gateway_id: str) -> None:
        """Shut a gateway out, as after a theft; what it delivered before stays."""
        self._set_gateway_hash(gateway_id, "")

    def check_gateway(self, gateway_id: str, password: str) -> bool:
        """Tell whether this is the gateway's present password."""
        if not ID_PATTERN.match(gateway_id):
            return False
        with self._reading() as connection:
            hashed = connection.execute(select(store.gateway.c.password_hash).where(store.gateway.c.id == gateway_id)).scalar()
        return bool(hashed) and password_fits(password, str(hashed))

    def broker_credentials(self) -> list[tuple[str, str]]:
        """Return (gateway id, hash in mosquitto's format) of every gateway that may connect, by id."""
        columns = store.gateway.c
        query = select(columns.id, columns.password_hash).where(columns.password_hash != "").order_by(columns.id)
        with self._reading() as connection:
            return [(str(i), str(hashed)) for i, hashed in connection.execute(query)]

    def add_key(self, party: str, public_key: bytes, valid_from_ms: int, valid_to_ms: int | None = None) -> SigningKey:
        """Register a party's public signing key; the same again is passed over and stays revoked if it was."""
        return self.add_keys([(party, public_key, valid_from_ms, valid_to_ms)])[0]

    def add_keys(self, rows: Sequence[tuple[str, bytes, int, int | None]]) -> list[SigningKey]:
        """Register several signing keys, each (party, public key, valid from, valid to), all or none."""
        keys = [SigningKey(key_id(public), party, public, start, end) for party, public, start, end in rows]
        with self._writing() as connection:
            store.must_exist(connection, store.PARTY, [k.party for k in keys], "key")
            there = store.find_by_id(connection, store.SIGNING_KEY, [k.id for k in keys])
            keys = [replace(k, revoked_ms=there[k.id].revoked_ms) if k.id in there else k for k in keys]
            store.add_new(connection, store.SIGNING_KEY, keys)
        return keys

    def revoke_key(self, key: str, at_ms: int) -> SigningKey:
        """Declare that signatures made with a key from `at_ms` on do not count. A revocation may move earlier, never later."""
        columns = store.signing_key.c
        with self._writing() as connection:
            _one(connection, store.SIGNING_KEY, key)
            earlier = columns.revoked_ms.is_(None) | (columns.revoked_ms > at_ms)
            connection.execute(update(store.signing_key).where(columns.id == key, earlier).values(revoked_ms=at_ms))
            return _one(connection, store.SIGNING_KEY, key)

    def key(self, key: str) -> SigningKey:
        """Return a signing key by its id."""
        with self._reading() as connection:
            return _one(connection, store.SIGNING_KEY, key)

    def signing_keys(self, party: str | None = None) -> list[SigningKey]:
        """Return a party's signing keys, or all."""
        return self._find(store.SIGNING_KEY, party=party)

    def counties(self) -> list[County]:
        """Return all counties."""
        return self._find(store.COUNTY)

    def county(self, code: str) -> County:
        """Return a county by its code."""
        return self._get(store.COUNTY, code)

    def parties(self, county: str | None = None) -> list[Party]:
        """Return a county's parties, or all."""
        return self._find(store.PARTY, county=county)

    def party(self, party_id: str) -> Party:
        """Return a party by its id."""
        return self._get(store.PARTY, party_id)

    def bases(self, county: str | None = None) -> list[Base]:
        """Return a county's bases, or all."""
        return self._find(store.BASE, county=county)

    def base(self, base_id: str) -> Base:
        """Return a base by its id."""
        return self._get(store.BASE, base_id)

    def plots(self, base: str | None = None, county: str | None = None) -> list[Plot]:
        """Return the plots of a base, of a county, or all."""
        with self._reading() as connection:
            here = None if county is None else {b.id for b in store.find(connection, store.BASE, county=county)}
            return [p for p in store.find(connection, store.PLOT, base=base) if here is None or p.base in here]

    def plots_run_by(self, party: str) -> list[str]:
        """Return the ids of the plots on a party's bases, in order."""
        query = select(store.plot.c.id).join_from(store.plot, store.base).where(store.base.c.party == party).order_by(store.plot.c.id)
        with self._reading() as connection:
            return list(connection.execute(query).scalars())

    def plot(self, plot_id: str) -> Plot:
        """Return a plot by its id."""
        return self._get(store.PLOT, plot_id)

    def products(self) -> list[Product]:
        """Return all products."""
        return self._find(store.PRODUCT)

    def product(self, product_id: str) -> Product:
        """Return a product by its id."""
        return self._get(store.PRODUCT, product_id)

    def devices(self, county: str | None = None, plot: str | None = None, gateway: str | None = None) -> list[Device]:
        """Return the devices that meet every condition given."""
        return self._find(store.DEVICE, county=county, plot=plot, gateway=gateway)

    def device(self, device_id: str) -> Device:
        """Return a device by its id."""
        return self._get(store.DEVICE, device_id)

    def gateways(self, county: str | None = None) -> list[Gateway]:
        """Return a county's gateways, or all."""
        return self._find(store.GATEWAY, county=county)

    def gateway(self, gateway_id: str) -> Gateway:
        """Return a gateway by its id."""
        return self._get(store.GATEWAY, gateway_id)

    def who_speaks_for_what(self) -> tuple[dict[str, str], dict[str, frozenset[str]]]:
        """Return, of the gateways that may connect, the county of each and the devices behind each: two light queries."""
        gateways, devices = store.gateway.c, store.device.c
        with self._reading() as connection:
            rows = connection.execute(select(gateways.id, gateways.county).where(gateways.password_hash != ""))
            counties = {str(i): str(county) for i, county in rows}
            behind: dict[str, set[str]] = {gateway: set() for gateway in counties}
            for gateway, device in connection.execute(select(devices.gateway, devices.id)):
                behind.get(gateway, set()).add(device)
        return counties, {gateway: frozenset(found) for gateway, found in behind.items()}

    def device_places(self) -> dict[str, DevicePlace]:
        """Return where every device stands: at its plot, else at its base. Three light queries."""
        bases, plots, devices = store.base.c, store.plot.c, store.device.c
        with self._reading() as connection:
            of_base = {i: (lat, lon) for i, lat, lon in connection.execute(select(bases.id, bases.lat, bases.lon))}
            of_plot = {i: (lat, lon) for i, lat, lon in connection.execute(select(plots.id, plots.lat, plots.lon))}
            rows = connection.execute(select(devices.id, devices.kind, devices.base, devices.plot)).all()
        places = ((i, kind, of_plot.get(plot) or of_base.get(base)) for i, kind, base, plot in rows)
        return {str(i): DevicePlace(str(kind), *place) for i, kind, place in places if place is not None}

    def _find(self, kind: store.Kind[N], **where: str | None) -> list[N]:
        with self._reading() as connection:
            return store.find(connection, kind, **where)

    def _get(self, kind: store.Kind[N], item_id: str) -> N:
        with self._reading() as connection:
            return _one(connection, kind, item_id)

    def _set_gateway_hash(self, gateway_id: str, hashed: str) -> None:
        with self._writing() as connection:
            _one(connection, store.GATEWAY, gateway_id)
            change = update(store.gateway).where(store.gateway.c.id == gateway_id)
            connection.execute(change.values(password_hash=hashed, last_rotated_ms=self._now_ms()))


def _one(connection: Connection, kind: store.Kind[N], item_id: str) -> N:
    found = store.find_by_id(connection, kind, [item_id])
    if item_id not in found:
        raise NotFound(f"there is no such {kind.called}", got=repr(item_id[:80]))
    return found[item_id]


def _last_registered(connection: Connection, gateway_id: str) -> int:
    columns = store.gateway_key.c
    return int(connection.execute(select(func.max(columns.registered_ms)).where(columns.gateway == gateway_id)).scalar() or 0)


def _add_counties(connection: Connection, items: list[County]) -> int:
    return store.add_new(connection, store.COUNTY, items)


def _add_parties(connection: Connection, items: list[Party]) -> int:
    store.must_exist(connection, store.COUNTY, [p.county for p in items], "party")
    return store.add_new(connection, store.PARTY, items)


def _add_products(connection: Connection, items: list[Product]) -> int:
    rules.check_varieties([*store.find(connection, store.PRODUCT), *items])
    return store.add_new(connection, store.PRODUCT, items)


def _add_bases(connection: Connection, items: list[Base]) -> int:
    store.must_exist(connection, store.COUNTY, [b.county for b in items], "base")
    store.must_exist(connection, store.PARTY, [b.party for b in items], "base")
    return store.add_new(connection, store.BASE, items)


def _add_plots(connection: Connection, items: list[Plot]) -> int:
    store.must_exist(connection, store.BASE, [p.base for p in items], "plot")
    return store.add_new(connection, store.PLOT, items)


def _add_devices(connection: Connection, items: list[Device]) -> int:
    bases = store.must_exist(connection, store.BASE, [d.base for d in items], "device")
    gateways = store.must_exist(connection, store.GATEWAY, [d.gateway for d in items], "device")
    plots = store.must_exist(connection, store.PLOT, [d.plot for d in items], "device")
    for device in items:
        rules.check_device_place(device, bases[device.base], gateways[device.gateway], plots[device.plot] if device.plot else None)
    return store.add_new(connection, store.DEVICE, items)


# In the order in which one kind may name another.
_ADDERS: dict[type, Any] = {
    County: _add_counties,
    Party: _add_parties,
    Product: _add_products,
    Base: _add_bases,
    Plot: _add_plots,
    Device: _add_devices,
}
