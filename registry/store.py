"""The registry's tables. Every time is ms UTC; every secret is a hash."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, LargeBinary, String, Table, Text

from foundation.database import metadata

county = Table(
    "county",
    metadata,
    Column("code", String(6), primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("lat", Float, nullable=False),
    Column("lon", Float, nullable=False),
)

party = Table(
    "party",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("county", String(6), ForeignKey("county.code"), nullable=False, index=True),
    Column("roles", Text, nullable=False),  # space-separated
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("address_zh", Text, nullable=False),
    Column("address_en", Text, nullable=False),
)

signing_key = Table(
    "signing_key",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("party", String(64), ForeignKey("party.id"), nullable=False, index=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("valid_from_ms", BigInteger, nullable=False),
    Column("valid_to_ms", BigInteger),
    Column("revoked_ms", BigInteger),
)

base = Table(
    "base",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("county", String(6), ForeignKey("county.code"), nullable=False, index=True),
    Column("party", String(64), ForeignKey("party.id"), nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("lat", Float, nullable=False),
    Column("lon", Float, nullable=False),
)

plot = Table(
    "plot",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("base", String(64), ForeignKey("base.id"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("area_mu", Float, nullable=False),
    Column("lat", Float, nullable=False),
    Column("lon", Float, nullable=False),
    Column("outline", Text),  # JSON list of [lon, lat]
)

product = Table(
    "product",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("unit", String(16), nullable=False),
    Column("shelf_life_class", String(16), nullable=False),
    Column("varieties", Text, nullable=False),  # JSON list of {id, name_zh, name_en}
)

gateway = Table(
    "gateway",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("county", String(6), ForeignKey("county.code"), nullable=False, index=True),
    Column("base", String(64), ForeignKey("base.id"), nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("shard", String(1), nullable=False),
    Column("last_rotated_ms", BigInteger, nullable=False),
    Column("password_hash", Text, nullable=False),
)

device = Table(
    "device",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("county", String(6), ForeignKey("county.code"), nullable=False, index=True),
    Column("gateway", String(64), ForeignKey("gateway.id"), nullable=False, index=True),
    Column("plot", String(64), ForeignKey("plot.id"), index=True),
    Column("base", String(64), ForeignKey("base.id"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("channels", Text, nullable=False),  # JSON list of {code, unit, interval_s}
)

person = Table(
    "person",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("county", String(6)),
)

# One-time links and sessions: both are the hash of a token and the time it ends.
sign_in_link = Table(
    "sign_in_link",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("person", String(64), ForeignKey("person.name"), nullable=False),
    Column("ends_ms", BigInteger, nullable=False),
)

session = Table(
    "session",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("person", String(64), ForeignKey("person.name"), nullable=False),
    Column("ends_ms", BigInteger, nullable=False),
)

api_key = Table(
    "api_key",
    metadata,
    Column("prefix", String(16), primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("county", String(6)),
    Column("key_hash", String(64), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
)
