"""Published Merkle proofs, good and bad, by outsiders: all of them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from traceability.merkle import InvalidProof, verify_consistency, verify_inclusion

INCLUSION, CONSISTENCY = 98, 43


def test_every_inclusion_vector_is_judged_as_published(conformance_data: Path) -> None:
    """A good proof is accepted, every damaged one refused."""
    vectors = _vectors(conformance_data / "trace/merkle/testdata/inclusion")
    assert len(vectors) == INCLUSION
    for name, v in vectors:
        # Go writes what is absent as null; nothing is no root and no leaf.
        args = _bytes(v["leafHash"]), v["leafIdx"], v["treeSize"], [_bytes(p) for p in v["proof"] or []], _bytes(v["root"])
        _judge(name, v["wantErr"], lambda args=args: verify_inclusion(*args))


def test_every_consistency_vector_is_judged_as_published(conformance_data: Path) -> None:
    """A good proof is accepted, every damaged one refused."""
    vectors = _vectors(conformance_data / "trace/merkle/testdata/consistency")
    assert len(vectors) == CONSISTENCY
    for name, v in vectors:
        args = v["size1"], v["size2"], _bytes(v["root1"]), _bytes(v["root2"]), [_bytes(p) for p in v["proof"] or []]
        _judge(name, v["wantErr"], lambda args=args: verify_consistency(*args))


def _vectors(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    return [(str(path.relative_to(folder)), json.loads(path.read_text())) for path in sorted(folder.rglob("*.json"))]


def _bytes(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def _judge(name: str, refused: bool, verify: Any) -> None:
    if not refused:
        verify()
        return
    try:
        verify()
    except InvalidProof:
        return
    pytest.fail(f"{name} was accepted")
