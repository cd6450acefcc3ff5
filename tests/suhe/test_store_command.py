"""`suhe store`, `suhe backup` and `suhe restore` as people type them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from foundation.errors import BadInput, Conflict, NotFound
from ingest.service import Readings
from suhe.cli import app
from suhe.commands.store import instant
from tests.ingest.examples import TwoGateways, clock, level, message

RUN = CliRunner()
SPAN = ("--from", "2026-06-01", "--to", "2026-07-02")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a data folder with readings, records, a blob and a key."""
    folder = tmp_path / "data"
    monkeypatch.setenv("SUHE_DATA", str(folder))
    monkeypatch.setenv("SUHE_DATABASE_URL", "")
    readings = Readings(folder / "readings", clock(), TwoGateways())
    readings.accept("by-01-gw", message(1, *(level(n * 10, 1.0, device="by-01-a") for n in range(9))))
    readings.compact()
    readings.accept("by-01-gw", message(2, level(5, 1.0, device="by-01-b")))
    readings.close()
    records = sqlite3.connect(folder / "records.db")
    records.execute("CREATE TABLE lot (id TEXT)")
    records.execute("INSERT INTO lot VALUES ('a')")
    records.commit()
    records.close()
    (folder / "keys").mkdir(mode=0o700)
    (folder / "keys" / "log.key").write_text("secret")
    (folder / "keys" / "log.key").chmod(0o600)
    (folder / "blobs" / "ab").mkdir(parents=True)
    (folder / "blobs" / "ab" / "abcd").write_bytes(b"photo")
    (folder / "prices").mkdir()
    (folder / "prices" / "large.duckdb").write_bytes(b"a copy")
    return folder


def said(*words: str, code: int = 0) -> str:
    """Run a command and return what it printed."""
    result = RUN.invoke(app, words)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def test_a_store_tells_of_itself(data: Path) -> None:
    """Numbers, proof, export, deletion and its trace; a damaged file ends with 1."""
    kinds = {k["name"]: k for k in json.loads(said("store", "stats", "--json"))}
    assert kinds["daily"]["rows"] == 9 and kinds["segment"]["files"] == 1
    assert "bytes a row" in said("store", "stats")
    assert json.loads(said("store", "check", "--deep", "--json"))["whole"] is True
    assert len(said("store", "export", "csv", *SPAN, "--device", "by-01-a").splitlines()) == 10
    said("store", "export", "lines", *SPAN, "-o", str(data / "out.txt"))
    assert len((data / "out.txt").read_text().splitlines()) == 10
    assert "1 segments merged" in said("store", "compact")
    assert "1 readings of by-01-b deleted" in said("store", "delete", "--device", "by-01-b", *SPAN, "--why", "moved", "--who", "li")
    assert "li: moved" in said("store", "deletions") and json.loads(said("store", "deletions", "--json"))[0]["rows"] == 1
    assert "taken away" in said("store", "retain")
    path = next((data / "readings" / "daily").glob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-9] + b"damaged!!")
    assert "FAIL" in said("store", "check", code=1)


def test_readings_are_copied_proved_and_put_back(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Into an empty SUHE_DATA, where they are whole."""
    said("store", "backup", str(tmp_path / "copy"))
    assert "whole" in said("store", "verify", str(tmp_path / "copy"))
    with pytest.raises(Conflict):
        said("store", "restore", str(tmp_path / "copy"))
    monkeypatch.setenv("SUHE_DATA", str(tmp_path / "new"))
    with pytest.raises(NotFound):
        said("store", "check")
    said("store", "restore", str(tmp_path / "copy"))
    assert "whole" in said("store", "check", "--deep")


def test_an_installation_is_copied_whole(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records, readings, blobs and keys with their modes; not what is made anew; a changed byte of any of them stops the way back."""
    copy = tmp_path / "copy"
    said("backup", str(copy))
    assert copy.stat().st_mode & 0o777 == 0o700 and not (copy / "prices").exists()
    assert "whole" in said("restore", str(copy), "--verify")
    monkeypatch.setenv("SUHE_DATA", str(tmp_path / "new"))
    for name in ("records.db", "blobs/ab/abcd", "keys/log.key"):
        content = (copy / name).read_bytes()
        (copy / name).write_bytes(bytes([content[0] ^ 1]) + content[1:])
        assert f"FAIL  {name}" in said("restore", str(copy), code=1) and not (tmp_path / "new").exists()
        (copy / name).write_bytes(content)
    said("restore", str(copy))
    new = tmp_path / "new"
    assert sqlite3.connect(new / "records.db").execute("SELECT id FROM lot").fetchall() == [("a",)]
    assert (new / "keys").stat().st_mode & 0o777 == 0o700 and (new / "keys" / "log.key").stat().st_mode & 0o777 == 0o600
    assert (new / "blobs" / "ab" / "abcd").read_bytes() == b"photo" and "whole" in said("store", "check", "--deep")
    with pytest.raises(BadInput):
        said("restore", str(data), "--verify")


def test_days_are_days_in_shanghai() -> None:
    """A day begins at its midnight there, and as an end means its end; an instant needs its zone."""
    assert instant("2026-03-01", ends=True) - instant("2026-03-01") == 86_400_000
    assert instant("2026-03-01") == instant("2026-02-28T16:00+00:00")
    for wrong in ("tomorrow", "2026-13-01", "2026-03-01T08:00"):
        with pytest.raises(BadInput):
            instant(wrong)
