"""The lines we send out: a contract, and no name a device chose can break out of its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.catalog import Series
from ingest.lines import escape_measurement, escape_tag, health_lines, reading_lines, series_head
from ingest.reading import Counts, GatewayState

AIR = Series(7, "371522", "sx-01-gw", "sx-01-g1-air", "air_temperature", "Cel")


def test_a_reading_is_one_line() -> None:
    """Channel, tags in order, value and flag, and the time of observation in ms; NaN and infinities have no line."""
    rows = [(7, 1764741600000, 21.5, 1), (7, 1764741610000, -0.0, 4), (7, 1, float("nan"), 1), (7, 1, float("inf"), 1)]
    head = "air_temperature,county=371522,device=sx-01-g1-air,gateway=sx-01-gw,unit=Cel"
    assert reading_lines({7: series_head(AIR)}, rows) == [
        f"{head} value=21.5,flag=1i 1764741600000",
        f"{head} value=-0.0,flag=4i 1764741610000",
    ]


def test_a_series_without_a_unit_has_no_such_tag() -> None:
    """An empty tag is no line protocol: it is left out."""
    assert series_head(Series(1, "", "g", "d", "ph", "")) == "ph,device=d,gateway=g"


def test_health_is_a_line_for_each_gateway_and_one_for_the_store() -> None:
    """The names others build boards on."""
    state = GatewayState("sx-01-gw", "371522", 1_000_000, 9, 9, 180, 2, ((3, 4), (6, 6)))
    counts = Counts(180, 4, 3, 2, 1, 0, 1, 1)
    gateway, store = health_lines([state], counts, 61.5, 40, 1_012_500)
    assert gateway.split(" ") == [
        "ingest_gateway,county=371522,gateway=sx-01-gw",
        "messages=9.0,readings=180.0,duplicates=2.0,open_gaps=2.0,silent_seconds=12.5",
        "1012500",
    ]
    assert store.split(" ") == [
        "ingest_store",
        "readings=180.0,segments=3.0,daily_files=2.0,dead_letters=1.0,sink_lag_seconds=61.5,sink_waiting_readings=40.0",
        "1012500",
    ]


@given(st.text(min_size=1, max_size=32))
def test_no_name_breaks_out_of_its_line(text: str) -> None:
    """Whatever a unit holds, it stays one tag of one line: no line break, no bare comma, blank or equals sign."""
    head = series_head(Series(1, "371522", "g", "d", "c", text))
    unescaped = head.replace("\\,", "").replace("\\=", "").replace("\\ ", "")
    assert len(head.splitlines()) == 1 and "\\" not in unescaped
    assert unescaped.count(",") == 4 and unescaped.count("=") == 4 and " " not in unescaped


def test_nothing_has_no_name() -> None:
    """An empty measurement or tag cannot be written and is refused; a measurement never begins a comment."""
    for escape in (escape_measurement, escape_tag):
        with pytest.raises(ValueError, match="a "):
            escape("")
    assert escape_measurement("#a b") == "_a\\ b"
