"""What prices cost: `python -m bench.prices [PART ...] [--quick]`. Peers are measured in the same run; set-up is not in a figure."""

from __future__ import annotations

import sys
from importlib import import_module

from bench.report import Row, print_report

# Part -> the seconds its quick rows may take, set-up and all.
PARTS = {"store": 10, "import": 7, "pandas": 10, "query": 15, "export": 15, "analysis": 6}


def main() -> None:
    """Measure every part, or those named on the command line."""
    quick = "--quick" in sys.argv
    wanted = [a for a in sys.argv[1:] if not a.startswith("-")] or list(PARTS)
    found: list[Row] = []
    for part in wanted:
        found += import_module(f"bench.prices_{part}").rows(quick=quick)
    print_report("prices", found)


if __name__ == "__main__":
    main()
