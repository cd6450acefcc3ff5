"""The season against the real API and registry: it writes itself, survives being stopped, and the log holds."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboards.api import log_tiles
from dashboards.api import trace as api
from dashboards.problems import install
from foundation.clock import FixedClock
from foundation.database import open_engine
from foundation.settings import Settings
from registry.service import Registry
from simulators.season import OPEN_ROUNDS, run_season
from suhe.demo import register_demo
from suhe.migrate import migrate
from tests.waiting import wait_until
from traceability.service import Trace


@dataclass
class House:
    """A demo installation as far as the season needs it."""

    app: FastAPI
    trace: Trace
    clock: FixedClock
    folder: Path
    credentials: dict[str, Any]

    def client(self) -> TestClient:
        """Return a client without credentials."""
        return TestClient(self.app)

    @property
    def key(self) -> dict[str, str]:
        """Return the header of the season's API key."""
        return {"authorization": f"Bearer {self.credentials['api_key']}"}

    def run(self) -> tuple[threading.Event, threading.Thread]:
        """Start the season; return what stops it."""
        stop = threading.Event()
        arguments = {"credentials": self.credentials, "base_url": "http://testserver", "data_folder": self.folder}
        thread = threading.Thread(
            target=run_season, kwargs={**arguments, "stop_event": stop, "clock": self.clock, "client": self.client()}, daemon=True
        )
        thread.start()
        return stop, thread

    def told(self) -> dict[str, Any]:
        """Return the progress the season tells."""
        path = self.folder / "simulator/season.json"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return found


@pytest.fixture
def house(records_url: str, tmp_path: Path) -> Iterator[House]:
    """Yield a demo with both counties registered and nothing written."""
    settings = Settings(data=tmp_path, public_url="https://suhe.example")
    engine = open_engine(records_url)
    migrate(engine)
    clock = FixedClock(datetime(2026, 11, 23, 8, 0, 1, tzinfo=UTC))
    registry = Registry(engine, clock)
    register_demo(settings, registry, clock)
    trace = Trace(engine, registry, clock, settings.keys_folder / "log.key")
    services = SimpleNamespace(settings=settings, clock=clock, registry=registry, trace=trace, demo=True)
    app = FastAPI()
    app.state.services = services
    app.include_router(api.router(services))  # type: ignore[arg-type]
    app.include_router(log_tiles.router(services))  # type: ignore[arg-type]
    install(app)
    credentials = json.loads((settings.keys_folder / "demo.json").read_text())
    yield House(app, trace, clock, tmp_path, credentials)
    engine.dispose()


def test_the_season_writes_itself_once(house: House) -> None:
    """All of the past is written with every event accepted; a season stopped and started again adds only what time brought."""
    stop, thread = house.run()
    wait_until(lambda: house.told().get("complete"), 60)
    house.trace.make_checkpoint()
    before = house.trace.verify_all()
    assert before.ok and before.size >= house.told()["total"] >= 800
    stop.set()
    thread.join(20)
    (house.folder / "simulator/season.json").unlink()
    house.clock.advance(timedelta(seconds=260))
    stop, thread = house.run()
    wait_until(lambda: house.told().get("complete"), 60)
    wait_until(lambda: house.trace.verify_all().size > before.size, 20, what="a live event")
    stop.set()
    thread.join(20)
    after = house.trace.verify_all()
    # Of 260 s: the events of two rounds, eight each, and what was still to come of the rounds that had begun before.
    assert after.ok and after.size <= before.size + 16 + 8 * OPEN_ROUNDS
    lots = house.trace.lots(limit=500)
    assert len({lot.code for lot in lots}) == len(lots) and house.trace.verify_lot(lots[0].id).ok


def test_the_api_of_lots_and_trust(house: House) -> None:
    """Writes need a key, codes and checkpoints are public, lists are paged, errors are problems."""
    stop, thread = house.run()
    wait_until(lambda: house.told().get("complete"), 60)
    stop.set()
    thread.join(20)
    house.trace.make_checkpoint()
    http = house.client()
    assert http.post("/api/v1/events", json={"body": "{}", "key": "0" * 16, "signature": "A" * 86 + "=="}).status_code == 401
    refused = http.post("/api/v1/events", json={"body": "{}", "key": "0" * 16, "signature": "A" * 86 + "=="}, headers=house.key)
    assert refused.status_code == 422 and refused.headers["content-type"] == "application/problem+json"
    _check_lists(http, house)
    lot = http.get("/api/v1/lots", params={"limit": 1}).json()["items"][0]
    known = http.get(f"/api/v1/codes/{lot['code'].lower()}").json()
    assert known["lot"] == lot and len(known["events"]) == lot["event_count"]
    verdict = http.get(f"/api/v1/codes/{lot['code']}/verify").json()
    assert verdict["ok"] and len(verdict["steps"]) == 13
    event = known["events"][0]
    again = {"body": event["body"], "key": event["key_id"], "signature": _signature(house, event)}
    answer = http.post("/api/v1/events", json=again, headers=house.key)
    assert answer.status_code == 200 and answer.json()["log_index"] == event["log_index"]
    _check_log(http)
    svg = http.get(f"/api/v1/codes/{lot['code']}/qr.svg")
    png = http.get(f"/api/v1/codes/{lot['code']}/qr.png")
    assert svg.text.startswith("<svg") and png.content.startswith(b"\x89PNG")
    assert http.get("/api/v1/codes/0000-0000-0000-0000-0/qr.svg").status_code == 404
    assert http.get("/api/v1/lots/371522:nothing").status_code == 404


def _check_lists(http: httpx.Client, house: House) -> None:
    whole = [x.id for x in house.trace.lots(limit=500)]
    found: list[str] = []
    url: str | None = "/api/v1/lots?limit=60"
    while url:
        answer = http.get(url)
        found += [x["id"] for x in answer.json()["items"]]
        url = answer.links.get("next", {}).get("url")
    assert found == whole


def _check_log(http: httpx.Client) -> None:
    from traceability.merkle import verify_consistency
    from traceability.notes import NoteVerifier

    name, _, encoded = http.get("/api/v1/log/key").text.strip().split("+", 2)
    import base64

    sealed = NoteVerifier(name, base64.b64decode(encoded)[1:]).open(http.get("/api/v1/log/checkpoint").text)
    assert sealed.size == http.get("/api/v1/log/checkpoints").json()[0]["size"]
    assert len(http.get("/api/v1/log/tile/0/000").content) == 256 * 32
    assert http.get("/api/v1/log/tile/5/000").status_code == 404
    assert http.get("/api/v1/log/checkpoint", params={"size": 1}).status_code == 404
    first, last = (http.get("/api/v1/log/checkpoints").json()[k] for k in (-1, 0))
    told = http.get("/api/v1/log/consistency", params={"first": first["size"], "second": last["size"]}).json()["proof"]
    proof = [base64.b64decode(h) for h in told]
    verify_consistency(first["size"], last["size"], bytes.fromhex(first["root"]), bytes.fromhex(last["root"]), proof)
    assert http.get("/api/v1/log/consistency", params={"first": 5, "second": last["size"] + 1}).status_code == 404


def _signature(house: House, event: dict[str, Any]) -> str:
    import base64

    from nacl.signing import SigningKey

    seed = next(k["seed"] for k in house.credentials["author_keys"].values() if k["key"] == event["key_id"])
    return base64.b64encode(SigningKey(bytes.fromhex(seed)).sign(event["body"].encode()).signature).decode()


@pytest.mark.parametrize("records_url", ["sqlite"], indirect=True)
def test_a_round_that_had_begun_is_written_to_its_end(house: House) -> None:
    """Stopped while a truck is under way and started long after, the season still writes its receipt: nothing stays on the road."""
    stop, thread = house.run()
    wait_until(lambda: house.told().get("complete"), 60)
    rounds = house.folder / "simulator/season-rounds.json"

    def on_the_road() -> set[str]:
        return {lot.id for lot in house.trace.lots(state="in_transit", limit=500) if "-n" in lot.id}

    wait_until(lambda: len(on_the_road()) >= 4, 20, what="trucks of four rounds on the road")
    stop.set()
    thread.join(20)
    begun, left = set(json.loads(rounds.read_text())), on_the_road()
    assert len(begun) >= 4
    house.clock.advance(timedelta(hours=3))
    stop, thread = house.run()
    wait_until(lambda: not on_the_road() & left, 30, what="all received")
    wait_until(lambda: not set(json.loads(rounds.read_text())) & begun, 10, what="the rounds are over")
    stop.set()
    thread.join(20)
