"""Breaking the simulated field on purpose: files in `control/` that the running simulators look at once a second."""

from __future__ import annotations

import json
from pathlib import Path

from foundation.errors import NotFound
from foundation.files import write_durably
from foundation.ids import check_id

_CUT, _MARKET = "cut-", "market-"


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
