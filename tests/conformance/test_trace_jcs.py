"""RFC 8785's published examples: our canonical form is theirs, and only theirs is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from foundation.errors import BadInput
from traceability.canonical import canonical, read_strictly

NAMES = ("arrays", "french", "structures", "unicode", "values", "weird")


@pytest.mark.parametrize("name", NAMES)
def test_the_published_form_is_ours(name: str, conformance_data: Path) -> None:
    """Input gives exactly the published output bytes."""
    folder = conformance_data / "trace/jcs/testdata"
    output = (folder / f"output/{name}.json").read_bytes()
    listed = bytes.fromhex("".join((folder / f"outhex/{name}.txt").read_text().split()))
    assert canonical(json.loads((folder / f"input/{name}.json").read_text())) == output == listed


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("arrays", "unicode", "weird")])
def test_only_the_published_form_is_read(name: str, conformance_data: Path) -> None:
    """The canonical bytes are read; the input's other spelling of the same value is refused."""
    folder = conformance_data / "trace/jcs/testdata"
    body = (folder / f"output/{name}.json").read_bytes()
    assert read_strictly(body) == json.loads(body)
    with pytest.raises(BadInput):
        read_strictly((folder / f"input/{name}.json").read_bytes())


@pytest.mark.parametrize("name", ["unicode", "weird"])
def test_text_outside_normal_form_c_is_refused(name: str, conformance_data: Path) -> None:
    """RFC 8785 keeps a decomposed letter as it is; we do not sign what two keyboards spell in two ways."""
    body = (conformance_data / f"trace/jcs/testdata/output/{name}.json").read_bytes()
    with pytest.raises(BadInput, match="normal form C"):
        read_strictly(body)
