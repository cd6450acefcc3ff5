"""The registry over HTTP: who and where.

Counties, products and signing keys are public: a trace page and anybody's own verifier need them. The rest is read by those
who signed in, and a caller of one county sees and changes that county alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

from fastapi import APIRouter, Depends, Request, Response

from dashboards.api.deps import READERS, After, Limit, next_page, require
from dashboards.api.registry_models import (
    BaseBody,
    CountyBody,
    DeviceBody,
    GatewayBody,
    GatewayPassword,
    GatewayView,
    KeyBody,
    KeyView,
    Page,
    PartyBody,
    PlotBody,
    PlotView,
    ProductBody,
    RevokeBody,
)
from foundation.clock import to_ms
from foundation.errors import NotAllowed
from registry.people import Caller

if TYPE_CHECKING:
    from dashboards.services import Services

T = TypeVar("T")
Reader = Annotated[Caller, Depends(require(*READERS))]
Office = Annotated[Caller, Depends(require("county"))]
Administrator = Annotated[Caller, Depends(require())]


def router(services: Services) -> APIRouter:
    """Return the routes on these services."""
    routes = APIRouter(prefix="/api/v1", tags=["registry"])
    _public(routes, services)
    _places(routes, services)
    _gateways(routes, services)
    _keys(routes, services)
    return routes


def _public(routes: APIRouter, services: Services) -> None:
    registry = services.registry

    @routes.get("/counties")
    def list_counties(request: Request, response: Response, after: After = None, limit: Limit = 100) -> Page[CountyBody]:
        """List the counties of this installation."""
        return _page(request, response, [CountyBody.of(c) for c in registry.counties()], after, limit, key="code")

    @routes.get("/counties/{code}")
    def read_county(code: str) -> CountyBody:
        """Return a county."""
        return CountyBody.of(registry.county(code))

    @routes.post("/counties", status_code=201)
    def add_county(body: CountyBody, _caller: Administrator) -> CountyBody:
        """Register a county."""
        registry.add_county(county := body.noun())
        return CountyBody.of(county)

    @routes.get("/products")
    def list_products(request: Request, response: Response, after: After = None, limit: Limit = 100) -> Page[ProductBody]:
        """List products with their varieties."""
        return _page(request, response, [ProductBody.of(p) for p in registry.products()], after, limit)

    @routes.get("/products/{product}")
    def read_product(product: str) -> ProductBody:
        """Return a product with its varieties."""
        return ProductBody.of(registry.product(product))

    @routes.post("/products", status_code=201)
    def add_product(body: ProductBody, _caller: Administrator) -> ProductBody:
        """Register a product with its varieties."""
        registry.add_product(product := body.noun())
        return ProductBody.of(product)


def _places(routes: APIRouter, services: Services) -> None:
    registry = services.registry

    @routes.get("/parties")
    def list_parties(
        request: Request, response: Response, caller: Reader, county: str | None = None, after: After = None, limit: Limit = 100
    ) -> Page[PartyBody]:
        """List parties."""
        found = registry.parties(_scope(caller, county))
        return _page(request, response, [PartyBody.of(p) for p in found], after, limit)

    @routes.post("/parties", status_code=201)
    def add_party(body: PartyBody, caller: Office) -> PartyBody:
        """Register a party of the caller's county."""
        _only_in(caller, body.county)
        registry.add_party(party := body.noun())
        return PartyBody.of(party)

    @routes.get("/bases")
    def list_bases(
        request: Request, response: Response, caller: Reader, county: str | None = None, after: After = None, limit: Limit = 100
    ) -> Page[BaseBody]:
        """List bases."""
        return _page(request, response, [BaseBody.of(b) for b in registry.bases(_scope(caller, county))], after, limit)

    @routes.post("/bases", status_code=201)
    def add_base(body: BaseBody, caller: Office) -> BaseBody:
        """Register a base of the caller's county."""
        _only_in(caller, body.county)
        registry.add_base(base := body.noun())
        return BaseBody.of(base)

    @routes.get("/plots")
    def list_plots(
        request: Request,
        response: Response,
        caller: Reader,
        county: str | None = None,
        base: str | None = None,
        after: After = None,
        limit: Limit = 100,
    ) -> Page[PlotView]:
        """List fields, greenhouses and ponds."""
        found = registry.plots(base=base, county=_scope(caller, county))
        return _page(request, response, [PlotView.of(p) for p in found], after, limit)

    @routes.get("/plots/{plot}")
    def read_plot(plot: str, caller: Reader) -> PlotView:
        """Return a plot with its area in mu and hectares and its outline as GeoJSON."""
        found = registry.plot(plot)
        _only_in(caller, registry.base(found.base).county)
        return PlotView.of(found)

    @routes.post("/plots", status_code=201)
    def add_plot(body: PlotBody, caller: Office) -> PlotView:
        """Register a plot of a base in the caller's county."""
        _only_in(caller, registry.base(body.base).county)
        registry.add_plot(plot := body.noun())
        return PlotView.of(plot)

    @routes.get("/devices")
    def list_devices(
        request: Request,
        response: Response,
        caller: Reader,
        county: str | None = None,
        plot: str | None = None,
        gateway: str | None = None,
        after: After = None,
        limit: Limit = 100,
    ) -> Page[DeviceBody]:
        """List devices with their channels."""
        found = registry.devices(county=_scope(caller, county), plot=plot, gateway=gateway)
        return _page(request, response, [DeviceBody.of(d) for d in found], after, limit)

    @routes.get("/devices/{device}")
    def read_device(device: str, caller: Reader) -> DeviceBody:
        """Return a device with its channels."""
        found = registry.device(device)
        _only_in(caller, found.county)
        return DeviceBody.of(found)

    @routes.post("/devices", status_code=201)
    def add_device(body: DeviceBody, caller: Office) -> DeviceBody:
        """Register a device behind a gateway of the caller's county."""
        _only_in(caller, body.county)
        registry.add_device(device := body.noun())
        return DeviceBody.of(device)


def _gateways(routes: APIRouter, services: Services) -> None:
    registry = services.registry

    @routes.get("/gateways")
    def list_gateways(
        request: Request, response: Response, caller: Reader, county: str | None = None, after: After = None, limit: Limit = 100
    ) -> Page[GatewayView]:
        """List gateways."""
        return _page(request, response, [GatewayView.of(g) for g in registry.gateways(_scope(caller, county))], after, limit)

    @routes.post("/gateways", status_code=201)
    def register_gateway(body: GatewayBody, caller: Office) -> GatewayPassword:
        """Register a gateway. The answer holds its password, which cannot be shown again."""
        _only_in(caller, body.county)
        gateway, password = registry.register_gateway(body.id, body.county, body.base, body.name_zh, body.name_en)
        return GatewayPassword(id=gateway.id, shard=gateway.shard, password=password)

    @routes.post("/gateways/{gateway}/rotate")
    def rotate_gateway(gateway: str, caller: Office) -> GatewayPassword:
        """Give a gateway a new password; the former one stops working at the broker within seconds."""
        found = registry.gateway(gateway)
        _only_in(caller, found.county)
        return GatewayPassword(id=found.id, shard=found.shard, password=registry.rotate_gateway(gateway))

    @routes.post("/gateways/{gateway}/revoke", status_code=204)
    def revoke_gateway(gateway: str, caller: Office) -> None:
        """Shut a gateway out; rotating its password lets it in again."""
        _only_in(caller, registry.gateway(gateway).county)
        registry.revoke_gateway(gateway)


def _keys(routes: APIRouter, services: Services) -> None:
    registry = services.registry

    @routes.get("/keys/{key}")
    def read_key(key: str) -> KeyView:
        """Return a public signing key: whose it is and when signatures made with it count."""
        return KeyView.of(registry.key(key))

    @routes.post("/parties/{party}/keys", status_code=201)
    def add_key(party: str, body: KeyBody, caller: Office) -> KeyView:
        """Register a public signing key of a party in the caller's county."""
        _only_in(caller, registry.party(party).county)
        valid_from_ms = to_ms(services.clock.now()) if body.valid_from_ms is None else body.valid_from_ms
        return KeyView.of(registry.add_key(party, bytes.fromhex(body.public_key), valid_from_ms, body.valid_to_ms))

    @routes.post("/keys/{key}/revoke")
    def revoke_key(key: str, body: RevokeBody, caller: Office) -> KeyView:
        """Declare that signatures made with a key from a time on do not count; the time may move earlier, never later."""
        _only_in(caller, registry.party(registry.key(key).party).county)
        at_ms = to_ms(services.clock.now()) if body.at_ms is None else body.at_ms
        return KeyView.of(registry.revoke_key(key, at_ms))


def _scope(caller: Caller, county: str | None) -> str | None:
    """Return the county a list is narrowed to: the one asked for, within what the caller may see."""
    if county is not None:
        _only_in(caller, county)
        return county
    return caller.county


def _only_in(caller: Caller, county: str) -> None:
    if caller.county is not None and caller.county != county:
        raise NotAllowed("this belongs to another county", expected=caller.county, got=county)


def _page(request: Request, response: Response, items: list[T], after: str | None, limit: int, *, key: str = "id") -> Page[T]:
    """Return the entries after the cursor, which is the id of the last entry of the page before."""
    rest = [item for item in items if after is None or getattr(item, key) > after]
    cursor = getattr(rest[limit - 1], key) if len(rest) > limit else None
    next_page(request, response, cursor)
    return Page(items=rest[:limit], next=cursor)
