"""Which price sources an installation reads: a choice of its operator, empty until one is made."""

from __future__ import annotations

from foundation.errors import BadInput
from pricing.fetching import check_base
from pricing.sources import SOURCES, source


def chosen_sources(text: str) -> dict[str, str]:
    """Return source id -> address for a setting such as `xinfadi, shenxian_origin=https://prices.example`.

    `all` stands for every source that is enabled and has an address of its own. Naming a source that needs leave says that the
    operator has it in writing.

    Raises:
        NotFound: no such source.
        BadInput: a source without an address, or an address that is none.

    """
    chosen: dict[str, str] = {}
    for part in (p.strip() for p in text.split(",")):
        if part == "all":
            chosen = {s.id: s.address for s in SOURCES.values() if s.enabled and s.address} | chosen
        elif part:
            name, _, address = part.partition("=")
            found = source(name.strip())
            address = address.strip() or found.address
            if not address:
                raise BadInput("this source has no address of its own", got=found.id, todo=f"write {found.id}=https://...")
            check_base(address)
            chosen[found.id] = address
    return chosen
