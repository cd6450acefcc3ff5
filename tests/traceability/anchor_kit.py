"""A log with records, a chain adapter on a real anvil, and a hand on the chain's own levers."""

from __future__ import annotations

import hashlib
import json
import urllib.request
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import update

from foundation.database import metadata
from tests.servers import Server
from tests.traceability.kit import Kit, make_kit
from traceability import anchor_store
from traceability.anchor import AnchorStatus
from traceability.anchor_keeping import Rules
from traceability.anchoring import Anchors
from traceability.chain import Chain
from traceability.chain_evm import EvmChain
from traceability.chain_key import read_chain_key


@dataclass
class AnchorKit:
    """A log, its anchors and their chain."""

    kit: Kit
    anvil: Server
    chain: EvmChain
    anchors: Anchors
    numbers: list[int] = field(default_factory=list)
    used: Chain | None = None

    def record(self, many: int = 1) -> int:
        """Record some events, seal them, and return the log's size."""
        for _ in range(many):
            self.numbers.append(len(self.numbers))
            self.kit.plant(f"A{len(self.numbers)}")
        made = self.kit.trace.make_checkpoint()
        assert made is not None
        return made.size

    def keep_up(self, *, later_s: float = 60) -> AnchorStatus:
        """Let the job run once, a minute later."""
        self.kit.clock.advance(timedelta(seconds=later_s))
        return self.anchors.keep_up()

    def rpc(self, method: str, *params: Any) -> Any:
        """Pull one of anvil's levers."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}).encode()
        asked = urllib.request.Request(self.anvil.url, body, {"content-type": "application/json"})
        told = json.loads(urllib.request.urlopen(asked, timeout=10).read())
        assert "error" not in told, told
        return told["result"]

    def stand(self) -> tuple[int, bytes]:
        """Return what the contract itself holds."""
        contract = self.anchors.contracts()[0]
        stand = self.chain.stand(contract.address, self.log_key_hash)
        assert stand is not None
        return stand.size, stand.root

    @property
    def log_key_hash(self) -> bytes:
        """The hash the contract is made for."""
        return hashlib.sha256(self.kit.trace.log_vkey().encode()).digest()

    def root_at(self, size: int) -> bytes:
        """Return the root of a checkpoint as stored."""
        return next(c.root for c in self.kit.trace.checkpoints(1000) if c.size == size)

    def fund(self, wei: int = 10**20) -> None:
        """Give the account money."""
        self.rpc("anvil_setBalance", self.chain.account(), hex(wei))

    def pretend_outside(self) -> None:
        """Have the contract in use count as one on an outside chain."""
        with self.kit.engine.begin() as connection:
            connection.execute(update(anchor_store.contract).values(development=False))


def make_anchor_kit(folder: Path, anvil: Server, *, own_chain: bool = True, confirmations: int = 3, url: str = "") -> AnchorKit:
    """Return a log without records and anchors that were never kept up."""
    (folder / "log").mkdir()
    kit = make_kit(url or f"sqlite:///{folder / 'log' / 'records.db'}", folder / "log")
    metadata.create_all(kit.engine, tables=[anchor_store.contract, anchor_store.anchor, anchor_store.state])
    chain = EvmChain(anvil.url, read_chain_key(folder / "log" / "keys" / "chain.key"))
    rules = Rules(30_000, confirmations, own_chain=own_chain)
    made = AnchorKit(kit, anvil, chain, None, used=chain)  # type: ignore[arg-type]
    made.anchors = Anchors(kit.engine, kit.clock, kit.trace.log_vkey, lambda: made.used, rules)
    return made
