"""`suhe feed`: foreign senders, what their names mean, what waits in quarantine, and their clocks."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ingest.claim_service import Claimed, Claims
    from ingest.service import Readings
    from registry.service import Registry

app = typer.Typer(help="Foreign senders: their feeds and names, the quarantine, their clocks.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command()
def add(
    feed: Annotated[str, typer.Argument(help="A short id of your own, such as by-lora")],
    gateway: Annotated[str, typer.Option(help="The gateway its messages count as; `suhe user gateway` registers one.")],
    format_name: Annotated[str, typer.Option("--format", help="What it sends; `suhe ingest formats` lists them.")],
    topic: Annotated[str, typer.Option(help="Its MQTT filter, such as application/7/device/+/event/up")] = "",
    station: Annotated[str, typer.Option(help="The number in a TCP station's frames.")] = "",
    mapping: Annotated[str, typer.Option(help="A mapping file, or the name of a packaged one, for --format mapping.")] = "",
    zone: Annotated[str, typer.Option(help="The zone of times that carry none.")] = "+08:00",
) -> None:
    """Take a foreign sender's messages from now on; a running worker and broker know it within seconds."""
    from ingest.feed_checks import check_feed
    from registry.feeds import Feed

    made = Feed(feed, gateway, format_name, topic, station, _mapping_text(mapping), _zone_ms(zone))
    check_feed(made)
    _registry().add_feed(made)
    way = f"MQTT topic {topic}" if topic else f"TCP station {station}" if station else "HTTP"
    print(f"added {feed}: {format_name} over {way}, counted as {gateway}; also POST /api/v1/feeds/{feed}")
    if format_name == "sparkplug-b":
        print(f"its primary host id is {_host(gateway)}")


@app.command(name="list")
def list_feeds(*, json_output: Json = False) -> None:
    """List feeds and the names they were given."""
    book = _registry().feed_book()
    if json_output:
        feeds = [{k: v for k, v in asdict(f).items() if k != "secret_hash"} for f in book.feeds]
        told = {"feeds": feeds, "devices": [asdict(d) for d in book.devices], "channels": [asdict(c) for c in book.channels]}
        print(json.dumps(told, ensure_ascii=False, indent=2))
        return
    for f in book.feeds:
        print(f"{f.id:<20} {f.format:<20} {f.gateway:<16} {f.topic or f.station or 'HTTP alone'}")
        if f.format == "sparkplug-b":
            print(f"{'':<20} primary host id {_host(f.gateway)}")
        for d in book.devices:
            if d.feed == f.id:
                print(f"{'':<20} device  {d.name or '(the sender itself)'} is {d.device}")
        for c in book.channels:
            if c.feed == f.id:
                where, what = f" of {c.device}" if c.device else "", c.channel or "nothing"
                numbers = f"x{c.scale:g} {c.offset:+g} " if (c.scale, c.offset) != (1.0, 0.0) else ""
                print(f"{'':<20} channel {c.name}{where} is {what} {numbers}{c.unit or ''}".rstrip())


@app.command()
def remove(feed: Annotated[str, typer.Argument(help="The feed's id.")]) -> None:
    """Take no more messages of a feed; its names go, what it delivered stays."""
    _registry().remove_feed(feed)
    print(f"removed {feed}")


@app.command()
def secret(
    feed: Annotated[str, typer.Argument(help="The feed's id.")],
    *,
    read: Annotated[bool, typer.Option("--read", help="Read it from standard input: a station's own password.")] = False,
) -> None:
    """Give a feed a new secret for HTTP, or a station's password; only its hash is kept."""
    from foundation.passwords import new_password
    from ingest.feed_checks import check_station_password, new_station_password

    registry = _registry()
    known = registry.feed(feed)
    made = sys.stdin.readline().strip() if read else new_station_password(known.format) if known.station else new_password()
    registry.set_feed_secret(feed, check_station_password(known.format, made) if known.station else made)
    print(f"{feed} has the secret that was read" if read else made)


@app.command()
def name(
    feed: Annotated[str, typer.Argument(help="The feed's id.")],
    device: Annotated[str, typer.Option(help="The device of ours that is named, or whose channel is.")] = "",
    sender: Annotated[str | None, typer.Option("--as", help="The sender's name of the device; empty where it is the sender.")] = None,
    channel: Annotated[str | None, typer.Option(help="Our channel; empty to take no values of it.")] = None,
    sent_as: Annotated[str, typer.Option("--channel-as", help="The sender's name of the channel.")] = "",
    unit: Annotated[str, typer.Option(help="The unit the value is in after scale and offset; else what the message says.")] = "",
    scale: Annotated[float, typer.Option(help="What the sender's value is multiplied by.")] = 1.0,
    offset: Annotated[float, typer.Option(help="What is added then.")] = 0.0,
) -> None:
    """Say what a sender's name of a device or of a channel means here."""
    from foundation.errors import BadInput
    from registry.feeds import ChannelName, DeviceName

    if sent_as and channel is not None:
        _registry().name_channel(ChannelName(feed, device, sent_as, channel, unit or None, scale, offset))
        print(f"{feed}: {sent_as} is {channel or 'nothing'}" + (f" of {device}" if device else ""))
    elif sender is not None and device:
        _registry().name_device(DeviceName(feed, sender, device))
        print(f"{feed}: {sender or 'the sender'} is {device}")
    else:
        raise BadInput("what is named?", expected="--device with --as, or --channel with --channel-as")


@app.command()
def quarantine(
    entry: Annotated[int, typer.Argument(help="The number of one entry, to see its messages.")] = 0,
    *,
    discard: Annotated[bool, typer.Option("--discard", help="Throw that entry away.")] = False,
    release: Annotated[bool, typer.Option("--release", help="File what waits for its clock under when it was received.")] = False,
    json_output: Json = False,
) -> None:
    """List what waits because nobody knows it or believes its clock."""
    claims, readings = _claims()
    try:
        if entry and discard:
            print(f"threw away {claims.discard(entry)} messages")
            return
        if entry and release:
            _say(claims.release(entry))
            return
        found = [claims.entry(entry)] if entry else claims.waiting()
        if json_output:
            print(json.dumps([{**asdict(w.entry), "county": w.county, "format": w.format} for w in found], ensure_ascii=False, indent=2))
            return
        if not found:
            print("nothing waits")
        for w in found:
            e = w.entry
            channels = ", ".join(f"{c} {v:g} {u or ''}".strip() for c, (v, u) in list(e.channels.items())[:6])
            print(f"{e.id:>5} {e.kind:<8} {e.feed or e.gateway or w.format:<20} {e.name:<24} {e.kept} of {e.count} kept  {channels}")
        if entry:
            print(
                "a claim would give it "
                + (", ".join(f"{c.code} {c.unit} every {c.interval_s} s" for c in claims.guess(entry)) or "nothing")
            )
            for message in readings.quarantined_messages(entry, 3):
                print(f"{message.topic}  {message.body[:400].decode(errors='replace')}")
    finally:
        readings.close()


@app.command()
def claim(
    entry: Annotated[int, typer.Argument(help="Its number in `suhe feed quarantine`.")],
    device: Annotated[str, typer.Argument(help="The id of the device it is: a new one, or one behind the same gateway.")] = "",
    base: Annotated[str, typer.Option(help="The base a new device or gateway stands on; else its gateway's.")] = "",
    plot: Annotated[str, typer.Option(help="The field, greenhouse or pond it stands in.")] = "",
    kind: Annotated[str, typer.Option(help="What a new device is.")] = "sensor",
    gateway: Annotated[str, typer.Option(help="For a station nobody knows: the gateway it counts as.")] = "",
    name_zh: Annotated[str, typer.Option(help="Name in Chinese.")] = "",
    name_en: Annotated[str, typer.Option(help="Name in English.")] = "",
) -> None:
    """Say what a name in quarantine is, and store everything that waited."""
    claims, readings = _claims()
    try:
        if claims.entry(entry).entry.kind == "gateway":
            _say(claims.claim_gateway(entry, base, name_zh, name_en))
            return
        made = claims.claim(entry, device, base=base, plot=plot or None, kind=kind, name_zh=name_zh, name_en=name_en, gateway=gateway)
        _say(made)
    finally:
        readings.close()


@app.command()
def clock(
    accept: Annotated[int, typer.Option(help="The number of a correction to apply from now on.")] = 0,
    refuse: Annotated[int, typer.Option(help="The number of one not to apply, and not to be asked again.")] = 0,
    revoke: Annotated[int, typer.Option(help="The number of one to apply no more.")] = 0,
    who: Annotated[str, typer.Option(help="Who decides.")] = "",
    *,
    whole_gateway: Annotated[bool, typer.Option("--whole-gateway", help="Accept it for every device of the gateway.")] = False,
    json_output: Json = False,
) -> None:
    """List clocks that are whole hours off, and decide on a proposed correction."""
    from foundation.errors import BadInput

    _, readings = _claims()
    try:
        if accept or refuse or revoke:
            if not who:
                raise BadInput("who decides?", todo="--who NAME")
            if accept:
                readings.accept_clock(accept, who, whole_gateway=whole_gateway)
            if refuse:
                readings.refuse_clock(refuse, who)
            if revoke:
                readings.revoke_clock(revoke, who)
        found = readings.clocks()
        if json_output:
            print(json.dumps([asdict(p) for p in found], ensure_ascii=False, indent=2))
            return
        if not found:
            print("no clock is whole hours off")
        for p in found:
            by = f" by {p.revoked_by or p.decided_by}" if p.decided_by else ""
            about = f"{p.messages} messages, spread {p.spread_ms / 1000:.0f} s"
            print(
                f"{p.id:>5} {p.gateway:<16} {p.device or '(all devices)':<24} {p.correction_ms / 3_600_000:+.0f} h  {p.state}{by}  {about}"
            )
    finally:
        readings.close()


def _say(claimed: Claimed) -> None:
    print(f"{'registered ' if claimed.new else ''}{claimed.device}")
    if claimed.password:
        print(f"password  {claimed.password}")
    print(
        "the worker that listens takes what waited"
        if claimed.by_worker
        else f"{claimed.stored} readings stored, {claimed.waiting} messages wait on"
    )


def _mapping_text(named: str) -> str:
    if not named:
        return ""
    from ingest.formats.mapping_file import PACKAGED, load_table, packaged

    load_table(named)  # with the place of a mistake
    return (PACKAGED / f"{named}.toml" if named in packaged() else Path(named)).read_text(encoding="utf-8")


def _zone_ms(text: str) -> int:
    import re

    from foundation.errors import BadInput

    found = re.fullmatch(r"([+-])(\d\d):(\d\d)", text)
    if found is None:
        raise BadInput("this is no zone", expected="such as +08:00", got=text[:20])
    return (1 if found[1] == "+" else -1) * (int(found[2]) * 60 + int(found[3])) * 60_000


def _host(gateway: str) -> str:
    """Return the host that answers a gateway's Sparkplug nodes: the worker of its shard."""
    from ingest.sparkplug.feeds import host_for
    from suhe.cli import settings

    return host_for(gateway, settings().ingest_workers)


def _registry() -> Registry:
    from suhe.commands.user import open_registry

    return open_registry()


def _claims() -> tuple[Claims, Readings]:
    from foundation.clock import SystemClock
    from ingest.claim_service import Claims
    from ingest.service import Readings
    from registry.directory import RegistryDirectory
    from suhe.cli import settings

    registry = _registry()
    directory = RegistryDirectory(registry)
    readings = Readings(settings().readings_folder, SystemClock(), directory, directory, directory)
    return Claims(readings, registry, directory), readings
