"""The broker for a machine without mosquitto: amqtt in a process of its own.

It speaks MQTT 3.1.1 only and forgets its sessions. Nothing is lost by that: gateways delete from their spools on the
application acknowledgement alone. Run as `python -m suhe.embedded_broker --port P --passwords FILE`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amqtt.broker import Broker
from amqtt.contexts import Action
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from foundation.passwords import password_fits
from suhe.broker_rules import TopicRules as Rules


class PasswordFile(BaseAuthPlugin):
    """Users and hashes from a file in mosquitto's format, read again when it changes."""

    _seen = 0.0
    _hashes: dict[str, str]

    @dataclass
    class Config:
        """Where the file is."""

        path: str = ""

    async def authenticate(self, *, session: Session) -> bool | None:
        """Tell whether the session's user and password stand in the file."""
        path = Path(self.config.path)
        changed = path.stat().st_mtime_ns
        if changed != self._seen:
            lines = path.read_text().splitlines()
            self._hashes = dict(line.split(":", 1) for line in lines if ":" in line)
            self._seen = changed
        hashed = self._hashes.get(session.username or "")
        return bool(hashed and session.password and password_fits(session.password, hashed))


class TopicRules(BaseTopicPlugin):
    """The same topic rules as mosquitto's ACL file, with the feeds of a file that is read again when it changes."""

    _seen = -1
    _rules = Rules()

    @dataclass
    class Config:
        """Where the file of feeds is; there need not be one."""

        path: str = ""

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool | None:
        """Tell whether the session's user may do this with the topic."""
        user, rules = (session.username if session else None) or "", self._fresh()
        if action == Action.PUBLISH:
            return rules.may_publish(user, topic or "")
        return rules.may_subscribe(user, topic or "")

    def _fresh(self) -> Rules:
        path = Path(self.config.path)
        with contextlib.suppress(OSError, ValueError):
            changed = path.stat().st_mtime_ns if self.config.path else self._seen
            if changed != self._seen:
                self._rules, self._seen = Rules(path.read_text()), changed
        return self._rules


class Anyone(BaseAuthPlugin):
    """Let anyone in: for tests and benches on loopback."""

    @dataclass
    class Config:
        """Nothing to set."""

    async def authenticate(self, *, session: Session) -> bool | None:  # noqa: ARG002
        """Let the session in."""
        return True


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--passwords", default="")
    parser.add_argument("--feeds", default="")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.ERROR)
    asyncio.run(_serve(arguments.port, arguments.passwords, arguments.feeds))


async def _serve(port: int, passwords: str, feeds: str) -> None:
    here = __name__ if __name__ != "__main__" else "suhe.embedded_broker"
    plugins: dict[str, Any] = {f"{here}.Anyone": {}}
    if passwords:
        plugins = {f"{here}.PasswordFile": {"path": passwords}, f"{here}.TopicRules": {"path": feeds}}
    broker = Broker({"listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}, "plugins": plugins})
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    await broker.start()
    await stop.wait()
    with contextlib.suppress(Exception):
        await asyncio.wait_for(broker.shutdown(), 3)


if __name__ == "__main__":
    main()
