"""Our top-level names are ours alone, the command line starts light, and the wheel runs where the checkout is not."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import tomllib
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

from tests.servers import free_port
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("suhe", "dashboards", "logistics", "agronomy", "traceability", "pricing", "ingest", "registry", "foundation", "simulators")
HEAVY = ("fastapi", "pandas", "polars", "duckdb", "numpy", "sqlalchemy", "uvicorn", "apscheduler", "pydantic", "alembic", "httpx")


def test_each_top_level_name_belongs_to_our_distribution_only() -> None:
    """No other installed distribution has a package of one of our names."""
    owners = importlib.metadata.packages_distributions()
    ours = {name: set(owners.get(name, ["suhe"])) for name in NAMES}
    assert ours == {name: {"suhe"} for name in NAMES}


def test_the_wheel_holds_exactly_our_packages() -> None:
    """The list of packages in pyproject.toml is the list this test guards."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert tuple(told["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == NAMES


def test_help_imports_nothing_heavy() -> None:
    """`suhe --help` answers without loading a database, a web framework or a data library."""
    program = "import sys; from suhe import cli; sys.argv = ['suhe', '--help']\ntry:\n cli.main()\nexcept SystemExit: pass\n"
    program += f"import json; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_the_gateway_sdk_needs_one_library() -> None:
    """Importing the gateway SDK loads paho-mqtt and nothing heavy; `tests/ingest/test_sdk.py` names all it loads."""
    program = f"import sys, json, ingest.gateway; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_no_lock_names_a_registry() -> None:
    """Locks name packages and hashes only."""
    for path in [*(ROOT / "requirements").glob("*.txt"), ROOT / "dashboards" / "web" / "package-lock.json"]:
        text = path.read_text()
        assert "://" not in "".join(line for line in text.splitlines() if '"url": "https://' not in line and "funding" not in line), path


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the binaries of a clean environment into which only the wheel and its locked dependencies were installed."""
    folder = tmp_path_factory.mktemp("elsewhere")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--quiet", "--no-build-isolation", "--no-deps", "-w", str(folder), str(ROOT)], check=True)
    (wheel,) = folder.glob("suhe-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert any(n.startswith("dashboards/static/suhe-") for n in names), "the built assets are in the wheel"
    assert {f"traceability/contract/SuheAnchor.{kind}" for kind in ("vy", "abi.json", "bin")} <= set(names), "the contract is in the wheel"
    assert not any("node_modules" in n for n in names)
    assert not any(n.startswith(("tests/", "bench/", "dashboards/web/")) for n in names)
    venv.create(folder / "venv", with_pip=True)
    python = str(folder / "venv" / "bin" / "python")
    lock = str(ROOT / "requirements" / "county.txt")
    quiet = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([python, *quiet, "--require-hashes", "-r", lock], check=True, cwd=folder)
    subprocess.run([python, *quiet, "--no-deps", f"{wheel}"], check=True, cwd=folder)
    return folder / "venv" / "bin"


def test_the_wheel_runs_the_demo_elsewhere(elsewhere: Path, tmp_path: Path) -> None:
    """Installed alone in a clean environment, away from the checkout, `suhe up --demo` serves its pages."""
    port = free_port()
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("SUHE_", "PYTHON", "VIRTUAL_ENV"))},
        "SUHE_DATA": str(tmp_path / "data"),
        "SUHE_HTTP_PORT": str(port),
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([str(elsewhere / "suhe"), "up", "--demo"], env=env, cwd=tmp_path, stdout=log, stderr=log)
    try:

        def served() -> bool:
            assert process.poll() is None, (tmp_path / "log").read_text()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/c/321023", timeout=5) as answer:
                    return b"/static/suhe-" in answer.read()
            except OSError:
                return False

        wait_until(served, 60, what="a page with its style sheet")
    finally:
        process.terminate()
        process.wait(20)
