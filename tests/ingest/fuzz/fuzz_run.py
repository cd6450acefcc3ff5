"""Coverage-guided fuzzing of every reader: `python tests/ingest/fuzz/fuzz_run.py [--only NAME] -max_total_time=60 [CORPUS]`.

The first byte of an input chooses the reader. What atheris finds is written as `crash-...` beside the corpus; the options are libFuzzer's.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ingest.formats", "ingest.line_protocol", "ingest.topics", "ingest.payloads"]):
    from foundation.errors import BadInput
    from tests.ingest.fuzz.targets import targets

    ALL = targets()


def main() -> None:
    """Fuzz until the time is over or something else than BadInput is raised."""
    if sys.platform == "linux":
        # libFuzzer's own bound counts what the process that started this one had.
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    options = sys.argv[1:]
    chosen = ALL
    if "--only" in options:
        at = options.index("--only")
        chosen = [t for t in ALL if t.name == options[at + 1]]
        del options[at : at + 2]

    def one(data: bytes) -> None:
        if data:
            try:
                chosen[data[0] % len(chosen)].read(data[1:])
            except BadInput:
                pass

    with tempfile.TemporaryDirectory() as folder:
        for n, target in enumerate(chosen):
            for k, seed in enumerate(target.seeds):
                (Path(folder) / f"{n}-{k}").write_bytes(bytes([n]) + seed)
        # libFuzzer adds what it finds to the first folder.
        corpora = [o for o in options if not o.startswith("-")]
        flags = [o for o in options if o.startswith("-")]
        atheris.Setup([sys.argv[0], *flags, *corpora, folder], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
