"""What of a request makes a scan: a reader who opened the page, no browser that looks ahead, nobody who is signed in and at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.api.deps import SESSION_COOKIE
from traceability.scans import Cell

if TYPE_CHECKING:
    from dashboards.fast_path import Note
    from dashboards.services import Services

_AT_WORK = SESSION_COOKIE.encode() + b"="


def scan_note(services: Services) -> Note:
    """Return what the fast path calls at every page that goes out; it waits for nothing."""

    def note(code: str, address: str, headers: list[tuple[bytes, bytes]]) -> None:
        note_scan(services, code, "", address, headers, None)

    return note


def note_scan(services: Services, code: str, serial: str, address: str, headers: list[tuple[bytes, bytes]], cell: Cell | None) -> None:
    """Take down a scan of a code, with the serial and the place its address carried."""
    said = dict(headers)
    ahead = b"prefetch" in said.get(b"sec-purpose", b"") or b"prefetch" in said.get(b"purpose", b"")
    cookies = said.get(b"cookie", b"").replace(b" ", b"").split(b";")
    if not ahead and not any(c.startswith(_AT_WORK) for c in cookies):
        services.scans.note(code, serial, user_agent=said.get(b"user-agent", b"").decode("latin-1"), address=address, cell=cell)
