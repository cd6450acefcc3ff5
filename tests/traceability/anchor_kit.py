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

from foundation.clock import to_ms
from foundation.database import metadata
from tests.servers import Server
from tests.traceability.kit import NOW, Kit, make_kit
from tests.waiting import wait_until
from traceability import anchor_store
from traceability.anchor import AnchorStatus
from traceability.anchor_keeping import Rules
from traceability.anchoring import Anchors
from traceability.chain import Chain, ChainIdentity, ChainTrouble, Logged, Mined, Prepared, Stand
from traceability.chain_evm import EvmChain
from traceability.chain_key import read_chain_key


class PromptChain(EvmChain):
    """An anvil whose answer to a transaction comes after its block: by itself it mines a moment later, which a busy machine stretches."""

    def send(self, prepared: Prepared) -> None:
        """Hand a transaction in and, where the chain mines by itself, wait for its block."""
        super().send(prepared)
        if self._web3.provider.make_request("anvil_getAutomine", []).get("result"):  # type: ignore[arg-type]
            wait_until(lambda: self.mined(prepared.tx_hash), 10, what="the transaction's block")


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
    chain = PromptChain(anvil.url, read_chain_key(folder / "log" / "keys" / "chain.key"))
    rules = Rules(30_000, confirmations, own_chain=own_chain)
    made = AnchorKit(kit, anvil, chain, None, used=chain)  # type: ignore[arg-type]
    made.anchors = Anchors(kit.engine, kit.clock, kit.trace.log_vkey, lambda: made.used, rules)
    return made


@dataclass
class FakeChain:
    """A chain of fifteen lines: mines at once, refuses what does not grow, and can be told to be down or another."""

    held: dict[str, list[Logged]] = field(default_factory=dict)
    development: bool = True
    genesis: bytes = b"\5" * 32
    trouble: ChainTrouble | None = None

    def identity(self) -> ChainIdentity:
        """Return which chain this is."""
        if self.trouble:
            raise self.trouble
        return ChainIdentity(31337, self.genesis, sum(map(len, self.held.values())) + len(self.held), self.development)

    def account(self) -> str:
        """Return an address."""
        return "0x" + "ab" * 20

    def funds(self) -> int:
        """Return plenty."""
        return 10**18

    def fund_on_development_chain(self) -> None:
        """Give nothing: there is plenty."""

    def stand(self, contract: str, log_key_hash: bytes) -> Stand | None:
        """Return the newest of what is held."""
        told = self.held.get(contract)
        return None if told is None else Stand(told[-1].size, told[-1].root) if told else Stand(0, bytes(32))

    def prepare_contract(self, log_key_hash: bytes) -> Prepared:
        """Return a transaction that makes a contract."""
        return Prepared("0x" + "cd" * 32, b"", "0x" + f"{len(self.held) + 1:040x}")

    def prepare_anchor(self, contract: str, size: int, root: bytes, *, tries: int = 0) -> Prepared:
        """Return a transaction that anchors."""
        return Prepared("0x" + root.hex(), size.to_bytes(8, "big") + root, contract)

    def send(self, prepared: Prepared) -> None:
        """Mine it at once."""
        told = self.held.setdefault(prepared.contract, [])
        if prepared.raw:
            mined = Mined(prepared.tx_hash, True, len(told) + 2, "0x" + "ef" * 32, to_ms(NOW) + 60_000)
            told.append(Logged(int.from_bytes(prepared.raw[:8], "big"), prepared.raw[8:], mined))

    def mined(self, tx_hash: str) -> Mined | None:
        """Return the block of a transaction."""
        return next((x.mined for told in self.held.values() for x in told if x.mined.tx_hash == tx_hash), None)

    def logged(self, contract: str, since_block: int, size: int | None = None) -> list[Logged]:
        """Return what is held."""
        return [x for x in self.held[contract] if size in (None, x.size)]


def anchor_on(services: Any, chain: FakeChain) -> None:
    """Anchor the log of a house of services on `chain`."""
    kept = services.trace
    engine = kept._engine
    services.anchors = Anchors(engine, services.clock, kept.log_vkey, lambda: chain, Rules(0, 3, own_chain=False))
    services.anchors.keep_up()
