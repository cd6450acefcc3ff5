"""The page on adding a source: its example is short, is a source, reads its reply as the page says, and is fetched over HTTP."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest

import pricing.store
from foundation.blobs import BlobFolder
from foundation.clock import FixedClock
from foundation.database import metadata, open_engine
from pricing.addresses import LOOPBACK_HOSTS
from pricing.clean import quote_of
from pricing.collecting import Collector
from pricing.fetching import open_client
from pricing.quotes import Quote, Window
from pricing.source import Blocked, Source, SourceChanged
from pricing.sources import SOURCES

assert pricing.store
PAGE = (Path(__file__).parents[2] / "docs" / "adding-a-source.md").read_text("utf-8")
DAY = date(2026, 11, 22)
MOST_LINES = 60


def _block(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.S | re.M)
    assert len(found) == 1
    return str(found[0])


@pytest.fixture
def source() -> Iterator[Source]:
    """Yield the page's source, run as a module of its own."""
    module = ModuleType("the_page_on_sources")
    sys.modules[module.__name__] = module  # where its classes look for the meaning of their annotations
    exec(compile(_block("python"), "docs/adding-a-source.md", "exec"), module.__dict__)
    yield module.SOURCE
    del sys.modules[module.__name__]


def test_the_example_is_short() -> None:
    """A source is sixty lines at most."""
    assert len(_block("python").splitlines()) <= MOST_LINES


def test_the_example_reads_its_reply_as_the_page_says(source: Source) -> None:
    """Rows, prices per kilogram and refusals are those printed on the page; another shape and a page for people are loud."""
    body = _block("json").encode()
    (asked,) = source.plan(Window(DAY, DAY))
    lines = []
    for raw in source.parse(body, asked).rows:
        found = quote_of(raw, source.id, DAY)
        if isinstance(found, Quote):
            s = found.series
            price = f"{found.low} {found.mid} {found.high} {found.mid_kind} ({found.raw_price} {found.raw_unit})"
            lines.append(f"{found.valid_date} {s.market}/{s.name}/{s.spec}/{s.grade}/{s.origin} -> {s.product} {price}")
        else:
            lines.append(f"{found.day} {found.market}/{found.name} refused: {found.reason}")
    assert lines == _block("text").splitlines()
    for changed in (body.replace(b'"low"', b'"least"'), body.replace(b"2026-11-22", b"22.11.2026"), b"{}"):
        with pytest.raises(SourceChanged):
            source.parse(changed, asked)
    with pytest.raises(Blocked):
        source.parse(b"<html></html>", asked)


def test_the_example_is_collected_over_http(source: Source, tmp_path: Path) -> None:
    """The collector fetches it from a server and finds the page's rows."""
    body = _block("json").encode()

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            right = self.path == "/county/prices?from=2026-11-22&to=2026-11-22"
            self.send_response(200 if right else 404)
            self.send_header("content-length", str(len(body) if right else 0))
            self.end_headers()
            if right:
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    engine = open_engine(f"sqlite:///{tmp_path / 'prices.db'}")
    metadata.create_all(engine)
    collector = Collector(engine, FixedClock(datetime(2026, 11, 22, 8, tzinfo=UTC)), BlobFolder(tmp_path / "blobs"))
    try:
        with open_client(allow=LOOPBACK_HOSTS) as client:
            batch = collector.try_out(source, f"http://127.0.0.1:{server.server_port}/county", Window(DAY, DAY), client)
    finally:
        server.shutdown()
        server.server_close()
        engine.dispose()
    assert [q.series.product for q in batch.quotes] == ["lotus_root", "lotus_sprout"]
    assert len(batch.refused) == 1


def test_the_page_says_what_every_source_needs() -> None:
    """Each built-in source stands in the table with its permission and whether it is on."""
    table = PAGE[PAGE.index("What the built-in sources need") : PAGE.index("## The file")]
    for s in SOURCES.values():
        line = next(line for line in table.splitlines() if f"`{s.id}`" in line)
        assert f"| {s.permission} |" in line
        assert line.rstrip().endswith("| on |" if s.enabled else "| off |")
    assert "`robots_checked_at` is empty everywhere" in PAGE
    assert all(s.robots_checked_at is None for s in SOURCES.values())
