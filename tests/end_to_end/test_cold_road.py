"""One truck from its recorder to the consumer's page: real broker, real store, real API; broken, mended, summed up exactly once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import rfc8785
from fastapi.testclient import TestClient

from dashboards.app import create_app
from foundation.clock import FixedClock, SystemClock, from_ms, to_ms
from foundation.database import open_engine
from foundation.settings import Settings
from ingest.gateway import Gateway
from ingest.worker import run_worker
from registry.directory import RegistryDirectory
from simulators.carrier import Carrier
from simulators.season import SEED, SLOT_MS, SLOTS
from simulators.season_bodies import envelope
from simulators.season_plan import live, live_trip, season
from simulators.timegrid import day_of
from simulators.trips import ride
from simulators.trucks import TruckRun
from suhe.bootstrap import build_services
from suhe.breaking import break_it, heal_all
from suhe.demo import register_demo
from suhe.installation import open_installation
from suhe.migrate import migrate
from tests import servers
from tests.waiting import wait_until

LENGTH = SLOTS * SLOT_MS


@dataclass
class Demo:
    """A demo in which one round's truck is about to leave, on a clock the test moves."""

    settings: Settings
    services: Any
    clock: FixedClock
    run: TruckRun
    told: list[Any]
    web: TestClient
    credentials: dict[str, Any]

    @property
    def truck(self) -> str:
        """The truck of the round."""
        return str(self.told[-2].fields["suhe:recorder"])

    @property
    def lot(self) -> str:
        """The lot that travels."""
        return str(self.told[-1].fields["quantityList"][0]["epcClass"])

    def write(self, events: list[Any]) -> None:
        """Hand in events as their authors' apps do."""
        for k in range(0, len(events), 500):
            sealed = [envelope(t.body(SEED), self.credentials["author_keys"][t.party]) for t in events[k : k + 500]]
            self.web.post("/api/v1/events/batch", json={"events": sealed}).raise_for_status()

    def go(self, seconds: float) -> None:
        """Let the truck drive for a while, then wait until what it recorded is in the store, and judge it."""
        until = to_ms(self.clock.now()) + int(seconds * 1000)
        now = to_ms(self.clock.now())
        while now < until:
            now = min(until, now + 1000)
            self.run.step(now)
        self.clock.instant = from_ms(now)
        wait_until(lambda: self.run.waiting(self.truck) == 0, 20, what="the truck's box is empty")
        self.services.logistics.cold_chain.watch()

    def page(self) -> str:
        """Return the consumer's page."""
        code = self.services.trace.code_of(self.lot)
        return self.web.get("/t/" + "-".join(code[k : k + 4] for k in range(0, 17, 4)), headers={"accept-language": "en"}).text


@pytest.fixture
def demo(mosquitto: servers.Server, tmp_path: Path) -> Iterator[Demo]:
    """Yield the demo; the broker lets anyone in, ingest asks the registry who may say what."""
    settings, real = Settings(data=tmp_path), SystemClock()
    open_installation(tmp_path, demo=True)
    migrate(open_engine(settings.records_url))
    # A round whose trip is planned without a silence and lies wholly in the past of the real clock.
    today = day_of(to_ms(real.now()))
    group = to_ms(real.now()) // LENGTH - 8
    while {p.kind for p in ride(SEED, _trip(today, group)).planted} != {"door"}:
        group -= 1
    told = live(SEED, today, day_of(group * LENGTH), group, SLOT_MS, SLOTS)
    clock = FixedClock(from_ms(told[-2].time_ms))
    services = build_services(settings, clock=clock)
    register_demo(settings, services.registry, clock)
    credentials = json.loads((settings.keys_folder / "demo.json").read_text())
    stop = threading.Event()
    worker = threading.Thread(
        target=run_worker,
        kwargs={
            "host": "127.0.0.1", "port": mosquitto.port, "username": "ingest", "password": "any", "worker_id": "0",
            "shards": "0123456789abcdef", "folder": settings.readings_folder, "directory": RegistryDirectory(services.registry),
            "stop": stop,
        },
    )  # fmt: skip
    worker.start()
    folder = tmp_path / "simulator"
    folder.mkdir()
    (folder / "trucks.json").write_text(json.dumps({"until_ms": told[-2].time_ms}))
    (tmp_path / "spool").mkdir()

    def open_sender(truck: str) -> Gateway:
        name = f"{truck}-gw"
        return Gateway(name, credentials["trucks"][name], "127.0.0.1", mosquitto.port, tmp_path / "spool" / f"{name}.db")

    run = TruckRun(open_sender, folder, today)
    with TestClient(create_app(services), headers={"authorization": f"Bearer {credentials['api_key']}"}) as web:
        made = Demo(settings, services, clock, run, told, web, credentials)
        made.write([t for t in season(SEED, today, today) if t.time_ms <= told[0].time_ms])
        made.write(told[:-1])
        yield made
    run.close()
    stop.set()
    worker.join(20)


def _trip(today: int, group: int) -> Any:
    return live_trip(live(SEED, today, day_of(group * LENGTH), group, SLOT_MS, SLOTS))


def test_a_truck_breaks_is_mended_arrives_and_is_summed_up_once(demo: Demo) -> None:
    """In range; broken, the alarm opens and both pages say so; mended, it closes with its minutes; the signed summary stands there once."""
    cold = demo.services.logistics.cold_chain
    demo.go(120)
    (leg,) = [x for x in cold.legs(state="under_way") if x.recorder == demo.truck]
    assert leg.judged.state == "ok" and leg.judged.count >= 11 and leg.pace == 60
    assert "on the road, in range" in demo.page()

    assert demo.truck in break_it(demo.settings, "reefer", demo.truck)
    demo.go(130)
    (alarm,) = [a for a in cold.alarms(leg.county) if a.leg == leg.id]
    assert alarm.side == "above" and alarm.value_c > alarm.limit_c
    assert "on the road, out of range" in demo.page()
    assert "above the limit" in demo.web.get(f"/c/{leg.county}/cold-chain", headers={"accept": "text/html", "accept-language": "en"}).text

    assert any(demo.truck in line for line in heal_all(demo.settings))
    demo.go(150)
    assert [a for a in cold.alarms(leg.county) if a.leg == leg.id] == []
    (excursion,) = cold.leg(leg.id).leg.judged.excursions
    assert excursion.ended_ms is not None and 1 < excursion.minutes(0) < 5

    demo.go(220)
    demo.write(demo.told[-1:])
    demo.go(30)
    assert leg.id in {x.id for x in cold.legs(state="due")}
    offices = [Carrier(http, demo.credentials["author_keys"], demo.run.waiting) for http in (_Forgetful(demo.web), demo.web, demo.web)]
    assert [office.sign_due() for office in offices][2] == 0
    cold.watch()
    history = demo.services.trace.lot(demo.lot)
    (summary,) = [e for e in history.events if e.kind == "sensor_summary"]
    report = summary.body["sensorElementList"][0]["sensorReport"][0]
    assert report["exception"] == "ALARM_CONDITION" and report["maxValue"] == excursion.extreme_c
    assert summary.body["suhe:cold"]["longestExcursionMinutes"] == round(excursion.minutes(0), 1)
    assert summary.body["suhe:cold"]["minutesUnknown"] == 0
    page = demo.page()
    assert "out of range, longest" in page and "the curve fits the signed hash" in page
    assert demo.services.trace.verify_all().ok and rfc8785.dumps(dict(summary.body)).decode() == summary.body_text


class _Forgetful:
    """A connection that breaks after the server has answered a summary: the office never learns that it was recorded."""

    def __init__(self, web: TestClient) -> None:
        self.web = web

    def get(self, *arguments: Any, **more: Any) -> Any:
        """Ask."""
        return self.web.get(*arguments, **more)

    def post(self, *arguments: Any, **more: Any) -> Any:
        """Hand in, and lose the answer."""
        self.web.post(*arguments, **more)
        raise httpx.ReadError("the connection broke")
