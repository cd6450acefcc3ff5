"""`suhe config`."""

from __future__ import annotations

import json

from foundation.settings import Settings


def run(settings: Settings, *, as_json: bool) -> None:
    """Print every setting with its variable, value and meaning."""
    shown = settings.shown()
    if as_json:
        print(json.dumps({f"SUHE_{name.upper()}": value for name, value in shown.items()}, indent=2, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("setting", "value", "meaning", box=None, pad_edge=False)
    for name, value in shown.items():
        field = type(settings).model_fields[name]
        changed = getattr(settings, name) != field.default
        table.add_row(f"SUHE_{name.upper()}", f"{value or '(empty)'}{'' if changed else '  (default)'}", field.description or "")
    Console().print(table)
