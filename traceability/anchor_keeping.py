"""One look at the chain: who answers, what became of what was handed in, what the contract holds, and the next anchor.

The numbered plan of `Keeper.look`; the schedule runs it, and whatever it finds or misses is found again at the next look:

1. who answers; 2. which of our contracts is there (on a development chain a new one is made where there is none); 3. what the contract
holds, compared with our log; 4. what became of each anchor that is not deep in the chain yet; 5. the newest checkpoint is handed in.

A transaction's hash is written down before it is sent, so a kill at any line leaves nothing that the next look could not find; and
what the chain holds without our knowledge is taken from its events. No database transaction is open while the chain is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine, select

from foundation.errors import Conflict
from traceability import anchor_store, store
from traceability.anchor import (
    ALARMS,
    DEPLOYING,
    DROPPED,
    FINE,
    FIRM,
    MINED,
    NO_CONTRACT,
    ON_CHAIN,
    REFUSED,
    REPLACED,
    SENT,
    Anchor,
    Contract,
    confirmed,
    judge,
)
from traceability.chain import Chain, ChainIdentity, ChainTrouble, Stand
from traceability.notes import Checkpoint
from traceability.tiles import Tiles

# A transaction in no block for this long is sent anew and pays more.
RESEND_MS = 180_000
# Anchors asked for one by one in one look; after a chain came back there may be thousands.
MOST_ASKED = 40


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator chose: how often to anchor, how deep a block is deep enough, and whether the chain is our own child."""

    interval_ms: int
    confirmations: int
    own_chain: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found. `again` asks for another at once: something was handed in that may be settled already."""

    condition: str
    detail: str
    height: int
    contract_id: int | None
    again: bool = False


class Keeper:
    """Looks at one chain for one log."""

    def __init__(self, engine: Engine, chain: Chain, log_key_hash: bytes, rules: Rules, now_ms: int) -> None:
        self._engine, self._chain, self._log_key_hash, self._rules, self._now_ms = engine, chain, log_key_hash, rules, now_ms

    def look(self) -> Look:
        """Look once. Raises ChainTrouble where the chain does not do its part."""
        who = self._chain.identity()  # 1
        contract, stand = self._contract_on(who)  # 2
        if contract is None or stand is None:
            return self._without_contract(who)
        condition, detail = self._compare(stand)  # 3
        with store.snapshot(self._engine) as connection:
            latest = _newest_checkpoint(connection)
            known = anchor_store.anchors(connection, contract.id, states=(SENT, MINED, FIRM))
        live = self._settle(contract, stand, known, who.height, _deep_enough(self._rules, contract))  # 4
        if condition in ALARMS:
            return Look(condition, detail, who.height, contract.id)
        again = latest is not None and self._hand_in(contract, stand, live, latest)  # 5
        return Look(FINE, "", who.height, contract.id, again)

    def deploy(self, who: ChainIdentity | None = None) -> Contract:
        """Make a contract on the chain that answers; what it is made of is written down before it is sent."""
        who = who or self._chain.identity()
        if self._rules.own_chain and self._chain.funds() == 0:
            self._chain.fund_on_development_chain()
        made = self._chain.prepare_contract(self._log_key_hash)
        place = (who.chain_id, who.genesis, made.contract)
        told = {"tx_hash": made.tx_hash, "made_ms": self._now_ms, "block_number": None, "development": who.development}
        with self._engine.begin() as connection:
            known = [c for c in anchor_store.contracts(connection) if _place(c) == place]
            if known:  # the chain went back to before it was made
                anchor_store.change_contract(connection, known[0].id, gone_ms=None, gone_why="", **told)
            else:
                anchor_store.add_contract(connection, chain_id=who.chain_id, genesis=who.genesis, address=made.contract, **told)
        self._chain.send(made)
        with store.snapshot(self._engine) as connection:
            return next(c for c in anchor_store.contracts(connection) if _place(c) == place)

    # 2: the contract

    def _contract_on(self, who: ChainIdentity) -> tuple[Contract | None, Stand | None]:
        """Return the newest contract of ours that this chain still has; note which are gone and which came back."""
        with store.snapshot(self._engine) as connection:
            known = anchor_store.contracts(connection)
        found: tuple[Contract | None, Stand | None] = (None, None)
        for contract in known:
            same = _place(contract)[:2] == (who.chain_id, who.genesis)
            stand = self._chain.stand(contract.address, self._log_key_hash) if same and found[0] is None else None
            if stand is not None:
                found = (self._came_back(contract), stand)
            elif contract.gone_ms is None and not self._still_coming(contract, same=same):
                why = "the chain is the same, the contract is not there" if same else f"another chain answers (id {who.chain_id})"
                with self._engine.begin() as connection:
                    anchor_store.change_contract(connection, contract.id, gone_ms=self._now_ms, gone_why=why)
                    anchor_store.lose_all(connection, contract.id, lost=True)
        return found

    def _came_back(self, contract: Contract) -> Contract:
        number = contract.block_number
        if number is None:
            mined = self._chain.mined(contract.tx_hash)
            number = mined.block_number if mined else None
        if contract.gone_ms is None and number == contract.block_number:
            return contract
        with self._engine.begin() as connection:
            anchor_store.change_contract(connection, contract.id, gone_ms=None, gone_why="", block_number=number)
            if contract.gone_ms is not None:
                anchor_store.lose_all(connection, contract.id, lost=False)
        return replace(contract, gone_ms=None, gone_why="", block_number=number)

    def _still_coming(self, contract: Contract, *, same: bool) -> bool:
        return same and contract.block_number is None and self._now_ms - contract.made_ms < RESEND_MS

    def _without_contract(self, who: ChainIdentity) -> Look:
        with store.snapshot(self._engine) as connection:
            known = anchor_store.contracts(connection)
        if any(c.gone_ms is None for c in known):
            return Look(DEPLOYING, "", who.height, None)
        if who.development:
            # Nothing is lost by it: what such a chain held proved nothing to anybody else.
            made = self.deploy(who)
            return Look(DEPLOYING, "", who.height, made.id, again=True)
        return Look(REPLACED if known else NO_CONTRACT, known[0].gone_why if known else "", who.height, None)

    # 3: the contract against our log

    def _compare(self, stand: Stand) -> tuple[str, str]:
        with store.snapshot(self._engine) as connection:
            size, _ = store.log_end(connection)
            then = None
            if 0 < stand.size <= size:
                try:
                    then = Tiles(stand.size, lambda level, number: store.load_tile(connection, level, number)).root()
                except LookupError:
                    then = None
        condition = judge(stand, size, then)
        if condition == FINE:
            return FINE, ""
        ours = then.hex() if then else "none"
        return condition, f"the contract holds size {stand.size}, root {stand.root.hex()}; our log has {size} records, root then {ours}"

    # 4: what became of what was handed in

    def _settle(self, contract: Contract, stand: Stand, known: list[Anchor], height: int, wanted: int) -> list[Anchor]:
        """Ask for each anchor that is not firm, and for the newest that is; return those that live on, the largest first."""
        changed: list[Anchor] = []
        live: list[Anchor] = []
        asked = 0
        for n, a in enumerate(known):
            now = a
            if a.state == FIRM and a.size > stand.size:
                now = replace(a, state=DROPPED, block_number=None, block_hash=None, block_ms=None)
            elif (a.state != FIRM or n == 0) and asked < MOST_ASKED:
                asked += 1
                now = self._became(a, stand, height, wanted)
            if now != a:
                changed.append(now)
            if now.state != DROPPED:
                live.append(now)
        if stand.size and not any(a.size == stand.size and a.on_chain for a in live):
            for told in self._chain.logged(contract.address, contract.block_number or 0, stand.size):
                state = confirmed(MINED, told.mined.block_number, height, wanted)
                m = told.mined
                found = Anchor(
                    contract.id, told.size, told.root, m.tx_hash, state, self._now_ms, 0, m.block_number, m.block_hash, m.block_ms
                )
                changed.append(found)
                live = [found, *(a for a in live if a.size != found.size)]
        if changed:
            with self._engine.begin() as connection:
                for a in changed:
                    anchor_store.put(connection, a)
        return sorted(live, key=lambda a: -a.size)

    def _became(self, a: Anchor, stand: Stand, height: int, wanted: int) -> Anchor:
        mined = self._chain.mined(a.tx_hash)
        gone = replace(a, state=DROPPED, block_number=None, block_hash=None, block_ms=None)
        if mined is None:
            # Once in a block and in none now: the chain was reorganised. Never in one: it may still come.
            return gone if a.on_chain or self._now_ms - a.sent_ms > RESEND_MS or a.size <= stand.size else a
        if not mined.ok or a.size > stand.size:
            return gone
        state = confirmed(a.state, mined.block_number, height, wanted)
        return replace(a, state=state, block_number=mined.block_number, block_hash=mined.block_hash, block_ms=mined.block_ms)

    # 5: the next anchor

    def _hand_in(self, contract: Contract, stand: Stand, live: list[Anchor], latest: Checkpoint) -> bool:
        """Anchor the newest checkpoint, which covers every one before it, unless one is on its way or it is not time yet."""
        if latest.size <= stand.size or any(a.state == SENT for a in live):
            return False
        with store.snapshot(self._engine) as connection:
            before = anchor_store.anchors(connection, contract.id, limit=MOST_ASKED)
        last_ms = max((a.sent_ms for a in before if a.state in (*ON_CHAIN, SENT)), default=0)
        if self._now_ms - last_ms < self._rules.interval_ms:
            return False
        tries = next((a.tries + 1 for a in before if a.state == DROPPED and a.size > stand.size), 0)
        made = self._chain.prepare_anchor(contract.address, latest.size, latest.root, tries=tries)
        handed = Anchor(contract.id, latest.size, latest.root, made.tx_hash, SENT, self._now_ms, tries)
        with self._engine.begin() as connection:
            anchor_store.put(connection, handed)
        try:
            self._chain.send(made)
        except ChainTrouble as trouble:
            if trouble.condition != REFUSED:
                raise
            # The chain has seen it and will not have it: nothing to wait for.
            with self._engine.begin() as connection:
                anchor_store.put(connection, replace(handed, state=DROPPED))
            raise
        return True


def _newest_checkpoint(connection: Connection) -> Checkpoint | None:
    row = connection.execute(select(store.checkpoint).order_by(store.checkpoint.c.size.desc()).limit(1)).first()
    return Checkpoint("log", row.size, row.root, row.time_ms) if row else None


def _place(contract: Contract) -> tuple[int, bytes, str]:
    # Two chains may share a first block (after a split) or a number; only both together name one.
    return contract.chain_id, contract.genesis, contract.address


def _deep_enough(rules: Rules, contract: Contract) -> int:
    # A development chain makes no block of its own accord, so nothing would ever get deep.
    return 1 if contract.development else rules.confirmations


def no_chain() -> Conflict:
    """Return the error of asking for a chain where none is configured."""
    return Conflict("no chain is configured", expected="SUHE_CHAIN_URL", todo="set it to the address of an EVM node, then again")
