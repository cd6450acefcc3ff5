"""Put provisioning and boards into a folder for a Grafana on this machine. What is not ours, or was changed there, is not overwritten."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from dashboards.grafana.generate import FOLDERS, JSON
from foundation.errors import BadInput, Conflict
from foundation.files import write_durably
from foundation.settings import Settings

PROVISIONING = Path(__file__).with_name("provisioning")
# Which files we put there, with their hashes: by it the folder is known to be ours, and a changed file is noticed.
MANIFEST = "suhe-grafana.json"


def place(folder: Path, langs: Iterable[str], *, force: bool = False) -> list[str]:
    """Write the files and return their names; boards of a language that is no longer wanted, or no longer shipped, go.

    Grafana makes a folder of its own for each folder of boards, by its name: 溯禾 and Suhe.
    """
    if folder.exists() and not folder.is_dir():
        raise BadInput("this is a file", expected="a folder", got=str(folder))
    wanted = _wanted(langs)
    ours = _manifest(folder)
    if folder.exists() and any(folder.iterdir()) and ours is None and not force:
        raise Conflict(
            "this folder holds something else already", expected="an empty folder, or one that `suhe grafana files` filled",
            got=str(folder), todo="choose another folder, or --force to write beside what is there",
        )  # fmt: skip
    changed = [name for name, told in (ours or {}).items() if (folder / name).is_file() and _hash(folder / name) != told]
    if changed and not force:
        raise Conflict("files were changed there by hand", got=", ".join(changed), todo="keep a copy of them elsewhere, then --force")
    for name, content in wanted.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_durably(folder / name, content)
    for name in set(ours or {}) - set(wanted):
        (folder / name).unlink(missing_ok=True)
    told = {name: hashlib.sha256(content).hexdigest() for name, content in wanted.items()}
    write_durably(folder / MANIFEST, (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode())
    return list(wanted)


def environment(folder: Path, settings: Settings, readings_url: str = "") -> list[str]:
    """Return the lines of environment that Grafana needs: from the settings, else from what this installation uses, else left open.

    `readings_url` is this machine's own VictoriaMetrics. The records' own user is not handed on: it may write. No password is shown.
    """
    database = urlsplit(settings.database_url.get_secret_value())
    host, name = "", ""
    if database.scheme.startswith("postgresql"):
        host, name = f"{database.hostname or '127.0.0.1'}:{database.port or 5432}", database.path.strip("/")
    told = {
        "GF_PATHS_PROVISIONING": str(folder.absolute() / "provisioning"),
        "SUHE_GRAFANA_BOARDS": str(folder.absolute() / "boards"),
        "SUHE_GRAFANA_READINGS_URL": settings.grafana_readings_url or readings_url,
        "SUHE_GRAFANA_RECORDS_HOST": settings.grafana_records_host or host,
        "SUHE_GRAFANA_RECORDS_DATABASE": settings.grafana_records_database or name,
        "SUHE_GRAFANA_RECORDS_USER": settings.grafana_records_user,
        "SUHE_GRAFANA_RECORDS_PASSWORD": "",
    }
    return [f"{variable}={value or '...'}" for variable, value in told.items()]


def _wanted(langs: Iterable[str]) -> dict[str, bytes]:
    wanted = {f"provisioning/{path.relative_to(PROVISIONING)}": path.read_bytes() for path in sorted(PROVISIONING.rglob("*.yaml"))}
    for lang in langs:
        for path in sorted((JSON / lang).glob("*.json")):
            wanted[f"boards/{FOLDERS[lang]}/{path.name}"] = path.read_bytes()
    return wanted


def _manifest(folder: Path) -> dict[str, str] | None:
    """Return what we put there, or None where the folder is not ours; a name that leads out of the folder makes it not ours."""
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(told, dict) or any(Path(name).is_absolute() or ".." in Path(name).parts for name in told):
        return None
    return {str(name): str(value) for name, value in told.items()}


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
