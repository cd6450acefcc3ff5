"""`suhe user`: people, sign-in links, keys for machines, gateways."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from registry.service import Registry

app = typer.Typer(help="People, sign-in links, keys for machines, gateways.", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="A short name, such as wang.li")],
    role: Annotated[str, typer.Option(help="grower, cooperative, processor, inspector, carrier, retailer, county or administrator")],
    county: Annotated[str, typer.Option(help="Six-digit county code; empty means every county.")] = "",
) -> None:
    """Add a person. Nobody gets a password: sign-in is by one-time link."""
    open_registry().add_person(name, role, county or None)
    print(f"added {name} as {role}; `suhe user link {name}` makes a sign-in link")


@app.command()
def link(name: Annotated[str, typer.Argument(help="Who shall sign in.")]) -> None:
    """Print a sign-in link that works once, for fifteen minutes."""
    from suhe.cli import settings
    from suhe.processes import web_address

    token = open_registry().make_link(name)
    read = settings()
    print(f"{read.public_url.rstrip('/') or web_address(read)}/sign-in/{token}")


@app.command(name="list")
def list_people(*, json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:
    """List people and keys; nothing secret is kept, so nothing secret is printed."""
    registry = open_registry()
    people = [{"name": p.name, "role": p.role, "county": p.county or ""} for p in registry.people()]
    keys = [{"prefix": k.prefix, "name": k.name, "role": k.role, "county": k.county or ""} for k in registry.api_keys()]
    if json_output:
        print(json.dumps({"people": people, "keys": keys}, ensure_ascii=False, indent=2))
        return
    for person in people:
        print(f"person  {person['name']:<24} {person['role']:<14} {person['county'] or 'every county'}")
    for key in keys:
        print(f"key     {key['name']:<24} {key['role']:<14} {key['county'] or 'every county':<13} suhe_{key['prefix']}_…")


@app.command()
def key(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    role: Annotated[str, typer.Option(help="The role the key acts in, or service.")] = "service",
    county: Annotated[str, typer.Option(help="Six-digit county code; empty means every county.")] = "",
) -> None:
    """Make an API key. It is printed once and stored only as a hash."""
    print(open_registry().make_api_key(name, role, county or None))


@app.command()
def revoke(prefix: Annotated[str, typer.Argument(help="The key's prefix, as `suhe user list` shows it.")]) -> None:
    """Revoke an API key; it stops working at once."""
    open_registry().revoke_api_key(prefix.removeprefix("suhe_").split("_")[0])
    print("revoked")


@app.command()
def remove(name: Annotated[str, typer.Argument(help="Who shall no longer sign in.")]) -> None:
    """Remove a person with every sign-in; what the person signed stays."""
    open_registry().remove_person(name)
    print(f"removed {name}")


@app.command()
def gateway(
    gateway_id: Annotated[str, typer.Argument(help="The gateway's id: letters, digits, _ . -")],
    county: Annotated[str, typer.Option(help="Six-digit county code.")],
    base: Annotated[str, typer.Option(help="Id of the base it stands on.")],
    name_zh: Annotated[str, typer.Option(help="Name in Chinese.")] = "",
    name_en: Annotated[str, typer.Option(help="Name in English.")] = "",
    *,
    rotate: Annotated[bool, typer.Option("--rotate", help="Give an existing gateway a new password.")] = False,
) -> None:
    """Register a gateway. Its password is printed once; a running broker knows it within seconds."""
    from ingest.topics import ack_topic, up_topic

    registry = open_registry()
    if rotate:
        password = registry.rotate_gateway(gateway_id)
    else:
        _, password = registry.register_gateway(gateway_id, county, base, name_zh or gateway_id, name_en or gateway_id)
    print(f"user      {gateway_id}\npassword  {password}\npublish   {up_topic(gateway_id)}\nlisten    {ack_topic(gateway_id)}")


@app.command(name="gateway-key")
def gateway_key(
    gateway_id: Annotated[str, typer.Argument(help="The gateway's id.")],
    public_key: Annotated[str, typer.Argument(help="Its Ed25519 public key, 64 hex digits.")],
    *,
    must_sign: Annotated[bool, typer.Option("--must-sign/--may-sign", help="Refuse messages without a fitting signature.")] = False,
) -> None:
    """Register the key a gateway signs its messages with; the one before is retired."""
    from foundation.errors import BadInput

    try:
        public = bytes.fromhex(public_key)
    except ValueError as error:
        raise BadInput("this is no public key", expected="64 hex digits", got=repr(public_key[:80])) from error
    made = open_registry().add_gateway_key(gateway_id, public, must_sign=must_sign)
    print(f"gateway  {made.gateway}\nkey      {made.id}\nsigning  {'required' if made.must_sign else 'checked where a message is signed'}")


def open_registry() -> Registry:
    """Return the registry of this installation, its schema brought up to date."""
    from foundation.clock import SystemClock
    from foundation.database import open_engine
    from registry.service import Registry
    from suhe.cli import settings
    from suhe.migrate import migrate

    engine = open_engine(settings().records_url)
    migrate(engine)
    return Registry(engine, SystemClock())
