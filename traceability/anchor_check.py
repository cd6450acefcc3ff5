"""The check that believes nobody: everything the contract tells, asked of the chain itself, against the log recomputed from its bodies."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from traceability import anchor_store, store
from traceability.chain import Chain, ChainIdentity, Logged, Stand
from traceability.merkle import Frontier
from traceability.records import Entry, Record, hash_body


@dataclass(frozen=True, slots=True)
class AnchorCheck:
    """What the chain says and whether our log gives the same. `problems` name what does not hold."""

    identity: ChainIdentity
    contract: str
    stand: Stand | None
    anchors: tuple[Logged, ...]
    log_size: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every anchor on the chain is a root of our log."""
        return not self.problems


def check_on_chain(engine: Engine, chain: Chain, log_key_hash: bytes) -> AnchorCheck:
    """Return the check of the newest contract this chain has for this log."""
    who = chain.identity()
    with store.snapshot(engine) as connection:
        known = anchor_store.contracts(connection)
    for contract in known:
        stand = (
            chain.stand(contract.address, log_key_hash) if (contract.chain_id, contract.genesis) == (who.chain_id, who.genesis) else None
        )
        if stand is not None:
            break
    else:
        return AnchorCheck(who, "", None, (), 0, ("the chain that answers has no contract for this log",))
    told = tuple(chain.logged(contract.address, contract.block_number or 0))
    size, roots = _roots(engine, {a.size for a in told} | {stand.size})
    held = [*((a.size, a.root) for a in told), (stand.size, stand.root)]
    problems = [_problem(then, root, size, roots) for then, root in held]
    if stand.size != max((a.size for a in told), default=0):
        problems.append(f"the contract holds size {stand.size}, its events end at another")
    return AnchorCheck(who, contract.address, stand, told, size, tuple(dict.fromkeys(p for p in problems if p)))


def _problem(size: int, root: bytes, log_size: int, roots: dict[int, bytes]) -> str:
    if size == 0:
        return ""
    if size > log_size:
        return f"size {size} is anchored, our log has {log_size} records: it was cut back"
    if roots.get(size) != root:
        return f"size {size}: the chain holds root {root.hex()}, our records give {roots[size].hex()}: the log was rewritten"
    return ""


def _roots(engine: Engine, sizes: set[int]) -> tuple[int, dict[int, bytes]]:
    """Return the log's size and its root at each of `sizes`, from the bodies and what was added to them; no stored hash is believed."""
    tree, roots = Frontier(), dict[int, bytes]()
    with store.snapshot(engine) as connection:
        for some in store.all_events(connection):
            for e in some:
                entries = tuple(Entry(x.lot, x.lot_seq, x.prev) for x in e.entries)
                try:
                    leaf = Record(e.body, entries, hash_body(e.body), e.key_id, e.signature, e.record_time_ms).hashes()[1]
                except Exception:  # noqa: BLE001 - whatever was put into the database must become another root, not an end of the check
                    leaf = bytes(32)
                tree.append(leaf)
                if tree.size in sizes:
                    roots[tree.size] = tree.root()
    return tree.size, roots
