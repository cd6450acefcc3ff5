"""From the table of panels to Grafana's own JSON, by the Grafana Foundation SDK. Development only: nobody who runs Suhe needs it."""

from __future__ import annotations

import json
from typing import Any

from grafana_foundation_sdk.builders import bargauge, common, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog import variants
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import GridPos, Threshold, ThresholdsMode, VariableOption, VariableRefresh

from dashboards.grafana.marks import MARK, content_mark
from dashboards.grafana.panels import BARS, READINGS, RECORDS, SERIES, STAT, TABLE, VARIABLES, Board, Panel

KINDS: dict[str, Any] = {SERIES: timeseries.Panel, STAT: stat.Panel, TABLE: table.Panel, BARS: bargauge.Panel}
# Type ids Grafana knows its datasources by; 10.2 and later.
TYPES = {READINGS: "prometheus", RECORDS: "grafana-postgresql-datasource"}
# What a choice of one thing begins with.
FIRST = {"product": "lotus_root", "market": "xinfadi"}
HEIGHTS = {SERIES: 8, STAT: 5, TABLE: 8, BARS: 8}


class RawQuery(variants.Dataquery):
    """A query as a datasource reads it, its own builder; the SDK has builders for few of them."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told

    def build(self) -> RawQuery:
        """Return itself, as the SDK's builders return what they build."""
        return self

    def to_json(self) -> dict[str, Any]:
        """Return the query."""
        return self._told


def board_json(board: Board, lang: str) -> str:
    """Return a board in one language as the text that is committed; it carries a mark of its own content among its tags."""
    told = json.loads(json.dumps(_build(board, lang).build(), cls=JSONEncoder))
    told["tags"] = [*told["tags"], MARK + content_mark(told)]
    return json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _build(board: Board, lang: str) -> build.Dashboard:
    zh = lang == "zh"
    made = (
        build.Dashboard(f"溯禾 {board.zh}" if zh else f"Suhe {board.en}")
        .uid(f"{board.uid}-{lang}").description(board.zh_about if zh else board.en_about).tags(["suhe", lang])
        .timezone("Asia/Shanghai").refresh("1m").time(*board.span).readonly()
    )  # fmt: skip
    for name in board.variables:
        made.with_variable(_variable(name, zh=zh))
    number, y = 1, 0
    for row in board.rows:
        made.with_row(build.Row(row.zh if zh else row.en).id(1000 + number).grid_pos(GridPos(h=1, w=24, x=0, y=y)))
        y, x, high = y + 1, 0, 0
        for panel in row.panels:
            height = HEIGHTS[panel.kind]
            if x + panel.width > 24:
                x, y, high = 0, y + high, 0
            made.with_panel(_panel(panel, number, GridPos(h=height, w=panel.width, x=x, y=y), zh=zh))
            number, x, high = number + 1, x + panel.width, max(high, height)
        y += high
    return made


def _variable(name: str, *, zh: bool) -> build.QueryVariable:
    label_zh, label_en, query = VARIABLES[name]
    everything = name == "county"
    made = (
        build.QueryVariable(name).label(label_zh if zh else label_en).datasource(DataSourceRef(TYPES[RECORDS], RECORDS)).query(query)
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD).multi(everything).include_all(everything)
    )  # fmt: skip
    if everything:
        return made.current(VariableOption(selected=True, text="All", value="$__all"))
    first = FIRST[name]
    return made.current(VariableOption(selected=True, text=first, value=first))


def _panel(panel: Panel, number: int, where: GridPos, *, zh: bool) -> Any:
    ref = DataSourceRef(TYPES[panel.source], panel.source)
    made = (
        KINDS[panel.kind]().id(number).title(panel.zh if zh else panel.en).description(panel.zh_about if zh else panel.en_about)
        .unit(panel.unit).datasource(ref).grid_pos(where).with_target(RawQuery(_query(panel)))
    )  # fmt: skip
    if panel.kind in (STAT, BARS):
        # A table of records is a bar a row; a series is its newest value.
        made.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(panel.kind == BARS and panel.source == RECORDS))
    if panel.bounds:
        first, second = panel.bounds
        falling = first > second
        colours = ("red", "orange", "green") if falling else ("green", "orange", "red")
        low, high = sorted(panel.bounds)
        steps = [Threshold(None, colours[0]), Threshold(low, colours[1]), Threshold(high, colours[2])]
        made.thresholds(build.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    return made


def _query(panel: Panel) -> dict[str, Any]:
    source = {"type": TYPES[panel.source], "uid": panel.source}
    if panel.source == READINGS:
        instant = panel.kind in (STAT, BARS)
        return {
            "refId": "A", "datasource": source, "expr": panel.query, "legendFormat": panel.legend, "editorMode": "code",
            "range": not instant, "instant": instant,
        }  # fmt: skip
    kind = "time_series" if panel.kind == SERIES else "table"
    return {"refId": "A", "datasource": source, "rawSql": panel.query, "rawQuery": True, "format": kind, "editorMode": "code"}
