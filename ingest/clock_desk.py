"""The use cases of clocks that are whole hours off: look, accept, refuse, revoke."""

from __future__ import annotations

from foundation.clock import Clock, to_ms
from ingest.catalog import Catalog
from ingest.clock_keeping import ClockProposal, accept, one_proposal, proposals, refuse, revoke


class ClockDesk:
    """What a page asks and decides of clocks; a part of `service.Readings`."""

    _clock: Clock

    @property
    def _catalog(self) -> Catalog:
        raise NotImplementedError

    def clocks(self, county: str | None = None) -> list[ClockProposal]:
        """Return corrections of clocks, those that wait for a decision first; of one county's gateways or of all."""
        here = "1" if county is None else "gateway IN (SELECT gateway FROM series WHERE county = ?)"
        return proposals(self._catalog, here, () if county is None else (county,))

    def clock(self, proposal: int) -> ClockProposal:
        """Return one correction."""
        return one_proposal(self._catalog, proposal)

    def accept_clock(self, proposal: int, who: str, *, whole_gateway: bool = False) -> ClockProposal:
        """Correct a clock, or those of all its gateway's devices, in what is received from now on."""
        return accept(self._catalog, proposal, who, to_ms(self._clock.now()), whole_gateway=whole_gateway)

    def refuse_clock(self, proposal: int, who: str) -> ClockProposal:
        """Leave a clock as it is; the same is not proposed again."""
        return refuse(self._catalog, proposal, who, to_ms(self._clock.now()))

    def revoke_clock(self, proposal: int, who: str) -> ClockProposal:
        """Correct a clock no more in what is received from now on."""
        return revoke(self._catalog, proposal, who, to_ms(self._clock.now()))
