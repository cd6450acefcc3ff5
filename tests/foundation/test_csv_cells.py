"""No cell of a CSV file begins a formula."""

from __future__ import annotations

import pytest

from foundation.csv_cells import csv_text


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\u3000=1",
        "＝1",
        "＠x",
        '=HYPERLINK("http://x","y")',
        "=cmd|' /C calc'!A0",
    ],
)
def test_text_that_might_begin_a_formula_is_shown_as_text(text: str) -> None:
    """It keeps every character and gets an apostrophe before it."""
    assert csv_text(text) == "'" + text


@pytest.mark.parametrize("text", ["", "番茄", "a=1", "1-2", "5 公斤", "'=1", "e@x.org"])
def test_other_text_is_left_alone(text: str) -> None:
    """Only the beginning matters."""
    assert csv_text(text) == text
