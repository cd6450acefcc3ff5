"""What an anchor is, what counts as anchored, and what a contract's size says of our log. Pure: no chain, no database.

An anchor is a checkpoint's size and root in a contract whose size can only grow. One anchor covers every record before its size, so a
backlog of a thousand checkpoints needs one transaction: the newest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foundation.errors import BadInput
from traceability.chain import Stand
from traceability.merkle import HASH_BYTES

# States of one anchor. Only `mined` and `firm` are on the chain.
SENT = "sent"  # handed in, in no block yet
MINED = "mined"  # in a block that may still be left by the chain
FIRM = "firm"  # deep enough that it is no longer asked for one by one
DROPPED = "dropped"  # was handed in or mined and is not on the chain: refused, replaced or reorganised away
LOST = "lost"  # the chain or contract that held it is gone
ON_CHAIN = (MINED, FIRM)

# Conditions of anchoring as a whole.
NONE = "none"  # no chain is configured
FINE = "fine"
DEPLOYING = "deploying"
NO_CONTRACT = "no_contract"
REPLACED = "replaced"
UNREACHABLE = "unreachable"
OUT_OF_GAS = "out_of_gas"
REFUSED = "refused"
AHEAD = "ahead"
FORK = "fork"
CONDITIONS = (NONE, FINE, DEPLOYING, NO_CONTRACT, REPLACED, UNREACHABLE, OUT_OF_GAS, REFUSED, AHEAD, FORK)
# What an anchor is for: these two mean that our log is not the one that was anchored.
ALARMS = (AHEAD, FORK)

IN_WORDS = {
    NONE: "no chain is configured",
    FINE: "anchoring works",
    DEPLOYING: "the contract is being made",
    NO_CONTRACT: "no contract yet: run `suhe trace anchor deploy`",
    REPLACED: "the chain or contract that held the anchors is gone; nothing new is anchored until `suhe trace anchor deploy`",
    UNREACHABLE: "the chain does not answer",
    OUT_OF_GAS: "the account that pays holds too little",
    REFUSED: "the chain refuses",
    AHEAD: "ALARM: the chain holds more records than our log. The log was cut back, or this is an old copy of it",
    FORK: "ALARM: the chain holds another root for this size. The log was rewritten",
}


@dataclass(frozen=True, slots=True)
class Anchor:
    """One checkpoint handed to a contract. `block_*` are None until it is in a block."""

    contract_id: int
    size: int
    root: bytes
    tx_hash: str
    state: str
    sent_ms: int
    tries: int = 0
    block_number: int | None = None
    block_hash: str | None = None
    block_ms: int | None = None

    def __post_init__(self) -> None:
        if self.size < 1 or len(self.root) != HASH_BYTES or self.state not in (SENT, MINED, FIRM, DROPPED, LOST):
            raise BadInput("this is no anchor", got=f"size {self.size}, state {self.state!r}")

    @property
    def on_chain(self) -> bool:
        """Whether it counts."""
        return self.state in ON_CHAIN


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract of ours on some chain. `gone_ms` is set while that chain does not answer with it."""

    id: int
    chain_id: int
    genesis: bytes
    address: str
    development: bool
    tx_hash: str
    made_ms: int
    block_number: int | None
    gone_ms: int | None
    gone_why: str


@dataclass(frozen=True, slots=True)
class AnchorStatus:
    """How anchoring is. `newest` is the newest anchor on the chain in use; `lost` counts anchors that chains took with them."""

    condition: str
    since_ms: int
    detail: str
    looked_ms: int
    reached_ms: int
    contract: Contract | None
    height: int
    newest: Anchor | None
    sent: Anchor | None
    lost: int
    log_size: int
    waiting_records: int
    waiting_checkpoints: int

    @property
    def alarm(self) -> bool:
        """Whether our log is not the one that was anchored."""
        return self.condition in ALARMS

    @property
    def in_words(self) -> str:
        """The condition for a terminal."""
        return IN_WORDS.get(self.condition, self.condition)


@dataclass(frozen=True, slots=True)
class LotAnchor:
    """What is anchored of some records. `covering` is the oldest anchor that covers all of them, or else the newest that covers some."""

    status: AnchorStatus
    covering: Anchor | None
    waiting: int
    before: Anchor | None  # an anchor that covered them all and is lost with its chain

    @property
    def whole(self) -> bool:
        """Whether all of them are anchored."""
        return self.covering is not None and self.waiting == 0


def judge(stand: Stand, log_size: int, root_then: bytes | None) -> str:
    """Return what a contract's stand says of our log: fine, ahead or fork. `root_then` is our root at the contract's size."""
    if stand.size > log_size:
        return AHEAD
    return FINE if stand.size == 0 or root_then == stand.root else FORK


def confirmed(state: str, block_number: int, height: int, wanted: int) -> str:
    """Return `firm` for an anchor under enough blocks, its own counted; firm stays firm."""
    return FIRM if state == FIRM or height - block_number + 1 >= wanted else MINED


def covering(indexes: Sequence[int], anchors: Sequence[Anchor]) -> tuple[Anchor | None, int]:
    """Return the oldest anchor that covers all these records, else the newest that covers some, and how many wait."""
    held = sorted((a for a in anchors if a.on_chain), key=lambda a: a.size)
    needed = max(indexes, default=-1) + 1
    for a in held:
        if a.size >= needed:
            return a, 0
    if not held:
        return None, len(indexes)
    waiting = sum(1 for k in indexes if k >= held[-1].size)
    return (held[-1] if waiting < len(indexes) else None), waiting
