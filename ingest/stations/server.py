"""Stations that speak their own protocol over TCP: SL 651 and HJ 212, one port each.

A frame is answered when what it says is on disk, and not before. What is no frame, or of nobody we know, is kept with its reason: damaged
bytes and wrong passwords with the dead letters, unknown stations in quarantine, unanswered, so that they keep theirs too.
"""

from __future__ import annotations

import asyncio
import hmac
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from foundation.clock import Clock, SystemClock, to_ms
from foundation.errors import BadInput, Conflict
from foundation.log import get_logger
from ingest.batch import Batch
from ingest.claims import claim_free_writer
from ingest.formats.framing import Damaged, Splitter, Whole
from ingest.intake import Directory
from ingest.quarantine import STATION, Held
from ingest.stations.parts import Parts
from ingest.stations.pictures import keep_picture
from ingest.stations.wires import WIRES, Heard, Wire
from ingest.writer import Writer
from registry.feed_keeping import secret_hash
from registry.feeds import Feed, FeedBook

WRITER = "stations"
MOST_CONNECTIONS = 2_000
# From the first frame of a batch until it is written; what comes meanwhile is written with it.
GATHER_S = 0.05
MOST_AT_ONCE = 500
MOST_WAITING = 2_000
# A connection that says nothing whole is closed; stations that report hourly stay.
FIRST_S, IDLE_S, HALF_S = 60.0, 2 * 3600.0 + 60.0, 30.0
# Pieces of damage in a row, and wrong passwords, after which a connection is closed.
MOST_DAMAGE, MOST_REFUSED = 50, 5
# Frames a second of one connection in the long run, and at once.
RATE, BURST = 50.0, 500.0
LARGEST_READ = 65_536
MOST_UNSENT = 262_144
RETRY_S, LONGEST_RETRY_S = 0.5, 5.0


class StationDirectory(Directory, Protocol):
    """What the server asks of the registry."""

    def feeds(self, *, again: bool = False) -> FeedBook:
        """Return every feed with its names; `again`: something was not in it, it may have been registered a moment ago."""
        ...


@dataclass(slots=True, eq=False)
class Line:
    """One connection."""

    writer: asyncio.StreamWriter
    splitter: Splitter
    heard: int = 0
    damage: int = 0
    refused: int = 0
    stays: bool = False
    allowance: float = BURST
    at: float = field(default_factory=time.monotonic)


@dataclass(slots=True, eq=False)
class Task:
    """Frames of one message to be made durable, or bytes that are none (`why`)."""

    wire: Wire
    line: Line | None
    told: list[Heard]
    received_ms: int
    raw: bytes = b""
    why: str = ""
    answer: bytes = b""
    refused: bool = False


def run_stations(
    folder: Path,
    directory: StationDirectory,
    *,
    host: str,
    ports: Mapping[str, int],
    stop: threading.Event,
    blobs: Path,
    clock: Clock | None = None,
    on_ready: Callable[[dict[str, int]], None] | None = None,
) -> None:
    """Listen until `stop` is set. `ports` is format name -> port, 0 for any free one; `on_ready` is told the ports."""
    name, claim = claim_free_writer(folder, WRITER)
    writer = Writer(folder, name, directory, claim, feeds=directory)
    try:
        asyncio.run(Stations(writer, directory, clock or SystemClock(), blobs).run(host, ports, stop, on_ready))
    finally:
        writer.close()


class Stations:
    """The server: connections hand frames to one keeper, which writes them together and has them answered."""

    def __init__(self, writer: Writer, directory: StationDirectory, clock: Clock, blobs: Path) -> None:
        self._writer = writer
        self._directory = directory
        self._clock = clock
        self._blobs = blobs
        self._waiting: asyncio.Queue[Task] = asyncio.Queue(MOST_WAITING)
        self._lines: set[Line] = set()
        self._stopping = threading.Event()
        self._log = get_logger(__name__)

    async def run(
        self, host: str, ports: Mapping[str, int], stop: threading.Event, on_ready: Callable[[dict[str, int]], None] | None = None
    ) -> None:
        """Listen on every port until `stop` is set; then write what was received and answer it."""
        servers: dict[str, asyncio.Server] = {}
        parts: list[Parts] = []
        try:
            for name, port in ports.items():
                wire = WIRES[name]()
                parts.append(Parts(wire))
                try:
                    servers[name] = await asyncio.start_server(self._handler(wire, parts[-1]), host, port, limit=LARGEST_READ)
                except OSError as error:
                    raise Conflict(
                        "a port of the stations cannot be listened on", got=f"{host}:{port} ({name}): {error.strerror}",
                        todo=f"end the program that uses it, or set SUHE_{name.upper()}_PORT",
                    ) from error  # fmt: skip
            told = {name: server.sockets[0].getsockname()[1] for name, server in servers.items()}
            self._log.info("listening for stations", host=host, ports=told)
            if on_ready is not None:
                on_ready(told)
            keeper = asyncio.create_task(self._keep())
            while not stop.is_set() and not keeper.done():
                await asyncio.sleep(0.2)
                for one in parts:
                    for group in one.expire(time.monotonic()):
                        await self._give_up(one.wire, group)
            for server in servers.values():
                server.close()
            for one in parts:
                for group in one.close():
                    await self._give_up(one.wire, group)
            self._stopping.set()
            await asyncio.wait({keeper}, timeout=8.0)
            if keeper.done():
                keeper.result()
        finally:
            self._stopping.set()
            for line in list(self._lines):
                line.writer.close()

    def _handler(self, wire: Wire, parts: Parts) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            line = Line(writer, wire.splitter())
            self._lines.add(line)
            try:
                if len(self._lines) <= MOST_CONNECTIONS:
                    await self._serve(wire, parts, reader, line)
            except (ConnectionError, TimeoutError, asyncio.CancelledError):
                pass
            except Exception:  # noqa: BLE001 - one connection must not be able to stop the others
                self._log.exception("a station's connection failed", wire=wire.name)
            finally:
                self._lines.discard(line)
                writer.close()

        return serve

    async def _serve(self, wire: Wire, parts: Parts, reader: asyncio.StreamReader, line: Line) -> None:
        while line.damage < MOST_DAMAGE and line.refused < MOST_REFUSED and not self._stopping.is_set():
            patience = HALF_S if line.splitter.waiting else IDLE_S if line.heard else FIRST_S
            try:
                data = await asyncio.wait_for(reader.read(LARGEST_READ), patience)
            except TimeoutError:
                if not line.splitter.waiting:
                    return
                await self._take(wire, parts, line, line.splitter.rest())
                continue
            if not data:
                await self._take(wire, parts, line, line.splitter.rest())
                return
            await self._take(wire, parts, line, line.splitter.feed(data))

    async def _take(self, wire: Wire, parts: Parts, line: Line, found: list[Whole | Damaged]) -> None:
        for one in found:
            await self._pace(line)
            now_ms = to_ms(self._clock.now())
            if isinstance(one, Damaged):
                line.damage += 1
                await self._waiting.put(Task(wire, line, [], now_ms, one.raw, one.why))
                continue
            try:
                heard = wire.hear(one.raw)
            except BadInput as error:
                line.damage += 1
                await self._waiting.put(Task(wire, line, [], now_ms, one.raw, error.explain()))
                continue
            line.damage, line.heard = 0, line.heard + 1
            if heard.link:
                line.stays = True
            ready, given_up = parts.add(heard, time.monotonic())
            for group in given_up:
                await self._give_up(wire, group)
            for group in ready:
                await self._waiting.put(Task(wire, line, group, now_ms))

    async def _give_up(self, wire: Wire, group: list[Heard]) -> None:
        raw = b"".join(part.raw for part in group)
        why = f"parts of this message never came; there are {len(group)} of {group[0].total} from station {group[0].station[:40]}"
        await self._waiting.put(Task(wire, None, [], to_ms(self._clock.now()), raw, why))

    async def _pace(self, line: Line) -> None:
        """Wait where a connection sends faster than any station does; its own buffers fill, and nothing is lost."""
        now = time.monotonic()
        line.allowance = min(line.allowance + (now - line.at) * RATE, BURST) - 1
        line.at = now
        if line.allowance < 0:
            await asyncio.sleep(-line.allowance / RATE)

    async def _keep(self) -> None:
        """Write what waits, together, and have it answered; until told to stop and nothing waits."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "stations-keeper") as pool:
            while True:
                try:
                    tasks = [await asyncio.wait_for(self._waiting.get(), 0.2)]
                except TimeoutError:
                    if self._stopping.is_set():
                        return
                    continue
                await asyncio.sleep(0 if self._stopping.is_set() else GATHER_S)
                while len(tasks) < MOST_AT_ONCE and not self._waiting.empty():
                    tasks.append(self._waiting.get_nowait())
                if not await loop.run_in_executor(pool, self._store, tasks):
                    return
                for task in tasks:
                    self._answer(task)

    def _answer(self, task: Task) -> None:
        line = task.line
        if line is None or line.writer.is_closing():
            return
        line.refused = line.refused + 1 if task.refused else 0
        if task.answer:
            line.writer.write(task.answer)
            transport = line.writer.transport
            if transport.get_write_buffer_size() > MOST_UNSENT:
                transport.abort()
        if line.refused >= MOST_REFUSED:
            line.writer.close()

    def _store(self, tasks: list[Task]) -> bool:
        """Make tasks durable, in the keeper's thread; False where the store refused until the end."""
        batch = Batch()
        self._writer.intake.refresh()
        for task in tasks:
            try:
                self._fill(task, batch)
            except Exception as error:  # noqa: BLE001 - a frame must not be able to stop the server, whatever it is
                self._log.exception("a station's frame could not be taken", wire=task.wire.name)
                raw = task.raw or b"".join(part.raw for part in task.told)
                batch.dead.append(
                    (task.received_ms, "", task.wire.name, f"it could not be taken: {type(error).__name__}: {error}"[:300], raw)
                )
                task.answer = b""
        pause = RETRY_S
        while True:
            try:
                self._writer.flush(batch)
                return True
            except Exception as error:  # noqa: BLE001 - whatever the reason, it is not on disk, and is not answered
                self._log.error("the store cannot be written; trying again", why=f"{type(error).__name__}: {error}", frames=len(tasks))
            if self._stopping.wait(pause):
                self._writer.intake.forget(batch)
                return False
            pause = min(pause * 2, LONGEST_RETRY_S)

    def _fill(self, task: Task, batch: Batch) -> None:
        name = task.wire.name
        if task.why:
            batch.damaged[name] = batch.damaged.get(name, 0) + 1
            batch.dead.append((task.received_ms, "", name, task.why, task.raw))
            return
        if task.told[0].link:
            return
        station = task.told[-1].station
        topic, body = f"{name}/{station}"[:200], b"".join(part.raw for part in task.told)
        feeds = self._directory.feeds
        feed = feeds().of_station(station, name) or feeds(again=True).of_station(station, name)
        if feed is None:
            batch.held.append(Held(STATION, "", "", station[:128], topic, body, task.received_ms))
            return
        why = password_fault(feed, task.told[-1].secret)
        if why:
            task.refused = True
            batch.dead.append((task.received_ms, feed.gateway, topic, why, body))
            return
        # The picture first: once its message is known as taken, a repeat of it would not bring it again.
        keep_picture(self._writer.catalog, self._blobs, feed, body, task.received_ms)
        self._writer.intake.foreign.take(feed, topic, body, task.received_ms, batch)
        task.answer = task.wire.answer([p.raw for p in task.told], feed, to_ms(self._clock.now()), stay=bool(task.line and task.line.stays))


def password_fault(feed: Feed, secret: str) -> str:
    """Return why a station is not believed to be the feed's, nothing where it is."""
    if not feed.secret_hash:
        return f"no password is registered for feed {feed.id}"
    return "" if hmac.compare_digest(secret_hash(secret), feed.secret_hash) else "the password is wrong"
