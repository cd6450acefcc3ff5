"""A whole `suhe up --demo` as a person starts it: a process, a folder, a port."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.servers import free_port
from tests.waiting import wait_until


@dataclass
class County:
    """One installation under test."""

    folder: Path
    broker: str
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        """The environment of every command on this installation."""
        hide = {"SUHE_HIDE_PROGRAMS": "mosquitto"} if self.broker == "amqtt" else {}
        return {**os.environ, "SUHE_DATA": str(self.folder / "data"), "SUHE_HTTP_PORT": str(self.port), **hide, **self.settings}

    def start(self) -> None:
        """Start it and wait for the first page."""
        with (self.folder / "up.log").open("ab") as log:
            command = [sys.executable, "-m", "suhe.cli", "up", "--demo"]
            self.process = subprocess.Popen(command, env=self.env, stdout=log, stderr=log, cwd=self.folder)
        wait_until(lambda: self.status("/") == 200, 60, what=f"the first page; {self.said()[-800:]}")

    def interrupt(self) -> None:
        """Press Ctrl-C and wait for the end."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)

    def end(self) -> None:
        """End it whatever its state."""
        if self.process is not None and self.process.poll() is None:
            try:
                self.interrupt()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)

    def status(self, path: str) -> int:
        """Return the HTTP status of a path, 0 where nothing answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def page(self, path: str, lang: str = "en") -> str:
        """Return a page's text; empty where it does not answer."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", headers={"accept": "text/html", "accept-language": lang, "cookie": f"lang={lang}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    def json(self, path: str) -> dict[str, object]:
        """Return an answer as JSON, a problem's body too."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            return dict(json.load(error))

    def suhe(self, *words: str, expect: int = 0) -> str:
        """Run a command on this installation and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "suhe.cli", *words],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=self.folder,
        )
        assert done.returncode == expect, f"{words} ended with {done.returncode}: {done.stdout[-800:]} {done.stderr[-800:]}"
        return done.stdout

    def children(self) -> dict[str, int]:
        """Return name -> process id of the running children."""
        told = json.loads((self.folder / "data" / "state.json").read_text())["children"]
        return {name: child["pid"] for name, child in told.items() if child["pid"]}

    def metric(self, name: str) -> float:
        """Return the sum of a metric's values."""
        text = self.page("/metrics")
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if re.match(rf"{name}(\{{.*\}})? ", line))

    def said(self) -> str:
        """Return what `suhe up` printed."""
        return (self.folder / "up.log").read_text()

    def processes_left(self) -> list[psutil.Process]:
        """Return processes that still work on this installation's folder."""
        mark = str(self.folder / "data")
        found = []
        for process in psutil.process_iter(["environ", "cmdline"]):
            try:
                if process.environ().get("SUHE_DATA") == mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.AccessDenied, psutil.NoSuchProcess):
                continue
        return found
