"""The walkthrough as data: the commands of `docs/walkthrough.md`, what is said to follow from them, and its pictures.

`python -m tests.walk` starts a demo of its own, follows the walkthrough's commands and takes every picture anew, together with the
outline (headings, columns, navigation) of each page pictured. A test compares those outlines with the pages as they are now, so that a
picture of a page that has changed since is found out.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.end_to_end.county import County
from tests.waiting import wait_until

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "walkthrough.md"
PICTURES = ROOT / "docs" / "pictures"
OUTLINES = PICTURES / "outlines.json"
HEIGHTS = {390: 844, 1440: 900, 1920: 1080}

# What of a page is the same on every day: its headings, the heads of its columns, its navigation. What is marked `data-now` comes and
# goes with what it speaks of (an alarm, a market that is refused), and what is folded away is not in the picture.
OUTLINE = """() => [...new Set([...document.querySelectorAll('h2:not([data-now]), thead th, header nav a')]
  .filter(e => !e.closest('details, [data-now]') && e.getClientRects().length)
  .map(e => { const bare = e.cloneNode(true); bare.querySelectorAll('small, span, time').forEach(x => x.remove());
    return bare.textContent.replace(/[0-9.,:%+−-]+/g, '').replace(/\\s+/g, ' ').trim(); }))].filter(Boolean)"""


@dataclass(frozen=True)
class Picture:
    """A picture of the walkthrough: its file, the address it shows and how wide the window was."""

    file: str
    address: str
    width: int


@dataclass(frozen=True)
class Then:
    """What the walkthrough says shows on a page within some seconds."""

    address: str
    words: str
    seconds: int


def steps() -> Iterator[str | Then | Picture]:
    """Yield the walkthrough's shell blocks, promises and pictures in reading order; the two `make` commands are not among the blocks."""
    pattern = re.compile(
        r"```sh\n(?P<sh>.*?)```"
        r'|<!-- (?P<where>\S+) shows "(?P<words>[^"]+)" within (?P<seconds>\d+) s -->'
        r'|!\[[^\]]*\]\(pictures/(?P<file>[\w.-]+) "(?P<address>\S+) at (?P<width>\d+)"\)',
        re.DOTALL,
    )
    for found in pattern.finditer(DOCUMENT.read_text(encoding="utf-8")):
        if found["sh"] and not found["sh"].startswith("make "):
            yield found["sh"]
        elif found["where"]:
            yield Then(found["where"], found["words"], int(found["seconds"]))
        elif found["file"]:
            yield Picture(found["file"], found["address"], int(found["width"]))


class Walk:
    """One walk through a running demo."""

    def __init__(self, county: County) -> None:
        self.county = county
        self._code = ""
        shim = county.folder / ".venv" / "bin" / "suhe"
        shim.parent.mkdir(parents=True, exist_ok=True)
        shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m suhe.cli "$@"\n')
        shim.chmod(0o755)

    def run(self, block: str) -> str:
        """Run one block as the reader's shell would, line by line until one fails, and return what it printed."""
        text = block.replace(":8460", f":{self.county.port}")
        done = subprocess.run(
            ["sh", "-eu", "-c", text], env=self.county.env, cwd=self.county.folder, capture_output=True, text=True, timeout=180, check=False
        )
        assert done.returncode == 0, f"{block}\nended with {done.returncode}:\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
        return done.stdout

    def wait_for(self, then: Then) -> None:
        """Wait until a page shows what the walkthrough promises; a busy machine is given three times as long as the reader is told."""
        words = then.words
        wait_until(lambda: words in self.county.page(self.path(then.address)), then.seconds * 3, every=0.5, what=f"{then}")

    def path(self, address: str) -> str:
        """Return an address with `{code}` filled in: the trace code of a lot that travelled and was received."""
        return address.replace("{code}", self.code) if "{code}" in address else address

    @property
    def code(self) -> str:
        """A lot that grew in a known season, was shipped cold and received: the one whose page has most to tell."""
        if not self._code:
            self._code = wait_until(self._telling, 60, every=1, what="a received lot with a season and a cold journey")
        return self._code

    def _telling(self) -> str:
        wanted = ("Cold chain</h2>", 'class="season"', "<svg")
        codes = self.county.suhe("trace", "lots", "--county", "371522", "--state", "received", "--codes", "--limit", "60").split()
        return next((c for c in codes if all(w in self.county.page(f"/t/{c}") for w in wanted)), "")


def look(browser: Any, walk: Walk, picture: Picture, use: Callable[[Any], None], *, settle_ms: int = 1500) -> None:
    """Open what a picture shows in a window of its size and let `use` do something with the page; a live page first gets a frame."""
    context = browser.new_context(viewport={"width": picture.width, "height": HEIGHTS[picture.width]}, device_scale_factor=1)
    try:
        page = context.new_page()
        answer = page.goto(f"http://127.0.0.1:{walk.county.port}{walk.path(picture.address)}", wait_until="load")
        assert answer is not None and answer.status == 200, f"{picture.address} answers {answer and answer.status}"
        page.wait_for_timeout(settle_ms)
        use(page)
    finally:
        context.close()


def take_pictures() -> None:
    """Follow the whole walkthrough on a demo of its own and take every picture anew."""
    from playwright.sync_api import sync_playwright

    from tests.servers import chromium_path

    outlines: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        county = County(Path(folder), "mosquitto")
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox", "--disable-gpu"])
        try:
            begin = time.monotonic()
            county.start()
            wait_until(lambda: county.status("/readyz") == 200, 300, every=0.5, what="ready")
            walk = Walk(county)
            for step in steps():
                print(f"{time.monotonic() - begin:6.1f} s", step if not isinstance(step, str) else step.strip(), flush=True)
                if isinstance(step, str):
                    walk.run(step)
                elif isinstance(step, Then):
                    walk.wait_for(step)
                else:

                    def take(page: Any, step: Picture = step) -> None:
                        outlines[step.file] = page.evaluate(OUTLINE)
                        page.screenshot(path=PICTURES / step.file, full_page=False)

                    look(browser, walk, step, take)
        finally:
            county.end()
    OUTLINES.write_text(json.dumps(outlines, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    take_pictures()
