"""The anchor on a real development chain: what the contract refuses, what is anchored, what counts for a lot."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.traceability.anchor_kit import AnchorKit, make_anchor_kit
from tests.traceability.kit import KEYS
from tests.waiting import wait_until
from traceability.anchor import FINE, FIRM, NONE, Anchor, covering
from traceability.chain import ChainTrouble
from traceability.chain_evm import EvmChain, contract_file, made_address


@pytest.fixture
def a(tmp_path: Path, records_url: str) -> Iterator[AnchorKit]:
    """Yield a log on both engines and a chain of this test's own."""
    server = servers.require(lambda: servers.start_anvil(tmp_path / "anvil"))
    assert isinstance(server, servers.Server)
    with servers.running(server):
        made = make_anchor_kit(tmp_path, server, url=records_url)
        yield made
        made.kit.engine.dispose()


def test_the_newest_checkpoint_is_anchored_and_covers_all_before_it(a: AnchorKit) -> None:
    """One run makes the contract and anchors; three checkpoints later one more transaction takes all of them."""
    a.record(2)
    told = a.keep_up()
    assert (told.condition, told.newest and told.newest.size, told.waiting_records) == (FINE, KEYS + 2, 0)
    assert told.newest is not None and told.newest.state == FIRM
    assert a.stand() == (KEYS + 2, a.root_at(KEYS + 2))
    for _ in range(3):
        a.record()
    assert a.anchors.status().waiting_checkpoints == 3
    height = a.chain.identity().height
    told = a.keep_up()
    assert told.newest is not None and (told.newest.size, told.waiting_checkpoints) == (KEYS + 5, 0)
    assert a.chain.identity().height == height + 1
    assert a.stand() == (KEYS + 5, a.root_at(KEYS + 5))
    assert told.contract is not None and told.contract.development
    assert a.anchors.check().ok


def test_nothing_new_sends_nothing_and_the_interval_is_kept(a: AnchorKit) -> None:
    """Without a new checkpoint, or before it is time, no transaction is made."""
    a.record()
    a.keep_up()
    height = a.chain.identity().height
    a.keep_up(later_s=29)
    a.record()
    a.keep_up(later_s=0)
    assert a.chain.identity().height == height
    assert a.anchors.status().waiting_records == 1
    a.keep_up(later_s=2)
    assert a.anchors.status().waiting_records == 0


def test_the_contract_lets_nobody_shrink_or_rewrite_it(a: AnchorKit, tmp_path: Path) -> None:
    """The shipped bytecode refuses a smaller size, the same size with another root, and any account but its owner's."""
    a.record(3)
    a.keep_up()
    contract = a.anchors.contracts()[0].address
    for size, root in ((KEYS + 2, b"\1" * 32), (KEYS + 3, b"\1" * 32), (0, bytes(32))):
        with pytest.raises(ChainTrouble, match="not growing"):
            a.chain.prepare_anchor(contract, size, root)
    stranger = EvmChain(a.anvil.url, bytes(31) + b"\7")
    with pytest.raises(ChainTrouble, match="not owner"):
        stranger.prepare_anchor(contract, 99, b"\1" * 32)
    assert a.stand() == (KEYS + 3, a.root_at(KEYS + 3))


def test_a_transaction_that_was_forced_in_changes_nothing(a: AnchorKit) -> None:
    """Also past our own estimate: a rollback that is mined all the same fails in the chain itself."""
    a.record(3)
    a.keep_up()
    contract = a.anchors.contracts()[0].address
    account = a.chain.account()
    a.rpc("anvil_impersonateAccount", account)
    data = a.chain._contract(contract).encode_abi("anchor", [KEYS + 2, b"\1" * 32])
    tx = a.rpc("eth_sendTransaction", {"from": account, "to": contract, "data": data, "gas": hex(100_000), "gasPrice": hex(10**10)})
    mined = wait_until(lambda: a.chain.mined(tx), 10, what="the transaction's block")
    assert not mined.ok
    assert a.stand() == (KEYS + 3, a.root_at(KEYS + 3))


def test_a_lot_is_anchored_by_the_oldest_anchor_that_covers_it(a: AnchorKit) -> None:
    """The oldest says most: since when nothing could be changed. Newer records of it wait, and are counted."""
    a.record(2)
    a.keep_up()
    a.record(2)
    a.keep_up()
    whole = a.anchors.of_records([KEYS, KEYS + 1])
    assert whole.whole and whole.covering is not None and whole.covering.size == KEYS + 2
    later = a.anchors.of_records([KEYS + 1, KEYS + 2])
    assert later.covering is not None and (later.covering.size, later.waiting) == (KEYS + 4, 0)
    a.record()
    part = a.anchors.of_records([KEYS, KEYS + 4])
    assert not part.whole and part.covering is not None and (part.covering.size, part.waiting) == (KEYS + 4, 1)
    alone = a.anchors.of_records([KEYS + 4])
    assert alone.covering is None and alone.waiting == 1


def test_the_paying_key_is_made_once_for_its_owner_alone(a: AnchorKit, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It lies beside the log's key with mode 0600, is another key, and stands in no log and no table."""
    a.record()
    a.keep_up()
    path = tmp_path / "log" / "keys" / "chain.key"
    key = path.read_text().strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key not in (tmp_path / "log" / "keys" / "log.key").read_text()
    assert key not in caplog.text
    assert key.encode() not in b"".join(p.read_bytes() for p in tmp_path.rglob("records.db*"))


def test_an_anchor_costs_little(a: AnchorKit) -> None:
    """The gas that decision 0005 tells: for the contract, the first anchor, and every later one."""
    for _ in range(3):
        a.record()
        a.keep_up()
    blocks = [a.rpc("eth_getBlockByNumber", hex(n), False) for n in range(1, 5)]
    used = [int(a.rpc("eth_getTransactionReceipt", b["transactions"][0])["gasUsed"], 16) for b in blocks]
    # Later ones differ by no more than what a zero byte in a root saves (12 gas each).
    assert used[0] < 175_000 and used[1] < 70_000 and max(used[2:]) < 35_000 and abs(used[2] - used[3]) <= 4 * 12


def test_without_a_chain_nothing_happens_and_it_is_said(a: AnchorKit) -> None:
    """An installation without a chain keeps its log and says that nothing is anchored."""
    a.record()
    a.used = None
    told = a.keep_up()
    assert (told.condition, told.newest, told.waiting_records) == (NONE, None, KEYS + 1)
    assert a.anchors.of_records([KEYS]).covering is None


def test_source_abi_and_bytecode_are_shipped() -> None:
    """The three files are in the package; the ABI has just the four things that are told of the contract."""
    import json

    names = sorted(x.get("name", x["type"]) for x in json.loads(contract_file("SuheAnchor.abi.json")))
    assert names == ["Anchored", "anchor", "constructor", "identity", "latest"]
    assert len(bytes.fromhex(contract_file("SuheAnchor.bin").strip().removeprefix("0x"))) < 700
    assert len(contract_file("SuheAnchor.vy").splitlines()) < 50


@pytest.mark.parametrize("nonce", [0, 1, 0x7F, 0x80, 0x1234])
def test_a_contract_s_address_is_known_before_it_is_made(nonce: int) -> None:
    """It follows from sender and nonce as every EVM has it; checked against the RLP library."""
    import rlp
    from web3 import Web3

    sender = "0x" + "ab" * 20
    wanted = Web3.to_checksum_address(Web3.keccak(rlp.encode([bytes.fromhex("ab" * 20), nonce]))[12:].hex())
    assert made_address(sender, nonce) == wanted


def test_the_rule_of_covering_takes_only_what_is_on_the_chain() -> None:
    """What was dropped or lost, or only sent, covers nothing."""
    held = [
        Anchor(1, size, bytes(32), "0x", state, 0) for size, state in ((5, "dropped"), (6, "lost"), (7, "sent"), (9, "mined"), (8, "firm"))
    ]
    assert [covering([4], held)[0] is held[4], covering([8], held)[0] is held[3], covering([9], held)] == [True, True, (None, 1)]
    assert covering([4], held[:3]) == (None, 1)
