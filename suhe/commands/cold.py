"""`suhe cold`: legs of the cold chain in the terminal."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

app = typer.Typer(help="The cold chain: legs, what was measured on them, what needs somebody.", no_args_is_help=True)


@app.command()
def legs(
    county: Annotated[str, typer.Option(help="Only this county's, by its six-digit code.")] = "",
    state: Annotated[str, typer.Option(help="Only legs in this state: under_way, finished or due.")] = "",
    limit: Annotated[int, typer.Option(help="How many, the newest departure first.", min=1, max=500)] = 20,
    *,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List legs with their verdict; minutes out of range and minutes without data are told apart."""
    from dashboards.api.cold_chain import leg_body
    from foundation.clock import SHANGHAI, from_ms
    from foundation.errors import BadInput
    from suhe.commands.trace import _services

    if state not in ("", "under_way", "finished", "due"):
        raise BadInput("there is no such state of a leg", expected="under_way, finished or due", got=state[:40])
    found = _services().logistics.cold_chain.legs(county or None, state=state, limit=limit)
    if json_output:
        print(json.dumps([leg_body(leg) for leg in found], ensure_ascii=False, indent=2))
        return
    for leg in found:
        left = from_ms(leg.departs_ms).astimezone(SHANGHAI)
        j = leg.judged
        said = f"{j.low_c:5.1f} to {j.high_c:5.1f} °C" if j and j.low_c is not None and j.high_c is not None else "no readings"
        word = (j.state if j else "pending") + ", under way" if leg.under_way and leg.recorder else leg.verdict
        minutes = f"{j.outside:6.1f} min out, {j.unknown:6.1f} min without data" if j else ""
        signed = "  signed" if leg.summary else ""
        print(f"{left:%m-%d %H:%M}  {leg.recorder or '-':<12} {leg.product:<22} {word:<20} {said:<18} {minutes}{signed}")
    if not found:
        print("no legs here yet", file=sys.stderr)
