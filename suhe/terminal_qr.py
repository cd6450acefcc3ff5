"""A QR code in a terminal, two modules to a character."""

from __future__ import annotations

import io


def qr_lines(text: str) -> list[str]:
    """Return the lines of a QR code for `text`, drawn with half blocks."""
    import segno

    out = io.StringIO()
    segno.make(text, error="m").terminal(out, compact=True)
    return out.getvalue().rstrip("\n").splitlines()
