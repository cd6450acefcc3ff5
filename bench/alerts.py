"""What watching costs: `python -m bench.alerts [--quick]`.

Rules on made-up quotes of ten products in five markets over seven years, on SQLite: one look that raises, and looks at which nothing
happens, which is what an installation does every three minutes; then the delivery of messages to a webhook on loopback that checks each
signature. What is raised and delivered is counted.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

from sqlalchemy import insert

from bench.report import Row, print_report
from foundation.blobs import BlobFolder
from foundation.clock import FixedClock, market_day, to_ms
from foundation.database import open_engine
from foundation.notify import Message
from foundation.notify_channels import ChannelFile
from foundation.notify_http import poster
from foundation.notify_outbox import Outbox, put
from foundation.notify_webhook import Webhook, signature_holds
from pricing import store
from pricing.alerts.conditions import CHANGE, IPA, LEVEL, Condition
from pricing.alerts.evidence import Evidence
from pricing.alerts.rules import Rule
from pricing.alerts.service import PriceAlerts
from pricing.analysis.service import Analysis
from pricing.service import Prices
from suhe.migrate import migrate

NOW = datetime(2026, 11, 28, 4, 0, tzinfo=UTC)
MARKETS = ("xinfadi", "shouguang", "kuangshan", "zhongcai", "lianyi")
SECRET = "bench-secret-of-no-worth"
COUNTY = "371522"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    print_report("alerts", rows(quick=parser.parse_args().quick))


def rows(*, quick: bool) -> list[Row]:
    """Return the figures; quick: a tenth of the rules and messages."""
    rules, messages, looks = (20, 60, 3) if quick else (200, 600, 7)
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for name, some in (("prices", _price_rules(rules)), ("IPA", _ipa_rules(min(rules, 50)))):
            first, later, raised = _watch(Path(folder) / name, some, looks)
            scale = f"{len(some)} rules on {name}, {raised} raised at the first look; median of {looks} looks"
            found += [
                Row(f"first look, {name}", first * 1000, "ms", scale),
                Row(f"a look, {name}", later * 1000, "ms", scale, at_most=3000.0),
            ]
        rate = _deliver(Path(folder) / "outbox", messages)
    found.append(Row("deliver", rate, "messages/s", f"{messages} messages, signed and checked, one webhook on loopback", at_least=10.0))
    return found


def _price_rules(count: int) -> list[Condition]:
    kinds = [
        *(Condition(LEVEL, side, 2000.0, p, m) for side in ("above", "below") for p in _products() for m in MARKETS),
        *(Condition(CHANGE, side, 5.0, p, m, days=7) for side in ("above", "below") for p in _products() for m in MARKETS),
    ]
    return kinds[:count]


def _ipa_rules(count: int) -> list[Condition]:
    return [Condition(IPA, "above", 0.5, p, m) for p in _products() for m in MARKETS][:count]


def _products() -> list[str]:
    return [f"product-{k}" for k in range(10)]


def _watch(folder: Path, conditions: list[Condition], looks: int) -> tuple[float, float, int]:
    """Return the seconds of the first look, the median of those after it, and how many alarms the first raised."""
    folder.mkdir()
    clock = FixedClock(NOW)
    engine = open_engine(f"sqlite:///{folder / 'records.db'}")
    migrate(engine)
    _quotes(engine)
    prices = Prices(engine, clock, BlobFolder(folder / "blobs"))
    registry: Any = SimpleNamespace(
        products=lambda: [SimpleNamespace(id=p, name_zh=p, name_en=p) for p in _products()],
        counties=lambda: [SimpleNamespace(code=COUNTY)],
    )
    evidence = Evidence(prices, Analysis(prices, clock, folder / "analysis"))
    alerts = PriceAlerts(engine, clock, registry, evidence, ChannelFile(folder / "keys", folder / "spool", clock))
    for condition in conditions:
        alerts.add_rule(Rule("", COUNTY, "bench", condition))
    began = time.perf_counter()
    raised = alerts.evaluate().raised
    first = time.perf_counter() - began
    took = []
    for _ in range(looks):
        clock.advance(timedelta(minutes=3))
        began = time.perf_counter()
        again = alerts.evaluate()
        took.append(time.perf_counter() - began)
        assert (again.raised, again.cleared) == (0, 0)
    engine.dispose()
    return first, median(took), raised


def _quotes(engine: Any) -> None:
    today: date = market_day(NOW)
    with engine.begin() as connection:
        for k, (product, market) in enumerate((p, m) for p in _products() for m in MARKETS):
            series = {"id": k + 1, "source": market, "market": market, "name": product, "spec": "", "grade": "", "origin": "",
                      "currency": "CNY", "product": product}  # fmt: skip
            connection.execute(insert(store.price_series), series)
            quotes = []
            for back in range(7 * 365):
                mid = 2000 + 37 * ((k * 7 + back // 3) % 23)
                quotes.append(
                    {"series_id": k + 1, "valid_date": today - timedelta(days=back), "ordinal": 0, "observed_ms": to_ms(NOW), "low": mid,
                     "mid": mid, "high": mid, "mid_kind": "midpoint", "raw_price": "", "raw_unit": "斤", "run_id": 1}
                )  # fmt: skip
            connection.execute(insert(store.quote_current), quotes)


def _deliver(folder: Path, count: int) -> float:
    """Return how many messages a second reach a receiver that checks each signature."""
    folder.mkdir()
    clock = FixedClock(NOW)
    engine = open_engine(f"sqlite:///{folder / 'records.db'}")
    migrate(engine)
    taken = set[str]()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            good = signature_holds(SECRET, self.headers["suhe-timestamp"], body, self.headers["suhe-signature"], NOW.timestamp())
            if good:
                taken.add(self.headers["idempotency-key"])
            self.send_response(204 if good else 401)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with engine.begin() as connection:
        for k in range(count):
            put(connection, Message(f"m{k}", "t", "x" * 400), ["hook"], "bench", to_ms(NOW))
    hook = Webhook(f"http://127.0.0.1:{server.server_address[1]}/", SECRET, poster(near=True), clock)
    unlimited: Any = SimpleNamespace(kind="webhook", per_minute=count, send=hook.send)
    began = time.perf_counter()
    done = Outbox(engine, clock).deliver({"hook": unlimited})
    seconds = time.perf_counter() - began
    server.shutdown()
    server.server_close()
    engine.dispose()
    assert done.sent == len(taken) == count
    return count / seconds


if __name__ == "__main__":
    main()
