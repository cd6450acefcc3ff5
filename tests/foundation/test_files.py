"""Files that survive: whole or not at all, readable by whom they should be, found or hidden."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.blobs import BlobFolder
from foundation.errors import NotFound
from foundation.files import find_program, write_durably


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """The new content is there, nothing is left aside, and the mode is as asked, also where the old file's was wider."""
    path = tmp_path / "keys.json"
    path.write_bytes(b"old")
    path.chmod(0o644)
    write_durably(path, b"new", 0o600)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["keys.json"]


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    """Where the rename fails, the old thing stands and nothing is left beside it."""
    path = tmp_path / "taken"
    path.mkdir()
    (path / "inside").touch()
    with pytest.raises(OSError):
        write_durably(path, b"x")
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]


def test_many_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    """Threads replacing the same file at once all succeed, and what stands is one of theirs, whole."""
    path = tmp_path / "state"
    failed: list[BaseException] = []

    def write(letter: str) -> None:
        try:
            for _ in range(20):
                write_durably(path, letter.encode() * 5000)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    content = path.read_bytes()
    assert len(content) == 5000 and len(set(content)) == 1


def test_a_killed_writer_leaves_old_or_new(tmp_path: Path) -> None:
    """A process killed in the middle of replacing a file for ever leaves it whole."""
    path = tmp_path / "state"
    path.write_bytes(b"0" * 100_000)
    program = (
        "import itertools, pathlib, sys\n"
        "from foundation.files import write_durably\n"
        "print('on', flush=True)\n"
        "for n in itertools.count():\n"
        "    write_durably(pathlib.Path(sys.argv[1]), str(n % 10).encode() * 100_000)\n"
    )
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        first = path.stat().st_ino
        while path.stat().st_ino == first:
            pass
        child.kill()
        child.wait()
        child.stdout.close()
        content = path.read_bytes()
        assert len(content) == 100_000 and len(set(content)) == 1


@given(st.binary(max_size=200))
def test_a_blob_is_kept_by_its_hash(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """What was put comes back under its digest, and putting it again gives the same digest."""
    blobs = BlobFolder(tmp_path_factory.mktemp("blobs"))
    digest = blobs.put(content)
    assert blobs.put(content) == digest
    assert blobs.get(digest) == content


@pytest.mark.parametrize("digest", ["0" * 64, "", "../../etc/passwd", "..", "0" * 63, "A" * 64])
def test_no_digest_leads_out_of_the_folder(tmp_path: Path, digest: str) -> None:
    """An unknown digest, or text that is none, is not found."""
    with pytest.raises(NotFound):
        BlobFolder(tmp_path / "blobs").get(digest)


def test_a_program_is_found_and_can_be_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program on PATH is found, one beside PATH's folders too, and a hidden one counts as absent."""
    for name in ("brokerd", "other"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("SUHE_HIDE_PROGRAMS", raising=False)
    assert find_program("brokerd") == str(tmp_path / "brokerd")
    assert find_program("no-such-program") is None
    monkeypatch.setenv("SUHE_HIDE_PROGRAMS", "mosquitto, brokerd")
    assert find_program("brokerd") is None
    assert find_program("other") == str(tmp_path / "other")


def test_sbin_is_searched_where_path_leaves_it_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server in a folder a login shell does not list is found."""
    monkeypatch.setattr("foundation.files._MORE_FOLDERS", (str(tmp_path),))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("SUHE_HIDE_PROGRAMS", raising=False)
    (tmp_path / "brokerd").write_text("#!/bin/sh\n")
    (tmp_path / "brokerd").chmod(0o755)
    assert find_program("brokerd") == str(tmp_path / "brokerd")
