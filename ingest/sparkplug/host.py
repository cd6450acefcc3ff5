"""A Sparkplug host application without its network: births, aliases, order, deaths, and what to ask an edge node for.

In: messages and the time. Out (`Taken`): readings, messages to keep until they can be understood, commands to publish, and what the loss
ledger is to be told. Nothing a node sent is thrown away: what has no birth yet is held, and taken again when the birth has come.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from foundation.errors import BadInput
from ingest.formats.decoded import Numbered, Observed
from ingest.formats.sparkplug import COMMANDS, NAMESPACE, bd_seq_in, device_name, parse_topic, rebirth_command
from ingest.formats.sparkplug_payload import read_payload
from ingest.sparkplug.node import HALF, ROUND, Held, Item, Node

REORDER_S = 5.0
FIRST_ASK_S, LONGEST_ASK_S = 10.0, 300.0
MOST_AHEAD = 64
MOST_NODES = 2_000
MOST_WAITING = 2_000
MOST_WAITING_BYTES = 8_000_000
# After a restart every node is asked at once; births are the largest messages there are.
MOST_ASKED_AT_ONCE = 20
STATES = f"{NAMESPACE}/STATE/"
WAITS_FOR_BIRTH = "waiting for birth"
WAITS_FOR_ORDER = "waiting for the messages before it"


@dataclass(frozen=True, slots=True)
class Understood:
    """A message's readings; a held one keeps the time at which it was received. `complete` says that it can be read without a birth."""

    topic: str
    body: bytes
    received_ms: int
    observed: tuple[Observed, ...]
    skipped: tuple[str, ...] = ()
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """Sequence numbers of a stream that did not come, `count` of them from `first` on. Sparkplug sends none again."""

    stream: str
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Life:
    """A node (`device` its own name) or one of its devices came or went."""

    stream: str
    device: str
    online: bool
    at_ms: int


@dataclass(slots=True)
class Taken:
    """What came of a message, or of the passing of time."""

    understood: list[Understood] = field(default_factory=list)
    # To be kept whole, durably, with the batch; `settled` are keys of those that need not be kept any more.
    held: list[Held] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    # What will never be understood, with its reason; what could be read of it stands in `understood`.
    refused: list[Held] = field(default_factory=list)
    # Topic and body, at QoS 0 and not retained.
    commands: list[tuple[str, bytes]] = field(default_factory=list)
    # The message's number for the loss ledger, and whether numbers begin anew with it.
    number: Numbered | None = None
    began: bool = False
    lost: list[Lost] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    # Streams of which more is kept than the host has in memory: give it back with `restore`.
    reread: list[str] = field(default_factory=list)


class Host:
    """The nodes of one feed. `now` is any clock in seconds that only goes forward."""

    def __init__(self, *, reorder_s: float = REORDER_S, ask_s: float = FIRST_ASK_S) -> None:
        self._reorder_s, self._ask_s = reorder_s, ask_s
        self._nodes: dict[tuple[str, str], Node] = {}
        self._restless: dict[tuple[str, str], Node] = {}
        self._waiting = self._waiting_bytes = 0

    def take(self, topic: str, body: bytes, received_ms: int, now: float) -> Taken:
        """Take a message; raise BadInput where it is damaged or none of Sparkplug's."""
        taken = Taken()
        if topic.startswith(STATES):
            return taken
        parsed = parse_topic(topic)
        if parsed.kind in COMMANDS:
            return taken
        payload = read_payload(body)
        node = self._node(parsed.group, parsed.node)
        item = Item(Held(key_of(topic, body), topic, body, received_ms, WAITS_FOR_BIRTH), parsed, payload)
        if parsed.kind == "NDEATH":
            self._node_death(node, item, taken)
        elif parsed.kind == "NBIRTH":
            self._node_birth(node, item, taken, now)
        elif payload.seq is None:
            raise BadInput("a message has no sequence number", expected="seq, 0 to 255", got=parsed.kind)
        else:
            for due in self._in_order(node, item, payload.seq, taken, now):
                self._use(node, due, taken)
        self._ask(node, received_ms, now, taken)
        return taken

    def tick(self, now: float, now_ms: int) -> Taken:
        """Let time pass: gaps that did not fill are lost, births that did not come are asked for again."""
        taken = Taken()
        for node in list(self._restless.values()):
            if node.ahead and now - node.ahead_since >= self._reorder_s:
                self._close_gap(node, taken)
            if len(taken.commands) < MOST_ASKED_AT_ONCE:
                self._ask(node, now_ms, now, taken)
            if not node.ahead and not node.wants_birth:
                del self._restless[node.group, node.name]
        return taken

    def restore(self, kept: Iterable[Held]) -> None:
        """Take back messages held by an earlier run, or that memory had no room for."""
        for held in kept:
            try:
                parsed, payload = parse_topic(held.topic), read_payload(held.body)
                node = self._node(parsed.group, parsed.node)
            except BadInput:
                continue
            self._remember(node, Item(held, parsed, payload))
            self._want_birth(node)

    def _node(self, group: str, name: str) -> Node:
        node = self._nodes.get((group, name))
        if node is None:
            if len(self._nodes) >= MOST_NODES:
                raise BadInput("a feed has too many edge nodes", expected=f"at most {MOST_NODES}", todo="make a feed per group")
            if any(other == name for _, other in self._nodes):
                raise BadInput("two groups have an edge node of this name", got=name[:80], todo="make a feed per group")
            node = self._nodes[group, name] = Node(group, name)
        return node

    def _node_birth(self, node: Node, item: Item, taken: Taken, now: float) -> None:
        """Begin with a node's metrics anew. What waits before a gap of the old numbering is used with the old metrics first."""
        if node.born and node.birth == hash(item.held.body):
            return
        if node.ahead:
            self._close_gap(node, taken)
        bd_seq = bd_seq_in(item.payload.metrics)
        if node.born and bd_seq != node.bd_seq:
            self._let_go(node, "the session ended before its birth was seen", taken)
        node.forget_births()
        node.learn(item.topic, item.payload.metrics)
        node.born = node.online = True
        node.bd_seq = bd_seq
        node.birth, node.birth_ms = hash(item.held.body), item.payload.t_ms or 0
        node.missing.clear()
        node.recent.clear()
        node.advance(item.payload.seq or 0, item.held.body)
        taken.number, taken.began = self._number(node, item.payload.seq or 0), True
        node.wants_birth, node.ask_pause = False, 0.0
        node.ask_at = max(node.ask_at, now)
        taken.lives.append(Life(node.stream, node.name, True, item.held.received_ms))
        self._keep(node, item, taken)
        self._again(node, item, taken)

    def _node_death(self, node: Node, item: Item, taken: Taken) -> None:
        """End a session, unless the death is another session's."""
        if node.born and bd_seq_in(item.payload.metrics) != node.bd_seq:
            return
        if node.ahead:
            self._close_gap(node, taken)
        for device in [*node.devices, *([] if node.name in node.devices else [node.name])]:
            taken.lives.append(Life(node.stream, device, False, item.held.received_ms))
        self._let_go(node, "the session ended before its birth was seen", taken)
        node.forget_births()
        node.online, node.next, node.wants_birth = False, None, False

    def _use(self, node: Node, item: Item, taken: Taken) -> None:
        """Use a message whose turn it is."""
        kind, device = item.topic.kind, device_name(item.topic)
        if kind == "DDEATH":
            node.devices[device] = False
            taken.lives.append(Life(node.stream, device, False, item.held.received_ms))
        elif kind == "DBIRTH":
            node.learn(item.topic, item.payload.metrics)
            taken.lives.append(Life(node.stream, device, True, item.held.received_ms))
            self._keep(node, item, taken)
            self._again(node, item, taken)
        else:
            observed, skipped, unknown = node.read(item)
            if unknown:
                self._remember(node, item)
                self._hold(item, WAITS_FOR_BIRTH, taken)
                self._want_birth(node)
            else:
                taken.understood.append(_understood(item, observed, skipped))
        if not node.born:
            self._want_birth(node)

    def _keep(self, node: Node, item: Item, taken: Taken) -> None:
        """Keep a birth's values: they are readings like others."""
        observed, skipped, unknown = node.read(item)
        words = (*skipped, *(f"{name[:80]}: of no known kind" for name in unknown))
        taken.understood.append(_understood(item, observed, words, complete=True))

    def _again(self, node: Node, birth: Item, taken: Taken) -> None:
        """Take what waited for a birth. What still cannot be read now never can."""
        device = device_name(birth.topic)
        for key, item in list(node.waiting.items()):
            if device_name(item.topic) != device:
                continue
            self._forget(node, key)
            taken.settled.append(key)
            observed, skipped, unknown = node.read(item)
            if observed or not unknown:
                taken.understood.append(_understood(item, observed, skipped))
            if unknown:
                taken.refused.append(_because(item.held, f"no birth tells of {', '.join(unknown[:5])[:200]}"))
        if node.overflowed and not node.waiting:
            node.overflowed = False
            taken.reread.append(node.stream)

    def _let_go(self, node: Node, why: str, taken: Taken) -> None:
        """Give up what waits for a birth that can no longer come: another session's aliases would make other readings of it."""
        for key, item in list(node.waiting.items()):
            self._forget(node, key)
            taken.settled.append(key)
            taken.refused.append(_because(item.held, why))

    def _in_order(self, node: Node, item: Item, seq: int, taken: Taken, now: float) -> list[Item]:
        """Return the messages whose turn it is now that this one has come."""
        step, body = node.step(seq), item.held.body
        if step and node.born and (item.payload.t_ms or node.birth_ms) < node.birth_ms:
            # Sent before the birth and overtaken by it: its number is of the numbering before.
            return [item]
        taken.number = self._number(node, seq)
        if step == 0:
            node.advance(seq, body)
            due = [item]
            while node.next in node.ahead:
                due.append(self._release(node, taken))
            return due
        if seq in node.missing:
            node.missing.remove(seq)
            return [item]
        if step < HALF:
            before = node.ahead.get(seq)
            if before is not None:
                return [] if before.held.key == item.held.key else [item]
            node.ahead_since = node.ahead_since if node.ahead else now
            node.ahead[seq] = item
            self._hold(item, WAITS_FOR_ORDER, taken)
            self._restless[node.group, node.name] = node
            if len(node.ahead) > MOST_AHEAD:
                self._close_gap(node, taken)
            return []
        if node.recent.get(seq) == hash(body):
            return []
        # Neither due nor missing nor a repeat: the node counts anew without having said so.
        node.advance(seq, body)
        self._want_birth(node)
        return [item]

    def _number(self, node: Node, seq: int) -> Numbered:
        return Numbered(node.stream, seq, ROUND)

    def _hold(self, item: Item, why: str, taken: Taken) -> None:
        if item.held.key in taken.settled:
            taken.settled.remove(item.held.key)
        taken.held.append(_because(item.held, why))

    def _release(self, node: Node, taken: Taken) -> Item:
        assert node.next is not None
        item = node.ahead.pop(node.next)
        node.advance(node.next, item.held.body)
        taken.settled.append(item.held.key)
        return item

    def _close_gap(self, node: Node, taken: Taken) -> None:
        """Give up waiting for what is missing: note it as lost, use what came after it, and ask for a birth."""
        while node.ahead:
            assert node.next is not None
            first, count = node.next, 0
            while node.next not in node.ahead:
                node.missing.add(node.next)
                node.next = (node.next + 1) % ROUND
                count += 1
            if count:
                taken.lost.append(Lost(node.stream, first, count))
            while node.next in node.ahead:
                self._use(node, self._release(node, taken), taken)
        self._want_birth(node)

    def _remember(self, node: Node, item: Item) -> None:
        if item.held.key in node.waiting:
            return
        if self._waiting >= MOST_WAITING or self._waiting_bytes + len(item.held.body) > MOST_WAITING_BYTES:
            node.overflowed = True
            return
        node.waiting[item.held.key] = item
        self._waiting += 1
        self._waiting_bytes += len(item.held.body)

    def _forget(self, node: Node, key: str) -> None:
        item = node.waiting.pop(key)
        self._waiting -= 1
        self._waiting_bytes -= len(item.held.body)

    def _want_birth(self, node: Node) -> None:
        node.wants_birth = True
        self._restless[node.group, node.name] = node

    def _ask(self, node: Node, now_ms: int, now: float, taken: Taken) -> None:
        """Ask for a birth where one is wanted, each time after a longer pause while none comes."""
        if node.wants_birth and now >= node.ask_at:
            taken.commands.append(rebirth_command(node.group, node.name, now_ms))
            node.ask_pause = min(node.ask_pause * 2, LONGEST_ASK_S) if node.ask_pause else self._ask_s
            node.ask_at = now + node.ask_pause


def key_of(topic: str, body: bytes) -> str:
    """Return what a held message is known by: the hex digits of a SHA-256."""
    return hashlib.sha256(topic.encode(errors="replace") + b"\0" + body).hexdigest()


def _understood(item: Item, observed: Iterable[Observed], skipped: Iterable[str], *, complete: bool = False) -> Understood:
    return Understood(item.held.topic, item.held.body, item.held.received_ms, tuple(observed), tuple(skipped), complete)


def _because(held: Held, why: str) -> Held:
    return Held(held.key, held.topic, held.body, held.received_ms, why)
