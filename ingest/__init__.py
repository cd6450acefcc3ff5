"""Readings: from a gateway's message to a durable, flagged, queryable store.

In: messages on `suhe/v1/{shard}/{gateway}/up`, or the same body over HTTP. Out: acknowledgements sent only after the fsync, and queries.
Read `service.py` first. The gateway SDK (`gateway.py`, `payloads.py`, `topics.py`) needs nothing but paho-mqtt and msgspec.
"""
