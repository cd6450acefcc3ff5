"""Answers that somebody saved to a file: read like the source's own, once, and saying nothing of how the source is."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from sqlalchemy import select

from foundation.errors import BadInput, NotFound
from pricing import saved, store
from pricing.saved import read_saved
from pricing.service import Prices
from pricing.source import Blocked, SourceChanged
from tests.pricing.tables import fingerprints

REPLIES = Path(__file__).with_name("replies")


def test_a_saved_answer_is_recorded_once(prices: Prices, tmp_path: Path) -> None:
    """Rows, refusals and the file itself are kept; the same file packed changes nothing; no currency but the file's own is used."""
    plain = REPLIES / "wfp_hdx.synthetic.csv"
    report = prices.read_answer("wfp_hdx", plain)
    assert (report.state, report.new, [r.reason for r in report.refused]) == ("ok", 3, ["unit"])
    before = fingerprints(prices)
    packed = tmp_path / "again.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert prices.read_answer("wfp_hdx", packed).state == "taken"
    assert fingerprints(prices) == before
    with prices.engine.connect() as connection:
        assert set(connection.execute(select(store.price_series.c.currency)).scalars()) == {"MWK"}
        assert connection.execute(select(store.price_payload.c.url)).scalars().all() == ["file:wfp_hdx.synthetic.csv"]
    assert {s.id: s.state for s in prices.sources()}["wfp_hdx"] == "never"
    assert prices.board(None, None) == []


def test_the_older_export_of_taiwan_is_read_from_a_file(lite_prices: Prices) -> None:
    """Chinese keys, a flower refused as a bunch, a market that rested."""
    report = lite_prices.read_answer("amis", REPLIES / "amis_export.synthetic.json")
    assert (report.state, report.new, [r.reason for r in report.refused]) == ("ok", 1, ["piece-unit"])


def test_a_file_that_is_no_answer_changes_nothing(lite_prices: Prices, tmp_path: Path) -> None:
    """Another site's answer, a page, no file at all: an error, and not one row or run."""
    page = tmp_path / "page.html"
    page.write_text("<html></html>")
    for source, path, error in (
        ("wfp_hdx", REPLIES / "xinfadi.synthetic.json", SourceChanged),
        ("wfp_hdx", page, Blocked),
        ("wfp_hdx", tmp_path / "none.csv", NotFound),
        ("nothing", page, NotFound),
    ):
        with pytest.raises(error):
            lite_prices.read_answer(source, path)
    with lite_prices.engine.connect() as connection:
        assert connection.execute(select(store.price_run)).all() == []


def test_a_packed_file_is_unpacked_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file that unpacks to a giant one, and damaged packing, are refused."""
    monkeypatch.setattr(saved, "LARGEST_ANSWER", 1000)
    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(gzip.compress(b"0" * 100_000))
    with pytest.raises(BadInput, match="too large"):
        read_saved(bomb)
    broken = tmp_path / "broken.gz"
    broken.write_bytes(gzip.compress(b"0123456789" * 20)[:-9])
    with pytest.raises(BadInput, match="damaged"):
        read_saved(broken)
