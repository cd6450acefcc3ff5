"""How long a first start takes: to the first page, to all history in, to a second start's page.

    python -m bench.first_start            both brokers, whole history, and a clone with a cold package cache
    python -m bench.first_start --quick    one broker: first page and the readings acknowledged within 25 s

The environment is built already unless the clone is timed; every run has an empty data folder and a port of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from bench.report import Row, print_report
from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[1]
QUICK_SECONDS = 25


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--no-clone", action="store_true", help="leave out the clone with a cold cache")
    arguments = parser.parse_args()
    rows: list[Row] = []
    if arguments.quick:
        rows += _start("mosquitto", ready_within=None)
    else:
        rows += _start("mosquitto", ready_within=90)
        rows += _start("amqtt", ready_within=240)
        if not arguments.no_clone:
            rows += _clone()
    print_report("first_start", rows)


def _start(broker: str, ready_within: float | None) -> list[Row]:
    folder = Path(tempfile.mkdtemp(prefix="suhe-first-start-"))
    env = {**os.environ, "SUHE_DATA": str(folder / "data"), "SUHE_HTTP_PORT": str(free_port())}
    if broker == "amqtt":
        env["SUHE_HIDE_PROGRAMS"] = "mosquitto"
    url = f"http://127.0.0.1:{env['SUHE_HTTP_PORT']}"
    rows: list[Row] = []
    try:
        begin = time.perf_counter()
        process = _up(env, folder)
        try:
            _wait(url + "/", 60)
            rows.append(Row(f"first page, {broker}", time.perf_counter() - begin, "s", "empty data folder", at_most=10))
            if ready_within is None:
                _sleep_until(begin + QUICK_SECONDS)
                done = _acknowledged(folder)
                rows.append(Row(f"history, {broker}", done / QUICK_SECONDS, "readings/s", f"acknowledged in the first {QUICK_SECONDS} s"))
                return rows
            _wait(url + "/readyz", ready_within * 3)
            took = time.perf_counter() - begin
            rows.append(Row(f"ready, {broker}", took, "s", f"{_acknowledged(folder):,} readings, all history", at_most=ready_within))
        finally:
            _end(process)
        begin = time.perf_counter()
        process = _up(env, folder)
        try:
            _wait(url + "/", 60)
            rows.append(Row(f"second start, {broker}", time.perf_counter() - begin, "s", "whole history in the folder", at_most=5))
        finally:
            begin = time.perf_counter()
            _end(process)
            rows.append(Row(f"stop, {broker}", time.perf_counter() - begin, "s", "Ctrl-C to the last child ended"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return rows


def _clone() -> list[Row]:
    """Time `git clone` and `make run` to the first page with an empty package cache."""
    folder = Path(tempfile.mkdtemp(prefix="suhe-clone-"))
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("SUHE_", "VIRTUAL_ENV"))},
        "SUHE_HTTP_PORT": str(free_port()),
        "PIP_CACHE_DIR": str(folder / "pip"),
        "npm_config_cache": str(folder / "npm"),
    }
    received = _received()
    begin = time.perf_counter()
    try:
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder / "suhe")], check=True)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(["make", "run"], cwd=folder / "suhe", env=env, stdout=log, stderr=log, start_new_session=True)
        try:
            _wait(f"http://127.0.0.1:{env['SUHE_HTTP_PORT']}/", 900)
            took = time.perf_counter() - begin
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            process.wait(30)
        return [
            Row("clone to first page", took, "s", "cold package caches"),
            Row("fetched", (_received() - received) / 1e6, "MB", "received on the network meanwhile, loopback left out"),
            Row("environment", _size(folder / "suhe" / ".venv") / 1e6, "MB", "the installed environment"),
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _up(env: dict[str, str], folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "up.log").open("ab") as log:
        return subprocess.Popen([sys.executable, "-m", "suhe.cli", "up", "--demo"], env=env, stdout=log, stderr=log, cwd=folder)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def _wait(url: str, seconds: float) -> None:
    deadline = time.perf_counter() + seconds
    seen = "nothing"
    while time.perf_counter() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except urllib.error.HTTPError as error:
            seen = f"{error.code} {error.read()[:400]!r}"
        except OSError as error:
            seen = str(error)
        time.sleep(0.1)
    raise SystemExit(f"{url} did not answer 200 within {seconds} s; last: {seen}")


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.perf_counter()))


def _acknowledged(folder: Path) -> int:
    try:
        return int(json.loads((folder / "data" / "simulator" / "history.json").read_text())["acknowledged"])
    except (OSError, ValueError, KeyError):
        return 0


def _received() -> int:
    import psutil

    return sum(n.bytes_recv for name, n in psutil.net_io_counters(pernic=True).items() if not name.startswith("lo"))


def _size(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


if __name__ == "__main__":
    main()
