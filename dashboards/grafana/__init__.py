"""Grafana as files: datasources and boards to be provisioned, generated from one table of panels, and a push over its API.

In: `panels.py`, the only place where a panel is written down. Out: `json/` and `provisioning/`, committed; `generate.py` makes the former.
Read `panels.py` first, then `boards.py` (development only: it needs the Grafana Foundation SDK), then `push.py` and
`files.py`.
"""
