"""`suhe demo`: break the running demo on purpose, watch the pages tell it, heal it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

app = typer.Typer(help="Break the running demo on purpose, see the pages tell it, heal it.", no_args_is_help=True)


class Part(StrEnum):
    """What can be broken."""

    gateway = "gateway"
    broker = "broker"
    record = "record"
    market = "market"
    reefer = "reefer"
    chain = "chain"


@app.command(name="break")
def break_part(
    part: Annotated[
        Part,
        typer.Argument(
            help="gateway: cut off; broker, chain: killed and held down; record: altered; market: answers rubbish; reefer: cooling fails."
        ),
    ],
    which: Annotated[
        str,
        typer.Argument(
            help="Which gateway, event, market source, truck or truck's county; of the chain: empty; a good one where you name none."
        ),
    ] = "",
) -> None:
    """Break one part. Each shows on a page within ten seconds, a warm truck within two minutes; `suhe demo heal` mends everything."""
    from suhe.breaking import break_it
    from suhe.cli import settings

    print(break_it(settings(), part.value, which))


@app.command()
def heal() -> None:
    """Mend everything that `suhe demo break` broke."""
    from suhe.breaking import heal_all
    from suhe.cli import settings

    for line in heal_all(settings()):
        print(line)
