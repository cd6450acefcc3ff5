"""`suhe grafana`: boards for a Grafana, as files or over its API."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Boards for a Grafana, as files for it or pushed over its API.", no_args_is_help=True)
Lang = Annotated[str, typer.Option(help="Boards in which language: zh, en or both.")]


@app.command()
def push(
    url: Annotated[str, typer.Option(help="Address of Grafana; default from SUHE_GRAFANA_URL.")] = "",
    lang: Lang = "both",
    *,
    force: Annotated[bool, typer.Option("--force", help="Overwrite boards changed in Grafana, and send the password again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look and say what would be done.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Make or update folders, datasources and boards; the token comes from SUHE_GRAFANA_TOKEN. Exit 1 where something was left alone."""
    from dashboards.grafana.client import connect
    from dashboards.grafana.datasources import datasources
    from dashboards.grafana.push import Outcome, shipped
    from dashboards.grafana.push import push as run
    from suhe.cli import settings

    read = settings()
    boards = shipped(_langs(lang))
    grafana = connect(url or read.grafana_url, read.grafana_token.get_secret_value())
    done: list[Outcome] = []
    for outcome in run(grafana, boards, datasources(read), force=force, dry_run=dry_run):
        done.append(outcome)
        if not json_output:
            print(f"{outcome.kind:<11} {outcome.uid:<16} {outcome.state}{': ' + outcome.detail if outcome.detail else ''}", flush=True)
    if json_output:
        print(json.dumps([dataclasses.asdict(outcome) for outcome in done], ensure_ascii=False, indent=2))
    if dry_run:
        print("dry run: nothing was sent", file=sys.stderr)
    left = ", ".join(outcome.uid for outcome in done if outcome.left)
    if left:
        print(f"left alone: {left}; --force overwrites what was edited in Grafana", file=sys.stderr)
        sys.exit(1)


@app.command()
def files(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder, or one filled before.")],
    lang: Lang = "both",
    *,
    force: Annotated[bool, typer.Option("--force", help="Write even if the folder holds something else or files changed by hand.")] = False,
) -> None:
    """Put provisioning and boards into a folder, ready for a Grafana on this machine, and print the environment it needs."""
    from dashboards.grafana.files import environment, place
    from suhe.cli import settings
    from suhe.victoria import own_victoria

    read = settings()
    names = place(folder, _langs(lang), force=force)
    for name in names:
        print(folder / name)
    print("\nGrafana's environment (docs/grafana.md says how to start it):", file=sys.stderr)
    own = own_victoria(read)
    print("\n".join(f"  {line}" for line in environment(folder, read, own.url if own else "")), file=sys.stderr)


def _langs(lang: str) -> tuple[str, ...]:
    from foundation.errors import BadInput

    if lang not in ("zh", "en", "both"):
        raise BadInput("there are no boards in this language", expected="zh, en or both", got=lang[:40])
    return ("zh", "en") if lang == "both" else (lang,)
