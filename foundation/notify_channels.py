"""The channels of an installation: `keys/channels.toml` (0600). Secrets, addresses and numbers live there and nowhere else."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from foundation.clock import Clock
from foundation.errors import BadInput, Conflict, NotFound, SuheError
from foundation.files import write_durably
from foundation.ids import check_id
from foundation.log import get_logger
from foundation.notify import LANGUAGES, Channel
from foundation.notify_http import Post, poster

FILE = "channels.toml"


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """One channel as it is kept. `scope` is whose it is, such as a county; "" is everybody's. `options` hold secrets: never print them."""

    name: str
    kind: str
    lang: str = "zh-Hans"
    scope: str = ""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        check_id(self.name, "channel name")
        if self.kind not in KINDS:
            raise BadInput("there is no such kind of channel", expected=", ".join(KINDS), got=self.kind)
        if self.lang not in LANGUAGES:
            raise BadInput("there is no such language", expected=", ".join(LANGUAGES), got=self.lang)
        kind = KINDS[self.kind]
        foreign = set(self.options) - {*kind.needed, *kind.secret, *kind.optional}
        missing = {*kind.needed, *kind.secret} - set(self.options)
        if foreign or missing:
            raise BadInput(
                "these options do not fit the kind of channel", expected=", ".join((*kind.needed, *kind.secret, *kind.optional)),
                got=f"missing {sorted(missing)}, not known {sorted(foreign)}",
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Making:
    """What a channel is made with."""

    clock: Clock
    spool: Path
    post: Callable[[bool], Post]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of channel: the options it needs, those that are secret, those it may have, and how it is made."""

    needed: tuple[str, ...]
    secret: tuple[str, ...]
    optional: tuple[str, ...]
    make: Callable[[Mapping[str, str], Making], Channel]


class ChannelFile:
    """Reads and writes the file; makes the channels."""

    def __init__(self, keys_folder: Path, spool: Path, clock: Clock, post: Callable[[bool], Post] | None = None) -> None:
        self._path = keys_folder / FILE
        self._making = Making(clock, spool, post or (lambda near: poster(near=near)))
        self._known: tuple[int, dict[str, Channel]] | None = None

    def settings(self, scope: str | None = None) -> list[ChannelSettings]:
        """Return every channel in order of name, or those a scope may use: its own and everybody's."""
        try:
            raw = tomllib.loads(self._path.read_text())
        except FileNotFoundError:
            return []
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            # The parser's own words may quote the line, and with it a secret.
            raise BadInput("the file of channels cannot be read", got=FILE, todo="mend it, or add the channels anew") from error
        found = []
        for name, told in sorted(raw.items()):
            values = {k: v for k, v in told.items() if isinstance(v, str)}
            kept = {k: values.pop(k, "") for k in ("kind", "lang", "scope")}
            found.append(ChannelSettings(name, kept["kind"], kept["lang"] or "zh-Hans", kept["scope"], values))
        return [c for c in found if scope is None or c.scope in ("", scope)]

    def add(self, settings: ChannelSettings) -> None:
        """Keep a channel; what it is made of is tried first, so that nonsense is refused now and not at the first alarm."""
        known = {c.name: c for c in self.settings()}
        if settings.name in known:
            raise Conflict("there is a channel of this name", got=settings.name, todo=f"suhe notify remove {settings.name}")
        self._make(settings)
        self._write([*known.values(), settings])

    def remove(self, name: str) -> None:
        """Forget a channel with its secrets."""
        known = self.settings()
        if name not in {c.name for c in known}:
            raise NotFound("there is no such channel", got=name)
        self._write([c for c in known if c.name != name])

    def channels(self) -> dict[str, Channel]:
        """Return every channel that can be made, the same ones until the file changes; one that cannot is logged and left out."""
        try:
            stamp = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return {}
        if self._known is None or self._known[0] != stamp:
            made = {}
            for s in self.settings():
                try:
                    made[s.name] = self._make(s)
                except SuheError as error:
                    get_logger(__name__).warning("channel cannot be used", channel=s.name, why=error.message)
            self._known = (stamp, made)
        return self._known[1]

    def _make(self, settings: ChannelSettings) -> Channel:
        return KINDS[settings.kind].make(settings.options, self._making)

    def _write(self, channels: list[ChannelSettings]) -> None:
        lines = []
        for c in sorted(channels, key=lambda c: c.name):
            # A JSON text without its escapes for other planes is a TOML basic string.
            told = {"kind": c.kind, "lang": c.lang, "scope": c.scope, **c.options}
            lines += [f"[{json.dumps(c.name)}]", *(f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in told.items() if v), ""]
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_durably(self._path, "\n".join(lines).encode(), 0o600)


def _wecom(o: Mapping[str, str], m: Making) -> Channel:
    from foundation.notify_wecom import ADDRESS, WeComRobot

    return WeComRobot(o["key"], m.post(_near(o)), address=o.get("address", ADDRESS), plain=o.get("format") == "text")


def _dingtalk(o: Mapping[str, str], m: Making) -> Channel:
    from foundation.notify_dingtalk import ADDRESS, DingTalkRobot

    return DingTalkRobot(o["token"], o["secret"], m.post(_near(o)), m.clock, address=o.get("address", ADDRESS))


def _webhook(o: Mapping[str, str], m: Making) -> Channel:
    from foundation.notify_webhook import Webhook

    return Webhook(o["url"], o["secret"], m.post(_near(o)), m.clock)


def _mail(o: Mapping[str, str], m: Making) -> Channel:
    from foundation.notify_mail import Mail, MailServer

    port = o.get("port", "587")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise BadInput("this is no port", expected="1 to 65535", got=port[:20])
    server = MailServer(
        o["host"], int(port), o.get("security", "tls" if port == "465" else "starttls"), o.get("user", ""), o.get("password", ""),
        o.get("ca_file", ""),
    )  # fmt: skip
    return Mail(server, o["from"], _several(o["to"]), m.clock)


def _sms(o: Mapping[str, str], m: Making) -> Channel:
    from foundation.notify_sms import Sms, SpoolSms

    return Sms(SpoolSms(m.spool / "sms", m.clock), _several(o["to"]))


def _near(o: Mapping[str, str]) -> bool:
    return o.get("near") == "yes"


def _several(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


KINDS: dict[str, Kind] = {
    "wecom": Kind((), ("key",), ("format", "address", "near"), _wecom),
    "dingtalk": Kind((), ("token", "secret"), ("address", "near"), _dingtalk),
    "webhook": Kind(("url",), ("secret",), ("near",), _webhook),
    "mail": Kind(("host", "from", "to"), (), ("port", "security", "user", "password", "ca_file"), _mail),
    "sms": Kind(("to",), (), (), _sms),
}
