"""Write tests/vectors/bundle/*.json: good bundles of every grade, and one mutant for each attack. `python -m tests.vectors.make_bundles`.

Each file: name, why, the bundle's text (a text, since some are no JSON), the pins, and what a check must find: verdict, step, grade.
"""

# ruff: noqa: E501 - a table: one attack, one line

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rfc8785

from tests.vectors.small_log import LOG, T0, WITNESSES, SmallLog, b64, commitment, cosignature, key_of, lot, seed, vkey
from traceability.merkle import inclusion_proof

FOLDER = Path(__file__).parent / "bundle"
PINS = {"log": vkey(LOG, 1), "witnesses": [vkey(w, 4) for w in WITNESSES], "quorum": 2}
SALT, NAME = hashlib.sha256(b"salt").digest(), "王小明"
Bundle = dict[str, Any]


def vectors() -> dict[str, dict[str, Any]]:
    """Return file name -> vector."""
    made: dict[str, dict[str, Any]] = {}

    def add(
        name: str, why: str, bundle: Bundle | str, verdict: str, step: int | None = None, grade: str | None = None, pins: Any = None
    ) -> None:
        text = bundle if isinstance(bundle, str) else json.dumps(bundle, ensure_ascii=False, separators=(",", ":"))
        expect = {"verdict": verdict, "step": step, "grade": grade}
        made[name] = {"name": name, "why": why, "pins": PINS if pins is None else pins, "expect": expect, "bundle": text}

    log = SmallLog()
    log.season(by=commitment(SALT, "suhe:by", NAME))
    sealed = len(log.records)
    log.filler(9)
    shown = {commitment(SALT, "suhe:by", NAME): {"salt": b64(SALT), "value": NAME}}
    two = WITNESSES[:2]
    good = log.bundle("M", witnesses=two, disclosed=shown)
    anchored = log.bundle("M", witnesses=two, anchored=sealed, disclosed=shown)

    add("good-logged", "nobody cosigned", log.bundle("M", disclosed=shown), "holds", None, "logged")
    add("good-witnessed", "two of three pinned witnesses", good, "holds", None, "witnessed")
    add("good-anchored", "an anchor covers it, and two witnesses", anchored, "holds", None, "anchored")
    add(
        "good-anchored-unwitnessed", "an anchor covers it, nobody cosigned", log.bundle("M", anchored=sealed + 3), "holds", None, "anchored"
    )
    add("good-signed", "no checkpoint yet: all of it waits", log.bundle("M", size=0), "holds", None, "signed")
    add("good-single-lot", "a lot without parents", log.bundle("L1", witnesses=WITNESSES, disclosed=shown), "holds", None, "witnessed")
    add("good-unpinned", "no pins: the file's own claim of keys is taken and gives no witnesses", good, "holds", None, "logged", {})
    add("good-erased", "the personal value is erased", log.bundle("M", witnesses=two), "holds", None, "witnessed")
    add("good-quorum-not-met", "two cosigned, three are needed", good, "holds", None, "logged", {**PINS, "quorum": 3})
    add(
        "good-pending",
        "the last record is newer than the checkpoint",
        log.bundle("M", size=sealed - 1, witnesses=two),
        "holds",
        None,
        "witnessed",
    )
    unsigned = SmallLog()
    unsigned.season()
    unsigned.event("ship", "shop", [lot("M")], signer=None)
    add("good-unsigned", "a record nobody signed lowers the whole", unsigned.bundle("M", witnesses=two), "holds", None, "unsigned")
    dev = copy.deepcopy(anchored)
    dev["anchor"]["development"] = True
    add("good-development-anchor", "a development chain is no independent anchor", dev, "holds", None, "witnessed")
    later = SmallLog()
    later.season()
    before = len(later.records)
    later.event("ship", "shop", [lot("M")])
    covers = later.bundle("M", anchored=before)
    index = later.chains[lot("M")][-2]
    covers["anchor"]["covers"] = {"index": index, "proof": [b64(h) for h in inclusion_proof(later.node(before), index, before)]}
    add("good-anchored-in-part", "an anchor covers all but the last record", covers, "holds", None, "logged")
    add("cannot-later-form", "a form this program does not know", {**good, "suhe": "bundle/2"}, "cannot")
    foreign = SmallLog()
    foreign.season()
    body = foreign.body("ship", "shop", quantityList=[{"epcClass": lot("M"), "quantity": 1, "uom": "KGM"}]) | {
        "bizStep": "urn:suhe:bizstep:levitating"
    }
    foreign.put(rfc8785.dumps(body), [lot("M")], "shop")
    add("cannot-unknown-kind", "a kind of event this program does not know", foreign.bundle("M"), "cannot")

    def mutate(name: str, why: str, step: int, change: Callable[[Bundle], Any], base: Bundle = good, pins: Any = None) -> None:
        mutant = copy.deepcopy(base)
        change(mutant)
        add(name, why, mutant, "broken", step, None, pins)

    last = lambda b: b["records"][-1]  # noqa: E731
    own = lambda b: [r for r in b["records"] if r["entries"][0][0] == lot("M")]  # noqa: E731

    # Bytes
    mutate("altered-body", "one character of a body", 5, lambda b: last(b).update(body=last(b)["body"].replace("10", "90", 1)))
    mutate(
        "altered-note",
        "one character in a text of a parent's record",
        5,
        lambda b: [r.update(body=r["body"].replace("合格", "合洛")) for r in b["records"][:9]],
    )
    mutate("altered-time", "a record's time", 8, lambda b: last(b).update(time=last(b)["time"] - 1))
    mutate("altered-signature", "one bit of a signature", 5, lambda b: last(b).update(sig=_flip(last(b)["sig"], 3)))
    mutate("altered-root", "one bit of the root", 2, lambda b: b.update(checkpoint=b["checkpoint"].replace("\ntime ", "\ntime 1", 1)))
    mutate("altered-key", "signed by a key nobody registered", 6, lambda b: _resign(last(b), "stranger"))
    mutate(
        "altered-resigned",
        "altered and signed anew by its own author",
        8,
        lambda b: (last(b).update(body=last(b)["body"].replace("10", "90", 1)), _resign(last(b), "shop"))[0],
    )

    # Chains
    def drop_last(b: Bundle) -> None:
        gone = b["records"].pop()
        b["chains"][0]["records"].remove(gone["index"])
        left = b["chains"][0]["records"][-1]
        b["inclusion"] = {"index": left, "proof": [b64(h) for h in inclusion_proof(log.node(len(log.records)), left, len(log.records))]}

    mutate("dropped-last", "the last event left out, a true proof for the one before", 8, drop_last)

    def drop(b: Bundle, index: int) -> None:
        b["records"] = [r for r in b["records"] if r["index"] != index]
        for c in b["chains"]:
            c["records"] = [k for k in c["records"] if k != index]

    mutate("dropped-middle", "the shipment left out", 7, lambda b: drop(b, own(b)[-2]["index"]))
    mutate("dropped-test", "a parent's test left out, its last record before the merge", 7, lambda b: drop(b, 11))
    mutate("dropped-first", "the planting of a parent left out", 7, lambda b: drop(b, 4))

    def drop_parent(b: Bundle) -> None:
        b["chains"] = [c for c in b["chains"] if c["subject"] != lot("L2")]
        kept = {k for c in b["chains"] for k in c["records"]}
        merge = next(r for r in b["records"] if len(r["entries"]) == 3)
        merge["entries"][1][2] = b64(log.hashes[11])
        b["records"] = [r for r in b["records"] if r["index"] in kept]

    mutate("dropped-parent", "the whole chain of a parent left out", 7, drop_parent)
    mutate("reordered-file", "two records in another order in the file", 1, lambda b: b["records"].insert(0, b["records"].pop()))

    def swap(b: Bundle) -> None:
        one, other = own(b)[-2:]
        one["body"], other["body"] = other["body"], one["body"]
        for field in ("key", "sig"):
            one[field], other[field] = other[field], one[field]

    mutate("reordered", "the shipment and the receipt change places", 8, swap)

    def other_lots(b: Bundle) -> None:
        # A true event of another lot, put at the end of this chain.
        record = log.records[log.chains[lot("X0")][0]]
        last(b).update(body=record.body.decode(), sig=b64(record.signature), key=record.key_id)

    mutate("other-lots-event", "a true event of another lot at the end of this chain", 7, other_lots)
    mutate("moved-entry", "an event put under another lot's chain", 7, lambda b: last(b)["entries"][0].__setitem__(0, lot("L9")))

    def rechained(b: Bundle) -> None:
        evil = SmallLog(numbers=iter(range(100, 1000)))
        evil.season()
        evil.filler(9)
        told = evil.bundle("M", witnesses=())
        told["checkpoint"] = b["checkpoint"]
        b.clear()
        b.update(told)

    mutate("rechained", "the whole lot rewritten and chained anew under the old checkpoint", 8, rechained)

    def resealed(b: Bundle) -> None:
        evil = SmallLog(numbers=iter(range(100, 1000)))
        evil.season()
        evil.filler(9)
        told = evil.bundle("M", witnesses=())
        # The log signs the rewritten history; the witnesses' lines are those of the true checkpoint.
        lines = b["checkpoint"].rstrip("\n").split("\n")[-2:]
        told["checkpoint"] += "\n".join(lines) + "\n"
        b.clear()
        b.update(told)

    mutate("resealed", "everything rewritten and the checkpoint signed anew, with the true one's cosignatures", 3, resealed)

    # Proofs
    mutate(
        "wrong-map-proof",
        "one bit of a sibling",
        8,
        lambda b: b["chains"][0]["map"].__setitem__(0, _flip(b["chains"][0]["map"][0] or b64(bytes(32)), 0)),
    )
    mutate("other-map-proof", "another lot's map proof", 8, lambda b: b["chains"][0].update(map=b["chains"][1]["map"]))
    mutate("padded-map-proof", "one sibling more", 8, lambda b: b["chains"][0]["map"].append(""))
    mutate("empty-map-proof", "no siblings", 8, lambda b: b["chains"][0].update(map=[]))
    mutate("overlong-map-proof", "more siblings than a path has", 1, lambda b: b["chains"][0].update(map=[""] * 258))
    mutate("other-size", "an inclusion proof for another size of the log", 9,
           lambda b: b["inclusion"].update(proof=[b64(h) for h in inclusion_proof(log.node(sealed), b["inclusion"]["index"], sealed)]))  # fmt: skip
    mutate("padded-proof", "one hash more", 9, lambda b: b["inclusion"]["proof"].append(b["inclusion"]["proof"][0]))
    mutate("empty-proof", "no hashes", 9, lambda b: b["inclusion"].update(proof=[]))
    mutate("shortened-proof", "one hash less", 9, lambda b: b["inclusion"]["proof"].pop())
    mutate("missing-inclusion", "no proof that it is in the log", 9, lambda b: b.update(inclusion=None))
    mutate(
        "inclusion-of-another", "a true proof of another record", 9, lambda b: b["inclusion"].update(index=b["chains"][0]["records"][-2])
    )

    def leaf_node(b: Bundle) -> None:
        # The proof of the inner node above the last record, as if the node were a leaf of a smaller tree.
        b["inclusion"]["proof"] = b["inclusion"]["proof"][1:]

    mutate("leaf-node", "the proof of the inner node above the record", 9, leaf_node)
    mutate("leaf-node-body", "a body that spells an inner node of the tree", 4,
           lambda b: last(b).update(body="\u0001" + log.leaves[0].hex() + log.leaves[1].hex()))  # fmt: skip
    mutate("anchor-inconsistent", "the anchored root is another log's", 10, lambda b: b["anchor"].update(root=b64(log.root(3))), anchored)
    mutate("anchor-ahead", "more was anchored than the log holds", 10, lambda b: b["anchor"].update(size=10_000), anchored)
    mutate("anchor-size-zero", "an anchor of nothing with a root", 10, lambda b: b["anchor"].update(size=0, consistency=[]), anchored)
    mutate("anchor-no-proof", "no proof that the log continues it", 10, lambda b: b["anchor"].update(consistency=[]), anchored)
    mutate(
        "anchor-covers-lie",
        "a proof for another record of the lot",
        10,
        lambda b: b["anchor"]["covers"].update(index=later.chains[lot("M")][-1]),
        covers,
    )

    # Notes
    mutate("wrong-cosignature", "one bit of a witness's line", 3, lambda b: b.update(checkpoint=_break_line(b["checkpoint"], -1)))
    mutate("cosignature-of-another", "a witness's line over another checkpoint", 3,
           lambda b: b.update(checkpoint=log.note(len(log.records)) + cosignature(WITNESSES[0], "another\n", 5) + "\n"))  # fmt: skip
    mutate("wrong-log-key", "signed by another key in the log's name", 2,
           lambda b: b.update(checkpoint=log.note(len(log.records), two, signer="stranger")))  # fmt: skip
    mutate("other-log-pinned", "the file's log is not the pinned one", 2, lambda b: None, good, {**PINS, "log": vkey("suhe-log/other", 1)})
    mutate("no-checkpoint", "the checkpoint taken away, the records still called proved", 2, lambda b: b.update(checkpoint=None))
    mutate("old-checkpoint", "a true but older checkpoint", 2, lambda b: b.update(checkpoint=log.note(sealed - 2, two)))
    mutate("bad-vkey", "a vkey whose hash is another key's", 2, lambda b: b.update(log=b["log"].replace("+", "+0", 1)), good, {})

    # Keys
    def with_season(change: Callable[[SmallLog], Any]) -> Bundle:
        made_log = SmallLog()
        made_log.season()
        change(made_log)
        return made_log.bundle("M", witnesses=())

    def revoke(at: int) -> Callable[[SmallLog], Any]:
        def change(one: SmallLog) -> None:
            one.state("key_revoked", f"urn:suhe:key:{key_of('shop')}", {"revoked": at, "reason": "lost"})
            one.event("ship", "shop", [lot("M")])

        return change

    add("revoked-key", "signed with a key that was revoked before", with_season(revoke(T0 + 1)), "broken", 6)
    add("revoked-later", "signed before the key was revoked", with_season(revoke(T0 + 10**9)), "holds", None, "logged")
    hidden = with_season(revoke(T0 + 1))
    drop_key = next(c for c in hidden["chains"] if c["subject"] == f"urn:suhe:key:{key_of('shop')}")
    gone = drop_key["records"].pop()
    hidden["records"] = [r for r in hidden["records"] if r["index"] != gone]
    add("revocation-hidden", "the revocation is left out of the key's chain", hidden, "broken", 8)
    add("unentitled", "a shop says it tested", with_season(lambda one: one.event("inspect", "shop", [lot("M")])), "broken", 6)
    add("foreign-plot", "a party picks on a plot it does not run",
        with_season(lambda one: one.event("harvest", "coop", [lot("M")], bizLocation={"id": "urn:suhe:plot:b7"})), "broken", 6)  # fmt: skip
    add(
        "foreign-party",
        "a key signs in another party's name",
        with_season(lambda one: one.event("ship", "coop", [lot("M")], signer="shop")),
        "broken",
        6,
    )
    add(
        "log-key-signs-event",
        "the log's own key signs an event",
        with_season(lambda one: one.event("ship", "shop", [lot("M")], signer=LOG)),
        "broken",
        6,
    )

    def late_key(one: SmallLog) -> None:
        one.event("ship", "coop", [lot("M")], signer="coop second")
        one.register("coop", "coop second")

    add("registered-afterwards", "a key that was registered only after it signed", with_season(late_key), "broken", 6)

    def expired(one: SmallLog) -> None:
        one.register("coop", "coop third", validTo=T0 + 1)
        one.event("ship", "coop", [lot("M")], signer="coop third")

    add("expired-key", "a key that had run out", with_season(expired), "broken", 6)

    def changed_party(one: SmallLog) -> None:
        one.register("coop", "shop")

    add("key-changes-party", "a registered key is given to another party", with_season(changed_party), "broken", 6)

    # Spelling
    def spelled(change: Callable[[str], str], step: int = 4) -> Bundle:
        one = SmallLog()
        one.season()
        told = one.body("ship", "shop", quantityList=[{"epcClass": lot("M"), "quantity": 1, "uom": "KGM"}], **{"suhe:note": "é"})
        raw = change(rfc8785.dumps(told).decode())
        one.put(raw.encode(), [lot("M")], "shop")
        return one.bundle("M")

    for name, why, old, new in (
        ("body-duplicate-key", "a key twice in a body, signed and logged so", '"suhe:note":"é"', '"suhe:note":"é","suhe:note":"è"'),
        ("body-nan", "NaN in a body", '"quantity":1', '"quantity":NaN'),
        ("body-infinity", "a number too large to be one", '"quantity":1', '"quantity":1e999'),
        ("body-one-point-zero", "1.0 for 1", '"quantity":1', '"quantity":1.0'),
        ("body-minus-zero", "-0 for 0", '"quantity":1', '"quantity":-0'),
        ("body-exponent", "1e3 for 1000", '"quantity":1', '"quantity":1e3'),
        ("body-huge-integer", "2^53 + 1", '"quantity":1', '"quantity":9007199254740993'),
        ("body-huge-even-integer", "2^53, which a double spells", '"quantity":1', '"quantity":9007199254740992'),
        ("body-very-huge-integer", "an integer of 40 digits", '"quantity":1', '"quantity":' + "1" * 40),
        ("body-not-nfc", "an accent in two characters", "é", "e\u0301"),
        ("body-escaped", "a letter written as an escape", "é", "\\u00e9"),
        ("body-surrogate", "half of a character", '"suhe:note":"é"', '"suhe:note":"\\ud800"'),
        ("body-spaces", "a space after a colon", '"quantity":1', '"quantity": 1'),
        ("body-trailing", "something after the object", '"ObjectEvent"}', '"ObjectEvent"}}'),
        ("body-byte-order-mark", "a byte order mark first", '{"@context"', '\ufeff{"@context"'),
        ("body-nested", "nested too deeply", '"suhe:note":"é"', '"suhe:note":' + "[" * 60 + "]" * 60),
    ):
        changed = spelled(lambda text, old=old, new=new: text.replace(old, new))
        add(name, why, changed, "broken", 4)
    unordered = SmallLog()
    unordered.season()
    told = unordered.body("ship", "shop", quantityList=[{"epcClass": lot("M"), "quantity": 1, "uom": "KGM"}])
    unordered.put(json.dumps(told, separators=(",", ":")).encode(), [lot("M")], "shop")
    add("body-unordered", "keys in another order", unordered.bundle("M"), "broken", 4)

    text = made["good-witnessed"]["bundle"]
    add("file-duplicate-key", "a key twice in the file", text.replace('{"suhe":', '{"code":null,"suhe":', 1), "broken", 1)
    add("file-nan", "NaN in the file", text.replace('"made":', '"made":NaN,"x":', 1), "broken", 1)
    add("file-one-point-zero", "1.0 for 1 in the file", text.replace(",1,", ",1.0,", 1), "broken", 1)
    add(
        "file-huge-integer",
        "a number no double holds",
        text.replace('"made":', '"made":1', 1).replace('"made":1', '"made":1111111', 1),
        "broken",
        1,
    )
    add("file-foreign-field", "a field that is none of the form's", text.replace('{"suhe":', '{"note":"trust me","suhe":', 1), "broken", 1)
    add("file-cut-short", "half of the file", text[: len(text) // 2], "broken", 1)
    add("file-empty", "nothing", "", "broken", 1)
    add("file-page", "no bundle at all", "<!doctype html><title>Not found</title>", "broken", 1)
    mutate(
        "file-base64-spelling",
        "base 64 with bits nobody reads",
        1,
        lambda b: last(b).update(sig=last(b)["sig"][:-3] + _other_tail(last(b)["sig"][-3]) + "=="),
    )

    # Values
    mutate("disclosed-lie", "another name than was committed to", 11, lambda b: next(iter(b["disclosed"].values())).update(value="李四"))
    mutate("disclosed-salt", "another salt", 11, lambda b: next(iter(b["disclosed"].values())).update(salt=b64(bytes(32))))
    mutate("disclosed-of-nothing", "a value no record commits to", 11,
           lambda b: b["disclosed"].update({commitment(bytes(32), "suhe:by", "x"): {"salt": b64(bytes(32)), "value": "x"}}))  # fmt: skip
    mutate(
        "hidden-in-pending", "a proved record called pending", 2, lambda b: b["pending"].append(b["records"].pop()) or drop_from_chain(b)
    )
    return made


def drop_from_chain(b: Bundle) -> None:
    gone = b["pending"][0]["index"]
    for c in b["chains"]:
        c["records"] = [k for k in c["records"] if k != gone]


def _flip(text: str, at: int) -> str:
    import base64

    raw = bytearray(base64.b64decode(text))
    raw[at] ^= 1
    return b64(bytes(raw))


def _other_tail(c: str) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return alphabet[alphabet.index(c) ^ 1]


def _break_line(note: str, which: int) -> str:
    lines = note.rstrip("\n").split("\n")
    head, _, tail = lines[which].rpartition(" ")
    lines[which] = f"{head} {_flip(tail, 40)}"
    return "\n".join(lines) + "\n"


def _resign(record: dict[str, Any], signer: str) -> None:
    record["key"], record["sig"] = key_of(signer), b64(seed(signer).sign(record["body"].encode()).signature)


def write() -> int:
    """Write the files anew and return how many."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    made = vectors()
    for name, vector in made.items():
        (FOLDER / f"{name}.json").write_text(json.dumps(vector, ensure_ascii=True, indent=1) + "\n")
    return len(made)


if __name__ == "__main__":
    print(write(), "vectors")
