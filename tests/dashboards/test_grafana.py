"""Grafana's boards: whole, generated from the table, and every query run as it stands against the real VictoriaMetrics and PostgreSQL."""

from __future__ import annotations

import dataclasses
import json
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from dashboards.grafana.generate import JSON, files
from dashboards.grafana.panels import BOARDS, READINGS, RECORDS, VARIABLES, Panel
from foundation.clock import to_ms
from foundation.database import open_engine
from ingest.catalog import Series
from ingest.lines import health_lines, reading_lines, series_head
from ingest.quality.rules import packaged
from ingest.reading import Counts, GatewayState
from pricing.forecast import store
from pricing.forecast.nouns import NAIVE, Forecast, ForecastPoint, Skill
from pricing.weekly import monday_of
from simulators.scenario import scenario
from tests import servers
from tests.dashboards.fakes_house import NOW, House, build_house
from tests.waiting import wait_until

PROVISIONING = JSON.parent / "provisioning"
HAN = re.compile("[\u4e00-\u9fff]")
PANELS = [(board, panel) for board in BOARDS for panel in board.panels]
IDS = [f"{board.uid}: {panel.en}" for board, panel in PANELS]


def boards() -> list[tuple[str, dict[str, Any]]]:
    return [(path.parent.name, json.loads(path.read_text(encoding="utf-8"))) for path in sorted(JSON.rglob("*.json"))]


def test_the_committed_boards_are_those_of_the_table() -> None:
    """Generated anew, every file is the same to the byte; no other file lies there."""
    made = files()
    assert {p: p.read_text(encoding="utf-8") for p in JSON.rglob("*.json")} == made
    assert len(made) == 2 * len(BOARDS)


def test_every_panel_says_what_it_shows_in_its_language() -> None:
    """Title, description, unit and a datasource that is provisioned; ids and places of their own; no board mixes the languages."""
    known = {d["uid"]: d["type"] for d in yaml.safe_load((PROVISIONING / "datasources" / "suhe.yaml").read_text())["datasources"]}
    assert set(known) == {READINGS, RECORDS}
    for lang, board in boards():
        panels = [p for p in board["panels"] if p["type"] != "row"]
        assert len({p["id"] for p in board["panels"]}) == len(board["panels"])
        for p in panels:
            assert p["title"] and p["description"] and p["fieldConfig"]["defaults"]["unit"], p["title"]
            assert p["type"] in ("timeseries", "stat", "table", "bargauge")
            assert known[p["datasource"]["uid"]] == p["datasource"]["type"] == p["targets"][0]["datasource"]["type"]
        shown = [board["title"], board["description"], *(p["title"] for p in board["panels"]), *(p["description"] for p in panels)]
        if lang == "en":
            assert not [s for s in shown if HAN.search(s)]
        else:
            assert not [s for s in shown if not HAN.search(s)]
        cells = [(x, y) for p in board["panels"] for x, y in _cells(p["gridPos"])]
        assert len(cells) == len(set(cells)), f"panels overlap on {board['uid']}"
        assert all(p["gridPos"]["x"] + p["gridPos"]["w"] <= 24 for p in board["panels"])


def _cells(at: dict[str, int]) -> Iterator[tuple[int, int]]:
    return ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"]))


def test_grafana_knows_every_key_of_the_boards() -> None:
    """Read into the Foundation SDK's models and written again, nothing is lost: an unknown or misspelt key would be."""
    from grafana_foundation_sdk.cog import plugins
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard

    plugins.register_default_plugins()
    for _, board in boards():
        again = json.loads(json.dumps(Dashboard.from_json(json.loads(json.dumps(board))), cls=JSONEncoder))
        assert _lost(board, again) == []
    spoilt = {**boards()[0][1], "titel": "x"}
    assert _lost(spoilt, json.loads(json.dumps(Dashboard.from_json(spoilt), cls=JSONEncoder))) == [".titel"]


def _lost(ours: Any, theirs: Any, at: str = "") -> list[str]:
    if isinstance(ours, dict):
        return [w for k, v in ours.items() for w in ([f"{at}.{k}"] if k not in theirs else _lost(v, theirs[k], f"{at}.{k}"))]
    if isinstance(ours, list):
        return [w for k, (a, b) in enumerate(zip(ours, theirs, strict=True)) for w in _lost(a, b, f"{at}[{k}]")]
    return [] if ours == theirs else [at]


def expand(query: str, start_s: int, end_s: int) -> str:
    """Return a query as Grafana would send it: its time macros and choices filled in, every county and one product chosen."""
    for macro, value in (("$__unixEpochFrom()", str(start_s)), ("$__unixEpochTo()", str(end_s))):
        query = query.replace(macro, value)
    query = query.replace("${county:sqlstring}", "'371522','321023'").replace("${product:sqlstring}", "'cucumber'")
    query = query.replace("${market:sqlstring}", "'shenxian'").replace("$county", ".*")
    assert "$" not in query, f"a macro this test does not know: {query}"
    return query


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a VictoriaMetrics with half a day of the scenario's readings and of ingest's health, in the sink's own lines."""
    server = servers.require(lambda: servers.start_victoria_metrics(tmp_path_factory.mktemp("vm")))
    assert isinstance(server, servers.Server)
    with servers.running(server):
        now = int(time.time() * 1000)
        series = [(d.county, d.gateway, d.id, c.code, c.unit) for d in scenario().devices for c in d.channels]
        if not any(code == "cargo_temperature" for *_, code, _ in series):
            series.append(("371522", "sx-truck-1", "sx-truck-1", "cargo_temperature", "Cel"))
        heads = {n: series_head(Series(n, *one)) for n, one in enumerate(series)}
        low = {s[3]: asked.suspect[0] for s in series if (asked := packaged().of(s[3]).gross_range)}
        rows = [(n, now - k * 600_000, low[s[3]] + 5.0, 3 if k == 2 else 1) for n, s in enumerate(series) for k in range(72)]
        gateways = [GatewayState(g.id, g.county, now - 2000, 9, 9, 90, 1, ((3, 4),)) for g in scenario().gateways]
        counts = Counts(1000, len(series), 3, 2, 1, now - 10**7, now, now)
        for k in range(30):
            _post(server.url, health_lines(gateways, counts, 61.0, 12, now - k * 10_000))
        _post(server.url, reading_lines(heads, rows))
        yield server.url


def _post(url: str, lines: list[str]) -> None:
    request = urllib.request.Request(f"{url}/api/v2/write?precision=ms", "\n".join(lines).encode(), method="POST")
    assert urllib.request.urlopen(request, timeout=30).status == 204


def ask_metrics(url: str, query: str) -> list[Any]:
    end = int(time.time())
    told = urllib.parse.urlencode({"query": expand(query, end - 36_000, end), "start": end - 36_000, "end": end, "step": "600"})

    def found() -> list[Any]:
        with urllib.request.urlopen(f"{url}/api/v1/query_range?{told}&nocache=1", timeout=30) as answer:
            return list(json.load(answer)["data"]["result"])

    # What was written last is searchable some seconds later.
    return wait_until(found, 30, every=0.25, what=query)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory, postgres: servers.Server) -> Iterator[tuple[House, Any]]:
    """Yield a PostgreSQL with the tables of the code and a small house in them: lots, a leg, a freight plan, prices, runs, an anchor."""
    name = "grafana_boards"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    url = postgres.url.rsplit("/", 1)[0] + "/" + name
    house = build_house(tmp_path_factory.mktemp("house"), readings_every_minutes=720, price_days=20, url=url)
    house.services.logistics.freight.plan_day("371522")
    house.services.logistics.cold_chain.watch()
    _forecast(house)
    now_ms = to_ms(NOW)
    with psycopg.connect(url, autocommit=True) as connection:
        for table, row in {
            "price_run": {"source": "xinfadi", "slot": "round:x", "kind": "round", "window_start": NOW.date(), "window_end": NOW.date(),
                          "started_ms": now_ms, "state": "quarantined", "why": "half of the rows", "warnings": "", "shape": "",
                          "received": 1, "kept": 0, "refused": 1, "unknown": 0, "changed": 0},
            "official_index": {"code": "A", "day": NOW.date(), "observed_ms": now_ms, "source": "test", "milli": 118_640, "raw": "118.64",
                               "run_id": 1},
            "price_source": {"id": "test", "address": "", "state": "ok", "why": "", "shape": "", "rows_last": 3, "last_success_ms": now_ms},
            "cold_leg": {"id": "leg", "county": "371522", "from_party": "a", "to_party": "b", "carrier": "c", "recorder": "r",
                         "gateway": "g", "product": "melon", "departs_ms": now_ms, "recorded_ms": now_ms, "class": "cool",
                         "delay_s": 1, "gap_s": 1,
                         "hysteresis_c": 1.0, "pace": 1, "summary": "", "judged": "", "judged_ms": 0, "messages": 0, "settled": False},
        }.items():  # fmt: skip
            columns = ", ".join(f'"{c}"' for c in row)
            values = ", ".join(["%s"] * len(row))
            connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING".encode(), list(row.values()))
        yield house, connection
    open_engine(url).dispose()


def _forecast(house: House) -> None:
    """Keep a forecast for the chosen product and market; the house's twenty days are too few to make one."""
    last = monday_of(NOW.date()) - timedelta(weeks=1)
    points = tuple(ForecastPoint(h, last + timedelta(weeks=h), 2000, 2500, 3100, NAIVE) for h in (1, 4, 12))
    skill = tuple(Skill(h, 1.1, 1.0, 0.8, 40) for h in (1, 4, 12))
    made = Forecast("cucumber", "shenxian", "CNY", "test", to_ms(NOW), NOW.date(), last, 2500, 100, 0, points, skill)
    with house.kit.engine.begin() as connection:
        store.append(connection, made, "")


@pytest.mark.parametrize(("board", "panel"), [p for p in PANELS if p[1].source == READINGS],
                         ids=[i for i, p in zip(IDS, PANELS, strict=True) if p[1].source == READINGS])  # fmt: skip
def test_every_readings_query_finds_something(metrics: str, board: Any, panel: Panel) -> None:
    """The query's text, as Grafana would send it, returns series on the scenario's own channels and gateways."""
    found = ask_metrics(metrics, panel.query)
    assert found, panel.query
    assert all(series["values"] for series in found)
    for label in re.findall(r"\{\{(\w+)\}\}", panel.legend):
        assert all(label in series["metric"] for series in found), f"{panel.en} names series by {label}"


@pytest.mark.parametrize(("board", "panel"), [p for p in PANELS if p[1].source == RECORDS],
                         ids=[i for i, p in zip(IDS, PANELS, strict=True) if p[1].source == RECORDS])  # fmt: skip
def test_every_records_query_finds_something(records: tuple[House, Any], board: Any, panel: Panel) -> None:
    """The query's text, as Grafana would send it, runs on the tables of the code and returns rows; a series has its time."""
    cursor = records[1].execute(expand(panel.query, int(NOW.timestamp()) - 90 * 86_400, int(time.time())).encode())
    rows = cursor.fetchall()
    assert rows and all(row[-1] is not None for row in rows), panel.query
    names = [c.name for c in cursor.description]
    if panel.kind == "timeseries":
        assert names[0] == "time" and rows[0][0].tzinfo is not None
        assert [r[0] for r in rows] == sorted(r[0] for r in rows)


def test_the_fan_of_a_forecast_has_its_three_lines_beside_the_weeks(records: tuple[House, Any]) -> None:
    """The chosen market's newest forecast comes as P10, P50 and P90 in order, after the weeks that were quoted."""
    fan = next(p for _, p in PANELS if p.en == "Twelve weeks ahead in the chosen market")
    rows = records[1].execute(expand(fan.query, int(NOW.timestamp()) - 90 * 86_400, int(time.time())).encode()).fetchall()
    lines = {name: [float(price) for _, n, price in rows if n == name] for name in {n for _, n, _ in rows}}
    assert (lines["P10"], lines["P50"], lines["P90"]) == ([2.0] * 3, [2.5] * 3, [3.1] * 3)
    assert len(lines) == 4


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_every_choice_has_something_to_choose_from(records: tuple[House, Any], name: str) -> None:
    """The list above a board is not empty."""
    assert records[1].execute(VARIABLES[name][2].encode()).fetchall()


def test_a_query_that_names_what_is_not_there_is_found_out(metrics: str, records: tuple[House, Any]) -> None:
    """The two checks above can fail: a misspelt channel finds nothing, a misspelt column is an error."""
    wrong = dataclasses.replace(PANELS[0][1], query=PANELS[0][1].query.replace("air_temperature", "air_temprature"))
    end = int(time.time())
    told = urllib.parse.urlencode({"query": expand(wrong.query, end - 3600, end), "start": end - 3600, "end": end, "step": "600"})
    with urllib.request.urlopen(f"{metrics}/api/v1/query_range?{told}", timeout=30) as answer:
        assert json.load(answer)["data"]["result"] == []
    with pytest.raises(psycopg.errors.UndefinedColumn):
        records[1].execute(b"SELECT stat FROM lot")


def test_the_wheel_would_carry_the_files() -> None:
    """Boards and provisioning lie inside a package that is packed whole."""
    assert JSON.parent == Path(__file__).parents[2] / "dashboards" / "grafana"
    assert {p.name for p in PROVISIONING.rglob("*.yaml")} == {"suhe.yaml"}


def test_the_role_of_the_document_reads_every_board_and_nobody_s_keys(records: tuple[House, Any]) -> None:
    """The SQL of `docs/grafana.md`, run as it stands, makes a role that may run each query of the boards and read or change no more."""
    page = (JSON.parents[2] / "docs" / "grafana.md").read_text(encoding="utf-8")
    made = re.search(r"```sql\n(.*?)```", page, re.DOTALL)
    assert made
    connection = records[1]
    connection.execute(made[1].replace("DATABASE suhe", "DATABASE grafana_boards").encode())
    connection.execute(b"SET ROLE suhe_reader")
    try:
        for query in [p.query for _, p in PANELS if p.source == RECORDS] + [v[2] for v in VARIABLES.values()]:
            connection.execute(expand(query, 0, int(time.time())).encode())
        for refused in (b"SELECT * FROM api_key", b"SELECT * FROM person", b"DELETE FROM lot"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(refused)
    finally:
        connection.execute(b"RESET ROLE")
