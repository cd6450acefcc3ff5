"""What the pages say of the anchor, in every condition and in both languages: what holds, what does not, and on what kind of chain."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, update

from dashboards.app import create_app
from tests.dashboards.fakes_house import COOP, House, build_house
from tests.dashboards.test_words import HAN, LATIN, SAME_IN_BOTH, seen_by
from tests.traceability.anchor_kit import FakeChain
from traceability import store
from traceability.anchor_keeping import Rules
from traceability.anchoring import Anchors
from traceability.chain import ChainDown, ChainTrouble, OutOfGas


class Anchored:
    """A house whose log is anchored on a chain of ours."""

    def __init__(self, folder: Path) -> None:
        self.house: House = build_house(folder, readings_every_minutes=360)
        self.chain = FakeChain()
        self.used: FakeChain | None = self.chain
        s = self.house.services
        s.anchors = Anchors(self.house.kit.engine, s.clock, s.trace.log_vkey, lambda: self.used, Rules(0, 3, own_chain=False))
        self.keep_up()
        self.app = create_app(s)

    def keep_up(self) -> None:
        """Let the job run a minute later."""
        self.house.services.clock.advance(timedelta(minutes=1))
        self.house.services.anchors.keep_up()

    def html(self, path: str, lang: str = "zh") -> str:
        """Return a page."""
        self.house.services.clock.advance(timedelta(seconds=6))  # past what is kept of a page
        with TestClient(self.app, headers={"accept": "text/html", "accept-language": lang}) as client:
            answer = client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def said(self, path: str, lang: str = "zh") -> str:
        """Return what a reader sees of a page."""
        return re.sub(r"\s+", " ", " ".join(seen_by(self.html(path, lang), "zh-Hans" if lang == "zh" else "en")))

    @property
    def trace_path(self) -> str:
        """The page of the packed lot."""
        return f"/t/{self.house.code('P1')}"


@pytest.fixture
def anchored(tmp_path: Path) -> Anchored:
    """Return a house with an anchored log."""
    return Anchored(tmp_path)


def test_a_lot_s_page_tells_size_time_chain_block_and_transaction(anchored: Anchored) -> None:
    """And that a development chain is no independent anchor, in both languages."""
    tx = next(iter(anchored.chain.held.values()))[0].mined.tx_hash[:12]
    zh, en = anchored.said(anchored.trace_path), anchored.said(anchored.trace_path, "en")
    assert f"已锚定：日志前 12 条，2025-11-20 12:01:00，链 31337，区块 2，交易 {tx}…。" in zh
    assert "开发链，不是独立的锚。" in zh
    assert f"Anchored: the first 12 records of the log, at 2025-11-20 12:01:00, chain 31337, block 2, transaction {tx}… A" in en
    assert "A development chain, not an independent anchor." in en


def test_newer_records_of_the_lot_are_said_to_wait(anchored: Anchored) -> None:
    """What came after the anchor is counted; the next anchor takes it."""
    house = anchored.house
    house.kit.send("harvest", COOP, quantityList=[house.kit.part("T1", 5)], bizLocation={"id": "urn:suhe:plot:sx-01-g1"})
    path = f"/t/{house.code('T1')}"
    assert "1 条记录还没有锚定，等待下一次。" in anchored.said(path)
    house.services.trace.make_checkpoint()
    anchored.keep_up()
    said = anchored.said(path)
    assert "日志前 13 条" in said and "还没有锚定" not in said


def test_trouble_with_the_chain_is_told_and_what_holds_stays(anchored: Anchored) -> None:
    """The anchored part stays anchored on the page; that the rest waits is said in each language, on both pages."""
    for trouble, zh, en in (
        (ChainDown("no answer"), "链连不上", "has not answered since"),
        (OutOfGas("too little"), "付费账户余额不足", "the account that pays holds too little"),
        (ChainTrouble("no"), "链不接受新的锚", "takes no new anchors"),
    ):
        anchored.chain.trouble = trouble
        anchored.keep_up()
        for path in (anchored.trace_path, "/anchor"):
            assert zh in anchored.said(path)
            assert en in anchored.said(path, "en")
        assert "已锚定：日志前 12 条" in anchored.said(anchored.trace_path)


def test_a_replaced_outside_chain_takes_its_anchors_with_it(anchored: Anchored) -> None:
    """The page no longer says anchored, says what is gone, and the list shows the anchor as lost."""
    anchored.chain.development, anchored.chain.genesis = False, b"\6" * 32
    anchored.chain.held.clear()
    anchored.keep_up()
    said = anchored.said(anchored.trace_path)
    assert "已锚定：" not in said
    assert "先前的锚随那条链一起没有了" in said and "等待管理员建立新的合约" in said
    assert "随链丢失" in anchored.said("/anchor")


def _rewritten(a: Anchored) -> None:
    with a.house.kit.engine.begin() as connection:
        tile = store.load_tile(connection, 0, 0)
        connection.execute(update(store.log_tile).where(store.log_tile.c.level == 0).values(hashes=bytes(32) + tile[32:]))


def _cut_back(a: Anchored) -> None:
    with a.house.kit.engine.begin() as connection:
        connection.execute(delete(store.event).where(store.event.c.log_index >= 8))


@pytest.mark.parametrize(("harm", "zh", "en"), [(_rewritten, "被改写过", "was rewritten"), (_cut_back, "被截短过", "was cut back")])
def test_a_log_that_is_not_the_anchored_one_is_an_alarm_on_every_page(
    anchored: Anchored, harm: Callable[[Anchored], None], zh: str, en: str
) -> None:
    """Red on the lot's page and in the frame of every other, in both languages; the API and metrics say it too."""
    harm(anchored)
    anchored.keep_up()
    path = f"/t/{anchored.house.code('T1')}"
    page = anchored.html(path)
    assert 'class="verdict bad"' in page and zh in page
    assert en in anchored.html(path, "en")
    assert 'class="notice bad" role="alert"' in anchored.html("/")
    with TestClient(anchored.app) as client:
        told = client.get("/api/v1/anchor/status").json()
        assert told["alarm"] is True
        assert "suhe_anchor_alarm 1.0" in client.get("/metrics").text
    assert "已锚定的记录" not in anchored.said("/anchor")


def test_both_languages_are_pure_in_every_condition(anchored: Anchored) -> None:
    """No English on a Chinese page of anchors and no Chinese on an English one, whatever the chain does."""
    for trouble in (None, ChainDown("x"), OutOfGas("x"), ChainTrouble("x")):
        anchored.chain.trouble = trouble
        anchored.keep_up()
        assert [w for w in seen_by(anchored.html("/anchor", "en"), "en") if HAN.search(w)] == []
        said = [re.sub(r"0x[0-9a-f]+", " ", w) for w in seen_by(anchored.html("/anchor"), "zh-Hans")]
        assert [w for w in said if set(LATIN.findall(w)) - SAME_IN_BOTH] == []


def test_the_api_tells_anchors_with_their_contract(anchored: Anchored) -> None:
    """Anybody may ask: size, root, transaction, block, contract, and what kind of chain it is; the public half shows the page too."""
    with TestClient(anchored.app) as client:
        first = client.get("/api/v1/anchors").json()[0]
        note = client.get("/api/v1/log/checkpoint", params={"size": first["size"]}).text
        status = client.get("/api/v1/anchor/status").json()
        assert "suhe_anchor_lag_records 0.0" in client.get("/metrics").text
    import base64

    assert base64.b64encode(bytes.fromhex(first["root"])).decode() in note
    assert (first["state"], first["contract"]["development"]) == ("firm", True)
    assert (status["condition"], status["newest"]["size"], status["waiting_records"]) == ("fine", 12, 0)
    with TestClient(create_app(anchored.house.services, public_only=True)) as client:
        assert client.get("/anchor").status_code == 200


def test_a_chain_that_was_taken_away_is_said_beside_what_it_held(anchored: Anchored) -> None:
    """What was anchored stays on the page with when it was checked; what came later is not claimed to be on its way."""
    anchored.used = None
    anchored.keep_up()
    for path in (anchored.trace_path, "/anchor"):
        said = anchored.said(path)
        assert "现在没有连接链；已锚定的是那之前核对过的。" in said and "开发链，不是独立的锚。" in said
        assert "没有锚定：" not in said


def test_without_a_chain_the_page_says_so_and_claims_nothing(tmp_path: Path) -> None:
    """A house without a chain: not anchored, no word of a development chain."""
    house = build_house(tmp_path, readings_every_minutes=360)
    with TestClient(create_app(house.services), headers={"accept": "text/html", "accept-language": "zh"}) as client:
        for path in (f"/t/{house.code('P1')}", "/anchor"):
            page = client.get(path).text
            assert "没有锚定：这里没有连接链。" in page and "开发链" not in page
