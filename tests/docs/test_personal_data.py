"""The inventory of personal information is whole: a table nobody looked at fails."""

from __future__ import annotations

import re
from pathlib import Path

from suhe.migrate import tables

SECURITY = Path(__file__).parents[2] / "docs" / "security.md"
# Looked at, and holding nothing of a person: ids of parties and devices, figures, hashes.
IMPERSONAL = frozenset((
    "anchor", "anchor_contract", "anchor_state", "base", "checkpoint", "cold_cursor", "cold_leg", "cold_leg_lot", "cosignature",
    "county", "device", "event_lot", "freight_plan", "gateway", "gateway_key", "holding", "label_run",
    "feed", "feed_channel", "feed_device", "residue_limit", "schedule_job", "log_tile", "lot", "lot_edge",
    "map_node", "map_past", "official_index", "plot", "plot_day", "price_forecast", "price_forecast_point", "price_touched",
    "price_answer", "price_day", "price_host", "price_payload", "price_refused", "price_run", "price_series", "price_source",
    "product", "quote_aside",
    "price_alert_event", "price_alert_state",
    "quote_current", "quote_obs", "scan_anomaly", "scan_state", "scan_unknown", "sealing", "signing_key", "witness", "witness_alarm",
))  # fmt: skip
# Columns by such names hold a person, or something a person wrote.
TELLING = re.compile(r"(^|_)(name|person|phone|mobile|email|address|user|contact|text|note|device|ip|value)(_|$)")
# In tables of the other list: looked at one by one, names of things and businesses.
OF_THINGS = frozenset((
    "anchor_contract.address", "base.name_en", "base.name_zh", "checkpoint.note", "county.name_en", "county.name_zh", "device.name_en",
    "device.name_zh", "gateway.name_en", "gateway.name_zh", "lot.name_zh", "plot.name_en", "plot.name_zh",
    "feed_channel.device", "feed_channel.name", "feed_device.device", "feed_device.name",
    "price_refused.name", "price_series.name", "price_source.address", "product.name_en", "product.name_zh",
    "residue_limit.value", "sealing.name", "sealing.value", "witness.name",
))  # fmt: skip


def _inventory() -> set[str]:
    part = SECURITY.read_text().split("## Personal information we keep")[1].split("\n## ")[0]
    return {name for row in part.splitlines() if row.startswith("| `") for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_every_table_was_looked_at() -> None:
    """Each table is in the inventory or known to hold nothing of a person, and never both; no name is left over."""
    listed, known = _inventory(), set(tables().tables)
    assert known - listed - IMPERSONAL == set()
    assert listed - known == set()
    assert listed & IMPERSONAL == set()


def test_no_telling_column_is_in_a_table_without_persons() -> None:
    """A column named like a person's datum, in a table said to hold none, was looked at by itself."""
    found = {f"{t.name}.{c.name}" for t in tables().tables.values() if t.name in IMPERSONAL for c in t.columns if TELLING.search(c.name)}
    assert found - OF_THINGS == set()
