"""Rules between things: what must agree before one is registered beside another."""

from __future__ import annotations

from collections.abc import Iterable

from foundation.errors import BadInput, Conflict
from registry.devices import Device, Gateway
from registry.plots import Base, Plot
from registry.products import Product


def check_gateway_place(county: str, base: Base) -> None:
    """Refuse a gateway that stands on a base of another county."""
    _agree("gateway", "county", base.county, county)


def check_device_place(device: Device, base: Base, gateway: Gateway, plot: Plot | None) -> None:
    """Refuse a device whose base, gateway and plot do not belong together.

    A gateway may speak for a device of a neighbouring base (radio reaches over fences), but not of another county: its readings
    are filed under the gateway's county.
    """
    _agree(f"device {device.id}", "county", base.county, device.county)
    _agree(f"device {device.id}", "county of its gateway", gateway.county, device.county)
    if plot is not None:
        _agree(f"device {device.id}", "base of its plot", plot.base, device.base)


def check_varieties(products: Iterable[Product]) -> None:
    """Refuse a variety that belongs to two products."""
    owner: dict[str, str] = {}
    for product in products:
        for variety in product.varieties:
            if owner.setdefault(variety.id, product.id) != product.id:
                raise Conflict(
                    "this variety belongs to another product",
                    expected=f"{variety.id} of {owner[variety.id]}",
                    got=product.id,
                    todo="give the variety another id",
                )


def _agree(what: str, named: str, expected: str, got: str) -> None:
    if expected != got:
        raise BadInput(f"this {what} does not lie where it says", expected=f"{named} {expected}", got=got)
