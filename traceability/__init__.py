"""Lots from field to plate, with a history nobody can quietly change.

In: EPCIS 2.0 events as canonical JSON, signed by their authors (`service.Trace.capture`). Out: lots, their histories and trace codes,
signed checkpoints of the log, and verdicts recomputed from stored bytes. Read `service.py`, then `events.py` (what an event says),
`lots.py` (the rules), `ledger.py` (how it is logged) and `verify_lot.py` (how it is checked).
"""
