"""The season's proof file is whole, the season on the page is told by seals, and the page does not get slower by it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from nacl.signing import VerifyKey

from tests.dashboards.fakes_house import PLOT, House, build_house
from tests.dashboards.test_trace_page import client_of
from traceability.lot_map import MapEntry, verify_presence
from traceability.merkle import verify_inclusion
from traceability.records import FIRST_PREV, Entry, Record, hash_body


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Yield a house whose season is sealed but for one day."""
    made = build_house(tmp_path)
    while made.services.seals.seal_due():
        pass
    made.services.trace.make_checkpoint()
    yield made
    made.services.readings.close()


def test_the_file_proves_every_sealed_day_and_that_none_is_left_out(house: House) -> None:
    """Chained from the first record, signed by the log, in the tree, and count and head under the map's root."""
    trace = house.services.trace
    code = trace.lots()[-1].code
    told = json.loads(client_of(house).get(f"/t/{code}/season.json").content)
    checkpoint = trace.latest_checkpoint()
    assert checkpoint is not None and told["checkpoint"] == trace.checkpoint_note()
    (chain,) = told["chains"]
    assert chain["records"] == [r["index"] for r in told["records"]] and not told["pending"]
    prev, leaf = FIRST_PREV, b""
    key = VerifyKey(base64.b64decode(told["log"].split("+", 2)[2])[1:])
    for number, r in enumerate(told["records"], 1):
        body, signature = r["body"].encode(), base64.b64decode(r["sig"])
        assert r["entries"] == [[chain["subject"], number, ""]]
        key.verify(body, signature)
        record = Record(body, (Entry(chain["subject"], number, prev),), hash_body(body), r["key"], signature, r["time"])
        prev, leaf = record.hashes()
    siblings = [base64.b64decode(s) if s else bytes(32) for s in chain["map"]]
    assert checkpoint.map_root is not None
    verify_presence(MapEntry(chain["subject"], len(told["records"]), prev), siblings, checkpoint.map_root)
    proof = [base64.b64decode(h) for h in told["inclusion"]["proof"]]
    verify_inclusion(leaf, told["inclusion"]["index"], checkpoint.size, proof, checkpoint.root)


def test_a_sealed_season_is_drawn_without_the_raw_readings(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trace page of a lot whose days are sealed asks no file of readings for its season, and says how many days are sealed."""
    monkeypatch.setattr(house.services.readings, "aggregate_many", None)
    page = client_of(house).get(f"/t/{house.services.trace.lots()[-1].code}", headers={"accept-language": "en"}).text
    assert "61 of 61 days sealed" in page
    assert PLOT in house.services.seals.sealed_plots()
