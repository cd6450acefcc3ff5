"""The browser's verifier in real Chromium: from a secure origin, from plain HTTP under a name, and from a file on disk."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

STATIC = Path(__file__).resolve().parents[2] / "dashboards" / "static"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        pass


def names() -> dict[str, str]:
    """Return source name -> built file name."""
    found: dict[str, str] = json.loads((STATIC / "manifest.json").read_text())
    return found


@contextmanager
def served(folder: Path) -> Iterator[int]:
    """Serve the built scripts and an empty page, and yield the port."""
    page = "<!doctype html><html lang=en><meta charset=utf-8><title>t</title>"
    (folder / "page.html").write_text(page)
    inline = "".join(f"<script>{(STATIC / names()[n]).read_text()}</script>" for n in ("verify-fallback.js", "verify.js"))
    (folder / "alone.html").write_text(page + inline)
    for name in ("verify.js", "verify-fallback.js"):
        (folder / name).write_bytes((STATIC / names()[name]).read_bytes())
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


CHECK_ALL = """async (vectors) => {
  const found = [];
  for (const v of vectors) {
    const bytes = Uint8Array.from(atob(v.bundle), (c) => c.charCodeAt(0));
    const o = await self.suheVerify.check(bytes, v.pins, "/verify-fallback.js");
    found.push({ name: v.name, verdict: o.verdict, step: o.step, grade: o.grade, by: o.by, what: o.what, ms: o.ms, record: o.record,
                 grades: o.records.map((r) => r.grade) });
  }
  return found;
}"""


def run(page: Any, script: str, argument: Any) -> Any:
    """Run a function on a page and return its answer."""
    return page.evaluate(script, argument)
