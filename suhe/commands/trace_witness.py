"""`suhe trace witness`: which witnesses this log knows. A witness itself is run by `suhe witness`, best by somebody else."""

from __future__ import annotations

import json
from typing import Annotated

import typer

app = typer.Typer(help="The witnesses this log knows.", no_args_is_help=True)


@app.command()
def add(
    vkey: Annotated[str, typer.Argument(help="The witness's public key, as `suhe witness --show-key` prints it.")],
    *,
    recomputes: Annotated[bool, typer.Option("--recomputes", help="It runs with --full: it checks the map as well.")] = False,
    ours: Annotated[bool, typer.Option("--ours", help="We run it ourselves: pages will say that it is not independent.")] = False,
) -> None:
    """Take cosignatures of a witness from now on."""
    from suhe.commands.trace import _services

    made = _services().trace.add_witness(vkey, whole=recomputes, ours=ours)
    print(f"{made.name} is known; its cosignatures count from now on")
    if recomputes:
        print(f"it needs an API key of role witness: suhe user key {made.name.replace('/', '-')} --role witness")


@app.command("list")
def list_all(*, json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:
    """List the known witnesses and the largest checkpoint each has cosigned."""
    from foundation.clock import SHANGHAI, from_ms
    from suhe.commands.trace import _services

    found = _services().trace.witnessing.stands()
    if json_output:
        rows = [
            {
                "name": s.witness.name, "vkey": s.witness.cosigner.vkey(), "ours": s.witness.ours, "recomputes": s.witness.whole,
                "size": s.last.size if s.last else None, "time": s.last.time_s if s.last else None,
            }
            for s in found
        ]  # fmt: skip
        print(json.dumps(rows, indent=2))
        return
    for s in found:
        when = f"size {s.last.size} at {from_ms(s.last.time_s * 1000).astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}" if s.last else "nothing yet"
        kind = "ours, not independent" if s.witness.ours else "independent as far as we know"
        print(f"{s.witness.cosigner.vkey()}\n  cosigned {when}; {'recomputes the map' if s.witness.whole else 'consistency only'}; {kind}")
    if not found:
        print("no witnesses: nobody outside can tell whether this log was rewritten")


@app.command()
def remove(name: Annotated[str, typer.Argument(help="The witness's name.")]) -> None:
    """No longer count a witness's cosignatures."""
    from suhe.commands.trace import _services

    _services().trace.witnessing.remove(name)
    print(f"{name} is no longer known")
