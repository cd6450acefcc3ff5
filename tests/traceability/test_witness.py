"""Notes, cosignatures and tiles as C2SP writes them, what a log takes from witnesses, and how a witness answers a log that pushes."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from nacl.signing import SigningKey
from typer.testing import CliRunner

from foundation.errors import BadInput, Conflict, NotAllowed, NotFound, SuheError
from suhe.cli import app
from tests.traceability.kit import NOW, Kit
from tests.traceability.witness_kit import API_KEY, ServedLog, sqlite_kit, witness
from traceability.cosignatures import CosignerKey, read_cosignature, read_cosigner, read_cosigner_key
from traceability.fork_proof import Fork
from traceability.heads import read_head, read_log_vkey, read_note
from traceability.merkle import consistency_proof, leaf_hash
from traceability.notes import Checkpoint
from traceability.records import read_leaf
from traceability.tile_paths import pack_entries, read_tile_path, tile_path, unpack_entries
from traceability.witness_log import HttpLog
from traceability.witness_program import WitnessProgram
from traceability.witness_server import add_checkpoint, get, serve

NOW_S = int(NOW.timestamp())
ONE, TWO = CosignerKey("witness.example/one", b"1" * 32), CosignerKey("witness.example/two", b"2" * 32)


def test_a_cosignature_is_the_bytes_the_standard_says() -> None:
    """Built by hand from the text of tlog-cosignature: key id, timestamp, message and line are the same, and the vkey reads back."""
    text = "example.com/log\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    public = bytes(SigningKey(b"1" * 32).verify_key)
    key_id = hashlib.sha256(b"witness.example/one\n\x04" + public).digest()[:4]
    signature = SigningKey(b"1" * 32).sign(b"cosignature/v1\ntime 1679315147\n" + text.encode()).signature
    told = base64.b64encode(key_id + (1679315147).to_bytes(8, "big") + signature).decode()
    made = ONE.cosign(text, 1679315147)
    assert made.line() == f"— witness.example/one {told}"
    assert read_cosignature(made.line()) == made and ONE.public.fits(text, made)
    assert not ONE.public.fits(text + "x\n", made) and not TWO.public.fits(text, made)
    encoded = base64.b64encode(b"\x04" + public).decode()
    assert ONE.public.vkey() == f"witness.example/one+{key_id.hex()}+{encoded}"
    assert read_cosigner(ONE.public.vkey()) == ONE.public


@pytest.mark.parametrize("damage", [
    lambda v: v.replace("+", "-", 1), lambda v: v[:-4], lambda v: v.replace("one", "eno"), lambda v: v + "A", lambda v: "",
    lambda v: "a b" + v[3:],
])  # fmt: skip
def test_a_damaged_key_is_no_key(damage: object) -> None:
    """Whatever was lost in copying, the key's own hash tells; a log's key is not taken for a witness's, nor the other way."""
    for read in (read_cosigner, read_log_vkey):
        with pytest.raises(BadInput):
            read(damage(ONE.public.vkey()))  # type: ignore[operator]
    with pytest.raises(BadInput, match="no Ed25519 key of a log"):
        read_log_vkey(ONE.public.vkey())


_ROOT = "A" * 43 + "="


@pytest.mark.parametrize("text", [
    "", "origin\n1\n", f"origin\n01\n{_ROOT}\n", f"origin\n-1\n{_ROOT}\n", "origin\n1\nAAAA\n", f"origin\n1\n{_ROOT}",
    f"origin\n1\n{_ROOT}\n\nx\n", f"origin\n\u0661\n{_ROOT}\n", f"origin\n1\n{_ROOT[:-2]}B=\n",
])  # fmt: skip
def test_what_is_not_written_as_checkpoints_are_is_none(text: str) -> None:
    """A size has one spelling, a root 32 bytes in one spelling of base 64, every line an end."""
    with pytest.raises(BadInput):
        read_head(text)


def test_tiles_have_one_path_each() -> None:
    """1234067 is x001/x234/067; any other spelling of it is another file, which is not there."""
    assert tile_path(1234067) == "x001/x234/067" and tile_path(0, 17) == "000.p/17" and tile_path(1000) == "x001/000"
    for number in (0, 7, 999, 1000, 123_456, 1_234_067):
        assert read_tile_path(tile_path(number)) == (number, 256) and read_tile_path(tile_path(number, 3)) == (number, 3)
    for path in ("0", "00", "x000/000", "000.p/256", "000.p/0", "000.p/01", "000.p/", "x01/234", "001/234", "../000", "000/", "٠٠٠", ""):
        with pytest.raises(NotFound):
            read_tile_path(path)
    assert list(unpack_entries(pack_entries([b"", b"a", b"b" * 65535]))) == [b"", b"a", b"b" * 65535]
    for bundle in (b"\x00", b"\x00\x02a", pack_entries([b"abc"])[:-1]):
        with pytest.raises(BadInput):
            list(unpack_entries(bundle))


def test_a_leaf_reads_back_to_its_record_and_nothing_else_does(kit: Kit) -> None:
    """Every leaf of a real log decodes to the record that was stored; cut, lengthened or with a length changed it is none."""
    kit.plant("L1")
    kit.buy("F1", 5, "L1")
    for stored in kit.trace.records(0, kit.trace.log_size()):
        leaf = stored.record().leaf()
        assert read_leaf(leaf) == stored.record() and leaf_hash(leaf) == stored.leaf_hash
        for wrong in (leaf[:-1], leaf + b"x", leaf[:15] + b"\xff\xff\xff\xff" + leaf[19:], leaf[:40], b""):
            with pytest.raises(ValueError):
                read_leaf(wrong)


def test_a_log_takes_cosignatures_only_of_known_witnesses_on_its_own_checkpoints(kit: Kit) -> None:
    """Known, fitting, not from the future, on the very text we signed; a later one replaces, a removed witness counts no more."""
    trace = kit.trace
    kit.plant("L1")
    kit.trace.make_checkpoint()
    note = trace.checkpoint_note()
    text = read_note(note).text

    def cosigned(key: CosignerKey, time_s: int = NOW_S, over: str = text) -> str:
        return note.replace(text, over) + key.cosign(over, time_s).line() + "\n"

    with pytest.raises(NotAllowed):
        trace.add_cosignature(cosigned(ONE))
    trace.add_witness(ONE.public.vkey())
    with pytest.raises(Conflict, match="another key has this name"):
        trace.add_witness(CosignerKey(ONE.name, b"3" * 32).public.vkey())
    with pytest.raises(NotAllowed):
        trace.add_cosignature(note + ONE.cosign(text + "more\n", NOW_S).line() + "\n")
    with pytest.raises(BadInput, match="future"):
        trace.add_cosignature(cosigned(ONE, NOW_S + 3600))
    with pytest.raises(NotFound):
        trace.add_cosignature(cosigned(ONE, over=text.replace(f"\n{read_head(text).size}\n", "\n99\n")))
    with pytest.raises(Conflict):
        trace.add_cosignature(cosigned(ONE, over=text.replace("time ", "time 1")))
    assert not trace.witnessed(0) and trace.checkpoint_note() == note
    for time_s, kept in ((NOW_S, NOW_S), (NOW_S + 9, NOW_S + 9), (NOW_S + 3, NOW_S + 9)):
        trace.add_cosignature(cosigned(ONE, time_s))
        assert trace.witnessed(0).since_s == kept
    assert trace.checkpoint_note() == note + ONE.cosign(text, NOW_S + 9).line() + "\n"
    with kit.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE cosignature SET time_s = 1")
    assert not trace.witnessed(0), "what the table says does not count, only what was signed"
    trace.add_cosignature(cosigned(ONE, NOW_S + 10))
    assert trace.witnessed(0)
    trace.witnessing.remove(ONE.name)
    assert not trace.witnessed(0) and trace.checkpoint_note() == note


def test_a_proof_against_the_log_is_kept_only_if_it_proves_itself(kit: Kit) -> None:
    """Two notes of one honest history, or signed by another key, accuse nobody."""
    kit.plant("L1")
    kit.trace.make_checkpoint()
    first = kit.trace.checkpoint_note()
    kit.plant("L2", plot="a2")
    kit.trace.make_checkpoint()
    key = kit.trace._signer.verifier
    for fork in (Fork(key, first, kit.trace.checkpoint_note()), Fork(key, first, first), Fork(key, first, first.replace("time", "mite"))):
        with pytest.raises(BadInput):
            fork.check()
    assert kit.trace.witnessing.alarms() == []
    last = kit.trace.checkpoints(1)[0]
    second = kit.trace._signer.note(Checkpoint(last.origin, last.size, bytes(32), last.time_ms, last.map_root))
    assert Fork(key, kit.trace.checkpoint_note(), second).check() == "two_roots"


@pytest.fixture
def pushed(tmp_path: Path) -> Iterator[tuple[ServedLog, WitnessProgram]]:
    """Yield a log with two checkpoints and a witness of it that has seen none."""
    kit = sqlite_kit(tmp_path / "log")
    for number, plot in (("L1", "a1"), ("L2", "a2")):
        kit.plant(number, plot=plot)
        kit.trace.make_checkpoint()
    with ServedLog(kit) as log:
        yield log, witness(log.url, tmp_path / "w")


def test_a_log_that_pushes_is_answered_as_tlog_witness_says(pushed: tuple[ServedLog, WitnessProgram]) -> None:
    """200 with the line, 409 with the size it knows, 400, 403, 404 and 422 each for its reason; a wrong proof is no alarm."""
    log, one = pushed
    trace = log.kit.trace
    second, first = (trace.checkpoint_note(c.size) for c in trace.checkpoints(2))
    n1, n2 = (read_note(n).head.size for n in (first, second))
    proof = consistency_proof(HttpLog(log.url).tiles(n2).node, n1, n2)
    lines = "".join(base64.b64encode(p).decode() + "\n" for p in proof)

    def ask(old: object, note: str, proof_lines: str = "") -> tuple[int, str, bytes]:
        return add_checkpoint(one, f"old {old}\n{proof_lines}\n{note}".encode())

    assert ask("x", first)[0] == 400 and ask("00", first)[0] == 400 and ask(n2, first)[0] == 400 and ask(0, "nothing")[0] == 400
    assert ask(0, first.replace("suhe-log/", "suhe-gol/"))[0] == 404
    assert ask(0, first.replace(f"\n{n1}\n", f"\n{n1 + 1}\n"))[0] == 403
    status, _, line = ask(0, first)
    assert status == 200 and one.key.public.fits(read_note(first).text, read_cosignature(line.decode().rstrip("\n")))
    assert ask(0, second) == (409, "text/x.tlog.size", f"{n1}\n".encode())
    assert ask(n1, second)[0] == 422 and ask(n1, second, "A" * 43 + "=\n")[0] == 422
    assert ask(n1, second, lines)[0] == 200 and ask(n1, second, lines)[0] == 409
    assert ask(n2, second)[0] == 200, "the same checkpoint again"
    last = trace.checkpoints(1)[0]
    other = trace._signer.note(Checkpoint(last.origin, last.size, bytes(32), last.time_ms, last.map_root))
    assert not one.state.alarms() and ask(n2, other)[0] == 409 and one.state.standing()[0].kind == "two_roots"
    assert ask(n2, second)[0] in (409, 503), "nothing is signed while an alarm stands"


def test_a_witness_shows_its_state_and_the_verifier(pushed: tuple[ServedLog, WitnessProgram], tmp_path: Path) -> None:
    """Its address tells whose log it watches, how, what it last cosigned and its alarms, and has the copy of the verifier it was given."""
    log, one = pushed
    (tmp_path / "verify.html").write_text("<!doctype html>")
    log.kit.trace.add_witness(one.key.public.vkey())
    one.look()
    server = serve(one, 0, verifier=tmp_path / "verify.html")
    try:
        base = f"http://127.0.0.1:{server.server_address[1]}"
        with urlopen(base + "/") as answer:
            told = answer.read().decode()
        assert '"mode": "consistency"' in told and '"alarms": []' in told and one.key.public.vkey() in told
        assert hashlib.sha256(b"<!doctype html>").hexdigest() in told
        with urlopen(base + "/verify.html") as answer:
            assert answer.read() == b"<!doctype html>"
        with urlopen(base + "/checkpoint") as answer:
            assert answer.read().decode() == log.kit.trace.checkpoint_note()
        with pytest.raises(HTTPError) as refused:
            urlopen(Request(base + "/add-checkpoint", b"old 0\n\nnothing"))
        assert refused.value.code == 400 and get(one, "/../x")[0] == 404
    finally:
        server.shutdown()
        server.server_close()


def test_records_are_for_witnesses_and_hashes_for_everybody(pushed: tuple[ServedLog, WitnessProgram]) -> None:
    """Tiles need no key, whole records one of role witness; what no checkpoint covers is not there yet."""
    log, _ = pushed
    size = log.kit.trace.log_size()
    assert len(list(HttpLog(log.url, API_KEY).leaves(0, size))) == size
    with pytest.raises(SuheError, match="401"):
        list(HttpLog(log.url).leaves(0, size))
    log.kit.plant("L3", plot="a3")
    with pytest.raises(SuheError, match="404"):
        list(HttpLog(log.url, API_KEY).leaves(0, size + 1))
    with pytest.raises(SuheError, match="404"):
        HttpLog(log.url).tiles(size + 1).tile(0, 0)


def test_the_key_is_pinned_at_first_contact_and_another_is_refused(pushed: tuple[ServedLog, WitnessProgram], tmp_path: Path) -> None:
    """Whoever answers later with another key is not this log."""
    log, one = pushed
    assert one.pin() == (log.kit.trace.log_vkey(), False)
    other = sqlite_kit(tmp_path / "other").trace.log_vkey()
    with pytest.raises(Conflict, match="watches another log"):
        one.pin(other)
    key = tmp_path / "w" / "witness.key"
    with pytest.raises(Conflict, match="another name"):
        read_cosigner_key(key, "somebody.else")
    key.write_text(key.read_text()[:-6] + "\n")
    with pytest.raises(Conflict, match="cannot be read"):
        read_cosigner_key(key)


def test_a_fork_is_proved_offline_by_the_command(pushed: tuple[ServedLog, WitnessProgram], tmp_path: Path) -> None:
    """Exit 0 only where the two notes prove it; two honest notes do not."""
    trace = pushed[0].kit.trace
    last = trace.checkpoints(1)[0]
    notes = {
        "a": trace.checkpoint_note(),
        "b": trace._signer.note(Checkpoint(last.origin, last.size, bytes(32), last.time_ms, last.map_root)),
        "c": trace.checkpoint_note(trace.checkpoints(2)[1].size),
    }
    for name, note in notes.items():
        (tmp_path / name).write_text(note)
    run = CliRunner().invoke
    good = run(app, ["witness", "prove-fork", str(tmp_path / "a"), str(tmp_path / "b"), "--log-key", trace.log_vkey()])
    assert good.exit_code == 0 and "two roots" in good.output
    assert run(app, ["witness", "prove-fork", str(tmp_path / "a"), str(tmp_path / "c"), "--log-key", trace.log_vkey()]).exit_code == 1


def test_a_witness_needs_the_base_install_alone() -> None:
    """Neither the program nor its command loads anything but the standard library and the base install's packages."""
    program = (
        "import sys, traceability.witness_program, traceability.witness_server, traceability.witness_log, suhe.commands.witness;"
        "print([m for m in ('sqlalchemy', 'pydantic', 'fastapi', 'httpx', 'structlog', 'alembic', 'numpy') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"
