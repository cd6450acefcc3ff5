"""Copied labels leave traces: what a scan keeps, what the rules find, what a guessed serial is."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from foundation.clock import to_ms
from foundation.database import metadata
from foundation.errors import BadInput, Conflict, NotFound
from registry.keys import SigningKey, key_id
from registry.parties import County, Party
from tests.traceability.kit import COUNTY, NOW, Kit
from traceability import scan_store
from traceability.recalling import Order, Recalls
from traceability.scan_rules import DAY_MS, HOUR_MS, Ended, of_pack, out_of_region, unknown_burst
from traceability.scanning import KEEP_DAYS, Scans
from traceability.scans import Cell, Scan, cell_of, device_of, least_km, read_place
from traceability.serials import LENGTH, MAC_BYTES, pack_of, serial_of

CODE = "0" * 17
KEY = bytes(range(32))
SHENXIAN, SHANGHAI, LIAOCHENG = cell_of(36.24, 115.67), cell_of(31.23, 121.47), cell_of(36.45, 115.98)
START = to_ms(NOW)


def scan(hours: float, device: str = "a", cell: Cell | None = None, pack: int = 1) -> Scan:
    return Scan(CODE, pack, START + round(hours * HOUR_MS), device, cell)


def rules(*scans: Scan, ended: Ended | None = None) -> set[str]:
    return {a.rule for a in of_pack(scans, ended)}


@pytest.fixture
def scans(kit: Kit, tmp_path: Path) -> Scans:
    """Return the scans of a kit with one lot that is picked."""
    tables = [scan_store.scan, scan_store.scan_state, scan_store.scan_unknown, scan_store.scan_anomaly, scan_store.label_run]
    metadata.create_all(kit.engine, tables=tables)
    county = County(COUNTY, "莘县", "Shenxian", 36.24, 115.67)
    kit.registry.county = lambda _code: county  # type: ignore[attr-defined]
    kit.plant("L1")
    kit.harvest("L1", 400)
    return Scans(kit.engine, kit.trace, kit.registry, kit.clock, tmp_path / "keys")  # type: ignore[arg-type]


def code_of(kit: Kit) -> str:
    return kit.trace.code_of(kit.lot("L1"))


def look(scans: Scans, code: str, serial: str = "", phone: str = "phone", cell: Cell | None = None) -> None:
    scans.note(code, serial, user_agent=phone, address="198.51.100.7", cell=cell)
    scans.flush()


def test_a_serial_is_known_without_a_table_and_a_guessed_one_is_not() -> None:
    """A serial names its pack for its own code alone; every one-character change of it, and no key but ours, gives none."""
    serial = serial_of(KEY, CODE, 513)
    assert len(serial) == LENGTH
    assert MAC_BYTES * 8 >= 64
    assert pack_of(KEY, CODE, serial) == pack_of(KEY, CODE, serial.lower()) == 513
    assert pack_of(KEY, "1" + CODE[1:], serial) is None
    assert pack_of(bytes(32), CODE, serial) is None
    for k in range(LENGTH):
        for other in "0123456789ABCDEFGHJKMNPQRSTVWXYZ":
            if other != serial[k]:
                assert pack_of(KEY, CODE, serial[:k] + other + serial[k + 1 :]) is None
    for nonsense in ("", "0" * LENGTH, serial + "0", "ſ" * LENGTH, "\x00"):
        assert pack_of(KEY, CODE, nonsense) is None


def test_no_serial_is_given_twice_and_packs_run_out(kit: Kit, scans: Scans) -> None:
    """Runs follow each other; past the last number nothing is given out, and nothing is noted of the failed run."""
    code = code_of(kit)
    given = scans.give_serials(code, 3) + scans.give_serials(code, 2)
    assert [scans.pack(code, s) for s in given] == [1, 2, 3, 4, 5]
    with kit.engine.begin() as connection:
        connection.execute(text("UPDATE label_run SET count = 65533 WHERE first = 4"))
    with pytest.raises(Conflict):
        scans.give_serials(code, 1)
    with pytest.raises(BadInput):
        scans.give_serials(code, 0)
    with pytest.raises(NotFound):
        scans.give_serials("0" * 17, 1)


def test_places_are_coarse_and_distances_count_the_cells() -> None:
    """A place is a tenth of a degree; two places in one cell or in neighbouring cells may be no distance apart at all."""
    assert cell_of(36.2499, 115.6001) == cell_of(36.2001, 115.6999)
    assert least_km(SHENXIAN, SHENXIAN) == least_km(SHENXIAN, Cell(SHENXIAN.lat, SHENXIAN.lon + 1)) == 0
    assert 740 < least_km(SHENXIAN, SHANGHAI) < 790
    assert read_place("36.241234,115.67") == SHENXIAN
    for nonsense in ("", "36", "91,0", "0,181", "nan,0", "36.2;115", "1e2,3", "36,115,1"):
        assert read_place(nonsense) is None


def test_a_pack_cannot_travel_faster_than_an_airliner() -> None:
    """764 km in half an hour are told with the figures; in two hours, in one place, or with a place missing, nothing is."""
    assert rules(scan(0, cell=SHENXIAN), scan(0.5, cell=SHANGHAI)) == {"impossible_travel"}
    assert rules(scan(0, cell=SHENXIAN), scan(2, cell=SHANGHAI)) == set()
    assert rules(scan(0, cell=SHENXIAN), scan(0.01, cell=LIAOCHENG)) == set()
    assert rules(scan(0), scan(0.1, cell=SHANGHAI)) == set()
    (told,) = of_pack([scan(0.5, cell=SHANGHAI), scan(0.2), scan(0, cell=SHENXIAN)])
    assert (told.evidence["minutes"], told.evidence["times"]) == (30, 1)


def test_many_devices_and_scans_after_the_end_are_told() -> None:
    """Nine devices in a day, sixteen over many; any scan after a recall, only late ones after a sale."""
    assert rules(*(scan(k / 10, f"d{k}") for k in range(8))) == set()
    assert rules(*(scan(k / 10, f"d{k}") for k in range(9))) == {"many_devices"}
    assert rules(*(scan(24 * k, f"d{k}") for k in range(15))) == set()
    assert rules(*(scan(24 * k, f"d{k}") for k in range(16))) == {"many_devices"}
    assert rules(scan(1), ended=Ended("recalled", START)) == {"after_end"}
    assert rules(scan(-1), ended=Ended("recalled", START)) == set()
    assert rules(scan(13 * 24), ended=Ended("sold", START)) == set()
    assert rules(scan(15 * 24), ended=Ended("sold", START)) == {"after_end"}


def test_a_lot_scanned_elsewhere_is_told_and_a_gift_is_not() -> None:
    """Five phones far from everywhere a lot was sent, and a fifth of all with a place; one phone five times is one."""
    near = [scan(k, f"n{k}", LIAOCHENG, k) for k in range(10)]
    far = [scan(k, f"f{k}", SHANGHAI, k) for k in range(5)]
    found = out_of_region([*near, *far], [SHENXIAN])
    assert found is not None
    assert (found.evidence["scans"], found.evidence["of"]) == (5, 15)
    assert out_of_region([*near, *far[:4]], [SHENXIAN]) is None
    assert out_of_region([*near, *(scan(k, "f", SHANGHAI) for k in range(9))], [SHENXIAN]) is None
    assert out_of_region([*near, *far], [SHENXIAN, SHANGHAI]) is None
    assert out_of_region([*near, *far], []) is None


def test_bursts_of_unknown_numbers_are_told() -> None:
    """Five unknown serials of a code within an hour; thirty unknown codes within ten minutes; the same spread out is nothing."""
    ten = 600_000
    assert unknown_burst({0: 2, 3 * ten: 3}, of_code=True) is not None
    assert unknown_burst({0: 2, 8 * ten: 3}, of_code=True) is None
    assert unknown_burst({0: 30}, of_code=False) is not None
    assert unknown_burst({0: 20, ten: 20}, of_code=False) is None


def test_the_first_scan_is_the_first_once(kit: Kit, scans: Scans) -> None:
    """A pack is new until somebody looked; opening the page again soon is the same scan; without a serial the lot's label counts."""
    code = code_of(kit)
    (serial,) = scans.give_serials(code, 1)
    assert (scans.first(code, serial).kind, scans.first(code, serial).scans) == ("pack", 0)
    look(scans, code, serial)
    look(scans, code, serial)
    assert scans.first(code, serial).scans == 1
    kit.clock.advance(timedelta(minutes=11))
    look(scans, code, serial)
    look(scans, code, serial, phone="another")
    known = scans.first(code, serial)
    assert (known.pack, known.scans, known.first_ms) == (1, 3, START)
    assert (scans.first(code).kind, scans.first(code).scans) == ("lot", 0)
    assert scans.first(code, "0" * 16).kind == "unknown"


def test_attack_cloned_label(kit: Kit, scans: Scans) -> None:
    """A label copied onto other packs and scanned far away is told by the rules, with evidence; the honest pack beside it is not."""
    code = code_of(kit)
    honest, copied = scans.give_serials(code, 2)
    for k in range(6):
        look(scans, code, honest, f"family {k % 2}", SHENXIAN)
        look(scans, code, copied, f"phone {k}", SHANGHAI if k % 2 else SHENXIAN)
        kit.clock.advance(timedelta(minutes=20))
    found = [(f.anomaly.rule, f.anomaly.pack, f.lot) for f in scans.anomalies([COUNTY])]
    assert found == [("impossible_travel", 2, kit.lot("L1"))]
    assert scans.anomalies([COUNTY])[0].anomaly.evidence["km"] > 700
    assert scans.anomalies(["321023"]) == []


def test_attack_guessed_serials_and_codes(kit: Kit, scans: Scans) -> None:
    """Serials never given out are counted and a burst is told; they make no scan. Codes that do not exist likewise, for every county."""
    code = code_of(kit)
    for k in range(5):
        look(scans, code, f"{k:016d}")
    for _ in range(30):
        scans.note_unknown_code()
    scans.flush()
    assert {(f.anomaly.rule, f.lot) for f in scans.anomalies(["321023", COUNTY])} == {
        ("unknown_burst", kit.lot("L1")),
        ("unknown_burst", ""),
    }
    assert scans.first(code).scans == 0
    assert scans.scanned() == (0, 0)


def test_no_address_and_no_browser_is_stored(kit: Kit, scans: Scans) -> None:
    """Nothing in any table of scans holds the address or the browser; the place is the cell."""
    look(scans, code_of(kit), "", "Very/1.0 (Special Phone)", read_place("36.241234,115.676543"))
    for table in ("scan", "scan_state", "scan_unknown", "scan_anomaly"):
        with kit.engine.connect() as connection:
            told = json.dumps([list(map(str, row)) for row in connection.execute(text(f"SELECT * FROM {table}"))])
        assert not any(x in told for x in ("198.51", "Special", "36.24", "115.67"))
    assert scans.scanned() == (1, 1)


def test_keys_of_days_are_destroyed(kit: Kit, scans: Scans, tmp_path: Path) -> None:
    """One device has one name within a day, shared by all processes, and another the next day; the key of the day before is gone."""
    other = Scans(kit.engine, kit.trace, kit.registry, kit.clock, tmp_path / "keys")  # type: ignore[arg-type]
    code = code_of(kit)
    folder = tmp_path / "keys" / "scan-days"
    look(scans, code)
    kit.clock.advance(timedelta(minutes=11))
    look(other, code)
    (first,) = folder.iterdir()
    kit.clock.advance(timedelta(days=1))
    scans.forget()
    assert not list(folder.iterdir())
    look(scans, code)
    (second,) = folder.iterdir()
    assert first.name != second.name
    assert second.stat().st_mode & 0o077 == 0
    with kit.engine.connect() as connection:
        devices = [row.device for row in connection.execute(text("SELECT device FROM scan ORDER BY time_ms"))]
    assert devices[0] == devices[1] != devices[2]
    assert device_of(KEY, "a", "b", "c") != device_of(KEY, "a", "b", "d")


def test_scans_are_forgotten_after_half_a_year(kit: Kit, scans: Scans) -> None:
    """The scans go, how many there were stays."""
    code = code_of(kit)
    look(scans, code)
    kit.clock.advance(timedelta(days=KEEP_DAYS - 1))
    assert scans.forget() == 0
    kit.clock.advance(timedelta(days=2))
    assert scans.forget() == 1
    assert scans.first(code).scans == 1


def test_a_scan_after_a_recall_is_told(kit: Kit, scans: Scans, tmp_path: Path) -> None:
    """A pack of a recalled lot that is scanned is still out there: the county reads so."""
    code = code_of(kit)
    (serial,) = scans.give_serials(code, 1)
    look(scans, code, serial)
    assert scans.anomalies() == []
    kit.clock.advance(timedelta(hours=1))
    kit.registry.put("party", Party("office", COUNTY, ("county",), "示例办公室", "Example office"))
    kit.registry.add_key = lambda party, public, since: kit.registry.put("key", SigningKey(key_id(public), party, public, since))  # type: ignore[attr-defined]
    recalls = Recalls(kit.engine, kit.trace, kit.registry, kit.clock, tmp_path / "keys")  # type: ignore[arg-type]
    recalls.make_office_key("office")
    recalls.start(Order((kit.lot("L1"),), "office", 2, "农药残留超标", "Pesticide above the limit", drill=False))
    kit.clock.advance(timedelta(hours=1))
    look(scans, code, serial)
    assert [f.anomaly.rule for f in scans.anomalies()] == ["after_end"]
    assert DAY_MS == 24 * HOUR_MS
