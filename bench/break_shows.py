"""How long until each fault of `suhe demo break` shows on a page, from the command's end, and until healing shows.

    python -m bench.break_shows            five rounds of each
    python -m bench.break_shows --quick    one round

A whole demo is started for it; that is set-up. Pages are asked every 50 ms.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.report import Row, print_report
from tests.end_to_end.county import County
from tests.waiting import wait_until

AT_MOST_S = 10.0
LOT = "lot "


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    rounds = 1 if parser.parse_args().quick else 5
    with tempfile.TemporaryDirectory(prefix="suhe-break-") as folder:
        county = County(Path(folder), "mosquitto")
        try:
            county.start()
            wait_until(lambda: county.status("/readyz") == 200, 300, every=0.5)
            rows = [row for part in ("gateway", "broker", "record", "market", "chain") for row in _measure(county, part, rounds)]
        finally:
            county.end()
    print_report("break_shows", rows)


def _measure(county: County, part: str, rounds: int) -> list[Row]:
    shown, healed = [], []
    for _ in range(rounds):
        said = county.suhe("demo", "break", part)
        shows = _shows(county, part, said)
        shown.append(_until(shows))
        county.suhe("demo", "heal")
        healed.append(_until(lambda shows=shows: not shows()))
    spread = f"median of {rounds}, {min(shown):.1f} to {max(shown):.1f} s"
    back = f"median of {rounds}, {min(healed):.1f} to {max(healed):.1f} s"
    return [
        Row(f"{part} shows", statistics.median(shown), "s", spread, at_most=AT_MOST_S),
        Row(f"{part} healed shows", statistics.median(healed), "s", back),
    ]


def _shows(county: County, part: str, said: str) -> Callable[[], bool]:
    if part == "gateway":

        def late() -> bool:
            page = county.page("/c/321023/field")
            row = page[page.find("/gateways/by-01-gw") :][:120]
            return "state late" in row or "state silent" in row

        return late
    if part == "broker":
        return lambda: "message service is down" in county.page("/")
    if part == "chain":
        return lambda: "has not answered since" in county.page("/anchor")
    if part == "market":
        return lambda: "<b>Stale</b>" in county.page("/c/371522/prices")
    lot = said.split(LOT)[1].split(")")[0].removeprefix("urn:suhe:lot:")
    told = county.json(f"/api/v1/lots/{lot}")["lot"]
    assert isinstance(told, dict)
    return lambda: "verdict bad" in county.page(f"/t/{told['code']}")


def _until(condition: Callable[[], bool]) -> float:
    begin = time.perf_counter()
    wait_until(condition, 120)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
