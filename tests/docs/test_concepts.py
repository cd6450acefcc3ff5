"""The glossary: every word in both languages, once, and every place it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split("|"))
    for line in (ROOT / "docs" / "concepts.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| 中文")
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_a_word_is_explained_in_both_languages_and_found_in_the_code(row: tuple[str, ...]) -> None:
    """Chinese has Chinese characters, English has none, and file and name in the last column exist."""
    zh, en, meaning, where = row
    assert re.search(r"[\u4e00-\u9fff]", zh) and not re.search(r"[\u4e00-\u9fff]", en)
    assert meaning.endswith(".")
    if where == "later":
        return
    path, _, name = where.strip("`").partition(": ")
    text = (ROOT / path).read_text()
    if name:
        defined = rf"^\s*(?:class|def) {name}\b|^{name}\b.*=|^(?:\w+, )*{name}(?:, \w+)* = "
        assert re.search(defined, text, re.MULTILINE), f"{path} does not define {name}"


def test_a_word_has_one_meaning() -> None:
    """No word of either language is explained twice."""
    for column in (0, 1):
        words = [row[column] for row in ROWS]
        assert len(words) == len(set(words))
    assert len(ROWS) > 80
