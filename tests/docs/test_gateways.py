"""The gateways page: its command line works against a real broker and a real store, its tables are the code's."""

from __future__ import annotations

import re
import subprocess
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from foundation.clock import SystemClock
from foundation.errors import BadInput
from ingest.channels import CHANNELS
from ingest.formats.catalog import FORMATS
from ingest.gateway import Gateway
from ingest.messages import decode_acknowledgement
from ingest.payloads import ReadingIn, decode_ack, decode_up
from ingest.service import Readings
from ingest.states import decode_state
from ingest.topics import ack_topic, up_topic
from ingest.worker import run_worker
from suhe.cli import app
from tests import servers

PAGE = (Path(__file__).parents[2] / "docs" / "gateways.md").read_text()


class Directory:
    """Knows the gateway of the page, and another one whose devices it does not know."""

    def gateway_county(self, gateway_id: str) -> str | None:
        """Return its county."""
        return "371522" if gateway_id in ("sx-01-gw", "sx-02-gw") else None

    def device_allowed(self, gateway_id: str, device_id: str) -> bool:
        """Tell whether the device is one of its own."""
        return device_id.startswith("sx-01-")


def fenced(language: str) -> list[str]:
    """Return the page's examples in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_command_line_of_the_page_is_acknowledged_and_stored(mosquitto: servers.Server, tmp_path: Path) -> None:
    """Copied as it stands, run twice, the lines print the acknowledgement the page shows and leave one reading."""
    readings = Readings(tmp_path / "readings", SystemClock(), Directory())
    stop = threading.Event()
    worker = threading.Thread(
        target=run_worker,
        kwargs={
            "host": "127.0.0.1", "port": mosquitto.port, "username": "ingest", "password": "any", "worker_id": "0",
            "shards": "0123456789abcdef", "folder": tmp_path / "readings", "directory": Directory(), "stop": stop,
        },
    )  # fmt: skip
    worker.start()
    env = {
        "PATH": "/usr/bin:/bin:/usr/local/bin:/opt/homebrew/bin", "HOST": "127.0.0.1", "PORT": str(mosquitto.port), "PASSWORD": "any",
        "UP": up_topic("sx-01-gw"), "ACK": ack_topic("sx-01-gw"),
    }  # fmt: skip
    if subprocess.run(["sh", "-c", "command -v mosquitto_pub"], env=env, stdout=subprocess.DEVNULL, check=False).returncode:
        pytest.skip("mosquitto_pub is not installed")
    try:
        # Any other gateway that is acknowledged shows that the worker listens.
        first = Gateway("sx-02-gw", "any", "127.0.0.1", mosquitto.port, tmp_path / "spool.db")
        first.send([ReadingIn("sx-02-x", "rain", 0, 0.0)])
        first.start()
        assert first.wait_until_empty(15)
        first.stop()
        for _ in range(2):
            said = subprocess.run(["sh", "-c", fenced("sh")[0]], env=env, capture_output=True, text=True, timeout=20, check=True).stdout
            assert re.sub(r"\"now\":\d+", "", said) == re.sub(r"\"now\":\d+", "", fenced("json")[0])
    finally:
        stop.set()
        worker.join(20)
    assert [(x.device, x.channel, x.unit, x.value) for x in readings.latest()] == [("sx-01-g1-air", "air_temperature", "Cel", 21.5)]
    assert readings.counts().readings == 1
    assert readings.gateways()[0].duplicates == 1


def test_the_examples_of_the_page_can_be_read() -> None:
    """Every message shown is one of the format described."""
    body = re.search(r"-m '(.*)'", PAGE)
    assert body
    assert decode_up(body.group(1).encode()).seq == 1
    assert decode_ack(fenced("json")[1].encode()).acked == [(400, 412), (415, 415)]
    assert decode_acknowledgement(fenced("json")[1].encode()).now_ms == 1_764_741_600_250
    with pytest.raises(BadInput):
        decode_up(fenced("json")[1].encode())
    assert decode_state(fenced("json")[2].encode()).spool == 3


def test_the_channels_of_the_page_are_the_code_s() -> None:
    """Code, unit and both names stand in the page as in the table."""
    told = [tuple(cell.strip(" `") for cell in line.strip("|").split("|")) for line in PAGE.splitlines() if line.startswith("| `")]
    assert [row for row in told if len(row) == 4] == [(c.code, c.unit, c.name_zh, c.name_en) for c in CHANNELS.values()]


def test_the_formats_of_the_page_are_the_code_s() -> None:
    """Every format stands there with both names and its usual topic."""
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (.+?) \| ?`?([^`|]*)`? ?\|$", PAGE, re.MULTILINE)
    told = [row for row in rows if row[0] in FORMATS and row[0] != "sig"]
    assert told == [(f.name, f"{f.name_en} {f.name_zh}", f.topic) for f in FORMATS.values()]


def test_the_mapping_table_of_the_page_reads_the_message_beside_it(tmp_path: Path) -> None:
    """The command as it stands shows two readings and the number that the table does not mention."""
    (tmp_path / "site.toml").write_text(fenced("toml")[0], "utf-8")
    body = re.search(r"shows for `(\{.*\})`", PAGE)
    assert body
    (tmp_path / "message.json").write_text(body.group(1), "utf-8")
    command = fenced("sh")[1].split()
    said = CliRunner().invoke(app, [str(tmp_path / x) if "." in x else x for x in command[1:]])
    assert said.exit_code == 0
    assert "2026-07-18 01:30:00" in said.output and "soil_moisture-0" in said.output and "rssi: a number" in said.output


def test_the_python_of_the_page_compiles_and_names_what_exists() -> None:
    """The SDK example uses methods the SDK has."""
    code = fenced("python")[0]
    compile(code, "gateways.md", "exec")
    assert all(hasattr(Gateway, name) for name in re.findall(r"gateway\.(\w+)\(", code))
