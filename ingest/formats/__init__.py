"""What other people's gateways send, as pure decoders: `bytes, topic, context -> Decoded`. No I/O, no clock, no state.

In: one message as it came. Out: what it says in the sender's own names (`decoded.py`), or BadInput with the reason for a damaged one.
Names become devices and channels of ours in `ingest/foreign.py`, which also decides who may speak for what.
"""
