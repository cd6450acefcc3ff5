"""The desk's tables: quotes set aside, what was decided about them, prices taken by telephone, saved mappings. Nothing is ever deleted."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, SmallInteger, Table, Text, UniqueConstraint

from foundation.database import metadata

quote_aside = Table(
    "quote_aside", metadata,
    Column("id", Integer, primary_key=True),
    Column("series_id", Integer, ForeignKey("price_series.id"), nullable=False),
    Column("valid_date", Date, nullable=False),
    Column("ordinal", SmallInteger, nullable=False),
    Column("low", Integer, nullable=False),
    Column("mid", Integer, nullable=False),
    Column("high", Integer, nullable=False),
    Column("mid_kind", Text, nullable=False),
    Column("volume_kg", BigInteger),
    Column("raw_price", Text, nullable=False),
    Column("raw_unit", Text, nullable=False),
    Column("run_id", Integer, nullable=False),
    Column("aside_ms", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("evidence", Text, nullable=False),  # JSON: what it was compared with, and how far off it was
    # The last decision of the append-only table below, kept here so that the queue is one index look-up; "open" before any.
    Column("state", Text, nullable=False),
    UniqueConstraint("series_id", "valid_date", "low", "mid", "high"),
    Index("ix_quote_aside_state", "state", "valid_date"),
)  # fmt: skip

quote_aside_decision = Table(
    "quote_aside_decision", metadata,
    Column("aside_id", Integer, ForeignKey("quote_aside.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("decided_ms", BigInteger, nullable=False),
    Column("decision", Text, nullable=False),  # released, rejected, superseded
    Column("decider", Text, nullable=False),  # the name of an account; empty where a rule decided
    Column("why", Text, nullable=False),  # a code of a rule, or what a person wrote
)  # fmt: skip

price_spoken = Table(
    "price_spoken", metadata,
    Column("id", Integer, primary_key=True),
    Column("token", Text, nullable=False, unique=True),  # of the form that was sent: sent twice, it changes nothing
    Column("county", Text, nullable=False),
    Column("act", Text, nullable=False),  # told, corrected, withdrawn
    Column("corrects", Integer, ForeignKey("price_spoken.id")),
    Column("series_id", Integer, ForeignKey("price_series.id"), nullable=False),
    Column("valid_date", Date, nullable=False),
    Column("ordinal", SmallInteger, nullable=False),
    Column("low", Integer, nullable=False),
    Column("mid", Integer, nullable=False),
    Column("high", Integer, nullable=False),
    Column("mid_kind", Text, nullable=False),
    Column("raw_price", Text, nullable=False),
    Column("teller", Text, nullable=False),  # a role, never a name
    Column("note", Text, nullable=False),
    Column("writer", Text, nullable=False),  # the name of the account
    Column("spoken_ms", BigInteger, nullable=False),
    Column("aside_id", Integer, ForeignKey("quote_aside.id")),
    Column("run_id", Integer, nullable=False),
    Index("ix_price_spoken_county_spoken", "county", "spoken_ms"),
)  # fmt: skip

price_mapping = Table(
    "price_mapping", metadata,
    Column("county", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("mapping", Text, nullable=False),  # JSON
    Column("writer", Text, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
)  # fmt: skip
