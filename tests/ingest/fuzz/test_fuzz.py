"""No bytes of anybody make a decoder raise anything but BadInput, hang, or take memory without bound."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundation.errors import BadInput
from ingest.formats.catalog import FORMATS
from tests.ingest.fuzz.targets import Target, targets

TARGETS = targets()
EACH = pytest.mark.parametrize("target", TARGETS, ids=[t.name for t in TARGETS])
HERE = Path(__file__)
ROOT = HERE.parents[3]
# Long enough for the slowest machine, short enough to be a hang.
HANG_S = 60
# Many times the longest body that is read, and far from what a county's machine has.
MOST_MEMORY_MB = 100
KEYS = [
    "deviceInfo", "devEui", "object", "fCnt", "devAddr", "rxInfo", "rssi", "snr", "time", "margin", "batteryLevel", "location", "latitude",
    "end_device_ids", "device_id", "uplink_message", "decoded_payload", "normalized_payload", "received_at", "f_cnt", "rx_metadata",
    "ts", "values", "bn", "bt", "bu", "bv", "bs", "bver", "n", "u", "v", "vs", "vb", "vd", "s", "t", "ut", "Time", "AM2301", "Temperature",
    "seq", "readings", "d", "c", "x",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    """Fail a test that hangs instead of waiting for it."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"no answer within {HANG_S} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(HANG_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def take(target: Target, body: bytes) -> None:
    """Let a target read a body; BadInput is an answer."""
    why = ""
    try:
        target.read(body)
    except BadInput as error:
        why = error.explain()
    assert len(why) < 2000


def test_every_format_is_fuzzed() -> None:
    """No format of the catalogue is left out, and each begins from a real message."""
    names = {t.name.split()[0] for t in TARGETS}
    assert names >= FORMATS.keys()
    assert all(t.seeds for t in TARGETS)


@st.composite
def damaged(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """Return a real message with bytes changed, cut, repeated, moved or put in."""
    body = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(body) - 1)))
        to = draw(st.integers(at, min(len(body), at + 24)))
        kind = draw(st.integers(0, 4))
        if kind == 0 and body:
            body[at] = draw(st.integers(0, 255))
        elif kind == 1:
            del body[at:to]
        elif kind == 2:
            body[at:at] = body[at:to] * draw(st.integers(1, 3))
        elif kind == 3:
            body[at:at] = draw(
                st.sampled_from([b"null", b"-1", b"1e400", b"NaN", b'"', b"[", b"{", b"}", b"\xff", b"\x00", b"99999999999999999999"])
            )
        else:
            body[at:to] = draw(st.binary(max_size=8))
    return bytes(body)


@EACH
def test_damaged_messages(target: Target) -> None:
    """Real messages with bytes changed, cut, repeated or put in."""

    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(damaged(target.seeds))
    def run(body: bytes) -> None:
        take(target, body)

    run()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6)
    | st.sampled_from(["2023-12-15T14:00:00Z", "0101010101010101", "21.5", 1764741600000]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=16,
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(json_values, st.data())
def test_sound_json_of_wrong_shapes(told: object, data: st.DataObject) -> None:
    """Their field names around values of every kind, alone and inside a real message, to every target."""
    body = json.dumps(told).encode()
    for target in TARGETS:
        take(target, body)
    target = data.draw(st.sampled_from([t for t in TARGETS if t.seeds[0][:1] in (b"{", b"[")]))
    real = json.loads(target.seeds[0])
    inner = real[0] if isinstance(real, list) else real
    inner[data.draw(st.sampled_from(list(inner)))] = told
    take(target, json.dumps(real).encode())


@EACH
def test_arbitrary_bytes(target: Target) -> None:
    """Bytes of no format at all."""

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=200))
    def run(body: bytes) -> None:
        take(target, body)

    run()


def test_a_megabyte_of_anything_is_answered_within_bounds() -> None:
    """The worst bodies we can think of, each a megabyte, to every target: an answer, and memory of a small multiple of the body."""
    done = subprocess.run(
        [sys.executable, str(HERE.with_name("long_run.py"))], cwd=ROOT, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stdout[-300:] + done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["bodies"] > 25 * len(TARGETS) and told["grew_mb"] < MOST_MEMORY_MB, told


def test_atheris_finds_nothing_in_a_few_seconds(tmp_path: Path) -> None:
    """Coverage-guided: five seconds over every target, begun from the real messages; a longer run is one command away."""
    if importlib.util.find_spec("atheris") is None:
        needed = os.environ.get("CI") == "true" and sys.platform == "linux"
        (pytest.fail if needed else pytest.skip)("atheris is not installed; wheels are for Linux only")
    command = [
        sys.executable, str(HERE.with_name("fuzz_run.py")), "-max_total_time=5", "-max_len=4096", "-timeout=20", "-rss_limit_mb=0",
        f"-artifact_prefix={tmp_path}/", "-print_final_stats=1",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "stat::number_of_executed_units" in done.stderr
