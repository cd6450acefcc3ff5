"""The method page says what the code does: every method has its section, every limit its figure."""

from __future__ import annotations

import importlib
import math
import re
from pathlib import Path

from pricing.analysis.facts import METHODS, UNUSUAL_KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "prices.md").read_text(encoding="utf-8")


def test_every_method_has_its_section() -> None:
    """The id of a fact's method is an anchor of the page, and links within the page lead somewhere."""
    anchors = set(re.findall(r'<a id="([a-z-]+)"></a>', PAGE))
    assert anchors >= METHODS
    assert set(re.findall(r"\]\(#([a-z-]+)\)", PAGE)) <= anchors


def test_every_limit_is_the_codes() -> None:
    """The table of limits is compared with the constants, all of them of one folder."""
    rows = re.findall(r"^\| [^|]+ \| ([0-9.]+) \| `([a-z]+)\.([A-Z_]+)` \|$", PAGE, flags=re.MULTILINE)
    assert len(rows) >= 20
    for value, module, name in rows:
        assert getattr(importlib.import_module(f"pricing.analysis.{module}"), name) == float(value), name


def test_the_example_is_worked_right_and_every_question_is_told() -> None:
    """The index by hand comes out as printed; each kind of the unusual has its row."""
    printed = float(re.findall(r"= \*\*([0-9.]+)\*\*", PAGE)[0])
    assert round(100 * (0.5 * math.sqrt(1.5) + 0.3 * 0.90 + 0.2), 2) == printed
    assert all(f"\n| {kind} | " in PAGE for kind in UNUSUAL_KINDS)
