"""`suhe ingest rules`: what quality control asks of a channel, with the source of every figure."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from foundation.errors import NotFound

if TYPE_CHECKING:
    from foundation.settings import Settings
    from ingest.quality.rules import Rules


def run(settings: Settings, channel: str, device: str, kind: str, county: str, *, as_json: bool) -> None:
    """Print the rules of a channel, or of all; raise BadInput where the county's own file cannot be used."""
    import json

    from ingest.quality.rules import read_rules

    book = read_rules(settings.data)
    if device:
        from foundation.clock import SystemClock
        from foundation.database import open_engine
        from registry.service import Registry

        known = Registry(open_engine(settings.records_url), SystemClock()).device(device)
        kind, county = known.kind, known.county
    channels = [channel] if channel else book.channels()
    if channel and channel not in book.channels():
        raise NotFound("no rule is known for this channel: its readings are not evaluated", got=channel[:60])
    found = {c: told(book.of(c, kind=kind, county=county, device=device)) for c in channels}
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for code, tests in found.items():
        print(code)
        for test, figures in tests.items():
            source = figures.pop("source")
            print(f"  {test:<12} " + ", ".join(f"{name} {_shown(value)}" for name, value in figures.items()))
            print(f"  {'':<12} {source}")


def told(rules: Rules) -> dict[str, dict[str, Any]]:
    """Return the figures of each test that applies; what is unlimited or empty is left out."""
    found: dict[str, dict[str, Any]] = {}
    for test in fields(rules):
        rule = getattr(rules, test.name)
        if rule is not None:
            given = {f.name: getattr(rule, f.name) for f in fields(rule)}
            found[test.name] = {name: value for name, value in given.items() if not _boundless(value)}
    return found


def _boundless(value: Any) -> bool:
    return value in ((), "") or (isinstance(value, float) and math.isinf(value))


def _shown(value: Any) -> str:
    return (
        "[" + ", ".join(map(_shown, value)) + "]" if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)
    )
