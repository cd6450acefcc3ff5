"""HTTP: the chain anchor. Public, as checkpoints are: whoever checks needs to know where to look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from dashboards.api.deps import Limit

if TYPE_CHECKING:
    from dashboards.services import Services
    from traceability.anchor import Anchor, AnchorStatus, Contract


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ContractView(_Body):
    """A contract of ours: which chain, where, and whether that chain still answers with it."""

    chain_id: int
    genesis: str
    address: str
    development: bool
    gone_ms: int | None
    gone_why: str

    @classmethod
    def of(cls, c: Contract) -> ContractView:
        """Show a contract."""
        return cls(
            chain_id=c.chain_id,
            genesis="0x" + c.genesis.hex(),
            address=c.address,
            development=c.development,
            gone_ms=c.gone_ms,
            gone_why=c.gone_why,
        )


class AnchorView(_Body):
    """One anchor. Only `mined` and `firm` are on the chain; `block_*` are null until then."""

    size: int
    root: str
    state: str
    tx_hash: str
    sent_ms: int
    block_number: int | None
    block_hash: str | None
    block_ms: int | None
    contract: ContractView | None = None

    @classmethod
    def of(cls, a: Anchor, c: Contract | None = None) -> AnchorView:
        """Show an anchor."""
        return cls(
            size=a.size,
            root=a.root.hex(),
            state=a.state,
            tx_hash=a.tx_hash,
            sent_ms=a.sent_ms,
            block_number=a.block_number,
            block_hash=a.block_hash,
            block_ms=a.block_ms,
            contract=ContractView.of(c) if c else None,
        )


class AnchorStatusView(_Body):
    """How anchoring is: a condition, what is anchored, what waits. `looked_ms` is when the chain was last asked, `reached_ms` answered."""

    condition: str
    alarm: bool
    in_words: str
    since_ms: int
    looked_ms: int
    reached_ms: int
    height: int
    contract: ContractView | None
    newest: AnchorView | None
    sent: AnchorView | None
    lost: int
    log_size: int
    waiting_records: int
    waiting_checkpoints: int

    @classmethod
    def of(cls, s: AnchorStatus) -> AnchorStatusView:
        """Show a status. Its detail is for the operator and stays inside."""
        return cls(
            condition=s.condition,
            alarm=s.alarm,
            in_words=s.in_words,
            since_ms=s.since_ms,
            looked_ms=s.looked_ms,
            reached_ms=s.reached_ms,
            height=s.height,
            contract=ContractView.of(s.contract) if s.contract else None,
            newest=AnchorView.of(s.newest) if s.newest else None,
            sent=AnchorView.of(s.sent) if s.sent else None,
            lost=s.lost,
            log_size=s.log_size,
            waiting_records=s.waiting_records,
            waiting_checkpoints=s.waiting_checkpoints,
        )


def router(services: Services) -> APIRouter:
    """Return the routes of the chain anchor."""
    routes = APIRouter(prefix="/api/v1", tags=["anchor"])

    @routes.get("/anchors")
    def list_anchors(limit: Limit = 50) -> list[AnchorView]:
        """List what was handed to chains, the newest first, each with its contract."""
        return [AnchorView.of(a, c) for a, c in services.anchors.recent(limit)]

    @routes.get("/anchor/status")
    def read_status() -> AnchorStatusView:
        """Say how anchoring was at the last look at the chain, and what of the log waits now."""
        return AnchorStatusView.of(services.anchors.status())

    return routes
