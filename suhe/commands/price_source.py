"""`suhe price source`: which sources there are and on what terms, what one says now, and answers that somebody saved to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Price sources: list them, try one, read a saved answer.", no_args_is_help=True)


@app.command(name="list")
def list_sources(
    *,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List every source: whether it is on by default, permission, licence, currency, pace, and what it covers."""
    import json

    from pricing.sources import SOURCES

    if json_output:
        told = [
            {
                "id": s.id, "name_zh": s.name_zh, "name_en": s.name_en, "address": s.address, "licence": s.licence,
                "permission": s.permission, "enabled": s.enabled, "currency": s.currency, "kind": s.kind, "answers": s.answers,
                "pause_seconds": s.pause_seconds, "jitter_seconds": s.jitter_seconds, "daily_bytes": s.daily_bytes,
                "robots_checked_at": s.robots_checked_at.isoformat() if s.robots_checked_at else None, "markets": list(s.markets),
                "covers_zh": s.covers_zh, "covers_en": s.covers_en,
            }
            for s in SOURCES.values()
        ]  # fmt: skip
        print(json.dumps(told, ensure_ascii=False, indent=2))
        return
    for s in SOURCES.values():
        on = "on " if s.enabled else "OFF"
        checked = s.robots_checked_at.isoformat() if s.robots_checked_at else "nobody yet"
        print(f"{s.id:<16} {on} permission {s.permission:<8} {s.currency} {s.kind:<10} {s.name_zh} / {s.name_en}")
        print(f"{'':<16} {s.covers_en}")
        pace = f"{s.pause_seconds:g} to {s.pause_seconds + s.jitter_seconds:g} s between requests, {s.daily_bytes / 1e6:g} MB a day"
        print(f"{'':<16} licence: {s.licence}; {pace}; robots.txt read by a person: {checked}; {s.address or 'no public address'}")


@app.command(name="try")
def try_source(
    source: Annotated[str, typer.Argument(help="A source's id; `suhe price source list` lists them.")],
    day: Annotated[str, typer.Option(help="A day, YYYY-MM-DD; default today.")] = "",
    url: Annotated[str, typer.Option(help="Base address to ask instead of the source's own.")] = "",
) -> None:
    """Ask one source now and print its rows, freshness and warnings; nothing is stored."""
    from suhe.commands.price_try import run

    run(source, url, day)


@app.command(name="read")
def read_saved(
    source: Annotated[str, typer.Argument(help="The id of the source whose answer the file is.")],
    file: Annotated[Path, typer.Argument(help="The saved answer, .gz too.")],
) -> None:
    """Record an answer that somebody saved to a file; the same file again changes nothing."""
    from suhe.commands.trace import _services

    report = _services().prices.read_answer(source, file)
    if report.state == "taken":
        print("this very file was read before; nothing changed")
        return
    print(f"{report.received:,} rows of {report.window}: {report.new:,} new, {report.revised:,} revised, {report.copies:,} copies")
    for reason, n in sorted(_reasons(r.text for r in report.refused).items(), key=lambda x: -x[1]):
        print(f"  {n:>7,} refused: {reason}")


def _reasons(texts: object) -> dict[str, int]:
    from collections import Counter

    return dict(Counter(texts))  # type: ignore[call-overload]
