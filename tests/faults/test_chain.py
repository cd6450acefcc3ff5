"""What a chain can do to us, on a real one: down, hanging, out of gas, reorganised, replaced, and a log that is not the anchored one."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from tests import servers
from tests.traceability.anchor_kit import AnchorKit, make_anchor_kit
from tests.traceability.kit import KEYS
from traceability import anchor_store, map_store, store
from traceability.anchor import AHEAD, DEPLOYING, DROPPED, FINE, FORK, LOST, MINED, OUT_OF_GAS, REFUSED, REPLACED, SENT, UNREACHABLE
from traceability.chain import Prepared
from traceability.chain_evm import EvmChain


@pytest.fixture
def anvil(tmp_path: Path) -> Iterator[servers.Server]:
    """Yield a chain of this test's own that saves its state every second."""
    state = tmp_path / "state.json"
    server = servers.require(lambda: servers.start_anvil(tmp_path / "anvil", "--state", str(state), "--state-interval", "1"))
    assert isinstance(server, servers.Server)
    with servers.running(server):
        yield server


@pytest.fixture
def a(tmp_path: Path, anvil: servers.Server) -> AnchorKit:
    """Return a log whose demo-like chain is its own child."""
    return make_anchor_kit(tmp_path, anvil)


def states(a: AnchorKit) -> dict[int, str]:
    """Return size -> state of every anchor known."""
    return {x.size: x.state for x, _ in a.anchors.recent()}


def test_down_and_back_with_a_backlog(a: AnchorKit) -> None:
    """While the chain is killed the log goes on and what was anchored stays so; when it is back one transaction takes the backlog."""
    a.record(2)
    a.keep_up()
    a.anvil.stop()
    for _ in range(3):
        a.record()
    told = a.keep_up()
    assert (told.condition, told.newest and told.newest.size, told.waiting_records) == (UNREACHABLE, KEYS + 2, 3)
    since = told.since_ms
    told = a.keep_up()
    assert told.since_ms == since and told.reached_ms < told.looked_ms
    assert a.anchors.of_records([KEYS, KEYS + 1]).whole
    a.anvil.start_again()
    told = a.keep_up()
    assert (told.condition, told.newest and told.newest.size, told.waiting_checkpoints) == (FINE, KEYS + 5, 0)
    assert a.stand() == (KEYS + 5, a.root_at(KEYS + 5))
    assert states(a) == {KEYS + 2: "firm", KEYS + 5: "firm"}


def test_a_node_that_never_answers_is_asked_once_and_given_up(a: AnchorKit) -> None:
    """A socket that takes the question and says nothing costs one timeout: no second try, no second question."""
    a.record()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        a.used = EvmChain(f"http://127.0.0.1:{listening.getsockname()[1]}", b"\1" * 32, timeout=0.3)
        told = a.keep_up()
        assert (told.condition, told.waiting_records) == (UNREACHABLE, KEYS + 1)
        listening.settimeout(0.5)
        listening.accept()[0].close()
        with pytest.raises(TimeoutError):
            listening.accept()


def test_while_a_node_hangs_the_log_goes_on(a: AnchorKit) -> None:
    """Events are recorded and sealed in the very moment in which the job waits for the chain: it holds nothing meanwhile."""
    a.record()
    a.keep_up()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        a.used = EvmChain(f"http://127.0.0.1:{listening.getsockname()[1]}", b"\1" * 32, timeout=60)
        waiting = threading.Thread(target=a.keep_up)
        waiting.start()
        hanging, _ = listening.accept()
        assert a.record(2) == KEYS + 3
        assert a.anchors.of_records([KEYS]).whole and a.anchors.status().waiting_records == 2
        assert waiting.is_alive()
        hanging.close()
        waiting.join(30)
    assert not waiting.is_alive()
    assert a.anchors.condition() == UNREACHABLE


RUBBISH = [
    b"",
    b"HTTP/1.1 500 no\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n<htm>",
    b'HTTP/1.1 200 OK\r\ncontent-length: 36\r\n\r\n{"jsonrpc":"2.0","id":0,"result":{}}',
]


@pytest.mark.parametrize("answer", RUBBISH)
def test_a_node_that_answers_rubbish_is_trouble_and_no_more(a: AnchorKit, answer: bytes) -> None:
    """Whatever comes back, the job ends with a condition in words and the secret address in none of them."""
    stop = threading.Event()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        listening.settimeout(0.1)

        def serve() -> None:
            while not stop.is_set():
                try:
                    client, _ = listening.accept()
                except TimeoutError:
                    continue
                with client:
                    client.settimeout(1)
                    client.recv(65536)
                    client.sendall(answer)

        serving = threading.Thread(target=serve)
        serving.start()
        try:
            a.used = EvmChain(f"http://127.0.0.1:{listening.getsockname()[1]}/token-9f3c", b"\1" * 32, timeout=1)
            told = a.keep_up()
        finally:
            stop.set()
            serving.join()
    assert told.condition in (UNREACHABLE, REFUSED)
    assert told.detail and "token-9f3c" not in told.detail


def test_out_of_gas_then_funded(tmp_path: Path, anvil: servers.Server) -> None:
    """An account without money anchors nothing and blocks nothing; with money the next run takes everything."""
    a = make_anchor_kit(tmp_path, anvil, own_chain=False)
    a.record(2)
    told = a.keep_up()
    assert told.condition == OUT_OF_GAS and a.chain.account() in told.detail
    a.record()
    a.fund()
    told = a.keep_up()
    assert (told.condition, told.newest and told.newest.size) == (FINE, KEYS + 3)
    a.fund(1)
    a.record()
    told = a.keep_up()
    assert (told.condition, told.waiting_records, told.newest and told.newest.size) == (OUT_OF_GAS, 1, KEYS + 3)
    assert a.anchors.of_records([KEYS, KEYS + 1, KEYS + 2]).whole
    a.fund()
    assert a.keep_up().waiting_records == 0


def test_reorganised_away_is_anchored_again(a: AnchorKit) -> None:
    """An anchor whose block the chain has left is not anchored any more, and is handed in again at once."""
    a.record(2)
    a.keep_up()
    snapshot = a.rpc("evm_snapshot")
    a.record()
    a.keep_up()
    assert states(a)[KEYS + 3] == "firm"
    a.rpc("evm_revert", snapshot)
    assert a.stand()[0] == KEYS + 2
    a.rpc("evm_setAutomine", False)
    told = a.keep_up()
    assert (told.newest and told.newest.size, told.waiting_records) == (KEYS + 2, 1)
    assert not a.anchors.of_records([KEYS + 2]).whole
    a.rpc("evm_setAutomine", True)
    a.rpc("anvil_mine", hex(1))
    told = a.keep_up()
    assert (told.condition, told.newest and told.newest.size) == (FINE, KEYS + 3)
    assert a.stand() == (KEYS + 3, a.root_at(KEYS + 3))


def test_a_chain_that_went_back_to_before_the_contract_gets_it_again(a: AnchorKit) -> None:
    """The same chain without the contract: its anchors are lost, and the new one, at the same address, takes the whole log."""
    snapshot = a.rpc("evm_snapshot")
    a.record(2)
    first = a.keep_up().contract
    a.rpc("evm_revert", snapshot)
    a.rpc("evm_setAutomine", False)
    a.record()
    for _ in range(2):
        told = a.keep_up()
        assert (told.condition, told.newest, told.lost) == (DEPLOYING, None, 1)
    a.rpc("evm_setAutomine", True)
    a.rpc("anvil_mine", hex(1))
    told = a.keep_up()
    assert first is not None and told.contract is not None and told.contract.address == first.address
    assert (told.condition, told.newest and told.newest.size) == (FINE, KEYS + 3)


def test_an_anchor_waits_for_its_block_and_for_its_depth(a: AnchorKit) -> None:
    """Handed in is not anchored; in a block it is; under enough blocks it is firm. On an outside chain each is told apart."""
    a.record()
    a.keep_up()
    a.pretend_outside()
    a.rpc("evm_setAutomine", False)
    a.record()
    told = a.keep_up()
    assert told.sent is not None and told.sent.size == KEYS + 2 and told.newest is not None and told.newest.size == KEYS + 1
    assert a.anchors.of_records([KEYS + 1]).covering is None
    height = a.chain.identity().height
    told = a.keep_up()  # nothing is sent twice
    a.rpc("anvil_mine", hex(1))
    told = a.keep_up()
    assert a.chain.identity().height == height + 1
    assert told.newest is not None and (told.newest.size, told.newest.state) == (KEYS + 2, MINED)
    a.rpc("anvil_mine", hex(2))
    a.keep_up()
    assert states(a)[KEYS + 2] == "firm"


def test_a_stuck_transaction_is_replaced_by_one_that_pays_more(a: AnchorKit) -> None:
    """After three minutes in no block the newest checkpoint takes its place, and the account's line goes on."""
    a.record()
    a.keep_up()
    a.rpc("evm_setAutomine", False)
    a.record()
    first = a.keep_up().sent
    a.record()
    told = a.keep_up(later_s=200)
    assert first is not None and told.sent is not None and (told.sent.size, told.sent.tries) == (KEYS + 3, 1)
    assert states(a)[KEYS + 2] == DROPPED
    a.rpc("anvil_mine", hex(1))
    told = a.keep_up()
    assert told.newest is not None and told.newest.size == KEYS + 3
    assert a.chain.mined(first.tx_hash) is None


def test_replaced_by_an_empty_chain_which_is_our_own(a: AnchorKit, tmp_path: Path) -> None:
    """The old anchors are lost and said to be; a development chain gets a new contract, which takes the whole log again."""
    a.record(2)
    a.keep_up()
    a.anvil.stop()
    (tmp_path / "state.json").unlink()
    # Another first block; of two chains made within a second anvil's would be the same.
    a.anvil.command += ["--timestamp", "1700000000"]
    a.anvil.start_again()
    a.record()
    told = a.keep_up()
    assert (told.condition, told.newest and told.newest.size, told.lost) == (FINE, KEYS + 3, 1)
    old = next(c for c in a.anchors.contracts() if c.gone_ms is not None)
    assert "another chain" in old.gone_why
    assert states(a) == {KEYS + 2: LOST, KEYS + 3: "firm"}
    whole = a.anchors.of_records([KEYS, KEYS + 1])
    assert whole.covering is not None and whole.covering.size == KEYS + 3
    assert whole.before is not None and whole.before.size == KEYS + 2


def test_replaced_outside_waits_for_the_operator_and_may_come_back(a: AnchorKit, tmp_path: Path) -> None:
    """On an outside chain nothing is deployed unasked; when the old chain answers again its anchors count again."""
    a.record(2)
    a.keep_up()
    a.pretend_outside()
    old = a.anvil
    other = servers.start_anvil(tmp_path / "other", "--chain-id", "4242")
    with servers.running(other):
        chain = EvmChain(other.url, a.chain._key)
        outside = _Outside(chain)
        a.used = outside
        told = a.keep_up()
        assert (told.condition, told.newest, told.lost) == (REPLACED, None, 1)
        assert chain.identity().height == 0
        assert a.anchors.of_records([KEYS, KEYS + 1]).covering is None
        a.anvil = other
        a.fund()
        a.anchors.deploy()
        told = a.keep_up()
        assert (told.condition, told.newest and told.newest.size) == (FINE, KEYS + 2)
    a.anvil, a.used = old, _Outside(a.chain)
    told = a.keep_up()
    assert told.newest is not None and told.contract is not None and told.contract.address == a.anchors.contracts()[1].address
    assert a.anchors.of_records([KEYS, KEYS + 1]).whole


def test_a_log_that_was_cut_back_is_an_alarm(a: AnchorKit) -> None:
    """An old copy of the database under a contract that holds more: said loudly, nothing overwritten, whatever is recorded next."""
    a.record(2)
    a.keep_up()
    a.record(2)
    a.keep_up()
    _cut_back(a, KEYS + 2)
    told = a.keep_up()
    assert (told.condition, told.alarm) == (AHEAD, True)
    assert not a.anchors.check().ok
    assert not a.anchors.of_records([KEYS]).whole
    height = a.chain.identity().height
    a.kit.plant("other-1")
    a.kit.trace.make_checkpoint()
    assert a.keep_up().condition == AHEAD
    a.kit.plant("other-2")
    a.kit.plant("other-3")
    a.kit.trace.make_checkpoint()
    told = a.keep_up()
    assert (told.condition, a.chain.identity().height) == (FORK, height)


def test_a_rewritten_log_is_an_alarm_that_an_unplugged_chain_does_not_silence(a: AnchorKit) -> None:
    """Whoever holds the database and the log's key can rewrite and re-sign it all; the chain still knows another root."""
    a.record(3)
    a.keep_up()
    size = 3
    _cut_back(a, KEYS)
    for k in range(size):
        a.kit.plant(f"forged-{k}")
    a.kit.trace.make_checkpoint()
    assert a.kit.trace.verify_all().ok  # all of it holds within itself
    told = a.keep_up()
    assert told.condition == FORK
    checked = a.anchors.check()
    assert not checked.ok and "rewritten" in checked.problems[0]
    a.anvil.stop()
    assert a.keep_up().condition == FORK


def test_a_forged_row_in_our_table_does_not_anchor_a_lot(a: AnchorKit) -> None:
    """An anchor counts only where its root is that of our tree; the chain's own answer is asked by --check."""
    a.record(2)
    a.keep_up()
    with a.kit.engine.begin() as connection:
        connection.execute(update(anchor_store.anchor).values(root=b"\2" * 32))
    assert not a.anchors.of_records([KEYS, KEYS + 1]).whole


def test_killed_between_writing_down_and_sending(a: AnchorKit) -> None:
    """What was written down and never sent is noticed as in no block, given up, and handed in anew: one anchor in the end."""
    a.record()
    a.keep_up()
    a.record()
    a.used = _Killed(a.chain, before=True)
    with pytest.raises(KeyboardInterrupt):
        a.keep_up()
    assert states(a)[KEYS + 2] == SENT
    a.used = a.chain
    assert a.keep_up(later_s=200).newest is not None
    assert states(a) == {KEYS + 1: "firm", KEYS + 2: "firm"}
    assert [x.size for x in a.chain.logged(a.anchors.contracts()[0].address, 0)] == [KEYS + 1, KEYS + 2]


def test_killed_between_sending_and_noticing(a: AnchorKit) -> None:
    """What was sent is found at the next look, by its hash; nothing is anchored twice."""
    a.record()
    a.keep_up()
    a.record()
    a.used = _Killed(a.chain, before=False)
    with pytest.raises(KeyboardInterrupt):
        a.keep_up()
    a.used = a.chain
    told = a.keep_up()
    assert told.newest is not None and told.newest.size == KEYS + 2
    assert [x.size for x in a.chain.logged(a.anchors.contracts()[0].address, 0)] == [KEYS + 1, KEYS + 2]


def test_what_the_chain_holds_without_our_knowledge_is_taken_from_it(a: AnchorKit) -> None:
    """Rows that a restored backup lacks come back from the contract's events."""
    a.record()
    a.keep_up()
    a.record()
    a.keep_up()
    with a.kit.engine.begin() as connection:
        connection.execute(delete(anchor_store.anchor))
    told = a.keep_up()
    assert told.newest is not None and told.newest.size == KEYS + 2 and told.newest.root == a.root_at(KEYS + 2)


def test_a_real_kill_9_of_the_job_leaves_one_anchor(a: AnchorKit, tmp_path: Path) -> None:
    """A process killed at any moment of its run does no harm: the next run ends with every record anchored, each size once."""
    a.record()
    a.keep_up()
    program = f"""
import sys
sys.path[:0] = {sys.path!r}
from datetime import datetime, UTC
from pathlib import Path
from foundation.clock import SystemClock
from foundation.database import open_engine
from traceability.anchor_keeping import Rules
from traceability.anchoring import Anchors
from traceability.chain_evm import EvmChain
from traceability.chain_key import read_chain_key
chain = EvmChain({a.anvil.url!r}, read_chain_key(Path({str(tmp_path / "log" / "keys" / "chain.key")!r})))
engine = open_engine({str(a.kit.engine.url)!r})
anchors = Anchors(engine, SystemClock(), lambda: {a.kit.trace.log_vkey()!r}, lambda: chain, Rules(0, 3, own_chain=True))
chain.identity()
print("ready", flush=True)
while True:
    anchors.keep_up()
"""
    for k in range(2):
        a.record()
        running = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert running.stdout is not None
        assert running.stdout.readline().strip() == "ready"
        time.sleep(0.02 + 0.04 * k)
        running.kill()
        running.wait(10)
        running.stdout.close()
    a.kit.clock.instant += timedelta(days=3650)
    told = a.keep_up()
    assert (told.condition, told.waiting_records) == (FINE, 0)
    sizes = [x.size for x in a.chain.logged(a.anchors.contracts()[0].address, 0)]
    assert sizes == sorted(set(sizes)) and sizes[-1] == KEYS + 3
    assert a.anchors.check().ok


class _Wrapped:
    """A chain that passes everything on."""

    def __init__(self, chain: EvmChain) -> None:
        self._chain = chain

    def __getattr__(self, name: str) -> object:
        return getattr(self._chain, name)


class _Outside(_Wrapped):
    """A chain that says it is not meant for development."""

    def identity(self) -> object:
        from dataclasses import replace

        return replace(self._chain.identity(), development=False)


class _Killed(_Wrapped):
    """A chain whose process of ours ends at the moment of sending."""

    def __init__(self, chain: EvmChain, *, before: bool) -> None:
        super().__init__(chain)
        self._before = before

    def send(self, prepared: Prepared) -> None:
        if not self._before:
            self._chain.send(prepared)
        raise KeyboardInterrupt


def _cut_back(a: AnchorKit, size: int) -> None:
    """Take the database back to when it held `size` records, as an old copy would."""
    with a.kit.engine.begin() as connection:
        for table, column in (
            (store.event, store.event.c.log_index >= size),
            (store.event_lot, store.event_lot.c.log_index >= size),
            (store.lot, store.lot.c.first_index >= size),
            (store.checkpoint, store.checkpoint.c.size > size),
        ):
            connection.execute(delete(table).where(column))
        connection.execute(update(store.log_tile).values(hashes=store.load_tile(connection, 0, 0)[: size * 32]))
        connection.execute(delete(store.holding))
        # The map of that time, as an old copy would hold it.
        connection.execute(delete(map_store.map_node))
        connection.execute(delete(map_store.map_past))
        sealed = connection.execute(select(store.checkpoint.c.size).order_by(store.checkpoint.c.size.desc()).limit(1)).scalar()
        if sealed:
            map_store.grow(connection, 0, sealed)
