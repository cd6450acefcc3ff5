"""What anchoring needs of a chain, as a protocol of a few questions, and the ways in which a chain lets one down.

Nothing here knows web3: `chain_evm.py` is the adapter, tests of the rules use a chain of fifteen lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from foundation.errors import BadInput, Unavailable
from traceability.merkle import HASH_BYTES


class ChainTrouble(Unavailable):
    """The chain did not do what was asked. `condition` is the state of anchoring that follows from it."""

    condition = "refused"


class ChainDown(ChainTrouble):
    """Nobody answers, or not in time."""

    condition = "unreachable"


class OutOfGas(ChainTrouble):
    """The account that pays holds too little."""

    condition = "out_of_gas"


@dataclass(frozen=True, slots=True)
class ChainIdentity:
    """Which chain answers: its number, its first block, how high it stands. A chain made anew has another first block."""

    chain_id: int
    genesis: bytes
    height: int
    development: bool

    def __post_init__(self) -> None:
        if self.chain_id < 0 or len(self.genesis) != HASH_BYTES or self.height < 0:
            raise BadInput("this is no chain", got=f"chain id {self.chain_id}, height {self.height}")


@dataclass(frozen=True, slots=True)
class Stand:
    """What a contract holds: the newest size and root. Size 0 is a contract that holds nothing yet."""

    size: int
    root: bytes

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.root) != HASH_BYTES:
            raise BadInput("a contract cannot hold this", got=f"size {self.size}")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A signed transaction that was not sent yet. Its hash is known before the chain sees it, so it can be written down first."""

    tx_hash: str
    raw: bytes
    contract: str


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction in a block. `ok` is False where the contract refused it."""

    tx_hash: str
    ok: bool
    block_number: int
    block_hash: str
    block_ms: int


@dataclass(frozen=True, slots=True)
class Logged:
    """One anchor as the contract's own events tell it."""

    size: int
    root: bytes
    mined: Mined


class Chain(Protocol):
    """An EVM chain with an account of ours. Every call is bounded in time and raises ChainTrouble."""

    def identity(self) -> ChainIdentity:
        """Return which chain answers."""
        ...

    def account(self) -> str:
        """Return the address that pays; nothing is asked for."""
        ...

    def funds(self) -> int:
        """Return what that account holds, in wei."""
        ...

    def fund_on_development_chain(self) -> None:
        """Give the account money where the chain lets anybody do so."""
        ...

    def stand(self, contract: str, log_key_hash: bytes) -> Stand | None:
        """Return what the contract holds; None where there is none of ours, for this log, at that address."""
        ...

    def prepare_contract(self, log_key_hash: bytes) -> Prepared:
        """Return a signed transaction that makes a contract for this log."""
        ...

    def prepare_anchor(self, contract: str, size: int, root: bytes, *, tries: int = 0) -> Prepared:
        """Return a signed transaction that anchors; each further try pays more, so that it replaces one that is stuck."""
        ...

    def send(self, prepared: Prepared) -> None:
        """Hand a signed transaction in. One that is known already is fine."""
        ...

    def mined(self, tx_hash: str) -> Mined | None:
        """Return the block a transaction is in; None where it is in none."""
        ...

    def logged(self, contract: str, since_block: int, size: int | None = None) -> list[Logged]:
        """Return the anchors the contract's events tell of, oldest first; only the one of `size` where that is given."""
        ...
