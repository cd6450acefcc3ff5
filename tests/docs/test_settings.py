"""The documents name every setting and every command, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

from foundation.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def test_every_setting_is_documented() -> None:
    """`docs/operations.md` has one row for each setting, with its default."""
    rows = dict(re.findall(r"^\| `(SUHE_[A-Z0-9_]+)` \| ([^|]*)\|", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE))
    fields = {f"SUHE_{name.upper()}": field for name, field in Settings.model_fields.items()}
    assert set(rows) == set(fields)
    for name, field in fields.items():
        told = rows[name].strip().strip("`")
        default = field.default.get_secret_value() if hasattr(field.default, "get_secret_value") else str(field.default)
        assert told == default.removesuffix(".0"), name


def test_commands_in_the_readme_exist() -> None:
    """Every `suhe` command the README shows is one the program has, and every linked file is there."""
    from typer.main import get_command

    from suhe.cli import app

    text = (ROOT / "README.md").read_text()
    known = set(get_command(app).commands)  # type: ignore[attr-defined]
    named = set(re.findall(r"bin/suhe ([a-z]+)", text))
    assert named
    assert named <= known
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (ROOT / link).exists(), link


def test_nothing_names_the_machine_it_was_made_on() -> None:
    """No document or module holds a path of one machine."""
    pattern = re.compile(r"/(home|root|work)/[a-z]")
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "suhe").rglob("*.py")]:
        assert not pattern.search(path.read_text()), path
