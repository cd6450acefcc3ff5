"""`suhe trace`: check the history yourself."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from suhe.commands import anchor, limits, recall, seal, trace_witness

if TYPE_CHECKING:
    from suhe.bootstrap import Services

app = typer.Typer(help="Lots and their history: check that nothing was altered.", no_args_is_help=True)
app.add_typer(anchor.app, name="anchor")
app.command()(recall.recall)
app.command()(recall.recalls)
app.command()(recall.lift)
app.command()(recall.office)
app.add_typer(seal.app, name="seal")
app.add_typer(trace_witness.app, name="witness")
app.add_typer(limits.app, name="limits")


@app.command()
def verify(
    lot: Annotated[str, typer.Argument(help="A lot's id or its trace code.")] = "",
    *,
    everything: Annotated[bool, typer.Option("--all", help="Check every record of the log.")] = False,
    fast: Annotated[bool, typer.Option("--fast", help="With --all: hashes, chains, roots and maps only, no authors' signatures.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Recompute everything from the stored bytes; exit 0 only if all of it holds."""
    from foundation.errors import BadInput

    if everything == bool(lot) or (fast and not everything):
        raise BadInput("say what to check", expected="a lot, or --all", todo="suhe trace verify --all")
    services = _services()
    holds = _verify_all(services, as_json=json_output, fast=fast) if everything else _verify_lot(services, lot, as_json=json_output)
    sys.exit(0 if holds else 1)


@app.command()
def bundle(
    lot: Annotated[str, typer.Argument(help="A lot's id or its trace code.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write it; - prints it.")] = Path("-"),
) -> None:
    """Write a lot's proof: one file that anybody checks with `suhe verify`, without this installation."""
    from traceability.service import full_lot_id

    services = _services()
    data = services.bundles.make(full_lot_id(_lot_of(services, lot)))
    _write(output, data)


@app.command()
def verifier(
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write it; - prints it.")] = Path("-"),
    *,
    hashes: Annotated[bool, typer.Option("--hash", help="Print the SHA-256 of what we give out, and where the log states it.")] = False,
) -> None:
    """Write the page that checks proofs: one file, opened from disk, with the log's and the witnesses' keys in it."""
    from dashboards import verifier as made

    services = _services()
    pins = made.pins_of(services)
    if not hashes:
        _write(output, made.verifier_page(pins))
        return
    stated = made.published(services)
    for name, digest in made.hashes(pins).items():
        print(f"{digest}  {name}  " + (f"record {stated[digest][0]} of the log" if digest in stated else "not in the log yet"))


@app.command()
def lots(
    county: Annotated[str, typer.Option(help="Only this county's, by its six-digit code.")] = "",
    state: Annotated[str, typer.Option(help="Only lots in this state: growing, in_stock, in_transit, received or used_up.")] = "",
    limit: Annotated[int, typer.Option(help="How many, the newest first.", min=1, max=500)] = 10,
    *,
    codes: Annotated[bool, typer.Option("--codes", help="Print trace codes alone, one a line.")] = False,
) -> None:
    """List lots of produce with their trace codes, the newest first."""
    from foundation.errors import BadInput
    from foundation.ids import in_fours
    from traceability.lots import STATES

    if state and state not in STATES:
        raise BadInput("there is no such state of a lot", expected=", ".join(STATES), got=state[:40])
    found = _services().trace.lots(county or None, limit=limit, state=state or None)
    for lot in found:
        if codes:
            print(in_fours(lot.code))
        else:
            day = lot.harvested_day or lot.planted_day
            amount = "growing" if lot.quantity is None else f"{lot.quantity} {lot.unit}"
            print(f"{in_fours(lot.code)}  {lot.short:<34} {lot.product:<20} {amount:>12}  {day or '-'}  {lot.state}")
    if not found:
        print("no lots here yet", file=sys.stderr)


@app.command()
def export(
    lot: Annotated[str, typer.Argument(help="A lot's id or its trace code.")],
    format_: Annotated[str, typer.Option("--format", help="epcis: an EPCIS 2.0 document in JSON-LD.")] = "epcis",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The file to write; the screen where none is named.")] = None,
) -> None:
    """Write a lot, its ancestors and what they rest on, with every author's signature, for another installation or any EPCIS reader."""
    from foundation.errors import BadInput

    if format_ != "epcis":
        raise BadInput("this format is not known", expected="epcis", got=format_[:40])
    services = _services()
    text = json.dumps(services.documents.export(_lot_of(services, lot)), ensure_ascii=False, indent=2) + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")
        print(f"{output}: {len(json.loads(text)['epcisBody']['eventList'])} events")


@app.command("import")
def import_(file: Annotated[Path, typer.Argument(help="An EPCIS 2.0 document in JSON-LD.")]) -> None:
    """Take in a document with its authors' signatures, all or none; any other is checked and hashed, and nothing of it is recorded."""
    from foundation.errors import BadInput

    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadInput("this file cannot be read", got=str(file), expected=error.strerror or "") from error
    report = _services().documents.import_document(data)
    for fault in report.faults:
        print(f"FAIL  {fault}")
    for event in report.events:
        print(f"{event.event_id or '-'}  {event.event_hash}")
    if report.faults:
        print(f"{file}: not valid EPCIS 2.0, nothing recorded")
        sys.exit(1)
    if report.grade == "signed":
        print(f"{file}: signed, {report.recorded} events recorded, {report.known} known already")
    else:
        print(f"{file}: valid EPCIS 2.0, unsigned: {len(report.events)} events checked and hashed, nothing recorded")


@app.command()
def erase(
    commitment: Annotated[str, typer.Argument(help="The commitment, as it stands in the event's suhe:by (64 hex digits).")],
    reason: Annotated[str, typer.Option(help="Why, without naming the person: it is kept.")],
) -> None:
    """Delete a person's name behind a commitment for good; every proof verifies as before."""
    from foundation.clock import SHANGHAI, from_ms

    erased_ms = _services().trace.erase(commitment, reason)
    print(
        f"erased at {from_ms(erased_ms).astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}; backups made before still hold it: delete or re-make them"
    )


@app.command()
def photo(
    what: Annotated[str, typer.Argument(help="A lot's id or trace code, or a product's id.")],
    file: Annotated[Path, typer.Argument(help="JPEG, PNG or WebP.", exists=True, dir_okay=False)],
) -> None:
    """Give a lot, or every lot of a product, its photo: made small, without place, time or camera."""
    from foundation.errors import NotFound, SuheError
    from traceability.photos import PRODUCT

    services = _services()
    try:
        lot = what if ":" in what else services.trace.lot_of_code(what)
        subject = services.trace.lot(lot).summary.id
    except SuheError:
        if what not in {p.id for p in services.registry.products()}:
            raise NotFound("there is no such lot or product", got=what[:160], todo="suhe trace lots") from None
        subject = PRODUCT + what
    kept = services.photos.add(subject, file.read_bytes())
    print(f"{subject}: {kept.width}x{kept.height}, {len(services.photos.content(kept.sha256)):,} bytes, /photos/{kept.sha256}.jpg")


def _lot_of(services: Services, lot: str) -> str:
    """Return the lot that a code or an id names."""
    from foundation.errors import SuheError

    try:
        return services.trace.lot_of_code(lot)
    except SuheError:
        return lot  # not a code, so it is a lot's id


def _write(output: Path, data: bytes) -> None:
    if str(output) == "-":
        sys.stdout.buffer.write(data)
        return
    output.write_bytes(data)
    print(f"{output}: {len(data)} bytes", file=sys.stderr)


def _verify_lot(services: Services, lot: str, *, as_json: bool) -> bool:
    lot = _lot_of(services, lot)
    verdict = services.trace.verify_lot(lot)
    if as_json:
        steps = [{"number": s.number, "name": s.name, "ok": s.ok, "detail": s.detail} for s in verdict.steps]
        print(json.dumps({"lot": lot, "ok": verdict.ok, "events": verdict.event_count, "steps": steps}, ensure_ascii=False, indent=2))
        return verdict.ok
    for step in verdict.steps:
        print(f"{'ok  ' if step.ok else 'FAIL'}  {step.number}. {step.name}{': ' + step.detail if step.detail else ''}")
    print(f"{lot}: {verdict.event_count} events, {'everything holds' if verdict.ok else 'DOES NOT HOLD'}")
    return verdict.ok


def _verify_all(services: Services, *, as_json: bool, fast: bool) -> bool:
    check = services.trace.audit if fast else services.trace.verify_all
    if as_json or not sys.stderr.isatty():
        report = check()
    else:
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("checking records", total=None)
            report = check(progress=lambda done, total: bar.update(task, completed=done, total=total))
    if as_json:
        problems = [{"record": p.record_index, "event": p.event_id, "lots": list(p.lots), "what": p.what} for p in report.problems]
        print(
            json.dumps({"ok": report.ok, "size": report.size, "root": report.root_hex, "problems": problems}, ensure_ascii=False, indent=2)
        )
        return report.ok
    for p in report.problems:
        print(f"FAIL  record {p.record_index}, event {p.event_id}, lots {', '.join(p.lots) or '-'}: {p.what}")
    print(f"log size {report.size}\nroot {report.root_hex}\n{'everything holds' if report.ok else 'DOES NOT HOLD'}")
    return report.ok


def _services() -> Services:

    from foundation.database import open_engine
    from suhe.bootstrap import build_services
    from suhe.cli import settings
    from suhe.migrate import migrate

    read = settings()
    migrate(open_engine(read.records_url))
    return build_services(read)
