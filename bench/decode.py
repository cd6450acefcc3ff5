"""Microseconds per reading of each decoder, from bytes to values with device, channel and time.

    python -m bench.decode            seven rounds each, in turn with the peer, medians
    python -m bench.decode --quick    two rounds of a third of the messages

The peer of each row is the standard library's `json.loads` of the same body in the same run, which gives objects and no readings; for
CBOR it is `cbor2.loads`, a library in C; for formats that are no JSON it is `json.loads` of the same readings as ThingsBoard would send
them. CPU time of this process, so that other work on the machine counts little.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.report import Row, print_report
from foundation.clock import SystemClock
from ingest.formats.bcd import time_to_bcd, to_bcd
from ingest.formats.catalog import FORMATS
from ingest.formats.decoded import SHANGHAI_MS, Context
from ingest.formats.hj212_frames import build_packet
from ingest.formats.mapping_file import read_table
from ingest.formats.sl651_frames import ETX, STX, Frame, build_frame
from ingest.formats.sparkplug_payload import DOUBLE, Metric, write_payload
from ingest.payloads import decode_up

SIZES = (1, 20, 50)
OWN_SIZES = (1, 10, 50)
ROUNDS, QUICK_ROUNDS = 7, 2
# Readings decoded in one round of one row.
READINGS = 30_000
T = 1_764_741_600_000
ISO = "2025-12-03T06:00:00.123456789Z"
EUI = "0101010101010101"


@dataclass(frozen=True)
class Case:
    """One row: a message of `size` readings, what reads it, and the peer."""

    figure: str
    size: int
    ours: Callable[[], object]
    peer: Callable[[], object]
    peer_name: str


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    rounds, readings = (QUICK_ROUNDS, READINGS // 3) if quick else (ROUNDS, READINGS)
    rows = []
    for case in cases():
        ours, peer = [], []
        for _ in range(rounds):
            ours.append(_per_reading(case.ours, case.size, readings))
            peer.append(_per_reading(case.peer, case.size, readings))
        scale = f"{case.size} a message, {rounds} rounds of {readings:,}, {min(ours):.2f} to {max(ours):.2f}"
        rows.append(Row(case.figure, statistics.median(ours), "us/reading", scale, case.peer_name, statistics.median(peer)))
    print_report("decode", rows)


def _per_reading(read: Callable[[], object], size: int, readings: int) -> float:
    turns = max(1, readings // size)
    began = time.process_time()
    for _ in range(turns):
        read()
    return (time.process_time() - began) / (turns * size) * 1e6


def cases() -> list[Case]:
    """Return every row: our own format first, then the others by the catalogue's order."""
    import cbor2

    found = []
    for k in OWN_SIZES:
        body = _own(k)
        found.append(Case(f"suhe v1 {k}", k, lambda b=body: decode_up(b), lambda b=body: json.loads(b), "json.loads"))
    context = Context(int(SystemClock().now().timestamp() * 1000), mapping=None)
    for name, make in _MESSAGES.items():
        decode = FORMATS[name].decoder()
        for k in SIZES:
            topic, body = make(k)
            here = Context(context.received_ms, mapping=read_table(_mapping(k))) if name == "mapping" else context
            assert len(decode(topic, body, here).observed) == k, name
            binary = body[:1] not in (b"{", b"[")
            same = _values(k)[1] if binary else body
            peer: Callable[[], object] = lambda b=same: json.loads(b)  # noqa: E731
            told = "json.loads of the same readings" if binary else "json.loads"
            if name == "senml-cbor":
                peer, told = lambda b=body: cbor2.loads(b), "cbor2"
            found.append(Case(f"{name} {k}", k, lambda t=topic, b=body, d=decode, c=here: d(t, b, c), peer, told))
    return found


def _text(told: object) -> bytes:
    return json.dumps(told, separators=(",", ":")).encode()


def _numbers(k: int) -> dict[str, float]:
    return {f"channel_{n}": 20.5 + n / 8 for n in range(k)}


def _own(k: int) -> bytes:
    return _text({"v": 1, "seq": 412, "readings": [{"d": f"pond-3-{c}", "c": c, "t": T, "x": x} for c, x in _numbers(k).items()]})


def _chirpstack(k: int) -> tuple[str, bytes]:
    info = {
        "tenantId": "52f14cd4-c6f1-4fbd-8f87-4025e1d49242", "tenantName": "ChirpStack", "applicationId": "17c82e96-be03-4f38",
        "applicationName": "County", "deviceProfileName": "Probe", "deviceName": "Pond 3", "devEui": EUI, "tags": {"key": "value"},
    }  # fmt: skip
    told = {
        "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d", "time": ISO, "deviceInfo": info, "devAddr": "00189440", "dr": 1,
        "fCnt": 412, "fPort": 1, "data": "qg==", "object": _numbers(k),
        "rxInfo": [{"gatewayId": "0016c001f153a14c", "uplinkId": 4217106255, "rssi": -36, "snr": 10.5}], "txInfo": {"frequency": 867100000},
    }  # fmt: skip
    return f"application/17c82e96-be03-4f38/device/{EUI}/event/up", _text(told)


def _things_stack(k: int) -> tuple[str, bytes]:
    ids = {"device_id": "pond-3", "application_ids": {"application_id": "county"}, "dev_eui": "7066E1FFFE000ECA", "dev_addr": "260BE53E"}
    up = {
        "session_key_id": "AYwG", "f_port": 10, "f_cnt": 35938, "frm_payload": "BAAABQQGARo=", "decoded_payload": _numbers(k),
        "rx_metadata": [{"gateway_ids": {"gateway_id": "by-gw", "eui": "DCA632FFFE0CBFCA"}, "timestamp": 156415380, "rssi": -121}],
        "settings": {"data_rate": {"lora": {"bandwidth": 125000, "spreading_factor": 10}}, "frequency": "867300000"}, "received_at": ISO,
    }  # fmt: skip
    return "v3/county@ttn/devices/pond-3/up", _text({"end_device_ids": ids, "received_at": ISO, "uplink_message": up})


def _values(k: int) -> tuple[str, bytes]:
    return "v1/devices/me/telemetry", _text({"ts": T, "values": _numbers(k)})


def _gateway(k: int) -> tuple[str, bytes]:
    return "v1/gateway/telemetry", _text({f"Device {c}": [{"ts": T, "values": {"temperature": x}}] for c, x in _numbers(k).items()})


def _records(k: int) -> list[dict[str, object]]:
    records: list[dict[str, object]] = [{"n": c, "v": x} for c, x in _numbers(k).items()]
    records[0] |= {"bn": "urn:dev:ow:10e2073a0108006:", "bt": T / 1000, "bu": "Cel"}
    return records


def _senml_json(k: int) -> tuple[str, bytes]:
    return "", _text(_records(k))


def _senml_cbor(k: int) -> tuple[str, bytes]:
    import cbor2

    labels = {"bn": -2, "bt": -3, "bu": -4, "n": 0, "v": 2}
    return "", cbor2.dumps([{labels[f]: value for f, value in r.items()} for r in _records(k)])


def _sparkplug(k: int) -> tuple[str, bytes]:
    metrics = [Metric(name=c, datatype=DOUBLE, t_ms=T, value=x) for c, x in _numbers(k).items()]
    return "spBv1.0/Field/DBIRTH/gw-a/pond-1", write_payload(metrics, t_ms=T, seq=3)


def _sl651(k: int) -> tuple[str, bytes]:
    text = b"\x00\x07" + time_to_bcd(T, SHANGHAI_MS) + b"\xf1\xf1" + bytes.fromhex("0012345678") + b"H"
    text += b"\xf0\xf0" + time_to_bcd(T, SHANGHAI_MS, 5) + b"".join(b"\x39\x23" + to_bcd(127 + n, 4) for n in range(k))
    return "", build_frame(Frame(1, "0012345678", "1234", 0x32, down=False, start=STX, text=text, end=ETX))


def _hj212(k: int) -> tuple[str, bytes]:
    factors = ";".join(f"w{1001 + n:05d}-Rtd={x},w{1001 + n:05d}-Flag=N" for n, x in enumerate(_numbers(k).values()))
    header = {"QN": "20251203140000123", "ST": "21", "CN": "2011", "PW": "123456", "MN": "010000A8900016F000169DC0", "Flag": "5"}
    return "", build_packet(header, f"DataTime=20251203140000;{factors}")


def _mapping(k: int) -> str:
    channels = "".join(f'[[channel]]\npath = "S.{c}"\nchannel = "{c}"\nunit = "Cel"\n' for c in _numbers(k))
    return 'topic = "tele/{device}/SENSOR"\n[time]\npath = "Time"\nformat = "local"\n' + channels


def _mapped(k: int) -> tuple[str, bytes]:
    return "tele/gh-3/SENSOR", _text({"Time": "2025-12-03T14:00:00", "S": _numbers(k)})


_MESSAGES: dict[str, Callable[[int], tuple[str, bytes]]] = {
    "chirpstack-v4": _chirpstack, "tts-v3": _things_stack, "thingsboard-gateway": _gateway, "thingsboard-device": _values,
    "senml-json": _senml_json, "senml-cbor": _senml_cbor, "sparkplug-b": _sparkplug,
    "sl651": _sl651, "hj212": _hj212, "mapping": _mapped,
}  # fmt: skip

if __name__ == "__main__":
    main()
