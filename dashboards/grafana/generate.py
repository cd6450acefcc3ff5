"""Write the boards' JSON anew: `python -m dashboards.grafana.generate` (needs the development libraries)."""

from __future__ import annotations

from pathlib import Path

from dashboards.grafana.panels import BOARDS

JSON = Path(__file__).with_name("json")
FOLDERS = {"zh": "溯禾", "en": "Suhe"}


def files() -> dict[Path, str]:
    """Return path -> content of every board in every language."""
    from dashboards.grafana.boards import board_json

    return {JSON / lang / f"{board.uid}.json": board_json(board, lang) for lang in FOLDERS for board in BOARDS}


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(JSON.parent))
