"""The rules a Sparkplug host must honour, one by one, on a host without a network."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import BadInput
from ingest.formats.sparkplug import REBIRTH
from ingest.formats.sparkplug_payload import Metric, read_payload, write_payload
from ingest.sparkplug import host as sh
from ingest.sparkplug.host import Host, Life, Lost, Taken
from tests.ingest.sparkplug_edge import BEGIN_MS, Edge, Message


class Run:
    """A host, the clock it is given, and everything that came of what it was given."""

    def __init__(self, host: Host | None = None) -> None:
        self.host, self.now = host or Host(), 1000.0
        self.all = Taken()
        self.numbers: list[tuple[int, bool]] = []

    def take(self, *messages: Message) -> Taken:
        """Give messages to the host, a hundredth of a second apart."""
        last = Taken()
        for topic, body in messages:
            self.now += 0.01
            last = self._note(self.host.take(topic, body, BEGIN_MS + int(self.now * 1000), self.now))
        return last

    def wait(self, seconds: float) -> Taken:
        """Let time pass."""
        self.now += seconds
        return self._note(self.host.tick(self.now, BEGIN_MS + int(self.now * 1000)))

    def _note(self, taken: Taken) -> Taken:
        for name in ("understood", "held", "settled", "refused", "commands", "lost", "lives"):
            getattr(self.all, name).extend(getattr(taken, name))
        if taken.number is not None:
            self.numbers.append((taken.number.number, taken.began))
        return taken

    @property
    def values(self) -> list[tuple[str, str, float]]:
        """Every reading so far: device, channel, value."""
        return [(o.device, o.channel, o.value) for u in self.all.understood for o in u.observed]

    @property
    def kept(self) -> set[str]:
        """Keys of what is still held."""
        left: set[str] = {h.key for h in self.all.held}
        return left - set(self.all.settled)

    @property
    def asked(self) -> int:
        """How many births were asked for."""
        for topic, body in self.all.commands:
            assert topic.split("/")[2] == "NCMD" and read_payload(body).metrics[0].name == REBIRTH
        return len(self.all.commands)


def test_a_session_in_order() -> None:
    """Births give names, units and values; data by alias become readings of them, a negative Int32 among them."""
    run, edge = Run(), Edge()
    run.take(*edge.births(), edge.data(Temperature=21.5, Level=-12), edge.node_data(Battery=12.25))
    assert run.values == [
        ("gw-a", "Battery", 12.5), ("gw-a/pond-1", "Temperature", 20.0), ("gw-a/pond-1", "Level", -3.0),
        ("gw-a/pond-1", "Temperature", 21.5), ("gw-a/pond-1", "Level", -12.0), ("gw-a", "Battery", 12.25),
    ]  # fmt: skip
    assert {o.unit for u in run.all.understood for o in u.observed if o.channel == "Temperature"} == {"Cel"}
    assert [(life.device, life.online) for life in run.all.lives] == [("gw-a", True), ("gw-a/pond-1", True)]
    assert not run.asked and not run.all.held and not run.all.lost


def test_data_before_a_birth_is_held_and_taken_after_it() -> None:
    """A host that comes late asks for a birth, once, and what it could not read until then becomes readings with their own times."""
    run, edge = Run(), Edge()
    edge.births()
    early = [edge.data(Temperature=float(n)) for n in range(5)]
    run.take(*early)
    assert run.asked == 1 and not run.values and len(run.kept) == 5
    assert {held.why for held in run.all.held} == {"waiting for birth"}
    run.take(*edge.births())
    assert [v for _, channel, v in run.values if channel == "Temperature"] == [20.0, 0.0, 1.0, 2.0, 3.0, 4.0]
    assert not run.kept and not run.all.refused and run.asked == 1
    late = run.all.understood[-1]
    assert late.received_ms == BEGIN_MS + 1_000_050


def test_a_number_that_comes_late_closes_its_gap() -> None:
    """Out of order within the reorder timeout: everything is used in order and nothing is asked for."""
    run, edge = Run(), Edge()
    run.take(*edge.births())
    first, second, third = (edge.data(Temperature=float(n)) for n in (1, 2, 3))
    assert not run.take(second).understood
    run.take(third)
    assert len(run.kept) == 2
    run.take(first)
    assert [v for _, channel, v in run.values if channel == "Temperature"] == [20.0, 1.0, 2.0, 3.0]
    run.wait(60)
    assert not run.kept and not run.asked and not run.all.lost


def test_a_gap_that_does_not_fill_is_lost_and_a_birth_is_asked_for() -> None:
    """After the timeout the numbers are noted as lost, what came after them is used, and the node is asked for a birth."""
    run, edge = Run(), Edge()
    run.take(*edge.births())
    edge.data(Temperature=1.0), edge.data(Temperature=2.0)
    late = edge.data(Temperature=3.0)
    run.take(edge.data(Temperature=4.0))
    assert run.wait(4).commands == [] and not run.all.lost
    run.wait(2)
    assert run.all.lost == [Lost("Field/gw-a", 2, 3)] and run.asked == 1
    assert run.values[-1] == ("gw-a/pond-1", "Temperature", 4.0) and not run.kept
    run.take(late)
    assert run.values[-1] == ("gw-a/pond-1", "Temperature", 3.0)
    run.take(*edge.births(), edge.data(Temperature=5.0))
    assert run.values[-1] == ("gw-a/pond-1", "Temperature", 5.0) and run.asked == 1


def test_numbers_go_round() -> None:
    """After 255 comes 0, without a gap, and a gap across it is counted right."""
    run, edge = Run(), Edge()
    run.take(*edge.births(), *(edge.data(Temperature=float(n)) for n in range(253)))
    assert edge.seq == 255 and not run.all.held
    edge.data(Temperature=1.0), edge.data(Temperature=1.0)
    run.take(edge.data(Temperature=2.0))
    run.wait(6)
    assert run.all.lost == [Lost("Field/gw-a", 255, 2)]
    run.take(*(edge.data(Temperature=3.0) for _ in range(300)))
    assert run.all.lost == [Lost("Field/gw-a", 255, 2)] and len(run.values) == 3 + 253 + 301


def test_repeats_change_nothing() -> None:
    """The same bytes again, births among them, as a broker sends them after a lost connection: no readings, no questions."""
    run, edge = Run(), Edge()
    messages = [*edge.births(), *(edge.data(Temperature=float(n)) for n in range(20))]
    run.take(*messages)
    before = list(run.values)
    run.take(*messages[5:], messages[0], messages[-1])
    assert run.values == before and not run.asked and not run.all.lost
    run.take(edge.data(Temperature=99.0))
    assert run.values[-1][2] == 99.0


def test_a_stale_death_is_ignored_and_a_true_one_ends_the_session() -> None:
    """A death with another bdSeq than the birth's is of an earlier session; with the same, node and devices are away."""
    run, edge = Run(), Edge(bd_seq=7)
    old = Edge(bd_seq=6).death()
    run.take(*edge.births())
    run.take(old)
    assert run.take(edge.data(Temperature=1.0)).understood and not any(not life.online for life in run.all.lives)
    run.take(edge.death())
    assert {life.device for life in run.all.lives if not life.online} == {"gw-a", "gw-a/pond-1"}
    edge.bd_seq = 8
    run.take(*edge.births(), edge.data(Temperature=2.0))
    assert run.values[-1][2] == 2.0 and not run.asked


def test_what_waited_when_its_session_ended_is_given_up_with_a_reason() -> None:
    """The next session's aliases may mean other metrics: what waited for the last one's birth is kept, but never guessed."""
    run, edge = Run(), Edge()
    edge.births()
    run.take(edge.data(Temperature=1.0), edge.death())
    (gone,) = run.all.refused
    assert "session" in gone.why and not run.kept
    edge.bd_seq = 1
    run.take(*edge.births())
    assert ("gw-a/pond-1", "Temperature", 1.0) not in run.values


def test_a_devices_death_and_birth() -> None:
    """A device goes and comes back by itself; its data before the new birth are still of the same session."""
    run, edge = Run(), Edge(devices=("pond-1", "pond-2"))
    run.take(*edge.births(), edge.device_death("pond-2"), edge.device_birth("pond-2", 5.0), edge.data("pond-2", Temperature=6.0))
    assert [(life.device, life.online) for life in run.all.lives][-2:] == [("gw-a/pond-2", False), ("gw-a/pond-2", True)]
    assert run.values[-1] == ("gw-a/pond-2", "Temperature", 6.0)


def test_a_device_without_a_birth_waits_for_its_own() -> None:
    """An unknown alias holds the message; the device's birth releases it, the node's alone does not."""
    run, edge = Run(), Edge()
    run.take(*edge.births(), edge.data("pond-9", Temperature=7.0))
    assert run.asked == 1 and len(run.kept) == 1
    run.take(edge.births()[0])
    assert len(run.kept) == 1
    edge.devices = ("pond-1", "pond-9")
    run.take(*edge.births())
    assert ("gw-a/pond-9", "Temperature", 7.0) in run.values and not run.kept


def test_an_alias_no_birth_tells_of_is_refused_with_what_could_be_read_stored() -> None:
    """After the birth it waited for, a message whose alias is still unknown is given up with the reason; the rest of it is stored."""
    run, edge = Run(), Edge()
    births = edge.births()
    wrong = write_payload([Metric(alias=2, t_ms=5, value=1.25), Metric(alias=999, t_ms=5, value=2.0)], t_ms=5, seq=2)
    right = write_payload([Metric(alias=2, t_ms=5, datatype=9, value=1.25), Metric(alias=999, t_ms=5, value=2.0)], t_ms=5, seq=2)
    run.take(*births, (edge.topic("DDATA", "pond-1"), right))
    assert len(run.kept) == 1 and run.asked == 1 and wrong != right
    run.take(*edge.births())
    (gone,) = run.all.refused
    assert "alias 999" in gone.why and ("gw-a/pond-1", "Temperature", 1.25) in run.values


def test_a_value_that_is_not_of_its_births_kind_is_not_believed() -> None:
    """An alias that meant a Float and now carries text is of another birth: held, not misread."""
    run, edge = Run(), Edge()
    run.take(*edge.births())
    run.take((edge.topic("DDATA", "pond-1"), write_payload([Metric(alias=2, t_ms=5, value="x")], t_ms=BEGIN_MS + 9999, seq=2)))
    assert len(run.kept) == 1 and run.asked == 1


def test_historical_values_are_marked() -> None:
    """What a node kept back while the host was away is told as such."""
    run, edge = Run(), Edge()
    run.take(*edge.births(), edge.data(Temperature=1.0, historical=True, back_ms=3_600_000))
    (one,) = run.all.understood[-1].observed
    assert one.historical and one.t_ms == edge.now_ms - 3_600_000


def test_questions_become_rarer_while_no_birth_comes() -> None:
    """A node that does not answer is asked at 0, 10, 30, 70 ... seconds, then every five minutes; a birth ends it."""
    run, edge = Run(), Edge()
    edge.births()
    run.take(edge.data(Temperature=1.0))
    for _ in range(700):
        run.wait(1.0)
    assert run.asked == 1 + 6
    run.take(*edge.births())
    run.wait(1000)
    assert run.asked == 7


def test_a_restarted_host_asks_and_tells_the_ledger_the_numbers_as_they_come() -> None:
    """Without its births a host asks at the first message; that message's number tells the ledger what was missed meanwhile."""
    run, edge = Run(), Edge()
    run.take(*edge.births(), edge.data(Temperature=1.0))
    assert run.numbers == [(0, True), (1, False), (2, False)]
    edge.data(Temperature=2.0), edge.data(Temperature=2.0)
    again = Run()
    assert again.wait(100).commands == []
    again.take(edge.data(Temperature=3.0))
    assert again.asked == 1 and not again.values
    again.take(*edge.births())
    assert again.values[-1] == ("gw-a/pond-1", "Temperature", 3.0) and not again.kept
    assert again.numbers == [(5, False), (0, True), (1, False)]


def test_what_an_earlier_run_held_is_taken_back() -> None:
    """Held messages given back after a restart wait on and become readings with the birth."""
    run, edge = Run(), Edge()
    edge.births()
    run.take(edge.data(Temperature=1.0), edge.data(Temperature=2.0))
    again = Run()
    again.host.restore(run.all.held)
    again.take(*edge.births())
    assert [v for _, c, v in again.values if c == "Temperature"] == [20.0, 1.0, 2.0]
    assert set(again.all.settled) == {h.key for h in run.all.held}


def test_memory_is_bounded_and_what_it_has_no_room_for_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound messages are still told to be kept; after the birth the host says of which stream there is more."""
    monkeypatch.setattr(sh, "MOST_WAITING", 3)
    run, edge = Run(), Edge()
    edge.births()
    run.take(*(edge.data(Temperature=float(n)) for n in range(10)))
    assert len(run.all.held) == 10
    for message in edge.births():
        taken = run.take(message)
    assert taken.reread == ["Field/gw-a"]
    left = [h for h in run.all.held if h.key in run.kept]
    assert len(left) == 7
    for _ in range(3):
        run.host.restore([h for h in run.all.held if h.key in run.kept])
        run.take(*edge.births())
    assert not run.kept and sorted(v for _, c, v in run.values if c == "Temperature" and v != 20.0) == [float(n) for n in range(10)]


def test_a_gap_larger_than_the_buffer_is_closed_at_once() -> None:
    """No more than 64 messages wait for a number."""
    run, edge = Run(), Edge()
    run.take(*edge.births())
    edge.data(Temperature=0.0)
    run.take(*(edge.data(Temperature=float(n)) for n in range(1, 67)))
    assert run.all.lost == [Lost("Field/gw-a", 2, 1)] and not run.kept and run.asked == 1


def test_a_message_overtaken_by_a_rebirth_is_no_gap() -> None:
    """Sent before the birth and received after it: it is used, and its old number opens no gap."""
    run, edge = Run(), Edge()
    run.take(*edge.births(), *(edge.data(Temperature=1.0) for _ in range(10)))
    overtaken = edge.data(Temperature=2.0)
    run.take(*edge.births(), overtaken, edge.data(Temperature=3.0))
    run.wait(10)
    assert not run.all.lost and not run.asked and [v for *_, v in run.values[-2:]] == [2.0, 3.0]


def test_commands_and_states_are_nobodys_readings() -> None:
    """A filter for everything of a group brings our own commands back, and the states of hosts."""
    run = Run()
    run.take(("spBv1.0/Field/NCMD/gw-a", b"\xff"), ("spBv1.0/STATE/suhe-0", b"{}"))
    assert not run.values and not run.asked
    with pytest.raises(BadInput):
        run.take(("spBv1.0/Field/NDATA/gw-a", b"\xff"))
    with pytest.raises(BadInput):
        run.take(("spBv1.0/Field/NDATA/gw-a", write_payload([], t_ms=1)))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32), st.floats(0, 0.3), st.floats(0, 0.2), st.floats(0, 0.1))
def test_whatever_the_network_does_every_message_is_used_held_or_known_to_be_lost(
    seed: int, loss: float, shuffle: float, repeat: float
) -> None:
    """Lost, reordered, repeated, the node reborn at each request: what arrived is a reading once, and what did not is in the ledger."""
    rng = random.Random(seed)
    run, edge = Run(Host(ask_s=0.5)), Edge()
    arrived: set[float] = set()
    run.take(*edge.births())
    flight: list[tuple[float, Message]] = []
    for n in range(1, 300):
        message = edge.data(Temperature=float(n) + 100)
        if rng.random() >= loss:
            flight.append((float(n) + 100, message))
        if rng.random() < repeat and flight:
            flight.append(rng.choice(flight))
        if rng.random() >= shuffle:
            for value, (topic, body) in flight:
                arrived.add(value)
                run.take((topic, body))
            flight.clear()
        asked = run.asked
        run.wait(0.3)
        if run.asked > asked:
            run.take(*edge.births())
    for value, sent in flight:
        arrived.add(value)
        run.take(sent)
    run.wait(10)
    run.take(*edge.births())
    got = [v for _, c, v in run.values if c == "Temperature" and v > 100]
    assert set(got) == arrived and not run.kept and not run.all.refused


def test_lives_are_told_with_the_time_of_receipt() -> None:
    """A will carries no time worth anything."""
    run, edge = Run(), Edge()
    run.take(*edge.births(), edge.death())
    assert isinstance(run.all.lives[-1], Life) and run.all.lives[-1].at_ms > BEGIN_MS
