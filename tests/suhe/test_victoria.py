"""Our own VictoriaMetrics: found under any of its names, kept on its port, fed anew when it was emptied."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError

from foundation.clock import SystemClock, to_ms
from foundation.settings import Settings
from ingest.catalog import Catalog
from ingest.cursors import Cursor, Place
from ingest.service import Readings
from suhe.broker import Broker
from suhe.commands.doctor import _server_store
from suhe.installation import open_installation
from suhe.stack import children
from suhe.victoria import PROGRAMS, own_victoria, prepare_victoria, sink_target, victoria_command
from tests import servers
from tests.ingest.examples import TwoGateways, message
from tests.waiting import wait_until

BROKER = Broker("mosquitto", "127.0.0.1", 1, 5, "ingest", "x")


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a program of one of the names on PATH, whether this machine has the real one or not."""
    program = tmp_path / "bin" / "victoria-metrics-prod"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("SUHE_HIDE_PROGRAMS", "victoria-metrics,victoriametrics")
    return program


def names(settings: Settings) -> list[str]:
    """Return the children's names in starting order."""
    return [c.name for c in children(settings, open_installation(settings.data, demo=False), BROKER, lan=False)]


def test_it_is_started_last_and_fed(found: Path, tmp_path: Path) -> None:
    """Where it is found it is a child, after the pages and ingest, on loopback, with its feed behind it."""
    settings = Settings(data=tmp_path / "data")
    assert names(settings)[-2:] == ["victoria-metrics", "sink"]
    target = own_victoria(settings)
    assert target is not None and target == sink_target(settings)
    command = victoria_command(settings, target)
    assert str(found) in command and f"-httpListenAddr={target.url.removeprefix('http://')}" in command
    assert (
        target.url.startswith("http://127.0.0.1:") and f"-storageDataPath={(tmp_path / 'data' / 'victoria-metrics').absolute()}" in command
    )


def test_nothing_is_started_where_it_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the program and without an address there is neither child nor feed."""
    monkeypatch.setenv("SUHE_HIDE_PROGRAMS", ",".join(PROGRAMS))
    settings = Settings(data=tmp_path / "data")
    assert not {"victoria-metrics", "sink"} & set(names(settings)) and sink_target(settings) is None


def test_another_server_store_is_fed_instead(found: Path, tmp_path: Path) -> None:
    """An address of another server starts the feed alone; the name its place goes by tells organisation and bucket."""
    settings = Settings(data=tmp_path / "data", sink_url="https://tsdb.example:8086/x", sink_org="o", sink_bucket="b")
    assert names(settings)[-1] == "sink" and "victoria-metrics" not in names(settings)
    target = sink_target(settings)
    assert target is not None and target.name == "tsdb.example:8086/x o/b"


def test_its_port_and_name_stay_until_its_folder_goes(found: Path, tmp_path: Path) -> None:
    """Boards keep their address; a taken port is exchanged; an emptied folder is another server, fed from the beginning."""
    settings = Settings(data=tmp_path / "data")
    first = prepare_victoria(settings)
    assert first is not None and prepare_victoria(settings) == first
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(first.url.rsplit(":", 1)[1])))
        taken.listen()
        moved = prepare_victoria(settings)
    assert moved is not None and moved.name == first.name and moved.url != first.url
    shutil.rmtree(tmp_path / "data" / "victoria-metrics")
    new = prepare_victoria(settings)
    assert new is not None and new.name != first.name


@pytest.mark.parametrize("url", ["https://user:secret@host", "ftp://host", "host:8086", "http://"])
def test_an_address_with_a_password_in_it_or_none_at_all_is_refused(url: str) -> None:
    """The address is shown; a secret belongs into the token, which is masked."""
    with pytest.raises(ValidationError):
        Settings(sink_url=url)
    assert Settings(sink_token="secret").shown()["sink_token"] == "********"  # type: ignore[arg-type]


def test_the_lag_cannot_be_less_than_a_minute() -> None:
    """VictoriaMetrics was seen to lose what it answered for many seconds before: less would lose readings."""
    with pytest.raises(ValidationError):
        Settings(sink_lag_seconds=59.9)


def test_the_real_one_takes_every_flag(tmp_path: Path) -> None:
    """The command line is one the real program starts with."""
    servers.require(lambda: servers.program(*PROGRAMS))
    settings = Settings(data=tmp_path / "data")
    target = prepare_victoria(settings)
    assert target is not None
    process = subprocess.Popen(victoria_command(settings, target), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _answers(target.url) or process.poll() is not None, 20)
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    import urllib.request

    try:
        with urllib.request.urlopen(url + "/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_doctor_tells_how_far_the_server_store_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None, nothing sent, what waits, what is wrong: each is said, and only the last is a fault."""
    monkeypatch.setenv("SUHE_HIDE_PROGRAMS", ",".join(PROGRAMS))
    assert "none" in _server_store(Settings(data=tmp_path)).seen
    settings = Settings(data=tmp_path, sink_url="http://tsdb.example", sink_org="o", sink_bucket="b")
    assert _server_store(settings).fine and "nothing to send" in _server_store(settings).seen
    readings = Readings(settings.readings_folder, SystemClock(), TwoGateways())
    readings.accept("by-01-gw", message(1))
    assert "nothing was sent yet" in _server_store(settings).seen
    catalog = Catalog(settings.readings_folder)
    cursor = Cursor(catalog, "tsdb.example:http o/b", to_ms(SystemClock().now()))
    assert _server_store(settings).fine and "1 readings wait" in _server_store(settings).seen
    cursor.refuse(7, "beyond retention", [], 1)
    cursor.commit(Place(), Place(), to_ms(SystemClock().now()), "401: unauthorized")
    found = _server_store(settings)
    assert not found.fine and "401" in found.seen and "7 were refused for good: beyond retention" in found.seen
    catalog.close()
    readings.close()
