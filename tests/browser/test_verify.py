"""The check of proofs in real Chromium: the same vectors as in Python, wherever the page comes from."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.verify_kit import CHECK_ALL, run, served
from traceability.bundle_check import check_bundle
from traceability.bundle_outcome import Pins
from traceability.merkle import EMPTY_ROOT, consistency_proof, inclusion_proof, leaf_hash, node_hash, range_hash

VECTORS = [json.loads(p.read_text()) for p in sorted((Path(__file__).parents[1] / "vectors" / "bundle").glob("*.json"))]
INCLUSION, CONSISTENCY = 98, 43
FEWEST = 90  # none of them may get lost


@pytest.fixture(scope="module")
def origins(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Yield a page with the verifier on each kind of origin."""
    folder = tmp_path_factory.mktemp("verify")
    with served(folder) as port:
        context = chromium.new_context()
        pages = {}
        for name, address in (
            ("secure", f"http://127.0.0.1:{port}/page.html"),
            ("plain", f"http://trace.test:{port}/page.html"),
            ("file", (folder / "alone.html").as_uri()),
        ):
            page = context.new_page()
            page.goto(address)
            if name != "file":
                page.add_script_tag(url="/verify.js")
            pages[name] = page
        yield pages
        context.close()


@pytest.mark.parametrize(("origin", "by"), [("secure", "browser"), ("plain", "library"), ("file", "browser")])
def test_every_vector_is_judged_alike_in_python_and_in_the_browser(origins: dict[str, Any], origin: str, by: str) -> None:
    """Verdict, step and grade of every bundle, and the grade of every record, are the vector's and Python's, on every kind of origin."""
    page = origins[origin]
    assert len(VECTORS) >= FEWEST
    # The origin is what it is meant to be: without the browser's own algorithms the library does the work.
    assert page.evaluate("!!(self.crypto && self.crypto.subtle)") == (by == "browser")
    sent = [
        {"name": v["name"], "pins": v["pins"], "bundle": base64.b64encode(v["bundle"].encode("utf-8", "surrogatepass")).decode()}
        for v in VECTORS
    ]
    for vector, found in zip(VECTORS, run(page, CHECK_ALL, sent), strict=True):
        assert {k: found[k] for k in ("verdict", "step", "grade")} == vector["expect"], (vector["name"], found)
        assert found["by"] == by
        pins = vector["pins"]
        here = check_bundle(vector["bundle"].encode(), Pins(pins.get("log"), tuple(pins.get("witnesses", ())), pins.get("quorum")))
        assert [m.grade for m in here.records] == found["grades"] and here.record == found["record"], vector["name"]


def test_a_device_without_any_algorithm_says_so(origins: dict[str, Any]) -> None:
    """Without WebCrypto and where the library does not load the verdict is the third state, never a wrong one."""
    page = origins["plain"].context.new_page()
    page.goto(origins["plain"].url)
    page.route("**/verify-fallback.js", lambda route: route.abort())
    page.add_script_tag(url="/verify.js")
    sent = [{**VECTORS[0], "bundle": base64.b64encode(VECTORS[0]["bundle"].encode()).decode()}]
    found = run(page, CHECK_ALL, sent)
    assert found[0]["verdict"] == "cannot" and found[0]["grade"] is None
    page.close()


def test_every_merkle_vector_is_judged_as_published(origins: dict[str, Any], conformance_data: Path) -> None:
    """All published proofs, good and bad, and what lies past them: size 0, odd root lengths, trailing elements."""
    told = {"inclusion": _published(conformance_data, "inclusion"), "consistency": _published(conformance_data, "consistency")}
    assert (len(told["inclusion"]), len(told["consistency"])) == (INCLUSION, CONSISTENCY)
    told["inclusion"] += _own_inclusion()
    told["consistency"] += _own_consistency()
    for origin in ("secure", "plain"):
        assert run(origins[origin], _MERKLE, told) == []


def test_jcs_vectors_are_spelled_as_published(origins: dict[str, Any], conformance_data: Path) -> None:
    """Each published canonical text is its own canonical spelling here; its input, unless spelled so already, is not."""
    folder = conformance_data / "trace/jcs/testdata"
    outputs = sorted((folder / "output").glob("*.json"))
    pairs = [[path.name, (folder / "input" / path.name).read_text(), path.read_text()] for path in outputs]
    assert len(pairs) == 6
    assert run(origins["secure"], _JCS, pairs) == []


_MERKLE = """async (told) => {
  const { merkle, bytes, ready } = self.suheVerify, wrong = [];
  await ready(() => new Promise((resolve, reject) => {
    const s = document.createElement("script"); s.src = "/verify-fallback.js"; s.onload = resolve; s.onerror = reject;
    document.head.append(s); }));
  const b = (x) => bytes.unbase64(x || "");
  const judge = async (v, act) => {
    let refused = false;
    try { await act(); } catch (error) { if (!(error instanceof merkle.InvalidProof)) throw error; refused = true; }
    if (refused !== v.wantErr) wrong.push(v.name);
  };
  for (const v of told.inclusion) {
    await judge(v, () => merkle.verifyInclusion(b(v.leafHash), v.leafIdx, v.treeSize, (v.proof || []).map(b), b(v.root)));
  }
  for (const v of told.consistency) {
    await judge(v, () => merkle.verifyConsistency(v.size1, v.size2, b(v.root1), b(v.root2), (v.proof || []).map(b)));
  }
  return wrong;
}"""

_JCS = """(pairs) => {
  const { parse, canonical } = self.suheVerify.canonical, wrong = [];
  for (const [name, input, output] of pairs) {
    if (canonical(parse(input, true)) !== output) wrong.push(name);
    if (canonical(parse(output, true)) !== output) wrong.push(name + " again");
  }
  return wrong;
}"""


def _published(data: Path, kind: str) -> list[dict[str, Any]]:
    folder = data / "trace/merkle/testdata" / kind
    return [{"name": str(p.relative_to(folder)), **json.loads(p.read_text())} for p in sorted(folder.rglob("*.json"))]


def _b(data: bytes) -> str:
    return base64.b64encode(data).decode()


LEAVES = [leaf_hash(bytes([k])) for k in range(11)]


def _node(level: int, number: int) -> bytes:
    return LEAVES[number] if level == 0 else node_hash(_node(level - 1, 2 * number), _node(level - 1, 2 * number + 1))


def _own_inclusion() -> list[dict[str, Any]]:
    root, proof = range_hash(_node, 0, 11), inclusion_proof(_node, 6, 11)
    good = {"leafHash": _b(LEAVES[6]), "leafIdx": 6, "treeSize": 11, "proof": [_b(h) for h in proof], "root": _b(root)}
    cases = [("good", {}, False), ("size 0", {"treeSize": 0}, True), ("size 0, leaf 0", {"treeSize": 0, "leafIdx": 0, "proof": []}, True)]
    cases += [(f"root of {n}", {"root": _b(root[:n])}, True) for n in (0, 1, 31)] + [("root of 33", {"root": _b(root + b"x")}, True)]
    cases += [("trailing", {"proof": [*good["proof"], _b(root)]}, True), ("trailing empty", {"proof": [*good["proof"], ""]}, True)]
    cases += [("negative", {"leafIdx": -1}, True), ("no leaf", {"leafHash": ""}, True), ("other size", {"treeSize": 20}, True)]
    one = {"leafHash": _b(LEAVES[0]), "leafIdx": 0, "treeSize": 1, "proof": [], "root": _b(LEAVES[0])}
    cases += [("one", one, False), ("one, trailing", {**one, "proof": [_b(LEAVES[1])]}, True)]
    return [{**good, **change, "name": f"own {name}", "wantErr": refused} for name, change, refused in cases]


def _own_consistency() -> list[dict[str, Any]]:
    roots = {n: range_hash(_node, 0, n) if n else EMPTY_ROOT for n in range(12)}
    found = []
    for a in range(1, 12):
        for b in range(a, 12):
            proof = [_b(h) for h in consistency_proof(_node, a, b)]
            good = {"name": f"own {a} {b}", "size1": a, "size2": b, "root1": _b(roots[a]), "root2": _b(roots[b]), "proof": proof}
            found.append({**good, "wantErr": False})
            found.append({**good, "name": f"{a} {b} trailing", "proof": [*proof, _b(roots[1])], "wantErr": True})
            found.append({**good, "name": f"{a} {b} short root", "root1": _b(roots[a][:31]), "wantErr": True})
    zero = {"size1": 0, "size2": 5, "root2": _b(roots[5]), "proof": []}
    found.append({**zero, "name": "0 5", "root1": _b(EMPTY_ROOT), "wantErr": False})
    found.append({**zero, "name": "0 5 other root", "root1": _b(roots[1]), "wantErr": True})
    found.append({**zero, "name": "0 5 no root", "root1": "", "wantErr": True})
    found.append({**zero, "name": "0 5 with proof", "root1": _b(EMPTY_ROOT), "proof": [_b(roots[1])], "wantErr": True})
    return found
