"""What the analysts' page and notebook say works: every line of Python in them runs on a small house."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, literal, select

from foundation.blobs import BlobFolder
from foundation.clock import FixedClock, market_day, to_ms
from foundation.database import metadata, open_engine
from pricing import frame, store
from pricing.service import Prices
from tests.dashboards.fakes_prices import fill

DOCS = Path(__file__).parents[2] / "docs"
NOW = datetime(2025, 11, 23, 8, 0, tzinfo=UTC)
NOTEBOOK = json.loads((DOCS / "notebooks" / "prices.ipynb").read_text())


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with two and a half years of one product in four markets, and a snapshot of it."""
    folder = tmp_path_factory.mktemp("house")
    engine = open_engine(f"sqlite:///{folder / 'records.db'}")
    metadata.create_all(engine)
    markets = (("shouguang", "ncpscxx"), ("zhongcai", "ncpscxx"), ("kuangshan", "ncpscxx"), ("shenxian", "shenxian_origin"))
    fill(engine, market_day(NOW), to_ms(NOW), days=900, products=("tomato",), markets=markets)
    with engine.begin() as connection:
        kept = [c.name for c in store.quote_current.columns]
        standing = select(*(store.quote_current.c[name] for name in kept), literal("quoted"))
        connection.execute(insert(store.quote_obs).from_select([*kept, "status"], standing))
    Prices(engine, FixedClock(NOW), BlobFolder(folder / "blobs"), folder / "prices").build_snapshot()
    engine.dispose()
    return folder


@pytest.fixture(autouse=True)
def _there(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUHE_WHERE", str(house))
    monkeypatch.setenv("SUHE_DATA", str(house))
    monkeypatch.setenv("SUHE_DATABASE_URL", "")


def run(blocks: list[str], name: str) -> dict[str, Any]:
    """Run blocks of code one after the other in one namespace and return it."""
    space: dict[str, Any] = {"__name__": name}
    for k, block in enumerate(blocks):
        exec(compile(block, f"{name}, block {k}", "exec"), space)
    return space


def test_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """Copied as it stands, the page's Python gives frames and a table out of the snapshot."""
    space = run(re.findall(r"```python\n(.*?)```", (DOCS / "analysts.md").read_text(), re.DOTALL), "analysts.md")
    assert len(space["days"]) > 2000 and 0 < len(space["known"]) < len(space["days"]) and space["wide"].shape[1] == 4
    assert "tomato" in capsys.readouterr().out


def test_the_page_names_every_column() -> None:
    """The table of columns is the frame's."""
    told = re.findall(r"`(\w+)`", "".join(x.split("|")[1] for x in (DOCS / "analysts.md").read_text().splitlines() if x.startswith("| `")))
    told = [f"{t}milli_per_kg" if t.endswith("_") else t for t in told]
    assert sorted(told) == sorted(frame("tomato", "shouguang", start="2025-11-01").columns)


def test_the_notebook_is_whole_and_clean() -> None:
    """It is nbformat 4.5 with an id for each cell, and holds no output and no path of anybody's machine."""
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    ids = [c["id"] for c in NOTEBOOK["cells"]]
    assert len(set(ids)) == len(ids) and all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", i) for i in ids)
    code = [c for c in NOTEBOOK["cells"] if c["cell_type"] == "code"]
    assert all(c["outputs"] == [] and c["execution_count"] is None for c in code)
    assert {c["cell_type"] for c in NOTEBOOK["cells"]} == {"markdown", "code"}
    assert not re.search(r"/home/|/Users/|/tmp/|C:\\\\", json.dumps(NOTEBOOK))


def test_the_notebook_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """Its cells, run in order, say whose numbers they show, what is usual, the spread, the index, and how far naive carries."""
    space = run(["".join(c["source"]) for c in NOTEBOOK["cells"] if c["cell_type"] == "code"], "prices.ipynb")
    said = capsys.readouterr().out
    assert space["season"]["years"].max() >= 1 and space["check"].loc["naive", "1 weeks"] == pytest.approx(1.0, abs=0.05)
    for words in ("left out", "ncpscxx", "half-life", "2025-11", "seasonal naive", "none stated"):
        assert words in said
