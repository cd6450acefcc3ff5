"""The table of required fields in the docs is the one that is enforced."""

from __future__ import annotations

from pathlib import Path

from traceability.required import table
from traceability.vocabulary import KINDS, WHY

PAGE = Path(__file__).parents[2] / "docs" / "required-fields.md"


def test_the_page_is_the_table() -> None:
    """docs/required-fields.md is what traceability/required.py prints."""
    assert PAGE.read_text("utf-8") == table()


def test_every_required_field_says_why() -> None:
    """No kind asks for a field without a reason."""
    assert {name for kind in KINDS.values() for name in kind.needs} <= WHY.keys()
