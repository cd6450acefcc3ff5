"""What trust costs: capture, event hash, log, proofs, recall, bundle, audit. `python -m bench.trace [--quick]`.

Each part measures its peers in the same run. Set-up (making a million lots, a million leaves) is not in a figure.
"""

from __future__ import annotations

import sys
from importlib import import_module

from bench.report import Row, print_report

# Part -> the seconds its quick rows may take, set-up and all; together they stay below 45.
PARTS = {"capture": 10, "hash": 5, "log": 8, "recall": 9, "bundle": 5, "audit": 6}


def main() -> None:
    """Measure every part, or those named on the command line."""
    quick = "--quick" in sys.argv
    wanted = [a for a in sys.argv[1:] if not a.startswith("-")] or list(PARTS)
    found: list[Row] = []
    for part in wanted:
        found += import_module(f"bench.trace_{part}").rows(quick=quick)
    print_report("trace", found)


if __name__ == "__main__":
    main()
