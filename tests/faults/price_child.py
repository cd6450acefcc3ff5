"""A collector of its own process that stands still at a named point of its recording, to be killed there."""

from __future__ import annotations

import sys
import threading
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import event

from foundation.blobs import BlobFolder
from foundation.clock import FixedClock
from foundation.database import open_engine
from pricing.addresses import LOOPBACK_HOSTS
from pricing.fetching import open_client
from pricing.quotes import Window
from pricing.service import Prices


def main(url: str, blobs: str, site: str, now: str, day: str, point: str) -> None:
    """Collect one day of the Xinfadi site and stop for ever after the first statement whose text holds `point`, or after the end."""
    engine = open_engine(url)

    def stand_still(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if point in statement:
            print("here", flush=True)
            threading.Event().wait()

    event.listen(engine, "after_cursor_execute", stand_still)
    prices = Prices(engine, FixedClock(datetime.fromisoformat(now)), BlobFolder(Path(blobs)))
    window = Window(date.fromisoformat(day), date.fromisoformat(day))
    with open_client(allow=LOOPBACK_HOSTS) as client:
        report = prices.collect("xinfadi", site, window, client, slot="round:killed")
    print(report.state, report.why, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
