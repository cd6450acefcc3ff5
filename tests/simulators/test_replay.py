"""Replay: what a file says is what is sent, and what is not sent is told row by row."""

from __future__ import annotations

import gzip
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from foundation.clock import to_ms
from foundation.errors import BadInput, NotFound, Unavailable
from ingest.payloads import ReadingIn
from simulators.mapping import Mapping, load_mapping, packaged_mappings
from simulators.replay import LARGEST, devices_in, replay

HEADER = '"year","month","day","hour","TEMP","PRES","DEWP","RAIN","wd","WSPM","station"\n'
GOOD = '2013,3,1,0,-0.9,1025.8,-20.5,0,"NW",9.3,"Shunyi"\n'


class Sender:
    """Keeps what it is given; acknowledges everything, or nothing."""

    def __init__(self, *, answers: bool = True) -> None:
        self.messages: list[list[ReadingIn]] = []
        self.answers = answers

    def send_many(self, messages: list[list[ReadingIn]]) -> list[int]:
        """Keep messages and number them."""
        self.messages += messages
        return list(range(len(self.messages) - len(messages) + 1, len(self.messages) + 1))

    def pending(self) -> int:
        """Return what is not acknowledged."""
        return 0 if self.answers else len(self.messages)

    def wait_until_empty(self, timeout: float) -> bool:
        """Tell whether all is acknowledged."""
        return self.pending() == 0


@pytest.fixture
def prsa() -> Mapping:
    """Return the packaged mapping of the Beijing weather files."""
    return load_mapping("prsa_weather")


def file_of(folder: Path, *rows: str, header: str = HEADER) -> Path:
    """Write a CSV file and return its path."""
    path = folder / "file.csv"
    path.write_text(header + "".join(rows), encoding="utf-8")
    return path


def test_a_row_becomes_readings_with_the_file_s_own_values(tmp_path: Path, prsa: Mapping) -> None:
    """Each column is one reading with its unit; the time is local by the mapping; the wind's code is looked up."""
    sender = Sender()
    report = replay(file_of(tmp_path, GOOD), prsa, sender)
    t = to_ms(datetime(2013, 2, 28, 16, tzinfo=UTC))
    assert [(r.d, r.c, r.t, r.x, r.u) for m in sender.messages for r in m] == [
        ("prsa-Shunyi", "air_temperature", t, -0.9, "Cel"),
        ("prsa-Shunyi", "air_pressure", t, 1025.8, "hPa"),
        ("prsa-Shunyi", "dew_point", t, -20.5, "Cel"),
        ("prsa-Shunyi", "rain", t, 0.0, "mm"),
        ("prsa-Shunyi", "wind_direction", t, 315.0, "deg"),
        ("prsa-Shunyi", "wind_speed", t, 9.3, "m/s"),
    ]
    assert (report.rows, report.total, report.refused_count, report.acknowledged) == (1, 6, 0, True)
    assert report.devices == ["prsa-Shunyi"] and report.first_ms == report.last_ms == t


def test_na_is_no_reading_and_is_counted(tmp_path: Path, prsa: Mapping) -> None:
    """A missing token sends nothing and adds one to its channel's count."""
    report = replay(file_of(tmp_path, '2013,3,1,0,NA,1025.8,NA,0,NA,9.3,"Shunyi"\n', GOOD), prsa, Sender())
    assert dict(report.missing) == {"air_temperature": 1, "dew_point": 1, "wind_direction": 1}
    assert report.readings["air_temperature"] == 1 and report.readings["rain"] == 2 and report.refused_count == 0


def test_what_cannot_be_read_is_refused_with_its_line_and_reason(tmp_path: Path, prsa: Mapping) -> None:
    """A bad cell costs its reading, a bad time its row; both are told by line, and the rest goes on."""
    rows = (
        '2013,3,1,0,abc,1025.8,-20.5,inf,"XX",9.3,"Shunyi"\n',
        '2013,13,1,0,1,1025.8,-20.5,0,"N",9.3,"Shunyi"\n',
        '2013,3,1,1,1,1025.8,-20.5,0,"N",9.3,"no good id!"\n',
        GOOD,
    )
    sender = Sender()
    report = replay(file_of(tmp_path, *rows), prsa, sender)
    told = [(r.row, r.column, r.why) for r in report.refused]
    assert [t[:2] for t in told] == [(2, "TEMP"), (2, "RAIN"), (2, "wd"), (3, ""), (4, "station")]
    assert "no number" in told[0][2] and "no finite" in told[1][2] and "compass16" in told[2][2] and "time" in told[3][2]
    assert report.rows == 4 and report.total == 3 + 6 and report.refused_count == 5


def test_packed_files_and_a_byte_order_mark_read_the_same(tmp_path: Path, prsa: Mapping) -> None:
    """A .gz file with a byte order mark gives what the plain one gives."""
    packed = tmp_path / "file.csv.gz"
    packed.write_bytes(gzip.compress(b"\xef\xbb\xbf" + (HEADER + GOOD).encode()))
    assert replay(packed, prsa, Sender()).readings == replay(file_of(tmp_path, GOOD), prsa, Sender()).readings


def test_a_file_without_the_mapped_columns_is_refused_whole(tmp_path: Path, prsa: Mapping) -> None:
    """Lacking columns are named before anything is sent."""
    sender = Sender()
    with pytest.raises(BadInput, match="TEMP"):
        replay(file_of(tmp_path, "1,2\n", header="a,b\n"), prsa, sender)
    with pytest.raises(NotFound):
        replay(tmp_path / "nothing.csv", prsa, sender)
    assert sender.messages == []


def test_messages_are_bounded(tmp_path: Path, prsa: Mapping) -> None:
    """Many rows go in messages of a bounded size, and every row is in one."""
    rows = [f'2013,3,{1 + k // 24},{k % 24},{k},1025.8,-20.5,0,"NW",9.3,"Shunyi"\n' for k in range(700)]
    rows = [r for r in rows if int(r.split(",")[2]) <= 29]
    sender = Sender()
    report = replay(file_of(tmp_path, *rows), prsa, sender)
    assert max(len(m) for m in sender.messages) <= LARGEST and len(sender.messages) == report.messages > 2
    assert sum(len(m) for m in sender.messages) == 6 * len(rows)


def test_times_can_be_shifted_to_end_now(tmp_path: Path, prsa: Mapping) -> None:
    """The newest row falls on the given instant and the distances stay."""
    end = to_ms(datetime(2026, 11, 23, 12, tzinfo=UTC))
    sender = Sender()
    report = replay(file_of(tmp_path, GOOD, GOOD.replace("3,1,0", "3,1,5")), prsa, sender, end_at_ms=end)
    assert report.last_ms == end and report.first_ms == end - 5 * 3_600_000


def test_a_paced_replay_takes_its_time(tmp_path: Path, prsa: Mapping) -> None:
    """At 36,000 times the speed of life an hour takes a tenth of a second."""
    report = replay(file_of(tmp_path, GOOD, GOOD.replace("3,1,0", "3,1,2")), prsa, Sender(), speed=36_000)
    assert report.seconds >= 0.2 and report.messages == 2


def test_silence_of_ingest_is_an_error_that_says_what_to_do(tmp_path: Path, prsa: Mapping) -> None:
    """Without acknowledgements the replay ends with an explanation; the spool keeps the rest."""
    with pytest.raises(Unavailable, match="ingest"):
        replay(file_of(tmp_path, GOOD), prsa, Sender(answers=False), timeout=0.1)


def test_a_replay_can_be_stopped(tmp_path: Path, prsa: Mapping) -> None:
    """A set stop event ends it and the report says that not all was acknowledged."""
    stop = threading.Event()
    stop.set()
    report = replay(file_of(tmp_path, GOOD, GOOD), prsa, Sender(answers=False), stop=stop)
    assert report.rows == 1 and report.messages == 0


def test_devices_can_be_asked_for_first(tmp_path: Path, prsa: Mapping) -> None:
    """The devices of a file are known without sending it."""
    assert devices_in(file_of(tmp_path, GOOD, GOOD.replace("Shunyi", "Huairou")), prsa) == ["prsa-Huairou", "prsa-Shunyi"]


def test_every_packaged_mapping_loads() -> None:
    """The mappings that come with the program can be read, by name and by path."""
    assert "prsa_weather" in packaged_mappings()
    assert all(load_mapping(name).channels for name in packaged_mappings())
    assert len(load_mapping("prsa_weather").tables["compass16"]) == 16


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('zone = "Asia/Shanghai"', 'zone = "Mars/Olympus"', "zone"),
        ('table = "compass16"', 'table = "compass32"', "table"),
        ('column = "station"', 'id = "x"\ncolumn = "station"', "one device"),
        ('gateway = "replay-prsa-gw"', 'gateway = "no good"', "gateway"),
        ('parts = ["year", "month", "day", "hour"]', 'parts = ["year"]', "time parts"),
        ("[time]", "[time", "TOML"),
        ("[device]", "[gadget]", "lacks"),
        ("lat = 40.13", "lat = 140.13", "earth"),
    ],
)
def test_a_wrong_mapping_says_what_is_wrong(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Each broken rule of a mapping is an error that names it."""
    from importlib import resources

    text = resources.files("simulators").joinpath("mappings/prsa_weather.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "wrong.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadInput, match=said):
        load_mapping(str(path))


def test_an_unknown_mapping_lists_the_known() -> None:
    """Asking for a mapping that is not there names those that are."""
    with pytest.raises(NotFound, match="prsa_weather"):
        load_mapping("nothing")
