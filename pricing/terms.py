"""Whether what a source says may be given to anybody: a licence that is not known to allow it does not."""

from __future__ import annotations

# How the licences of sources begin that let everybody have and pass on the data.
_OPEN = ("CC0", "CC BY", "CC-BY", "Open Government", "政府資料開放", "public domain", "the county's own")


def is_open(licence: str) -> bool:
    """Tell whether a licence lets everybody have the data."""
    return licence.startswith(_OPEN)
