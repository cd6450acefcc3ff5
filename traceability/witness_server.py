"""What a witness shows the world: its state as JSON, the notes of its alarms, C2SP tlog-witness, and a copy of the verifier."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

from foundation.errors import BadInput, SuheError
from traceability.heads import decode_once, read_log_vkey, read_note, read_signature_line
from traceability.merkle import HASH_BYTES
from traceability.witness_program import Alarmed, WitnessProgram

_MOST_BYTES = 65_536
_SAYS = {
    False: "Cosigned: this checkpoint is consistent with every one I saw before. Its records and whether its map is whole I did not check.",
    True: "Cosigned: this checkpoint is consistent with every one I saw before, and its tree and map are what the log's records make.",
}
Answer = tuple[int, str, bytes]


def serve(program: WitnessProgram, port: int, *, host: str = "127.0.0.1", verifier: Path | None = None) -> ThreadingHTTPServer:
    """Start answering on a port in a thread of its own and return the server; `shutdown()` ends it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(get(program, self.path, verifier))

        def do_POST(self) -> None:
            length = self.headers.get("content-length", "")
            if self.path != "/add-checkpoint":
                self.close_connection = True
                self._answer(_plain(404, "there is nothing here\n"))
            elif not length.isdigit() or int(length) > _MOST_BYTES:
                self.close_connection = True
                self._answer(_plain(413, "too long\n"))
            else:
                self._answer(add_checkpoint(program, self.rfile.read(int(length))))

        def _answer(self, answer: Answer) -> None:
            status, kind, body = answer
            self.send_response(status)
            for name, value in (("content-type", kind), ("content-length", str(len(body))), ("x-content-type-options", "nosniff")):
                self.send_header(name, value)
            self.send_header("access-control-allow-origin", "*")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002 - the library's names
            return

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="witness-http", daemon=True).start()
    return server


def get(program: WitnessProgram, path: str, verifier: Path | None = None) -> Answer:
    """Return the answer to a GET: the state, the last cosigned checkpoint, or the verifier."""
    if path == "/":
        return 200, "application/json", json.dumps(state_of(program, verifier), ensure_ascii=False, indent=1).encode() + b"\n"
    if path == "/checkpoint" and program.state.last():
        return _plain(200, program.cosigned())
    if path == "/verify.html" and verifier is not None:
        return 200, "text/html; charset=utf-8", verifier.read_bytes()
    return _plain(404, "there is nothing here\n")


def state_of(program: WitnessProgram, verifier: Path | None = None) -> dict[str, Any]:
    """Return what this witness tells of itself and of the log."""
    state, alarms = program.state, program.state.alarms()
    return {
        "suhe": "witness/1",
        "name": program.key.name,
        "vkey": program.key.public.vkey(),
        "log": state.pinned(),
        "mode": "whole" if program.whole else "consistency",
        "says": _SAYS[program.whole],
        "refuses": any(a.acknowledged_ms is None for a in alarms),
        "checkpoint": program.cosigned(),
        "cosigned": state.cosigned_s() * 1000,
        "looked": program.looked_ms,
        "reached": program.reached_ms,
        "trouble": program.trouble,
        "seen": state.count_seen(),
        "alarms": [
            {"kind": a.kind, "what": a.what, "found": a.found_ms, "acknowledged": a.acknowledged_ms, "first": a.first, "second": a.second}
            for a in alarms
        ],
        "verifier": {"path": "/verify.html", "sha256": hashlib.sha256(verifier.read_bytes()).hexdigest()} if verifier else None,
        "program": version("suhe"),
    }


def add_checkpoint(program: WitnessProgram, body: bytes) -> Answer:
    """Answer C2SP tlog-witness `add-checkpoint`."""
    try:
        old, proof, note = _read_request(body)
        read = read_note(note)
        head = read.head
    except (BadInput, UnicodeDecodeError) as error:
        return _plain(400, f"{error}\n")
    key = read_log_vkey(program.state.pinned() or program.pin()[0])
    if head.origin != key.name:
        return _plain(404, "this log is not known here\n")
    if not read.signed_by(key):
        return _plain(403, "no signature of the log's key\n")
    if old > head.size:
        return _plain(400, "the old size is above the checkpoint's\n")
    last = program.state.last()
    size = read_note(last).head.size if last else 0
    if old != size:
        program.state.see(note, program.now_ms())
        return 409, "text/x.tlog.size", f"{size}\n".encode()
    if proof and old == 0:
        return _plain(422, "from size 0 there is nothing to prove\n")
    try:
        found = program.consider(note, least=0, proof=(old, proof))
    except Alarmed as alarm:
        same = old == head.size
        return (409, "text/x.tlog.size", f"{size}\n".encode()) if same else _plain(503, f"{alarm}\n")
    except BadInput as error:
        return _plain(422, f"{error}\n")
    except SuheError as error:
        now = program.state.last()
        if now != last and now is not None:
            return 409, "text/x.tlog.size", f"{read_note(now).head.size}\n".encode()
        return _plain(503, f"{error}\n")
    line = (found or program.cosigned()).rstrip("\n").rpartition("\n")[2]
    read_signature_line(line)
    return _plain(200, line + "\n")


def _read_request(body: bytes) -> tuple[int, list[bytes], str]:
    start, gap, note = body.decode().partition("\n\n")
    first, *rest = start.split("\n")
    told = first.removeprefix("old ")
    if not gap or not first.startswith("old ") or not (told.isascii() and told.isdigit()) or str(int(told)) != told or len(rest) > 63:
        raise BadInput("this is no request", expected="old SIZE, proof lines, an empty line, a checkpoint")
    proof = [decode_once(line) for line in rest]
    if any(len(step) != HASH_BYTES for step in proof):
        raise BadInput("this proof cannot be read", expected="base 64 of 32 bytes a line")
    return int(told), proof, note


def _plain(status: int, text: str) -> Answer:
    return status, "text/plain; charset=utf-8", text.encode()
