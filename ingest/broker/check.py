"""What we ask of a broker, promise by promise, tried on a living one: `suhe ingest broker-check URL`.

Every promise is a function that takes the broker under examination and gives a finding; what a failure means for us and which setting
changes it stand beside it. Only topics under `suhe/v1/x/` are used, a shard no gateway has, so that a broker in use may be asked as well.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urlsplit

from foundation.errors import BadInput, SuheError, Unavailable
from ingest.broker.line import Address, Line
from ingest.topics import PREFIX

HOLDS, FAILS, NOTE = "holds", "fails", "note"
SILENCE_S = 2.0
WINDOW = 10
NO_SUBSCRIBERS, NOT_AUTHORIZED = 0x10, 0x87
# What a gateway of ours has under way at once.
GATEWAY_WINDOW = 64


@dataclass(frozen=True)
class Finding:
    """One promise: whether it holds, what was measured, and where it does not, what that means for us and what to change."""

    promise: str
    state: str
    measured: str
    means: str = ""
    change: str = ""


@dataclass
class Broker:
    """The broker under examination; `gateway` signs in as one of its gateways, where that is given.

    `patience_s` is how long a figure is waited for that the broker tells at intervals of its own.
    """

    address: Address
    messages: int = 5000
    gateway: Address | None = None
    level: int = 5
    patience_s: float = 12.0
    run: str = field(default_factory=lambda: secrets.token_hex(4))

    def line(self, name: str, **options: object) -> Line:
        """Connect under a client id of this run."""
        return Line(self.address, self.client(name), self.level, **options)  # type: ignore[arg-type]

    def client(self, name: str) -> str:
        """Return a client id of this run."""
        return f"suhe-check-{self.run}-{name}"

    def topic(self, name: str) -> str:
        """Return a topic of this run."""
        return f"{PREFIX}/x/check-{self.run}-{name}/up"

    def forget(self, *names: str) -> None:
        """End the sessions this run made."""
        for name in names:
            try:
                self.line(name, clean=True, expiry_s=0).leave(forget=True)
            except SuheError:
                continue


def judged(promise: str, holds: bool, measured: str, means: str, change: str = "", *, serious: bool = True) -> Finding:
    """Return a finding with what a failure means and what changes it; one that is not serious is only noted."""
    if holds:
        return Finding(promise, HOLDS, measured)
    return Finding(promise, FAILS if serious else NOTE, measured, means, change)


Check = Callable[[Broker], Iterator[Finding]]


def read_address(url: str, ca: str = "") -> Address:
    """Return the parts of mqtt://user:password@host:port or mqtts://…; raise BadInput where it is neither."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("mqtt", "tcp", "mqtts", "ssl") or not parts.hostname or port == -1:
        raise BadInput("this is no address of a broker", expected="mqtt://user:password@host:port or mqtts://…", got=f"{parts.scheme}://…")
    tls = parts.scheme in ("mqtts", "ssl")
    return Address(parts.hostname, port or (8883 if tls else 1883), tls, unquote(parts.username or ""), unquote(parts.password or ""), ca)


def check_broker(broker: Broker) -> Iterator[Finding]:
    """Yield one finding after the other; raise Unavailable where the broker cannot be reached at all."""
    from ingest.broker.promises import CHECKS

    yield _level(broker)
    for check in CHECKS:
        try:
            yield from check(broker)
        except SuheError as error:
            name = check.__name__.strip("_").replace("_", " ")
            measured = f"could not be tried: {error.message}: {error.got}"[:200]
            yield Finding(name, FAILS, measured, "The broker refused or ended the connection.", "Look at its log.")


def _level(broker: Broker) -> Finding:
    """Find out which MQTT it speaks; what follows is asked in that."""
    begin = time.monotonic()
    try:
        line = broker.line("level", clean=True, expiry_s=0)
        line.leave(forget=True)
        return Finding("speaks MQTT 5", HOLDS, f"connected in {(time.monotonic() - begin) * 1000:.0f} ms")
    except Unavailable as error:
        first = error
    broker.level = 4
    try:
        broker.line("level", clean=True).leave()
    except Unavailable:
        broker.level = 5
        raise first from None
    return Finding(
        "speaks MQTT 5",
        FAILS,
        "only MQTT 3.1.1 is answered",
        "Ingest falls back to clean 3.1.1 sessions: what comes while a worker is away is not queued for it, refusals look like success, "
        "and gateways can go by their resending alone. Foreign senders that do not resend lose those messages.",
        "Use mosquitto ≥ 2.0, or switch on the MQTT 5 listener of your broker.",
    )


def only_level_5(promise: str, means: str) -> Finding:
    """Return the finding for a promise that MQTT 3.1.1 has no words for."""
    return Finding(promise, FAILS, "MQTT 3.1.1 cannot say it", means, "Use a broker that speaks MQTT 5.")


def as_gateway(broker: Broker, url: str) -> Broker:
    """Return the broker with a gateway's sign-in, given as USER:PASSWORD."""
    user, colon, password = url.partition(":")
    if not colon or not user:
        raise BadInput("a gateway's sign-in cannot be read", expected="GATEWAY:PASSWORD")
    broker.gateway = replace(broker.address, user=user, password=password)
    return broker
