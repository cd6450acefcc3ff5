"""Lines into readings: what a line says, what is none, and a file read on from where it was left."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import BadInput
from ingest.gateway import Gateway
from ingest.gateway_feed import Reader, Report, feed_file, feed_stream
from ingest.messages import Reading
from ingest.payloads import decode_up
from ingest.spool import Spool
from tests.waiting import wait_until

T = 1_782_878_400_000


class Box:
    """Keeps what it is handed, as a gateway's spool would."""

    def __init__(self) -> None:
        self.messages: list[list[Reading]] = []
        self.marks: dict[str, int] = {}
        self.gathered: list[Reading] = []

    def send_many(self, messages: list[list[Reading]], marks: dict[str, int] | None = None) -> list[int]:
        """Keep messages and marks."""
        self.messages += messages
        self.marks |= marks or {}
        return []

    def collect(self, readings: list[Reading]) -> None:
        """Keep readings."""
        self.gathered += readings

    def flush(self) -> None:
        """Make them a message."""
        self.messages.append(self.gathered)
        self.gathered = []

    def mark(self, name: str) -> int:
        """Return a mark."""
        return self.marks.get(name, 0)


def test_csv_and_json_say_the_same() -> None:
    """Columns by name in any order, times in ms or with a zone, units where given."""
    expected = [Reading("box", "rain", T, 0.5), Reading("box", "water_level", T, 12.5, "cm")]
    csv = ["\ufeffvalue,time,device,channel,unit,note", f"0.5,{T},box,rain,,x", '12.5,2026-07-01T12:00:00+08:00,box,"water_level",cm,x', ""]
    lines = [
        f'{{"d":"box","c":"rain","t":{T},"x":0.5}}',
        '{"device":"box","channel":"water_level","time":"2026-07-01T04:00:00Z","value":"12.5","unit":"cm"}',
    ]
    for source in (csv, lines):
        reader = Reader()
        assert [r for line in source if (r := reader.read(line)) is not None] == expected


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("box,rain,2026-07-01 12:00,1", "no zone"), ("box,rain,soon,1", "time cannot be read"), ("box,rain,,1", "no time"),
        (f"box,rain,{T},wet", "no number"), (f"box,rain,{T},nan", "no value"), (f"box,rain,{T}", "number of cells"),
        (f"a b,rain,{T},1", "device cannot be used"), ("box,rain,99999999999999,1", "time of a reading"), ('{"d":"box"', "no JSON"),
        ('{"d":"box","t":1,"x":1}', "names no device and channel"), ('box,"rain', "no CSV"),
    ],
)  # fmt: skip
def test_what_is_no_reading_is_told(line: str, why: str) -> None:
    """Each line that cannot be a reading has its reason, and the next one counts."""
    reader = Reader()
    assert reader.read("device,channel,time,value") is None
    with pytest.raises(BadInput, match=why):
        reader.read(line)
    assert reader.read(f"box,rain,{T},1") == Reading("box", "rain", T, 1.0)


def test_arrival_is_a_time_only_where_it_was_asked_for() -> None:
    """With a stamp a line without a time has that of its arrival; one that tells a time keeps it."""
    reader = Reader(lambda: T)
    reader.read("device,channel,value")
    assert reader.read("box,rain,1") == Reading("box", "rain", T, 1.0)
    assert reader.read('{"d":"box","c":"rain","x":1,"t":5}') == Reading("box", "rain", 5, 1.0)


@given(st.text(max_size=80))
def test_any_line_is_read_or_refused(line: str) -> None:
    """Nothing but BadInput leaves the reader."""
    for header in ("", "device,channel,time,value"):
        reader = Reader()
        try:
            reader.read(header)
            reader.read(line)
        except BadInput:
            pass


def test_a_pipe_is_read_to_its_end() -> None:
    """Bad lines are counted with their numbers; the rest is gathered and put away at the end."""
    box, report = Box(), Report()
    source = io.StringIO(f"device,channel,time,value\nbox,rain,{T},1\nbox,rain,{T},wet\nbox,rain,{T + 1},2\n")
    feed_stream(source, box, Reader(), report, stop=lambda: False)
    assert [[r.x for r in message] for message in box.messages] == [[1.0, 2.0]]
    assert (report.readings, report.refused, report.why[0][0]) == (2, 1, 3)


def rows(first: int, last: int) -> str:
    """Return lines numbered from `first` up to `last`."""
    return "".join(f"box,rain,{T + n},{n}\n" for n in range(first, last))


def test_a_file_is_read_on_from_where_it_was_left(tmp_path: Path) -> None:
    """Read again nothing is sent twice; what was added is; a file that became shorter is read anew. The place is kept in the spool."""
    path, box = tmp_path / "log.csv", Box()
    path.write_text("device,channel,time,value\n" + rows(0, 25))

    def feed() -> list[float]:
        box.messages = []
        feed_file(path, box, Reader(), Report(), batch=10, follow=False, stop=lambda: False)
        return [r.x for message in box.messages for r in message]

    assert feed() == list(range(25)) and [len(m) for m in box.messages] == [10, 10, 5]
    assert feed() == []
    with path.open("a") as more:
        more.write(rows(25, 27))
    assert feed() == [25, 26]
    path.write_text("device,channel,time,value\n" + rows(90, 92))
    assert feed() == [90, 91]


def test_a_growing_file_is_followed(tmp_path: Path) -> None:
    """Half a line waits for its other half; the place stored with the readings is that of the last whole line."""
    path, stop, report = tmp_path / "log.csv", threading.Event(), Report()
    path.write_text("device,channel,time,value\n" + rows(0, 3) + "box,ra")
    gateway = Gateway("by-01-gw", "any", "127.0.0.1", 1, tmp_path / "spool.db")
    thread = threading.Thread(
        target=feed_file, args=(path, gateway, Reader(), report), kwargs={"batch": 10, "follow": True, "stop": stop.is_set}
    )
    thread.start()
    try:
        wait_until(lambda: report.readings == 3, 10)
        with path.open("a") as more:
            more.write(f"in,{T + 3},3\n")
        wait_until(lambda: report.readings == 4, 10)
    finally:
        stop.set()
        thread.join(10)
        gateway.stop()
    spool = Spool(tmp_path / "spool.db")
    assert [r.x for _, body in spool.after(0, 10, 10**6) for r in decode_up(body).readings] == [0, 1, 2, 3]
    assert spool.mark(f"file {path}") == path.stat().st_size and report.refused == 0
    spool.close()
