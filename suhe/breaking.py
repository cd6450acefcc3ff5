"""Faults on request, for a demo only: each is done where the real fault would happen, not painted on a page."""

from __future__ import annotations

import json
import time
from pathlib import Path

from sqlalchemy import text

from foundation.database import open_engine
from foundation.errors import BadInput, Conflict, NotFound, Unavailable
from foundation.files import write_durably
from foundation.settings import Settings
from suhe.chain_child import NAME, chain_url
from suhe.installation import read_installation
from suhe.processes import simulator_folder
from suhe.stack import control_folder
from suhe.supervisor import read_state


def break_it(settings: Settings, part: str, which: str) -> str:
    """Break one part and return a sentence that says what was done and where it shows.

    Raises:
        Conflict: the folder is no demo.
        NotFound: the named gateway, event or source does not exist.
    """
    _only_in_a_demo(settings)
    broken = {"gateway": _gateway, "broker": _broker, "record": _record, "market": _market, "reefer": _reefer, "chain": _chain}
    return broken[part](settings, which)


def heal_all(settings: Settings) -> list[str]:
    """Undo everything `break_it` did and return a line for each thing mended."""
    from simulators.control import heal_gateways, heal_markets, heal_reefers

    _only_in_a_demo(settings)
    folder = simulator_folder(settings)
    done = [f"gateway {name} is connected again; its spool empties now" for name in heal_gateways(folder)]
    done += [f"the cooling of {name} works again: its cargo cools down and the excursion closes" for name in heal_reefers(folder)]
    markets = heal_markets(folder)
    _ask_for_rounds(settings, markets)
    done += [f"market site {name} answers properly again" for name in markets]
    hold = control_folder(settings) / "hold-broker"
    if hold.exists():
        hold.unlink()
        done.append("the broker starts again")
    chain = control_folder(settings) / f"hold-{NAME}"
    if chain.exists():
        chain.unlink()
        done.append("the chain starts again; what waited is anchored within half a minute, all of it by one transaction")
    done += _heal_records(settings)
    return done or ["nothing was broken"]


def _only_in_a_demo(settings: Settings) -> None:
    found = read_installation(settings.data)
    if found is None or not found.demo:
        raise Conflict("only a demo may be broken on purpose", got=str(settings.data), todo="suhe up --demo, in a folder of its own")


def _gateway(settings: Settings, which: str) -> str:
    from simulators.control import cut_gateway

    name = which or "by-01-gw"
    cut_gateway(simulator_folder(settings), name)
    return f"gateway {name} is cut off: the field page shows it silent, then its gap; its readings wait in its own spool"


def _broker(settings: Settings, _which: str) -> str:
    control_folder(settings).mkdir(parents=True, exist_ok=True)
    (control_folder(settings) / "hold-broker").touch()
    return "the broker is killed and held down: every page says so; gateways keep their readings until it is back"


def _reefer(settings: Settings, which: str) -> str:
    from simulators.control import break_reefer
    from simulators.fleet import fleet

    truck = break_reefer(simulator_folder(settings), which)
    page = "/c/" + next(t.county for t in fleet().trucks if t.id == truck) + "/cold-chain"
    return f"the cooling of {truck} has failed: its cargo passes the limit within a minute, then the alarm opens on {page}"


def _chain(settings: Settings, which: str) -> str:
    """Kill the demo's chain and hold it down; with `empty`, have it come back as a new one that knows nothing."""
    if which not in ("", "empty"):
        raise BadInput("the chain can be broken in two ways", expected="nothing, or empty", got=which)
    if not chain_url(settings):
        raise NotFound("this demo has no chain", todo="put anvil on the PATH, or run `npm ci` in simulators/chain; then start again")
    control_folder(settings).mkdir(parents=True, exist_ok=True)
    hold = control_folder(settings) / f"hold-{NAME}"
    hold.touch()
    if which == "":
        return "the chain is killed and held down: nothing waits for it; the trace pages and /anchor say since when it does not answer"
    _wait_until_down(settings)
    (settings.data / NAME / "state.json").unlink(missing_ok=True)
    hold.unlink()
    return "the chain is replaced by an empty one: /anchor says that the old anchors are lost; a new contract takes the whole log again"


def _wait_until_down(settings: Settings) -> None:
    deadline = time.monotonic() + 10
    while read_state(settings.data / "state.json").get(NAME, {}).get("running"):
        if time.monotonic() > deadline:
            raise Unavailable("the chain is still running", todo="look whether `suhe up` is; then `suhe demo heal`")
        time.sleep(0.1)


def _market(settings: Settings, which: str) -> str:
    from simulators.markets import break_market

    source, _, mode = (which or "xinfadi").partition(":")
    break_market(simulator_folder(settings), source, mode or "html")
    _ask_for_rounds(settings, [source])
    if mode == "slip":
        return f"{source} says ten times its tomato's price: that quote waits on /c/371522/desk and the board keeps the one before"
    return f"market site {source} answers rubbish now: its quotes go stale within seconds and the board keeps the last good ones"


def _ask_for_rounds(settings: Settings, sources: list[str]) -> None:
    """Have the scheduler ask the sources now instead of at the next round, as an office does with a button."""
    from foundation.blobs import BlobFolder
    from foundation.clock import SystemClock
    from pricing.service import Prices

    engine = open_engine(settings.records_url)
    prices = Prices(engine, SystemClock(), BlobFolder(settings.data / "blobs"))
    for source in sources:
        prices.ask_round(source)
    engine.dispose()


def _record(settings: Settings, which: str) -> str:
    """Alter the body of one stored event with SQL, under the API's feet, as an intruder in the database would."""
    engine = open_engine(settings.records_url)
    with engine.begin() as connection:
        query = "SELECT log_index, event_id, body FROM event WHERE body IS NOT NULL AND party <> ''"
        if which:
            row = connection.execute(text(query + " AND event_id = :id"), {"id": which}).first()
        else:
            row = connection.execute(text(query + " AND event_type = 'harvest' ORDER BY log_index LIMIT 1")).first()
        if row is None:
            raise NotFound("no stored event to alter", got=which or "an empty log", todo="wait until the season is written")
        index, event_id, body = int(row[0]), str(row[1]), bytes(row[2])
        altered = _one_digit_changed(body)
        kept = _kept(settings)
        kept.setdefault(str(index), body.hex())
        write_durably(_kept_path(settings), json.dumps(kept).encode(), 0o600)
        connection.execute(text("UPDATE event SET body = :body WHERE log_index = :index"), {"body": altered, "index": index})
        lots = connection.execute(text("SELECT lot FROM event_lot WHERE log_index = :index"), {"index": index}).scalars().all()
    engine.dispose()
    return f"event {event_id} (record {index}, lot {', '.join(map(str, lots))}) was altered in the database: its trace page turns red"


def _one_digit_changed(body: bytes) -> bytes:
    """Return `body` with the last digit of its quantity (or, failing that, its last digit) changed: one flipped figure."""
    at = body.find(b'"quantity"')
    digits = [k for k in range(max(at, 0), len(body)) if body[k : k + 1].isdigit()]
    if not digits:
        return body[:-1] + b" "
    k = digits[0]
    return body[:k] + (b"9" if body[k : k + 1] != b"9" else b"8") + body[k + 1 :]


def _heal_records(settings: Settings) -> list[str]:
    kept = _kept(settings)
    if not kept:
        return []
    engine = open_engine(settings.records_url)
    with engine.begin() as connection:
        for index, body in kept.items():
            connection.execute(
                text("UPDATE event SET body = :body WHERE log_index = :index"), {"body": bytes.fromhex(body), "index": int(index)}
            )
    engine.dispose()
    _kept_path(settings).unlink()
    return [f"record {index} reads as it was written again" for index in kept]


def _kept_path(settings: Settings) -> Path:
    return control_folder(settings) / "altered-records.json"


def _kept(settings: Settings) -> dict[str, str]:
    try:
        kept: dict[str, str] = json.loads(_kept_path(settings).read_text())
        return kept
    except FileNotFoundError:
        return {}
