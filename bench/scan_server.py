"""The serving side of `bench.scan`: a small house served exactly as `suhe web` does it."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn

from dashboards.app import create_site
from dashboards.fast_protocol import protocol_with
from foundation.clock import SystemClock
from tests.dashboards.fakes_house import build_house


def main() -> None:
    """Build the house, tell its code in a file, serve."""
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    folder.mkdir(parents=True)
    house = build_house(folder)
    (folder / "code").write_text(house.code("P1"))
    house.services.clock = SystemClock()
    site = create_site(house.services)
    config = uvicorn.Config(site, http=protocol_with(site), port=port, log_config=None, access_log=False, server_header=False)
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
