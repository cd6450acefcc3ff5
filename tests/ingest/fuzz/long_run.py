"""The longest and worst bodies to every reader, in a process of its own, which tells by how much it grew."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from foundation.errors import BadInput
from tests.ingest.fuzz.targets import targets

MILLION = 999_990
LONG = {
    "arrays in arrays": b"[" * MILLION,
    "sound arrays in arrays": b"[" * (MILLION // 2) + b"]" * (MILLION // 2),
    "objects in objects": b'{"a":' * (MILLION // 5),
    "many small objects": b"[" + b"{}," * (MILLION // 3 - 1) + b"{}]",
    "many numbers": b"[" + b"1," * (MILLION // 2 - 1) + b"1]",
    "many values": b'[{"ts":1,"values":{' + b",".join(b'"k%d":1' % n for n in range(70_000)) + b"}}]",
    "many records": b"[" + b'{"n":"a","v":1},' * (MILLION // 16 - 1) + b'{"n":"a","v":1}]',
    "a long name over many values": b'{"object":{"' + b"x" * 300_000 + b'":[' + b"1," * 300_000 + b"1]}}",
    "a long number": b'{"t":' + b"9" * (MILLION - 10) + b"}",
    "a long fraction": b'{"t":0.' + b"3" * (MILLION - 10) + b"}",
    "a long text": b'{"t":"' + b"\\u0041" * (MILLION // 6 - 2) + b'"}',
    "zeros": bytes(MILLION),
    "ones": b"\xff" * MILLION,
    "endless arrays": b"\x9f" * MILLION,
    "one-byte items": b"\x9a\x00\x0f\x42\x30" + b"\x00" * (MILLION - 10),
    "one-byte pieces": b"\x5f" + b"\x40" * (MILLION - 10) + b"\xff",
    "a map of many numbers": b"\xba\x00\x01\x86\xa0" + b"".join(b"\x1a" + n.to_bytes(4, "big") + b"\x00" for n in range(100_000)),
    "protobuf groups": b"\x0b" * MILLION,
    "protobuf lengths": b"\x12\x80\x80\x80\x80\x08" * (MILLION // 6),
    "small metrics": b"\x12\x00" * (MILLION // 2),
    "heads of frames": b"\x7e" * MILLION,
    "marks of frames": b"##9999" * (MILLION // 6),
    "pairs of fields": b"##0100" + b"a=1;" * (MILLION // 4 - 4),
    "commas": b"," * MILLION,
    "lines": b"2026-07-18 09:30:00,1\n" * (MILLION // 22),
    "quotation marks": b'"' * MILLION,
    "dotted keys": b"a." * 90_000 + b"a=1",
    "many tables": b"[[channel]]\n" * 15_000,
    "backslashes": b"a" + b"\\" * MILLION,
}  # fmt: skip


def peak_mb() -> float:
    """Return the most memory this process ever had."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text("ascii").splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    """Print which target reads what, then one line of JSON."""
    before, bodies, most = peak_mb(), 0, ("", 0.0)
    for target in targets():
        for name, body in LONG.items():
            print(f"{target.name}: {name}", flush=True)
            held = peak_mb()
            why = ""
            try:
                target.read(body)
            except BadInput as error:
                why = error.explain()
            assert len(why) < 2000, (target.name, name)
            bodies += 1
            if peak_mb() - held > most[1]:
                most = (f"{target.name}: {name}", round(peak_mb() - held, 1))
    print(json.dumps({"bodies": bodies, "grew_mb": round(peak_mb() - before, 1), "most": most}))


if __name__ == "__main__":
    sys.exit(main())
