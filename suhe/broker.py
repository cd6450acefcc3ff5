"""Which broker this installation uses, and how its child is started.

Rule: a given `SUHE_MQTT_URL`; else `mosquitto` where it is found; else amqtt, with a plain notice.
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from urllib.parse import unquote, urlsplit

from foundation.errors import BadInput
from foundation.files import find_program, write_durably
from foundation.passwords import hash_password, new_password
from foundation.ports import free_port, port_is_free
from foundation.settings import Settings
from registry.feeds import Feed
from suhe.broker_rules import INGEST_USER, feed_rules, mosquitto_acl

NOTICE = (
    "mosquitto was not found: the embedded broker (amqtt, MQTT 3.1.1) is used. It keeps no sessions and is slower; nothing is lost, "
    "because gateways keep their readings until they are acknowledged. To change: `apt install mosquitto` or `brew install mosquitto`."
)

# The queue is sized for an outage, not left at mosquitto's 1,000 (which drops silently) nor at 0 (which grows without bound). What foreign
# senders publish at QoS 0 waits in it as well while a worker is away.
_MOSQUITTO = """\
listener {port} 127.0.0.1
persistence false
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/acl
max_queued_messages 200000
queue_qos0_messages true
max_inflight_messages 10000
max_keepalive 600
message_size_limit 262144
sys_interval 5
log_type warning
log_type error
"""


@dataclass(frozen=True)
class Broker:
    """A broker that can be reached: where, how, and as whom ingest signs in. `kind` is mosquitto, amqtt or outside.

    `tls` tells whether it is reached over TLS.
    """

    kind: str
    host: str
    port: int
    protocol: int
    ingest_user: str
    ingest_password: str
    tls: bool = False


def prepare_broker(settings: Settings) -> Broker:
    """Return the broker of this installation; for our own child, port and password stay the same from start to start."""
    url = settings.mqtt_url.get_secret_value()
    if url:
        return _outside(url)
    folder = settings.data / "broker"
    folder.mkdir(parents=True, exist_ok=True)
    kind = "mosquitto" if find_program("mosquitto") else "amqtt"
    kept = read_broker(settings)
    password = kept.ingest_password if kept and kept.kind != "outside" else new_password()
    port = settings.mqtt_port or (kept.port if kept and kept.kind != "outside" and port_is_free(kept.port) else free_port())
    broker = Broker(kind, "127.0.0.1", port, 5 if kind == "mosquitto" else 4, INGEST_USER, password)
    write_durably(folder / "broker.json", json.dumps(asdict(broker)).encode(), 0o600)
    write_rules(settings, broker, [])
    config = _MOSQUITTO.format(port=port, folder=folder.absolute())
    if os.geteuid() == 0:
        # Started as root, mosquitto would drop to a user that cannot read this folder.
        config = "user root\n" + config
    write_durably(folder / "mosquitto.conf", config.encode())
    return broker


def read_broker(settings: Settings) -> Broker | None:
    """Return the broker as last prepared, or None."""
    try:
        return Broker(**json.loads((settings.data / "broker" / "broker.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def connection(settings: Settings) -> Broker:
    """Return the broker to connect to from any process of this installation."""
    url = settings.mqtt_url.get_secret_value()
    found = _outside(url) if url else read_broker(settings)
    if found is None:
        raise BadInput("no broker is known here", todo="start `suhe up`, or set SUHE_MQTT_URL")
    return found


def write_passwords(settings: Settings, broker: Broker, gateways: list[tuple[str, str]], child_pid: int | None = None) -> None:
    """Write the password file of our own broker and have a running mosquitto read it again."""
    if broker.kind == "outside":
        return
    lines = [f"{broker.ingest_user}:{hash_password(broker.ingest_password)}", *(f"{user}:{hashed}" for user, hashed in gateways)]
    write_durably(settings.data / "broker" / "passwords", ("\n".join(lines) + "\n").encode(), 0o600)
    if child_pid is not None and broker.kind == "mosquitto":
        os.kill(child_pid, signal.SIGHUP)


def write_rules(settings: Settings, broker: Broker, feeds: Sequence[Feed], child_pid: int | None = None) -> None:
    """Write who may use which topic for our own broker and have a running mosquitto read it again."""
    if broker.kind == "outside":
        return
    write_durably(settings.data / "broker" / "acl", mosquitto_acl(feeds).encode(), 0o600)
    write_durably(settings.data / "broker" / "feeds.json", feed_rules(feeds).encode(), 0o600)
    if child_pid is not None and broker.kind == "mosquitto":
        os.kill(child_pid, signal.SIGHUP)


def broker_command(settings: Settings, broker: Broker) -> list[str]:
    """Return the command line of our own broker's child."""
    folder = (settings.data / "broker").absolute()
    if broker.kind == "mosquitto":
        return [str(find_program("mosquitto")), "-c", str(folder / "mosquitto.conf")]
    return [
        sys.executable,
        "-m",
        "suhe.embedded_broker",
        "--port",
        str(broker.port),
        "--passwords",
        str(folder / "passwords"),
        "--feeds",
        str(folder / "feeds.json"),
    ]


def tls_context(settings: Settings, broker: Broker) -> ssl.SSLContext | None:
    """Return how the broker's certificate is checked, None where there is no TLS."""
    if not broker.tls:
        return None
    try:
        return ssl.create_default_context(cafile=settings.mqtt_ca or None)
    except OSError as error:
        raise BadInput("SUHE_MQTT_CA cannot be read", expected="a file of certificates in PEM", got=str(error)) from error


def _outside(url: str) -> Broker:
    parts = urlsplit(url)
    if parts.scheme not in ("mqtt", "tcp", "mqtts", "ssl") or not parts.hostname:
        raise BadInput("SUHE_MQTT_URL cannot be read", expected="mqtt://user:password@host:port or mqtts://…", got=f"{parts.scheme}://…")
    user, password = unquote(parts.username or INGEST_USER), unquote(parts.password or "")
    tls = parts.scheme in ("mqtts", "ssl")
    return Broker("outside", parts.hostname, parts.port or (8883 if tls else 1883), 5, user, password, tls=tls)
