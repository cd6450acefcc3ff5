"""Text for CSV files that people open in a spreadsheet: nothing in it may be taken for a formula."""

from __future__ import annotations

# What spreadsheets take for the beginning of a formula, in ASCII and in the full-width forms that some of them read alike; tab and line
# ends too, because what follows them is looked at as if it stood first. Source: OWASP, CSV Injection.
_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_text(text: str) -> str:
    """Return text that a spreadsheet shows and does not compute: an apostrophe goes before what might begin a formula.

    Only for text that came from outside; numbers stay numbers, minus sign and all.
    """
    return f"'{text}" if text.startswith(_BEGINS) or text.lstrip(" \u3000\ufeff").startswith(_BEGINS) else text
