"""What a reader takes away: the proof behind a code, and the page that checks it from disk; the page's hash stands in the log."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient

from dashboards import verifier
from dashboards.pages import bundle
from dashboards.pages.shell import STATIC, asset
from tests.dashboards.fakes_house import House, build_house
from tests.servers import free_port
from tests.waiting import wait_until
from traceability.bundle_check import check_bundle
from traceability.bundle_outcome import Pins


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Return a house with a season in it."""
    return build_house(tmp_path)


def test_the_proof_behind_a_code_holds_and_is_sent_once(house: House) -> None:
    """The file holds under this log's key, is public, and comes again only when it changed."""
    client = TestClient(house.app(bundle))
    answer = client.get(f"/t/{house.code('P1')}/bundle.json")
    found = check_bundle(answer.content, Pins(house.services.trace.log_vkey()))
    assert answer.status_code == 200 and found.verdict == "holds", found.what
    again = client.get(f"/t/{house.code('P1')}/bundle.json", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304 and not again.content
    house.tamper("pack")
    assert check_bundle(client.get(f"/t/{house.code('P1')}/bundle.json").content).verdict == "broken"
    assert client.get("/t/0000-0000-0000-0000-0/bundle.json").status_code in (404, 422)


def test_the_verifier_is_a_file_to_keep_whose_hash_is_in_the_log(house: House) -> None:
    """The page comes as a download, loads nothing from anywhere, and its hash and its scripts' are stated in the log, once."""
    answer = TestClient(house.app(bundle)).get("/verify.html")
    assert answer.headers["content-disposition"].startswith("attachment")
    text = answer.text
    assert "<script src" not in text and '<link rel="stylesheet' not in text
    assert house.services.trace.log_vkey() in text
    assert set(verifier.publish(house.services)) == {"verify.js", "verify-fallback.js", "verify.html"}
    assert verifier.publish(house.services) == []
    stated = verifier.published(house.services)
    assert stated[hashlib.sha256(answer.content).hexdigest()][1] == "verify.html"


def test_the_page_from_disk_checks_without_a_network(house: House, chromium: Any, tmp_path: Path) -> None:
    """Opened from disk with the network off it says in words what holds and what does not, in both languages."""
    house.services.trace.make_checkpoint()
    page_file, good, bad = tmp_path / "verify.html", tmp_path / "good.json", tmp_path / "bad.json"
    page_file.write_bytes(verifier.verifier_page(verifier.pins_of(house.services)))
    data = house.services.bundles.make(house.services.trace.lot_of_code(house.code("P1")))
    good.write_bytes(data)
    told = json.loads(data)
    told["records"][-1]["body"] = told["records"][-1]["body"].replace("395", "595", 1)
    bad.write_text(json.dumps(told, ensure_ascii=False))
    context = chromium.new_context(offline=True, locale="zh-CN")
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(page_file.as_uri())
    assert "✓" not in page.inner_text("main")
    page.set_input_files("#file", str(good))
    page.wait_for_selector("body[data-verdict=holds]")
    assert "核对通过" in page.inner_text("#outcome") and "这个文件里固定的" in page.inner_text("#outcome")
    page.click("#language")
    assert "The check holds" in page.inner_text("#outcome") and "pinned in this file" in page.inner_text("#outcome")
    page.set_input_files("#file", str(bad))
    page.wait_for_selector("body[data-verdict=broken]")
    assert "The check fails" in page.inner_text("#outcome") and "✓" not in page.inner_text("#outcome")
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == [] and faults == []
    context.close()


CONTRACT = """<!doctype html><html lang="{lang}"><meta charset="utf-8"><title>t</title>
<section data-check data-bundle="/t/{code}/bundle.json" data-log="{log}" data-lot="{lot}" data-product="{product}">
<button type="button" data-check-run data-verify="{verify}" data-fallback="{fallback}" hidden>check</button>
<div data-check-outcome aria-live="polite"></div></section>
<ul>{items}</ul><script src="{check}" defer></script></html>"""


def contract_page(house: House, number: str, lang: str = "en", *, alter: Any = None) -> str:
    """Return a page that keeps the contract of decision 0018."""
    lot = house.services.trace.lot_of_code(house.code(number))
    history = house.services.trace.lot(lot)
    chain = house.services.trace.chain(lot)
    items = [[s.event_id, hashlib.sha256(s.body).hexdigest(), json.loads(s.body)["eventTime"]] for s in chain]
    if alter:
        alter(items)
    rows = "".join(
        f'<li data-event="{i}" data-hash="{h}"><time datetime="{t}">{t}</time><span data-event-mark></span></li>' for i, h, t in items
    )
    return CONTRACT.format(
        lang=lang, code=house.code(number), log=house.services.trace.log_vkey(), lot=lot, product=history.summary.product, items=rows,
        verify=asset("verify.js"), fallback=asset("verify-fallback.js"), check=asset("check.js"),
    )  # fmt: skip


@contextmanager
def _serving(app: Any) -> Iterator[str]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, what="the page answers")
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


def _reorder(items: list[list[str]]) -> None:
    items[0][1], items[1][1] = items[1][1], items[0][1]


@pytest.mark.parametrize(
    ("alter", "verdict"),
    [
        (None, "holds"),
        (lambda items: items.pop(), "broken"),
        (_reorder, "broken"),
        (lambda items: items[0].__setitem__(2, "2024-01-01T00:00:00+08:00"), "broken"),
        (lambda items: items.append(list(items[0])), "broken"),
    ],
    ids=["as proved", "an event not shown", "another body", "another time", "an event twice"],
)
def test_a_page_that_shows_something_else_than_is_proved_is_called_broken(house: House, chromium: Any, alter: Any, verdict: str) -> None:
    """The button loads the check, which compares what the page shows with what the bundle proves."""
    app = house.app(bundle)
    app.mount("/static", StaticFiles(directory=STATIC))
    text = contract_page(house, "P1", alter=alter)

    @app.get("/contract")
    def contract() -> HTMLResponse:
        return HTMLResponse(text)

    with _serving(app) as address:
        page = chromium.new_page()
        page.goto(f"{address}/contract")
        assert "verify" not in " ".join(page.evaluate("performance.getEntriesByType('resource').map((r) => r.name)"))
        page.click("[data-check-run]")
        page.wait_for_selector(f"section[data-verdict={verdict}]")
        told = page.inner_text("[data-check-outcome]")
        marks = page.locator("[data-event-mark] .check-mark").count()
        assert (marks > 0) == (verdict == "holds") and ("this server" in told or verdict == "broken")
        page.close()
