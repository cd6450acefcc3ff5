"""`suhe cold legs` prints what the pages show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from suhe.cli import app
from tests.dashboards.fakes_cold import build_road, drive
from tests.dashboards.fakes_house import build_house


def test_legs_are_listed_with_verdict_and_minutes_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each leg is a line with its verdict, minutes out of range and without data; JSON has the same; a wrong state is refused."""
    road = build_road(build_house(tmp_path, readings_every_minutes=1440))
    legs = drive(road)
    monkeypatch.setattr("suhe.commands.trace._services", lambda: road.house.services)
    run = CliRunner()
    lines = run.invoke(app, ["cold", "legs", "--county", "371522"]).output.splitlines()
    assert any("out_of_range" in x and "90.0 min out" in x and "signed" in x for x in lines)
    assert any("not_fully_known" in x and "100.0 min without data" in x for x in lines)
    assert any("no_recorder" in x for x in lines) and any("excursion, under way" in x for x in lines)
    told = json.loads(run.invoke(app, ["cold", "legs", "--state", "under_way", "--json"]).output)
    assert [x["id"] for x in told] == [legs["A5"]]
    assert "there is no such state" in str(run.invoke(app, ["cold", "legs", "--state", "lost"]).exception)
