"""The tour names only what exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOUR = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
FILES = sorted(set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.(?:py|html|md))`", TOUR)))
NAMED = sorted(set(re.findall(r"`([a-z_/]+\.py)` `([A-Za-z_.]+)`", TOUR)))


@pytest.mark.parametrize("path", FILES)
def test_every_file_exists(path: str) -> None:
    """A file on the tour is in the house."""
    assert (ROOT / path).is_file()


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_every_name_is_in_its_file(path: str, name: str) -> None:
    """A function or method on the tour is defined in the file beside it, nested ones included."""
    tree: ast.AST = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    for part in name.split("."):
        inside = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef) and n.name == part]
        assert inside, f"{path} has no {name}"
        tree = inside[0]


def test_the_tour_follows_three_things() -> None:
    """One reading, one lot, one quote, each over more than ten files."""
    sections = re.split(r"^## ", TOUR, flags=re.MULTILINE)
    for start in ("One reading", "One lot", "One quote"):
        section = next(s for s in sections if s.startswith(start))
        assert section.count("\n| `") >= 12
