"""The verifier as one page to keep: opened from disk, no network, its keys pinned inside; and the hashes by which it can be recognised.

Each of its files has its SHA-256 stated in the log, so that whoever has the page can compare it with what everybody was given.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from dashboards.pages.shell import STATIC, manifest, templates

if TYPE_CHECKING:
    from dashboards.services import Services

SUBJECT = "urn:suhe:verifier"
SCRIPTS = ("verify.js", "verify-fallback.js")
PAGE = "verify.html"


@dataclass(frozen=True, slots=True)
class VerifierPins:
    """What is baked into the page."""

    log: str
    witnesses: tuple[str, ...]
    quorum: int


def pins_of(services: Services) -> VerifierPins:
    """Return the keys this installation tells a checker to trust."""
    return VerifierPins(*services.bundles.pins())


def script(name: str) -> str:
    """Return a built script."""
    return (STATIC / manifest()[name]).read_text()


def verifier_page(pins: VerifierPins) -> bytes:
    """Return the page; the same bytes for the same pins and scripts."""
    told = {"log": pins.log, "witnesses": list(pins.witnesses), "quorum": pins.quorum}
    scripts = {name: _inline(script(name)) for name in SCRIPTS}
    # Inside a script element a closing tag would end it, wherever it stands.
    baked = json.dumps(told).replace("<", "\\u003c")
    page = templates().get_template("verifier.html").render(pins=baked, version=version("suhe"), scripts=scripts)
    return page.encode()


def hashes(pins: VerifierPins) -> dict[str, str]:
    """Return file -> SHA-256, in hex, of everything a checker may be given."""
    found = {name: hashlib.sha256((STATIC / manifest()[name]).read_bytes()).hexdigest() for name in SCRIPTS}
    return {**found, PAGE: hashlib.sha256(verifier_page(pins)).hexdigest()}


def published(services: Services) -> dict[str, tuple[int, str]]:
    """Return SHA-256 -> (place in the log, file) of every verifier that was stated in the log."""
    said = services.trace.statements(SUBJECT)
    return {str(s.told["sha256"]): (stored.log_index, str(s.told["file"])) for stored, s in said}


def publish(services: Services) -> Sequence[str]:
    """State in the log the hash of each file that is not in it yet, and return these files."""
    known = published(services)
    fresh = [(name, digest) for name, digest in hashes(pins_of(services)).items() if digest not in known]
    for name, digest in fresh:
        services.trace.state("verifier", SUBJECT, {"sha256": digest, "file": name, "version": version("suhe")})
    return [name for name, _ in fresh]


def _inline(text: str) -> str:
    return text.replace("</script", "<\\/script").strip()
