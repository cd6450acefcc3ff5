"""What logistics does, in three rooms: move the harvest, keep it cold, and say where to sell it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logistics.cold_chain.service import ColdChain
    from logistics.freight.service import Freight
    from logistics.selling.service import Selling


@dataclass(frozen=True)
class Logistics:
    """The three rooms; each has its own `service.py`, which is the page to read first."""

    freight: Freight
    cold_chain: ColdChain
    selling: Selling
