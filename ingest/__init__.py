"""Readings: from a gateway's message to a durable, flagged, queryable store.

In: messages on `suhe/v1/{shard}/{gateway}/up`, or the same body over HTTP. Out: acknowledgements sent only after the fsync, and queries.
Read `service.py` first; the way in is `receiver` -> `worker` -> `intake` -> `keeper` -> `writer` -> `segments` and `catalog`.
The gateway SDK (`gateway.py`, `messages.py`, `spool.py`, `states.py`, `topics.py`) needs nothing but paho-mqtt.
"""
