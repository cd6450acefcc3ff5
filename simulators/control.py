"""Breaking the simulated field on purpose: files in `control/` that the running simulators look at once a second."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from foundation.errors import NotFound
from foundation.files import write_durably
from foundation.ids import check_id

_CUT, _MARKET, _REEFER = "cut-", "market-", "reefer-"


def cut_gateway(folder: Path, gateway: str) -> None:
    """Cut a gateway off the network: it goes on measuring and spooling, and sends nothing until it is healed.

    Raises:
        NotFound: the scenario has no such gateway.

    """
    from simulators.scenario import scenario

    known = [g.id for g in scenario().gateways]
    if gateway not in known:
        raise NotFound("there is no such gateway in the simulated field", expected=f"one of {known[0]} … {known[-1]}", got=gateway)
    _write(folder, _CUT + gateway, {"gateway": gateway})


def heal_gateways(folder: Path) -> list[str]:
    """Connect every cut gateway again and return their names."""
    return _remove(folder, _CUT)


def cut_gateways(folder: Path) -> frozenset[str]:
    """Return the gateways that are cut off now."""
    return frozenset(_named(folder, _CUT))


def break_reefer(folder: Path, truck: str) -> str:
    """Have the cooling of a truck fail until it is healed, and return the truck; without a name, of the one that left last.

    A county's code instead of a name means the one that left last there.

    Raises:
        NotFound: there is no such truck, none is under way, or it drives in real time, where nothing would show for half an hour.

    """
    from simulators.fleet import fleet

    fast = [t.id for t in fleet().trucks if t.fast]
    county_of = {t.id: t.county for t in fleet().trucks}
    if not truck or truck in county_of.values():
        there = [t for t in trucks_under_way(folder) if t["fast"] and truck in ("", county_of.get(str(t["truck"])))]
        under_way = sorted((t["since_ms"], t["truck"]) for t in there)
        if not under_way:
            raise NotFound("no accelerated truck is under way", todo="wait a minute, or start the demo")
        truck = str(under_way[-1][1])
    if truck not in fast:
        raise NotFound("there is no such accelerated truck", expected=", ".join(fast), got=truck[:40])
    _write(folder, _REEFER + truck, {"truck": truck})
    return truck


def heal_reefers(folder: Path) -> list[str]:
    """Have every broken cooling work again and return the trucks."""
    return _remove(folder, _REEFER)


def broken_reefers(folder: Path) -> frozenset[str]:
    """Return the trucks whose cooling is broken now."""
    return frozenset(_named(folder, _REEFER))


def trucks_under_way(folder: Path) -> list[dict[str, Any]]:
    """Return what the trucks' simulator last told of trucks under way: truck, since_ms, until_ms, fast."""
    try:
        told: list[dict[str, Any]] = json.loads((folder / "trucks-under-way.json").read_text())
        return told
    except (OSError, ValueError):
        return []


def break_market(folder: Path, source: str, mode: str) -> None:
    """Have a simulated market site answer rubbish of a kind (such as html, empty, units) until it is healed."""
    _write(folder, _MARKET + check_id(source, "source"), {"source": source, "mode": mode})


def heal_markets(folder: Path) -> list[str]:
    """Have every broken market site answer properly again and return their names."""
    return _remove(folder, _MARKET)


def broken_markets(folder: Path) -> dict[str, str]:
    """Return source -> kind of rubbish for the market sites that are broken now."""
    found = {}
    for name in _named(folder, _MARKET):
        try:
            found[name] = str(json.loads(_path(folder, _MARKET + name).read_text())["mode"])
        except (OSError, ValueError, KeyError):
            continue  # healed between the listing and the reading
    return found


def _path(folder: Path, name: str) -> Path:
    return folder / "control" / f"{name}.json"


def _write(folder: Path, name: str, content: dict[str, str]) -> None:
    (folder / "control").mkdir(parents=True, exist_ok=True)
    write_durably(_path(folder, name), json.dumps(content).encode())


def _named(folder: Path, prefix: str) -> list[str]:
    return sorted(p.stem.removeprefix(prefix) for p in (folder / "control").glob(f"{prefix}*.json"))


def _remove(folder: Path, prefix: str) -> list[str]:
    names = _named(folder, prefix)
    for name in names:
        _path(folder, prefix + name).unlink(missing_ok=True)
    return names
