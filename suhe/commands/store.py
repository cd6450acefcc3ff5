"""`suhe store`: the readings on disk: numbers, proof, compaction, export, deletion with a trace, backup."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ingest.checking import Report
    from ingest.keeping import Store

app = typer.Typer(help="The readings on disk: numbers, proof that they are whole, export, deletion, backup.", no_args_is_help=True)
WHOLE, DAMAGED = 0, 1
_DAY_MS = 86_400_000

Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command()
def stats(*, json_output: Json = False) -> None:
    """Print files, rows and bytes of each kind."""
    import json
    from dataclasses import asdict

    kinds = _store().stats()
    if json_output:
        print(json.dumps([asdict(k) for k in kinds], indent=2))
        return
    for k in kinds:
        each = f"{k.bytes / k.rows:6.2f} bytes a row" if k.rows else ""
        print(f"{k.name:<12} {k.files:>7,} files {k.rows:>14,} rows {k.bytes:>16,} bytes  {each}".rstrip())


@app.command()
def check(
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Read every row too: times, series, order.")] = False,
    json_output: Json = False,
) -> None:
    """Prove every file whole: size, SHA-256 as recorded at its writing, rows. Exit 0: whole; 1: damaged. May run beside everything."""
    tell(_store().check(deep=deep), as_json=json_output)


@app.command()
def compact() -> None:
    """Merge waiting segments into sorted files now."""
    print(f"{_store().compact()} segments merged")


@app.command()
def retain() -> None:
    """Take away now what is older than SUHE_KEEP_READINGS_MONTHS and SUHE_KEEP_5MIN_MONTHS say; the scheduler does so every night."""
    from ingest.retention import Keep
    from suhe.cli import settings

    found = settings()
    made = _store().retain(Keep(found.keep_readings_months, found.keep_5min_months))
    print(f"{len(made)} files taken away, {sum(d.rows for d in made):,} rows")


@app.command()
def delete(
    device: Annotated[str, typer.Option(help="A device's id.")],
    start: Annotated[str, typer.Option("--from", help="First day or instant, such as 2026-03-01 or 2026-03-01T08:00+08:00.")],
    end: Annotated[str, typer.Option("--to", help="Last day, or the first instant that stays.")],
    why: Annotated[str, typer.Option(help="The reason; it is kept.")],
    channel: Annotated[str, typer.Option(help="Only this channel.")] = "",
    who: Annotated[str, typer.Option(help="Who decided it; default is the name you are signed in by.")] = "",
) -> None:
    """Delete a device's readings of a time from every file; what was deleted, by whom and why stays known."""
    import getpass

    made = _store().delete(device, channel, instant(start), instant(end, ends=True), who=who or getpass.getuser(), why=why)
    print(f"{made.rows:,} {made.what} of {device} deleted; SHA-256 of their lines {made.sha256}")
    print("a server store that was fed from here still holds them: delete them there too; backups made before hold them as well")


@app.command()
def deletions(*, json_output: Json = False) -> None:
    """List what retention and people took away: when, what, who, why, and the hash of what went."""
    import json
    from dataclasses import asdict

    from foundation.clock import SHANGHAI, from_ms

    found = _store().deletions()
    if json_output:
        print(json.dumps([asdict(d) for d in found], ensure_ascii=False, indent=2))
        return
    for d in found:
        at, first, last = (f"{from_ms(ms).astimezone(SHANGHAI):%Y-%m-%d %H:%M}" for ms in (d.at_ms, d.start_ms, d.end_ms))
        whose = " ".join(x for x in (d.county, d.device, d.channel) if x)
        print(f"{at}  {d.rows:>10,} {d.what:<13} {whose}  {first} to {last}  {d.who}: {d.why}  {d.sha256[:16]}…")
    if not found:
        print("nothing was ever deleted", file=sys.stderr)


@app.command()
def export(
    form: Annotated[str, typer.Argument(help="csv, parquet or lines (Influx line protocol, times in ms).")],
    start: Annotated[str, typer.Option("--from", help="First day or instant.")],
    end: Annotated[str, typer.Option("--to", help="Last day, or the first instant that is left out.")],
    device: Annotated[list[str] | None, typer.Option(help="A device; as often as wanted, else all.")] = None,
    channel: Annotated[list[str] | None, typer.Option(help="A channel; as often as wanted, else all.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write; default is standard output.")] = None,
    *,
    good_only: Annotated[bool, typer.Option("--good-only", help="Leave suspect and failed readings out.")] = False,
) -> None:
    """Write readings as a file for others, of any length, in bounded memory."""
    parts = _store().export(form, instant(start), instant(end, ends=True), device or (), channel or (), good_only=good_only)
    if out is None:
        for part in parts:
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
        return
    with out.open("wb") as file:
        for part in parts:
            file.write(part)
        print(f"{file.tell():,} bytes in {out}")


@app.command()
def backup(folder: Annotated[Path, typer.Argument(help="A folder that is empty or not there.")]) -> None:
    """Copy the readings while everything runs; what was acknowledged before is in the copy."""
    made = _store().backup(folder)
    print(f"{made.files:,} files, {made.bytes:,} bytes; check them: suhe store verify {folder}")


@app.command()
def verify(folder: Annotated[Path, typer.Argument(help="A backup.")], *, json_output: Json = False) -> None:
    """Check a backup: every file against the hashes in its catalogue, every row read. Exit 0: whole; 1: damaged."""
    from ingest.backing import verify as run

    tell(run(folder), as_json=json_output)


@app.command()
def restore(folder: Annotated[Path, typer.Argument(help="A backup.")]) -> None:
    """Check a backup and put it where SUHE_DATA's readings are to be; nothing is overwritten."""
    from ingest.backing import restore as run
    from suhe.cli import settings

    tell(run(folder, settings().readings_folder), as_json=False)


def instant(text: str, *, ends: bool = False) -> int:
    """Return a day (in Shanghai; with `ends` the end of it) or an instant with its zone as ms."""
    from datetime import date, datetime

    from foundation.clock import to_ms
    from foundation.errors import BadInput
    from ingest.rollups import day_start

    epoch = date(1970, 1, 1).toordinal()
    try:
        if len(text) == len("2026-03-01"):
            return day_start(date.fromisoformat(text).toordinal() - epoch) + (_DAY_MS if ends else 0)
        return to_ms(datetime.fromisoformat(text))
    except ValueError as error:
        raise BadInput("this is no day or instant", expected="2026-03-01 or 2026-03-01T08:00+08:00", got=repr(text[:40])) from error


def _store() -> Store:
    from foundation.clock import SystemClock
    from foundation.errors import NotFound
    from ingest.keeping import Store as Made
    from suhe.cli import settings

    folder = settings().readings_folder
    if not (folder / "catalog.db").exists():
        raise NotFound("there are no readings here", got=str(folder), todo="set SUHE_DATA to an installation's folder")
    return Made(folder, SystemClock())


def tell(report: Report, *, as_json: bool) -> None:
    """Print a report and end with its exit code."""
    import json
    from dataclasses import asdict

    if as_json:
        print(json.dumps({"whole": report.whole, **asdict(report)}, ensure_ascii=False, indent=2))
    else:
        for found in report.faults:
            print(f"FAIL  {found.file}: {found.what}")
        for found in report.notes:
            print(f"note  {found.file}: {found.what}")
        verdict = "whole" if report.whole else f"{len(report.faults)} faults"
        print(f"{report.files:,} files, {report.rows:,} rows, {report.bytes:,} bytes: {verdict}")
    sys.exit(WHOLE if report.whole else DAMAGED)
