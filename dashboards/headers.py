"""What every answer tells the browser: load nothing but ours, guess no types, show no page of ours in a frame."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache

_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self'{style}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
HEADERS = {
    "content-security-policy": _POLICY.format(style=""),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "geolocation=(), camera=(), microphone=()",
}


@lru_cache(maxsize=8)
def with_style(sheet: str) -> dict[str, str]:
    """Return the policy of a page that carries this one style sheet inside it; by its hash, so that no other is let in."""
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    return {"content-security-policy": _POLICY.format(style=f" 'sha256-{digest}'")}


@lru_cache(maxsize=8)
def embedded(sheet: str) -> dict[str, str]:
    """Return the policy of a picture that other sites may show, in a frame too: it loads nothing; its one style sheet is inside."""
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors *"
    return {"content-security-policy": policy, "cross-origin-resource-policy": "cross-origin", "access-control-allow-origin": "*"}
