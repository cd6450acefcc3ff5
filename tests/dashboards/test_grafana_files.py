"""`suhe grafana files`: what a Grafana on this machine reads, and what is never overwritten."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from dashboards.grafana.datasources import datasources
from dashboards.grafana.files import MANIFEST, PROVISIONING, environment, place
from dashboards.grafana.push import shipped
from foundation.errors import BadInput, Conflict
from foundation.settings import Settings
from suhe.cli import app


def test_the_files_are_there_and_parse(tmp_path: Path) -> None:
    """Provisioning parses as YAML, boards lie in a folder named as Grafana shall call it, and every variable they ask for is printed."""
    names = place(tmp_path / "new" / "grafana", ("zh", "en"))
    folder = tmp_path / "new" / "grafana"
    assert {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} == {*names, MANIFEST}
    for lang, title in (("zh", "溯禾"), ("en", "Suhe")):
        assert [json.loads(p.read_text()) for p in sorted((folder / "boards" / title).iterdir())] == shipped((lang,))[lang]
    asked: set[str] = set()
    for path in (folder / "provisioning").rglob("*.yaml"):
        assert yaml.safe_load(path.read_text())["apiVersion"] == 1
        asked |= set(re.findall(r"\$(\w+)", path.read_text()))
    told = dict(line.split("=", 1) for line in environment(folder, Settings()))
    assert asked and asked <= set(told)
    assert told["GF_PATHS_PROVISIONING"] == str(folder / "provisioning") and told["SUHE_GRAFANA_BOARDS"] == str(folder / "boards")


def test_the_environment_is_this_installation_s_without_its_secrets(tmp_path: Path) -> None:
    """Settings win, then PostgreSQL's own place and the VictoriaMetrics at hand; the writing user and all passwords are left open."""
    told = environment(tmp_path, Settings(database_url="postgresql://owner:hidden@db.example/suhe"), "http://127.0.0.1:9999")  # type: ignore[arg-type]
    assert "SUHE_GRAFANA_READINGS_URL=http://127.0.0.1:9999" in told and "SUHE_GRAFANA_RECORDS_HOST=db.example:5432" in told
    assert "SUHE_GRAFANA_RECORDS_DATABASE=suhe" in told and "SUHE_GRAFANA_RECORDS_USER=..." in told
    assert not [line for line in told if "hidden" in line or "owner" in line]
    named = environment(tmp_path, Settings(grafana_readings_url="http://r.example:8428", grafana_records_password="hidden"), "http://x")  # type: ignore[arg-type]
    assert "SUHE_GRAFANA_READINGS_URL=http://r.example:8428" in named and "SUHE_GRAFANA_RECORDS_HOST=..." in named
    assert "hidden" not in "".join(named)


def test_files_and_push_mean_the_same_datasources() -> None:
    """What provisioning says with the environment filled in is what a push sends."""
    values = {
        "SUHE_GRAFANA_READINGS_URL": "http://r:8428", "SUHE_GRAFANA_RECORDS_HOST": "p:5432", "SUHE_GRAFANA_RECORDS_USER": "reader",
        "SUHE_GRAFANA_RECORDS_PASSWORD": "kept-apart", "SUHE_GRAFANA_RECORDS_DATABASE": "suhe",
    }  # fmt: skip
    text = re.sub(r"\$(\w+)", lambda found: values[found[1]], (PROVISIONING / "datasources" / "suhe.yaml").read_text())
    filed = [{k: v for k, v in source.items() if k != "editable"} for source in yaml.safe_load(text)["datasources"]]
    settings = Settings(**{name.removeprefix("SUHE_").lower(): value for name, value in values.items()})  # type: ignore[arg-type]
    assert [source.body for source in datasources(settings)] == filed


def test_filling_again_renews_ours_and_drops_what_is_not_wanted(tmp_path: Path) -> None:
    """The same folder is filled again; boards of a language not asked for any more go, a stranger's file stays."""
    place(tmp_path, ("zh", "en"))
    (tmp_path / "notes.txt").write_text("ours")
    names = place(tmp_path, ("en",))
    assert not list((tmp_path / "boards" / "溯禾").iterdir()) and (tmp_path / "notes.txt").read_text() == "ours"
    assert place(tmp_path, ("en",)) == names


def test_what_is_not_ours_is_not_overwritten(tmp_path: Path) -> None:
    """A folder that holds something else, a file, and one of our files changed by hand are refused by name; force writes."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "grafana.ini").write_text("theirs")
    with pytest.raises(Conflict, match="something else") as caught:
        place(other, ("zh",))
    assert "--force" in caught.value.todo and [p.name for p in other.iterdir()] == ["grafana.ini"]
    with pytest.raises(BadInput, match="this is a file"):
        place(other / "grafana.ini", ("zh",))
    place(other, ("zh",), force=True)
    assert (other / "grafana.ini").read_text() == "theirs"
    source = other / "provisioning" / "datasources" / "suhe.yaml"
    source.write_text("changed: by hand")
    with pytest.raises(Conflict, match=r"provisioning/datasources/suhe\.yaml"):
        place(other, ("zh",))
    place(other, ("zh",), force=True)
    assert source.read_bytes() == (PROVISIONING / "datasources" / "suhe.yaml").read_bytes()


def test_a_manifest_that_leads_out_of_the_folder_deletes_nothing(tmp_path: Path) -> None:
    """Names with `..` make the folder not ours."""
    victim = tmp_path / "victim"
    victim.write_text("keep")
    folder = tmp_path / "g"
    folder.mkdir()
    (folder / MANIFEST).write_text(json.dumps({"../victim": "0"}))
    with pytest.raises(Conflict):
        place(folder, ("zh",))
    place(folder, ("zh",), force=True)
    assert victim.read_text() == "keep"


def test_the_command_prints_files_and_environment(tmp_path: Path) -> None:
    """Files on stdout, the environment beside them; no secret is made up."""
    done: Any = CliRunner().invoke(app, ["grafana", "files", str(tmp_path / "g"), "--lang", "zh"])
    assert done.exit_code == 0 and str(tmp_path / "g" / "boards" / "溯禾" / "suhe-field.json") in done.stdout.splitlines()
    assert "SUHE_GRAFANA_RECORDS_PASSWORD=..." in done.stderr and "suhe-field-en" not in done.output
