"""Packs of SenML, RFC 8428, as JSON and as CBOR."""

from __future__ import annotations

from foundation.errors import BadInput
from ingest.formats.decoded import Context, Decoded


def decode_json(topic: str, body: bytes, context: Context) -> Decoded:
    """Return a pack's records, resolved."""
    raise BadInput("SenML is not taken yet", got=f"{topic[:60]}, {len(body)} bytes, {context.received_ms}")


def decode_cbor(topic: str, body: bytes, context: Context) -> Decoded:
    """Return a pack's records, resolved."""
    raise BadInput("SenML is not taken yet", got=f"{topic[:60]}, {len(body)} bytes, {context.received_ms}")
