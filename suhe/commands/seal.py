"""`suhe trace seal`: sealed plot-days, proved or disproved from the raw readings."""

from __future__ import annotations

import json
import sys
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from traceability.sealing import SealCheck, SealedDay

app = typer.Typer(help="Sealed plot-days: what the sensors of a plot said, fixed in the log.", no_args_is_help=True)
# Proved; something disproved; nothing disproved, but raw readings are no longer kept.
HOLDS, BROKEN, NOT_KEPT = 0, 1, 3


@app.command(name="list")
def list_seals(
    plot: Annotated[str, typer.Argument(help="A plot's id, such as sx-01-g1.")],
    *,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List the seals of a plot in the order of its chain, superseded ones too."""
    from suhe.commands.trace import _services

    found = _services().seals.chain(plot)
    newest = {s.day: s.log_index for s in found}
    if json_output:
        print(json.dumps([_as_json(s) | {"superseded": newest[s.day] != s.log_index} for s in found], ensure_ascii=False, indent=2))
        return
    for s in found:
        note = "  superseded" if newest[s.day] != s.log_index else ""
        print(f"{s.day}  record {s.log_index:<8} {s.told['readings']:>7,} readings  {_signed(s):<18} {s.told['root'][:16]}…{note}")
    if not found:
        print("nothing of this plot is sealed yet", file=sys.stderr)


@app.command()
def make(
    plot: Annotated[str, typer.Argument(help="A plot's id; empty with --due.")] = "",
    day: Annotated[str, typer.Argument(help="A day that is over, such as 2025-11-20.")] = "",
    *,
    due: Annotated[bool, typer.Option("--due", help="Seal every plot-day that is over and settled.")] = False,
) -> None:
    """Seal a day now; where late readings came, the new seal supersedes the old one."""
    from foundation.errors import BadInput
    from suhe.commands.trace import _services

    if due == bool(plot or day):
        raise BadInput("say what to seal", expected="a plot and a day, or --due", todo="suhe trace seal make sx-01-g1 2025-11-20")
    seals = _services().seals
    if due:
        total = 0
        while made := seals.seal_due():
            total += made
        print(f"{total} plot-days sealed")
        return
    s = seals.seal(plot, _day(day))
    print(f"{s.plot} {s.day}: record {s.log_index}, {s.told['readings']:,} readings, root {s.told['root']}")


@app.command()
def verify(
    plot: Annotated[str, typer.Argument(help="A plot's id; empty with --all means every plot.")] = "",
    day: Annotated[str, typer.Argument(help="A day; with --all every sealed one.")] = "",
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every sealed day of the plot, or of all plots.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Make seals anew from the raw readings and compare root and every number; exit 0 proved, 1 disproved, 3 raw no longer kept."""
    from foundation.errors import BadInput, NotFound
    from suhe.commands.trace import _services

    if everything == bool(day) or not (plot or everything):
        raise BadInput("say what to check", expected="a plot and a day, or --all", todo="suhe trace seal verify --all")
    seals = _services().seals
    first, last = (_day(day), _day(day)) if day else (date(1970, 1, 2), date(9999, 1, 1))
    count = {"proved": 0, "disproved": 0, "gone": 0}
    told = []
    for one in [plot] if plot else seals.sealed_plots():
        for check in seals.verify(one, first, last):
            count[check.state] += 1
            told.append(_checked(check)) if json_output else _say(check, quiet=everything)
    if not sum(count.values()):
        raise NotFound("nothing here is sealed", got=f"{plot} {day}".strip(), todo="suhe trace seal list PLOT")
    if json_output:
        print(json.dumps({"count": count, "seals": told}, ensure_ascii=False, indent=2))
    else:
        print(f"{count['proved']:,} proved, {count['disproved']:,} disproved, {count['gone']:,} whose raw readings are no longer here")
    sys.exit(BROKEN if count["disproved"] else NOT_KEPT if count["gone"] else HOLDS)


def _say(check: SealCheck, *, quiet: bool) -> None:
    words = {"proved": "ok  ", "disproved": "FAIL", "gone": "gone"}
    if check.state == "proved" and quiet:
        return
    waiting = "" if check.logged else ", not under a checkpoint yet"
    readings = check.seal.told.get("readings", "?")
    note = "raw no longer here, the seal stands unproved" if check.state == "gone" else f"{readings} readings{waiting}"
    print(f"{words[check.state]}  {check.seal.plot} {check.seal.day}, record {check.seal.log_index}: {note}")
    for line in (*check.faults, *map(str, check.differences)):
        print(f"      {line}")


def _checked(check: SealCheck) -> dict[str, object]:
    found = [{"where": d.where, "what": d.what, "sealed": d.sealed, "found": d.found} for d in check.differences]
    return {
        "plot": check.seal.plot, "day": check.seal.day.isoformat(), "record": check.seal.log_index, "state": check.state,
        "logged": check.logged, "faults": list(check.faults), "differences": found,
    }  # fmt: skip


def _as_json(s: SealedDay) -> dict[str, object]:
    return {"plot": s.plot, "day": s.day.isoformat(), "record": s.log_index, "recordHash": s.record_hash, "told": s.told}


def _signed(s: SealedDay) -> str:
    by_gateway = sum(g["signed"] for g in s.told["gateways"])
    return f"{by_gateway:,} signed" if by_gateway else "as received"


def _day(text: str) -> date:
    from foundation.errors import BadInput

    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadInput("this is no day", expected="such as 2025-11-20", got=repr(text[:40])) from error
