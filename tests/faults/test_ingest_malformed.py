"""Rubbish on the wire: kept with a reason, answered where it can be, and never in the way of anybody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.gateway import Gateway
from ingest.payloads import decode_ack
from ingest.topics import ack_topic, up_topic
from tests.faults.ingest_parts import field, message
from tests.waiting import wait_until

GOOD: dict[str, Any] = {"d": "gw-x-dev-0", "c": "water_level", "t": 1_764_000_000_000, "x": 1.0}


def up(seq: Any, *readings: Any, **more: Any) -> bytes:
    """Return a message with whatever is wrong in it."""
    return json.dumps({"v": 1, "seq": seq, "readings": list(readings), **more}).encode()


# Payload, and the number it should be refused under, or None where it has none that can be read.
CORPUS: dict[str, tuple[bytes, int | None]] = {
    "nothing": (b"", None),
    "no JSON": (b"\x00\x01\x02\xff\xfe", None),
    "half of a message": (up(101, GOOD)[:-20], 101),
    "a list": (b"[1,2,3]", None),
    "another version": (up(102, GOOD, v=2), 102),
    "no readings": (up(103), 103),
    "readings are a number": (b'{"v":1,"seq":104,"readings":5}', 104),
    "too many readings": (up(105, *[GOOD] * 2001), 105),
    "value is text": (up(106, {**GOOD, "x": "12"}), 106),
    "value is missing": (up(107, {k: v for k, v in GOOD.items() if k != "x"}), 107),
    "value is NaN": (b'{"v":1,"seq":108,"readings":[{"d":"gw-x-dev-0","c":"rain","t":1764000000000,"x":NaN}]}', 108),
    "value is beyond a double": (b'{"v":1,"seq":109,"readings":[{"d":"gw-x-dev-0","c":"rain","t":1764000000000,"x":1e999}]}', 109),
    "time is text": (up(110, {**GOOD, "t": "2025-11-24"}), 110),
    "time before 1970": (up(111, {**GOOD, "t": -1}), 111),
    "time after 2100": (up(112, {**GOOD, "t": 9_999_999_999_999}), 112),
    "a name with a slash": (up(113, {**GOOD, "d": "../../etc"}), 113),
    "an endless name": (up(114, {**GOOD, "d": "d" * 10_000}), 114),
    "a foreign device": (up(115, {**GOOD, "d": "gw-other-dev-0"}), 115),
    "another unit": (up(116, {**GOOD, "u": "m"}), 116),
    "no sequence": (b'{"v":1,"readings":[]}', None),
    "a negative sequence": (up(-5, GOOD), None),
    "a sequence that is text": (up("7", GOOD), None),
    "not UTF-8": (b'{"v":1,"seq":117,"readings":[{"d":"\xff\xfe","c":"rain","t":1764000000000,"x":1}]}', 117),
    "a thousand brackets": (b"[" * 100_000, None),
    "larger than allowed": (b'{"v":1,"seq":118,"pad":"' + b"x" * 210_000 + b'"}', 118),
}


@pytest.mark.parametrize("broker", ["mosquitto", "amqtt"])
def test_rubbish_is_kept_with_a_reason_and_stops_nobody(tmp_path: Path, broker: str) -> None:
    """Every piece becomes a dead letter; those with a number are refused by it; a gateway beside them is acknowledged throughout."""
    refused: dict[int, str] = {}
    acked: list[tuple[int, int]] = []
    with field(tmp_path, broker) as made:
        gateway = made.gateway("gw-a")
        gateway.start()
        gateway.send(message("gw-a", 0, 20))
        assert gateway.wait_until_empty(15)
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="gw-x")
        listening: list[bool] = []

        def on_message(_c: mqtt.Client, _u: Any, told: mqtt.MQTTMessage) -> None:
            if told.topic != ack_topic("gw-x"):
                return  # the embedded broker hands what is retained to whoever subscribes
            ack = decode_ack(told.payload)
            refused.update((r.seq, r.why) for r in ack.refused)
            acked.extend(ack.acked)

        client.on_message = on_message
        client.on_subscribe = lambda *_: listening.append(True)
        client.connect("127.0.0.1", made.broker.port)
        client.loop_start()
        client.subscribe(ack_topic("gw-x"), qos=1)
        wait_until(lambda: listening)
        for n, (payload, _) in enumerate(CORPUS.values(), 1):
            client.publish(up_topic("gw-x"), payload, qos=1).wait_for_publish(10)
            gateway.send(message("gw-a", n, 20))
        client.publish(up_topic("gw-x"), up(200, GOOD), qos=1).wait_for_publish(10)
        wait_until(lambda: (200, 200) in acked, 15)
        assert gateway.wait_until_empty(15)
        gateway.stop()
        client.disconnect()
        client.loop_stop()
        wanted = {seq for _, seq in CORPUS.values() if seq is not None}
        assert set(refused) == wanted
        assert all(len(why) > 10 for why in refused.values())
        letters = made.readings.dead_letters(100)
        assert len(letters) == len(CORPUS) == made.readings.counts().dead_letters
        assert all(letter.reason and letter.gateway == "gw-x" for letter in letters)
        assert made.worker.process.poll() is None
        made.check("gw-a", len(CORPUS) + 1, 20)
        assert len(made.stored("gw-x")) == 1


def test_a_gateway_nobody_knows_is_told_so(tmp_path: Path) -> None:
    """It is told what to do and keeps its readings; they wait in quarantine as well, and nothing of them is stored."""
    with field(tmp_path, "mosquitto") as made:
        known = made.gateway("gw-a")
        known.start()
        known.send(message("gw-a", 0, 20))
        assert known.wait_until_empty(15)
        known.stop()
        told: list[tuple[str, Any]] = []
        port, spool = made.broker.port, made.spool("stranger")
        stranger = Gateway("stranger", "any", "127.0.0.1", port, spool, on_event=lambda name, facts: told.append((name, facts.get("why"))))
        stranger.start()
        stranger.send(message("stranger", 0, 5))
        wait_until(lambda: [name for name, why in told if name == "message refused" and "registers it" in why], 15)
        assert stranger.pending() == 1
        stranger.stop()
        (entry,) = made.readings.quarantine()
        assert (entry.kind, entry.gateway, entry.kept) == ("gateway", "stranger", 1)
        assert made.readings.dead_letters(10) == []
        assert made.readings.counts().readings == 20
