"""`suhe notify`: the channels by which alarms leave this installation, and what became of the messages."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from foundation.notify_channels import ChannelFile
    from foundation.notify_outbox import Outbox

app = typer.Typer(help="Channels for alarms: WeCom, DingTalk, webhook, mail, SMS spool; and the outbox.", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="A short name, such as coop-group.")],
    kind: Annotated[str, typer.Option(help="wecom, dingtalk, webhook, mail or sms")],
    county: Annotated[str, typer.Option(help="Whose channel it is, six digits; empty: every county may use it.")] = "",
    lang: Annotated[str, typer.Option(help="Language of its messages: zh-Hans or en.")] = "zh-Hans",
    option: Annotated[list[str] | None, typer.Option("--set", help="name=value of what is not secret, such as url=https://…")] = None,
) -> None:
    """Add a channel. Its secrets are asked for, or read as one line each from standard input: never from the command line."""
    from foundation.errors import BadInput
    from foundation.ids import check_county
    from foundation.notify_channels import KINDS, ChannelSettings

    if kind not in KINDS:
        raise BadInput("there is no such kind of channel", expected=", ".join(KINDS), got=kind)
    given = dict(part.partition("=")[::2] for part in option or [])
    told = set(given) & {*KINDS[kind].secret, "password"}
    if told:
        raise BadInput(
            "a secret does not belong on a command line, where every user of this machine sees it",
            got=", ".join(sorted(told)), todo="leave it out: it is asked for",
        )  # fmt: skip
    wanted = (*KINDS[kind].secret, *(("password",) if given.get("user") else ()))
    given |= {secret: _secret(secret) for secret in wanted}
    _channels().add(ChannelSettings(name, kind, lang, check_county(county) if county else "", given))
    print(f"added {name}; `suhe notify test {name}` sends a message through it")


@app.command(name="list")
def list_channels(*, json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:
    """List the channels; no secret, address or number is printed."""
    found = [{"name": c.name, "kind": c.kind, "county": c.scope, "lang": c.lang} for c in _channels().settings()]
    if json_output:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for c in found:
        print(f"{c['name']:<24} {c['kind']:<10} {c['county'] or 'every county':<14} {c['lang']}")


@app.command()
def remove(name: Annotated[str, typer.Argument(help="The channel's name.")]) -> None:
    """Forget a channel with its secrets; what still waits for it ends as not delivered."""
    _channels().remove(name)
    print(f"removed {name}")


@app.command()
def test(name: Annotated[str, typer.Argument(help="The channel's name.")]) -> None:
    """Send one message through a channel now and say whether it was taken."""
    from foundation.clock import SystemClock, to_ms
    from foundation.errors import NotFound
    from foundation.ids import uuid7
    from foundation.notify import Message

    channel = _channels().channels().get(name)
    if channel is None:
        raise NotFound("there is no such channel, or it cannot be used", got=name, todo="suhe notify list")
    key = f"test:{uuid7(to_ms(SystemClock().now()))}"
    channel.send(Message(key, "测试 Test", "溯禾的消息会发到这里。\nMessages of Suhe arrive here.", severity="info"))
    print(f"{name} took it")


@app.command()
def outbox(
    state: Annotated[str, typer.Option(help="waiting, sent or dead; empty: all.")] = "",
    limit: Annotated[int, typer.Option(help="How many, the newest first.", min=1, max=1000)] = 20,
    *,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show the messages, how often they were tried and why they were not taken."""
    entries = _outbox().entries(state=state or None, limit=limit)
    if json_output:
        told = [
            {"id": e.id, "channel": e.channel, "title": e.message.title, "state": e.state, "tries": e.tries, "why": e.why} for e in entries
        ]
        print(json.dumps(told, ensure_ascii=False, indent=2))
        return
    for e in entries:
        print(f"{e.id:>6}  {e.state:<8} {e.channel:<16} {e.tries:>2} tries  {e.message.title}" + (f"\n        {e.why}" if e.why else ""))


@app.command()
def again(entry: Annotated[int, typer.Argument(help="The number `suhe notify outbox` shows.")]) -> None:
    """Let a message that was given up be tried again, after its channel was repaired."""
    _outbox().again(entry)
    print("it waits for the scheduler's next look")


def _secret(name: str) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(name, hide_input=True))
    return sys.stdin.readline().rstrip("\n")


def _channels() -> ChannelFile:
    from foundation.clock import SystemClock
    from foundation.notify_channels import ChannelFile
    from suhe.cli import settings

    read = settings()
    return ChannelFile(read.keys_folder, read.data / "spool", SystemClock())


def _outbox() -> Outbox:
    from foundation.clock import SystemClock
    from foundation.database import open_engine
    from foundation.notify_outbox import Outbox
    from suhe.cli import settings
    from suhe.migrate import migrate

    engine = open_engine(settings().records_url)
    migrate(engine)
    return Outbox(engine, SystemClock())
