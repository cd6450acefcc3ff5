"""`suhe price source`: the list of terms, a try against a served site, an answer from a file."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from foundation.blobs import BlobFolder
from foundation.clock import SystemClock, market_day
from foundation.database import metadata, open_engine
from pricing.service import Prices
from pricing.sources import SOURCES
from simulators.markets import run_markets
from suhe.cli import app
from tests.waiting import wait_until

REPLIES = Path(__file__).parents[1] / "pricing" / "replies"


@pytest.fixture
def addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Yield where every simulated site is, for a command line whose house is a demo's."""
    engine = open_engine(f"sqlite:///{tmp_path / 'prices.db'}")
    metadata.create_all(engine)
    house = SimpleNamespace(prices=Prices(engine, SystemClock(), BlobFolder(tmp_path / "blobs")), clock=SystemClock(), demo=True)
    monkeypatch.setattr("suhe.commands.trace._services", lambda: house)
    stop = threading.Event()
    serve = threading.Thread(target=run_markets, args=(0, tmp_path, stop), kwargs={"quirks": False, "every": True})
    serve.start()
    told = tmp_path / "simulator" / "markets.json"
    wait_until(told.exists, 10)
    yield json.loads(told.read_text())
    stop.set()
    serve.join(10)
    engine.dispose()


def _run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["price", "source", *arguments])
    assert done.exception is None, done.exception
    return str(done.output)


def test_the_list_states_terms_and_defaults() -> None:
    """Every source with permission, currency, licence and pace; those off by default are marked; JSON has the same."""
    said = _run("list")
    for s in SOURCES.values():
        line = next(x for x in said.splitlines() if x.startswith(f"{s.id} "))
        assert ("OFF" in line) is not s.enabled
        assert s.permission in line
        assert s.currency in line
    told = {s["id"]: s for s in json.loads(_run("list", "--json"))}
    assert told.keys() == SOURCES.keys()
    assert told["pfsc_quotes"]["enabled"] is False
    assert told["amis"]["currency"] == "TWD"


def test_a_try_prints_rows_freshness_and_warnings_and_stores_nothing(addresses: dict[str, str]) -> None:
    """Yuan per 斤 first, other money as what it is, indices as indices; what is odd is a warning; the older command says the same."""
    day = (market_day(SystemClock().now()) - timedelta(days=1)).isoformat()
    said = _run("try", "jnmarket", "--day", day, "--url", addresses["jnmarket"])
    assert "元/斤  melon" in said
    assert f"newest day {day}, 1 day old; nothing was stored" in said
    assert "warning: no person has read the site's robots.txt" in said
    assert CliRunner().invoke(app, ["price", "try", "jnmarket", "--day", day, "--url", addresses["jnmarket"]]).output == said
    assert "index A " in _run("try", "pfsc", "--url", addresses["pfsc"])
    said = _run("try", "wfp_hdx", "--url", addresses["wfp_hdx"])
    assert "MWK/kg" in said
    assert "元/斤" not in said
    assert "warning: this source is off by default" in said


def test_a_source_that_needs_leave_is_not_tried_by_accident(addresses: dict[str, str]) -> None:
    """Without an address named by hand nothing is asked; a source without one of its own says so."""
    for source in ("pfsc_quotes", "wfp_hdx"):
        done = CliRunner().invoke(app, ["price", "source", "try", source])
        assert "--url" in str(done.exception) or "--url" in done.output
    assert "needs its owner's written permission" in _run("try", "pfsc_quotes", "--url", addresses["pfsc_quotes"])


def test_a_saved_answer_is_read_once(addresses: dict[str, str]) -> None:
    """What is new, what is refused and why; the same file again changes nothing."""
    file = str(REPLIES / "wfp_hdx.synthetic.csv")
    said = _run("read", "wfp_hdx", file)
    assert "3 new" in said
    assert "1 refused: the unit is no weight" in said
    assert "nothing changed" in _run("read", "wfp_hdx", file)
