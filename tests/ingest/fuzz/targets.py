"""Everything that reads bytes of strangers, with real messages to begin from and what must hold of every answer."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foundation.errors import BadInput
from ingest.formats.catalog import FORMATS
from ingest.formats.cbor import read_cbor
from ingest.formats.decoded import Context, Decoded
from ingest.formats.hj212_frames import Hj212Splitter, build_packet
from ingest.formats.json_path import parse_path
from ingest.formats.mapping_file import PACKAGED, load_table, packaged, read_table
from ingest.formats.sl651_frames import ETX, STX, Frame, Sl651Splitter, build_frame
from ingest.formats.times import LAST_MS
from ingest.line_protocol import read_lines
from ingest.messages import decode_acknowledgement
from ingest.payloads import sequence_in
from ingest.sparkplug.host import Host
from ingest.states import decode_state
from ingest.topics import parse_topic
from tests.ingest.formats.shapes import RECEIVED, chirpstack, things_stack
from tests.ingest.sparkplug_edge import Edge

# Splitters hold one frame: more of a stream than some frames' length shows nothing new.
LONGEST_STREAM = 200_000
Read = Callable[[bytes], object]


@dataclass(frozen=True)
class Target:
    """One reader of bytes. `read` raises BadInput or returns; what it returns was looked at."""

    name: str
    read: Read
    seeds: tuple[bytes, ...]


def looked_at(told: Decoded) -> Decoded:
    """Return what was decoded if it keeps the promises of `decoded.py`; raise AssertionError otherwise."""
    for o in told.observed:
        assert type(o.value) is float and math.isfinite(o.value), o
        assert o.t_ms is None or (type(o.t_ms) is int and 0 <= o.t_ms <= LAST_MS), o
        assert type(o.channel) is str and 0 < len(o.channel) <= 1000 and len(o.device) <= 1000, o
        assert o.unit is None or len(o.unit) <= 1_000_000, o
    assert len(told.observed) <= 20_000 and len(told.skipped) <= 1_000
    if told.number is not None:
        assert 0 <= told.number.number < 2**63 and len(told.number.stream) <= 1000
    return told


def _decoder(name: str, topics: tuple[str, ...], mapping: Any = None) -> Read:
    decode = FORMATS[name].decoder()
    context = Context(RECEIVED, mapping=mapping)

    def read(body: bytes) -> object:
        answers, refusals = [], []
        for topic in topics:
            try:
                answers.append(looked_at(decode(topic, body, context)))
            except BadInput as error:
                refusals.append(error.explain())
        assert all(len(why) < 2000 for why in refusals)
        return answers

    return read


def _text(read: Callable[[str], object]) -> Read:
    return lambda body: read(body.decode("utf-8", "replace"))


def _topics(text: str) -> object:
    found = []
    from ingest.formats.sparkplug import parse_topic as sparkplug_topic

    for parse in (parse_topic, sparkplug_topic):
        try:
            found.append(parse(text))
        except BadInput:
            continue
    try:
        found.append(parse_path(text))
    except BadInput:
        pass
    return found


def _stream(splitter: type[Sl651Splitter] | type[Hj212Splitter]) -> Read:
    def read(body: bytes) -> object:
        """A stream arrives in pieces, ends, and nothing of it is lost."""
        body = body[:LONGEST_STREAM]
        one = splitter()
        found = [x for at in range(0, len(body), 1000) for x in one.feed(body[at : at + 1000])] + one.rest()
        assert sum(len(x.raw) for x in found) <= len(body) + 4
        assert not one.waiting
        return found

    return read


def _host(body: bytes) -> object:
    host, edge = Host(), Edge()
    for topic, birth in edge.births():
        host.take(topic, birth, RECEIVED, 0.0)
    told = []
    for n, topic in enumerate((edge.topic("DDATA", "pond-1"), edge.topic("NDATA"), edge.topic("NBIRTH"), edge.topic("NDEATH"))):
        try:
            told.append(host.take(topic, body, RECEIVED, float(n)))
        except BadInput:
            continue
    host.tick(60.0, RECEIVED + 60_000)
    return told


_REPORT = bytes.fromhex(
    "0003260701120000F1F1001234567848F0F02607011155" + "0221FF000105" + "2019000005" + "392300000127" + "38121115" + "7A0825" + "FF23120015"
    "F460050000001400FFFFFF0000000000" + "F0F02607011200" + "0418000005" + "392300000127FF00000250FFFFFFFF"
)  # fmt: skip
_AREA = b"DataTime=20260701120000;w01001-SampleTime=20260701115500,w01001-Rtd=8.33,w01001-Flag=N;a21-Avg=-1e3,a21-Flag=D"


def _report(text: bytes, function: int = 0x34) -> bytes:
    return build_frame(Frame(1, "0012345678", "1234", function, False, STX, text[:4000], ETX))


def _packet(area: bytes, **more: str) -> bytes:
    head = {"QN": "20260701120000000", "ST": "21", "CN": "2011", "PW": "123456", "MN": "010000A8900016F000169DC0", "Flag": "5"}
    return build_packet(head | more, area[:9000].decode("ascii", "replace").replace("\ufffd", "?"))


def _inside(decode: Read, wrap: Callable[[bytes], list[bytes]]) -> Read:
    """Return a reader of what stands inside a frame: under a right checksum a damaged text reaches the decoder."""
    return lambda body: [decode(raw) for raw in wrap(body)]


def vectors(folder: Path | None, name: str) -> list[bytes]:
    """Return the messages of a format among the conformance vectors, none where they are not there."""
    if folder is None or not (folder / "field").is_dir():
        return []
    field = folder / "field"
    if name in ("sl651", "hj212"):
        frames = json.loads((field / f"{name}_frames.json").read_text("utf-8"))["frames"]
        return [bytes.fromhex(f["frame"]) if name == "sl651" else f["frame"].encode() for f in frames]
    told = json.loads((field / "gateway_payloads.json").read_text("utf-8"))
    return [json.dumps(x["payload"]).encode() for x in told if x["fmt"] == name]


_BUILT_IN: dict[str, tuple[bytes, ...]] = {
    "suhe": (b'{"v":1,"seq":412,"readings":[{"d":"pond-3-level","c":"water_level","t":1764741600000,"x":12.5,"u":"cm"}]}',),
    "chirpstack-v4": (
        chirpstack(devAddr="00189440", fCnt=4, object={"temperature": 21.5, "soil": [1, True, "x"]}, rxInfo=[{"rssi": -36}])[1],
        chirpstack("status", margin=3, batteryLevel=88.5)[1],
        chirpstack("location", location={"latitude": 33.2})[1],
    ),
    "tts-v3": (
        things_stack(uplink_message={"f_cnt": 7, "decoded_payload": {"t": 1}, "rx_metadata": [{"rssi": -5}]})[1],
        things_stack(uplink_message={"normalized_payload": [{"air": {"temperature": 3}, "time": "2023-12-15T14:00:00Z"}]})[1],
        things_stack(location_solved={"location": {"latitude": 1.5}})[1],
    ),
    "thingsboard-gateway": (b'{"A":[{"ts":1483228800000,"values":{"t":"21.5","on":true,"p":{"a":[1]}}}],"B":{"t":1}}',),
    "thingsboard-device": (b'[{"ts":1483228800000,"values":{"t":1}},{"t":"2"}]', b'{"t":1.5}'),
    "senml-json": (b'[{"bn":"d/","bt":1.6e9,"bu":"Cel","bv":2,"bs":1,"bver":5,"n":"t","v":1,"s":2,"t":-5,"ut":6},'
                   b'{"n":"o","vb":true},{"vs":"x"}]',),
    "senml-cbor": (
        bytes.fromhex("82a82162642f22fb41d303a15b00106223614120050067766f6c7461676501615602fb405e06666666666605f93c00a2006174041af5"),
        bytes.fromhex("9fbf0061610282218219012cffff"),
        bytes.fromhex("81a2006161" + "02c482211903e8"),
    ),
}  # fmt: skip


def targets() -> list[Target]:
    """Return every reader: the decoders of all formats, mapping tables and their messages, topics, paths, CBOR, line protocol."""
    told = os.environ.get("SUHE_CONFORMANCE_DATA")
    folder = Path(told) if told else None
    topics = {
        "suhe": ("suhe/v1/0/gw/up",),
        "chirpstack-v4": ("", "application/a/device/0101010101010101/event/up", "application/a/device/x/event/status"),
        "tts-v3": ("", "v3/county@ttn/devices/pond-3/up"),
        "thingsboard-gateway": ("v1/gateway/telemetry",),
        "thingsboard-device": ("v1/devices/me/telemetry",),
    }
    edge = Edge()
    sparkplug = [*edge.births(), edge.death()]
    topics["sparkplug-b"] = (*dict.fromkeys(topic for topic, _ in sparkplug), edge.topic("DDATA", "pond-1"))
    found = []
    for name in FORMATS:
        if name == "mapping":
            continue
        seeds = [*_BUILT_IN.get(name, ()), *(vectors(folder, name))]
        if name in ("sl651", "hj212"):
            seeds.append(_report(_REPORT) if name == "sl651" else _packet(_AREA))
        if name == "sparkplug-b":
            seeds = [body for _, body in sparkplug]
        found.append(Target(name, _decoder(name, topics.get(name, ("",))), tuple(seeds)))
    tasmota = b'{"Time":"2024-01-01T10:00:00","AM2301":{"Temperature":24.6,"Humidity":"71"},"TempUnit":"C"}'
    examples = {"tasmota": ("tele/a/SENSOR", tasmota), "esphome": ("a/sensor/water_level/state", b"1.25"),
                "csv-lines": ("loggers/a/data", b"2026-07-18 09:30:00,24.6,71.2,12.4\n")}  # fmt: skip
    for name in packaged():
        topic, body = examples[name]
        found.append(Target(f"mapping {name}", _decoder("mapping", (topic, ""), load_table(name)), (body,)))
    tables = tuple((PACKAGED / f"{name}.toml").read_bytes() for name in packaged())
    for name, splitter in (("sl651", Sl651Splitter), ("hj212", Hj212Splitter)):
        found.append(Target(f"{name} stream", _stream(splitter), next(t.seeds for t in found if t.name == name)))
    found.append(Target("sparkplug host", _host, tuple(body for _, body in sparkplug)))
    inside_report = _inside(_decoder("sl651", ("",)), lambda b: [_report(b, function) for function in (0x31, 0x34, 0x36, 0x40)])
    inside_packet = _inside(_decoder("hj212", ("",)), lambda b: [_packet(b), _packet(b, CN="2061"), _packet(b, PNUM="2", PNO="1")])
    acknowledged = b'{"v":1,"acked":[[400,412]],"refused":[{"seq":413,"why":"x"}],"now":1764741600250}'
    found += [
        Target("sl651 text", inside_report, (_REPORT,)),
        Target("hj212 area", inside_packet, (_AREA,)),
        Target("acknowledgement", decode_acknowledgement, (acknowledged,)),
        Target("gateway state", decode_state, (b'{"v":1,"online":true,"t":1764741600000,"spool":3,"oldest_s":12,"offset_ms":-2}',)),
        Target("mapping file", _text(read_table), tables),
        Target("cbor", read_cbor, _BUILT_IN["senml-cbor"]),
        Target("topics and paths", _text(_topics), (b"suhe/v1/0/gw/up", b"spBv1.0/G/DDATA/N/D", b'a.b[0]["c"][*]')),
        Target("line protocol", _text(read_lines), (b'a,device=b\\ c,unit=Cel value=12.3,x=5i,y="z\\"" 1764741600000\n# no\nw f=t\n',)),
        Target("number of a damaged message", sequence_in, _BUILT_IN["suhe"]),
    ]
    return found
