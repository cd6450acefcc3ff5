"""Crash at the n-th write, for every n of a run: a fresh folder, a death, a restart, and the acknowledged compared with the stored."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.faults.ingest_parts import ROOT


def test_a_death_before_any_durable_step_loses_nothing(tmp_path: Path) -> None:
    """Before every fsync, rename, removal and commit of three batches and a compaction: nothing is missing, nothing twice."""
    command = [sys.executable, "-m", "tests.faults.crash_parts", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["wrong"] == [], done.stderr[-4000:]
    assert told["deaths"] > 20, "the steps of a run were not met"
