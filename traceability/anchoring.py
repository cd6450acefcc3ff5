"""The use cases of anchoring: keep up with the chain, say how it is, say what of a lot is anchored, check it on the chain itself.

A page never asks the chain: it shows what the last look found, and when that was. So a chain that is down, slow or gone holds nothing up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, func, select

from foundation.clock import Clock, to_ms
from foundation.log import get_logger
from traceability import anchor_store, store
from traceability.anchor import ALARMS, NONE, ON_CHAIN, SENT, Anchor, AnchorStatus, Contract, LotAnchor, covering
from traceability.anchor_check import AnchorCheck, check_on_chain
from traceability.anchor_keeping import Keeper, Look, Rules, no_chain
from traceability.chain import Chain, ChainTrouble
from traceability.tiles import Tiles

if TYPE_CHECKING:
    from collections.abc import Iterable

# Make a contract, anchor, see it mined: on a chain that mines at once all of it in one run of the job.
_MOST_LOOKS = 4


class Anchors:
    """Anchoring of one log. `open_chain` gives the chain to use now, None where none is configured; it is called when it is needed."""

    def __init__(
        self, engine: Engine, clock: Clock, log_vkey: Callable[[], str], open_chain: Callable[[], Chain | None], rules: Rules
    ) -> None:
        self._engine, self._clock, self._log_vkey, self._open_chain, self._rules = engine, clock, log_vkey, open_chain, rules

    # Keeping up, from the schedule

    def keep_up(self) -> AnchorStatus:
        """Look at the chain, anchor what is due, note how it is. Chain trouble of any kind is noted, told in the log and not raised."""
        chain = self._open_chain()
        if chain is None:
            self._note(Look(NONE, "", 0, None), reached=False)
            return self.status()
        try:
            for _ in range(_MOST_LOOKS):
                found = Keeper(self._engine, chain, self._log_key_hash(), self._rules, self._now_ms()).look()
                self._note(found, reached=True)
                if not found.again:
                    break
        except ChainTrouble as trouble:
            with store.snapshot(self._engine) as connection:
                before = anchor_store.read_state(connection)
            # An alarm stands until the chain itself takes it back: an intruder must not silence it by cutting the line.
            condition = before["condition"] if before["condition"] in ALARMS else trouble.condition
            detail = before["detail"] if before["condition"] in ALARMS else trouble.explain()
            self._note(Look(condition, detail, before["height"], before["contract_id"]), reached=False)
        return self.status()

    def deploy(self) -> Contract:
        """Make a contract on the configured chain, as the operator asks.

        Raises:
            Conflict: no chain is configured.
            ChainTrouble: the chain does not answer, or the account cannot pay.

        """
        chain = self._open_chain()
        if chain is None:
            raise no_chain()
        return Keeper(self._engine, chain, self._log_key_hash(), self._rules, self._now_ms()).deploy()

    # Asking

    def status(self) -> AnchorStatus:
        """Return how anchoring was at the last look, and what of the log waits now."""
        with store.snapshot(self._engine) as connection:
            return self._status(connection)

    def condition(self) -> str:
        """Return the condition of anchoring alone: one row, for every page to look at."""
        with store.snapshot(self._engine) as connection:
            return str(anchor_store.read_state(connection)["condition"])

    def recent(self, limit: int = 50) -> list[tuple[Anchor, Contract]]:
        """Return anchors of all chains with their contracts, the newest first."""
        with store.snapshot(self._engine) as connection:
            contracts = {c.id: c for c in anchor_store.contracts(connection)}
            return [(a, contracts[a.contract_id]) for a in anchor_store.recent(connection, limit) if a.contract_id in contracts]

    def contracts(self) -> list[Contract]:
        """Return every contract that was ever ours, the newest first."""
        with store.snapshot(self._engine) as connection:
            return anchor_store.contracts(connection)

    def of_records(self, indexes: Iterable[int]) -> LotAnchor:
        """Return what is anchored of these records of the log. An anchor counts only where its root is our tree's at its size."""
        wanted = sorted(set(indexes))
        with store.snapshot(self._engine) as connection:
            status = self._status(connection)
            needed = wanted[-1] + 1 if wanted else 1
            before = anchor_store.lost_covering(connection, needed)
            contract = status.contract
            if contract is None or contract.gone_ms is not None or status.alarm:
                return LotAnchor(status, None, len(wanted), before)
            whole = anchor_store.oldest_covering(connection, contract.id, needed, ON_CHAIN)
            some = [a for a in (whole, status.newest) if a is not None and _fits(connection, a)]
            found, waiting = covering(wanted, some)
            return LotAnchor(status, found, waiting, before)

    def check(self) -> AnchorCheck:
        """Ask the chain itself for everything the contract tells, and compare each root with the log recomputed from its bodies."""
        chain = self._open_chain()
        if chain is None:
            raise no_chain()
        return check_on_chain(self._engine, chain, self._log_key_hash())

    def account(self) -> str:
        """Return the address that pays; empty where no chain is configured."""
        chain = self._open_chain()
        return chain.account() if chain is not None else ""

    def _status(self, connection: Connection) -> AnchorStatus:
        told = anchor_store.read_state(connection)
        contracts = anchor_store.contracts(connection)
        contract = next((c for c in contracts if c.id == told["contract_id"]), None) or next(iter(contracts), None)
        newest = sent = None
        if contract is not None:
            newest = next(iter(anchor_store.anchors(connection, contract.id, states=ON_CHAIN, limit=1)), None)
            sent = next(iter(anchor_store.anchors(connection, contract.id, states=(SENT,), limit=1)), None)
        size, _ = store.log_end(connection)
        anchored = newest.size if newest else 0
        waiting = connection.execute(select(func.count()).select_from(store.checkpoint).where(store.checkpoint.c.size > anchored)).scalar()
        return AnchorStatus(
            condition=told["condition"],
            since_ms=told["since_ms"],
            detail=told["detail"],
            looked_ms=told["looked_ms"],
            reached_ms=told["reached_ms"],
            contract=contract,
            height=told["height"],
            newest=newest,
            sent=sent,
            lost=anchor_store.count_lost(connection),
            log_size=size,
            waiting_records=max(size - anchored, 0),
            waiting_checkpoints=int(waiting or 0),
        )

    def _note(self, found: Look, *, reached: bool) -> None:
        now_ms = self._now_ms()
        with self._engine.begin() as connection:
            before = anchor_store.read_state(connection)
            changed = before["condition"] != found.condition
            anchor_store.write_state(
                connection,
                condition=found.condition,
                since_ms=now_ms if changed else before["since_ms"],
                detail=found.detail,
                looked_ms=now_ms,
                reached_ms=now_ms if reached else before["reached_ms"],
                height=found.height,
                contract_id=found.contract_id if found.contract_id is not None or reached else before["contract_id"],
            )
        if changed:
            log = get_logger(__name__)
            say = log.error if found.condition in ALARMS else log.info
            say("anchoring changed", condition=found.condition, was=before["condition"], detail=found.detail)

    def _log_key_hash(self) -> bytes:
        return hashlib.sha256(self._log_vkey().encode()).digest()

    def _now_ms(self) -> int:
        return to_ms(self._clock.now())


def _fits(connection: Connection, a: Anchor) -> bool:
    """Tell whether an anchor's root is the root of our tree at its size."""
    try:
        return Tiles(a.size, lambda level, number: store.load_tile(connection, level, number)).root() == a.root
    except LookupError:
        return False
