"""The CBV event hash: ours against the reference generator, from the same published files to the same hashes, in turns.

Each pass reads the text of every JSON-LD file both can read (the release cannot read query documents), parses it and hashes every event.
Whether the hashes are the published ones is checked before anything is timed. What ours remembers of identifiers it forgets before
each pass; the reference keeps its contexts, as it does by itself.
"""

from __future__ import annotations

import gc
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from bench.report import Row
from traceability.event_hash import document_hashes
from traceability.gs1_ids import digital_link


def rows(*, quick: bool) -> list[Row]:
    """Return the row `event hash`, and one of a large document; nothing, said by name, where the published files are not at hand."""
    folder = _folder()
    if folder is None:
        print("left out: event hash, event hash, large: set SUHE_CONFORMANCE_DATA to the folder of conformance data")
        return []
    from epcis_event_hash_generator.hash_generator import epcis_hashes_from_events
    from epcis_event_hash_generator.json_to_py import event_list_from_epcis_document_str

    def ours(text: str) -> list[str]:
        return document_hashes(json.loads(text))

    def reference(text: str) -> list[str]:
        return list(epcis_hashes_from_events(event_list_from_epcis_document_str(text)))

    logging.getLogger().setLevel(logging.CRITICAL)  # the reference tells of each event; what it would print is not its hashing
    texts = []
    for path in sorted(folder.glob("*.jsonld")):
        text = path.read_text(encoding="utf-8")
        if json.loads(text)["type"] == "EPCISDocument":
            wanted = path.with_suffix(".hashes").read_text(encoding="utf-8").split()
            if ours(text) != wanted or reference(text) != wanted:
                raise AssertionError(f"{path.name} is not hashed as published")
            texts.append(text)
    rounds, repeats = (3, 10) if quick else (15, 20)
    mine, theirs = _in_turns(texts, ours, reference, rounds, repeats)
    events = sum(len(ours(text)) for text in texts)
    scale = f"{len(texts)} published files, {events} events, from text, best of {rounds}"
    big = [_large(texts, 100 if quick else 1000)]
    big_mine, big_theirs = _in_turns(big, ours, reference, 1 if quick else 3, 1)
    many = len(ours(big[0]))
    peer = "reference generator 1.9.3"
    return [
        Row("event hash", events / mine, "events/s", scale, peer, events / theirs, at_least=10),
        Row("event hash, large", many / big_mine, "events/s", f"one document of {many} events", peer, many / big_theirs, at_least=10),
    ]


def _in_turns(
    texts: list[str], ours: Callable[[str], object], reference: Callable[[str], object], rounds: int, repeats: int
) -> tuple[float, float]:
    """Return the shortest time of one pass over the texts by each; ours is so short that it is repeated within a turn."""
    mine, theirs = [], []
    for _ in range(rounds):
        gc.collect()
        spent = 0.0
        for _ in range(repeats):
            digital_link.cache_clear()
            start = perf_counter()
            for text in texts:
                ours(text)
            spent += perf_counter() - start
        mine.append(spent / repeats)
        start = perf_counter()
        for text in texts:
            reference(text)
        theirs.append(perf_counter() - start)
    return min(mine), min(theirs)


def _large(texts: list[str], events: int) -> str:
    """Return one document of many events: one that needs only EPCIS's own context, with another time and item in each."""
    document = json.loads(texts[0])
    plain = next(e for text in texts for e in json.loads(text)["epcisBody"]["eventList"] if "epcList" in e and "bizTransactionList" in e)
    document["epcisBody"]["eventList"] = [
        {**plain, "eventTime": f"2025-10-{1 + k % 28:02}T08:{k // 28 % 60:02}:00.000Z", "epcList": [f"urn:epc:id:sgtin:4012345.011111.{k}"]}
        for k in range(events)
    ]
    return json.dumps(document)


def _folder() -> Path | None:
    told = os.environ.get("SUHE_CONFORMANCE_DATA")
    folder = Path(told or "") / "trace/event-hash/tests/examples"
    return folder if told and folder.is_dir() else None
