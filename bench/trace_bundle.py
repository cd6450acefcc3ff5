"""A proof bundle of 30 events in a log of a million leaves: its size, and how long a browser takes to check it.

The log around the lot is made of noise: a tree of 2^20 leaves and a map of as many subjects, as deep as real ones. The lot's own
records, keys, signatures and cosignatures are real. The check runs in Chromium, from reading the bytes to the grade.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from bench.report import Row

EVENTS = 30
LEAVES = 1 << 20


def rows(*, quick: bool) -> list[Row]:
    """Measure size and time; quick checks fewer times, at the same scale."""
    data, pins = make_bundle()
    size = len(gzip.compress(data, 9))
    times = browser_ms(data, pins, 15 if quick else 200)
    scale = f"{EVENTS} events, {LEAVES:,} leaves, 3 cosignatures"
    return [
        Row("bundle", size, "bytes gzip", scale, at_most=8000),
        Row("bundle checked", statistics.median(times), "ms p50", f"{scale}, Chromium, {len(times)} checks", at_most=50),
    ]


def make_bundle() -> tuple[bytes, dict[str, Any]]:
    """Return the file and the pins under which it is witnessed."""
    from tests.vectors.small_log import LOG, ROLES, WITNESSES, SmallLog, b64, cosignature, key_hash, lot, seed, vkey
    from traceability.lot_map import MapEntry, bit_of, inner, path_of
    from traceability.merkle import node_hash

    log = SmallLog()
    for party in ROLES:
        log.register(party)
    place = {"id": "urn:suhe:plot:a1"}
    fields: dict[str, Any] = {"suhe:lots": [lot("M")], "suhe:purpose": "追肥"}
    log.event("plant", "coop", [lot("M")], ilmd={"suhe:product": "tomato"}, bizLocation=place)
    for k in range(EVENTS - 2):
        if k % 3:
            log.event("input_used", "coop", [lot(f"F{k % 4}")], **fields)
        else:
            noted: dict[str, Any] = {"suhe:note": f"第 {k} 次采收"}
            log.event("harvest", "coop", [lot("M")], bizLocation=place, **noted)
    tested: dict[str, Any] = {"suhe:inspection": {"method": "enzyme_inhibition", "result": "pass"}}
    last = log.event("inspect", "inspector", [lot("M")], **tested)
    told = log.bundle("M")
    # The tree: random siblings over 20 levels. The map: keys few, lots a million.
    noise = iter(hashlib.sha256(b"bench %d" % k).digest() for k in range(10_000))
    proof = [next(noise) for _ in range(20)]
    at, found = last, log.leaves[last]
    for step in proof:
        found = node_hash(step, found) if at & 1 else node_hash(found, step)
        at >>= 1
    told["inclusion"] = {"index": last, "proof": [b64(h) for h in proof]}
    entries = {e.subject: e for e in log.heads_at(last + 1)}
    known = {c["subject"]: entries[c["subject"]] for c in told["chains"]}
    siblings: dict[str, list[bytes]] = {s: [] for s in known}

    def grow(members: list[MapEntry], depth: int, bottom: dict[str, int]) -> bytes:
        """Return the hash at a node over these members, each at least as deep as `bottom` says, all else noise."""
        if len(members) == 1 and depth >= bottom[members[0].subject]:
            return members[0].leaf()
        if not members:
            return next(noise)
        left = [m for m in members if not bit_of(path_of(m.subject), depth)]
        right = [m for m in members if bit_of(path_of(m.subject), depth)]
        a, b = grow(left, depth + 1, bottom), grow(right, depth + 1, bottom)
        for m in left:
            siblings[m.subject].append(b)
        for m in right:
            siblings[m.subject].append(a)
        return inner(a, b)

    bottom = {s: 21 if s.startswith("urn:suhe:lot:") else 9 for s in known}
    map_root = grow(list(known.values()), 0, bottom)
    for chain in told["chains"]:
        chain["map"] = [b64(h) for h in siblings[chain["subject"]]]
    text = f"{LOG}\n{LEAVES}\n{b64(found)}\ntime {log.time}\nmap {b64(map_root)}\n"
    lines = [f"— {LOG} {b64(key_hash(LOG, 1) + seed(LOG).sign(text.encode()).signature)}"]
    lines += [cosignature(w, text, 1_763_700_000) for w in WITNESSES]
    told["checkpoint"] = text + "\n" + "\n".join(lines) + "\n"
    data = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    pins = {"log": vkey(LOG, 1), "witnesses": [vkey(w, 4) for w in WITNESSES], "quorum": 3}
    _must_hold(data, pins)
    return data, pins


def _must_hold(data: bytes, pins: dict[str, Any]) -> None:
    from traceability.bundle_check import check_bundle
    from traceability.bundle_outcome import Pins

    found = check_bundle(data, Pins(pins["log"], tuple(pins["witnesses"]), pins["quorum"]))
    own = sum(1 for r in found.records if r.own)
    if (found.verdict, found.grade, own) != ("holds", "witnessed", EVENTS):
        raise SystemExit(f"the bundle made for the bench does not hold: {found.what}, {found.grade}, {own} events")


def browser_ms(data: bytes, pins: dict[str, Any], times: int) -> list[float]:
    """Return how long each check took in Chromium on a secure origin, after two to warm up."""
    from playwright.sync_api import sync_playwright

    from tests.browser.verify_kit import CHECK_ALL, served
    from tests.servers import chromium_path

    one = {"name": "bench", "pins": pins, "bundle": base64.b64encode(data).decode()}
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as port, sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=str(chromium_path()), args=flags)
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/page.html")
        page.add_script_tag(url="/verify.js")
        found = page.evaluate(CHECK_ALL, [one] * (times + 2))
        browser.close()
    if any((f["verdict"], f["grade"]) != ("holds", "witnessed") for f in found):
        raise SystemExit("the browser does not find what Python found")
    return [f["ms"] for f in found[2:]]
