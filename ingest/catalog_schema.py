"""The tables of `catalog.db`. Every statement may be run on a file that has them: a new table is added here and nowhere else."""

from __future__ import annotations

import re

_READINGS = """
CREATE TABLE IF NOT EXISTS series (
    sid INTEGER PRIMARY KEY, county TEXT NOT NULL, gateway TEXT NOT NULL, device TEXT NOT NULL, channel TEXT NOT NULL,
    unit TEXT NOT NULL, UNIQUE (device, channel));
CREATE TABLE IF NOT EXISTS latest (
    sid INTEGER PRIMARY KEY, t INTEGER NOT NULL, x REAL NOT NULL, flag INTEGER NOT NULL, received INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS file (
    name TEXT PRIMARY KEY, kind TEXT NOT NULL, county TEXT NOT NULL, day INTEGER NOT NULL, rows INTEGER NOT NULL,
    min_t INTEGER NOT NULL, max_t INTEGER NOT NULL, made INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS file_by_time ON file (min_t, max_t);
CREATE TABLE IF NOT EXISTS dropped (name TEXT PRIMARY KEY, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS gateway (
    gateway TEXT PRIMARY KEY, county TEXT NOT NULL, last_received INTEGER NOT NULL, messages INTEGER NOT NULL, readings INTEGER NOT NULL,
    duplicates INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS sequence (
    gateway TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (gateway, first)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refused (gateway TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (gateway, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dead_letter (
    id INTEGER PRIMARY KEY, received INTEGER NOT NULL, gateway TEXT NOT NULL, topic TEXT NOT NULL, reason TEXT NOT NULL,
    body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS signed_message (
    gateway TEXT NOT NULL, seq INTEGER NOT NULL, received INTEGER NOT NULL, key_id TEXT NOT NULL, hash BLOB NOT NULL,
    signature BLOB NOT NULL, PRIMARY KEY (gateway, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS arrival (
    number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, rows INTEGER NOT NULL, made INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS sink_refused (
    id INTEGER PRIMARY KEY, sink TEXT NOT NULL, at INTEGER NOT NULL, reason TEXT NOT NULL, line TEXT NOT NULL);
INSERT INTO arrival (name, kind, rows, made) SELECT name, kind, rows, made FROM file
    WHERE name NOT IN (SELECT name FROM arrival) ORDER BY kind, made, name;
INSERT OR IGNORE INTO counter SELECT 'forgotten', count(*) FROM arrival WHERE kind = 'daily';
CREATE TABLE IF NOT EXISTS sink_cursor (
    sink TEXT PRIMARY KEY, arrived INTEGER NOT NULL, filled INTEGER NOT NULL, daily INTEGER NOT NULL,
    sent_arrived INTEGER NOT NULL, sent_filled INTEGER NOT NULL, sent_daily INTEGER NOT NULL,
    seen INTEGER NOT NULL, refused INTEGER NOT NULL, refused_why TEXT NOT NULL, problem TEXT NOT NULL);
"""

# Owned by `manifest` (digest, span, rollup, rollup_day) and `deletions` (deleted).
_STORE = """
CREATE TABLE IF NOT EXISTS digest (name TEXT PRIMARY KEY, size INTEGER NOT NULL, sha256 BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS span (name TEXT PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS rollup (
    name TEXT PRIMARY KEY, window_ms INTEGER NOT NULL, county TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    rows INTEGER NOT NULL, min_t INTEGER NOT NULL, max_t INTEGER NOT NULL, made INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS rollup_day (
    county TEXT NOT NULL, day INTEGER NOT NULL, source TEXT NOT NULL, frozen INTEGER NOT NULL, PRIMARY KEY (county, day)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deleted (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, what TEXT NOT NULL, county TEXT NOT NULL,
    device TEXT NOT NULL, channel TEXT NOT NULL, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL, rows INTEGER NOT NULL,
    files TEXT NOT NULL, sha256 TEXT NOT NULL);
"""

# Owned by `ledger.py`, `broker/facts.py` and `mqtt_sessions.py`.
_LEDGER = """
CREATE TABLE IF NOT EXISTS gap (
    stream TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, seen_ms INTEGER NOT NULL, filled_ms INTEGER,
    missing INTEGER NOT NULL, lost INTEGER NOT NULL, PRIMARY KEY (stream, first)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS gap_open ON gap (stream, last) WHERE missing + lost > 0;
CREATE TABLE IF NOT EXISTS gap_past (
    stream TEXT PRIMARY KEY, gaps INTEGER NOT NULL, filled INTEGER NOT NULL, lost INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gone (
    stream TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (stream, first)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stream (
    stream TEXT PRIMARY KEY, gateway TEXT NOT NULL, raw INTEGER NOT NULL, number INTEGER NOT NULL, began INTEGER NOT NULL,
    restarts INTEGER NOT NULL, duplicates INTEGER NOT NULL, resends INTEGER NOT NULL, last_received INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS broker_fact (
    broker TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (broker, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS broker_drop (
    id INTEGER PRIMARY KEY, broker TEXT NOT NULL, at INTEGER NOT NULL, value INTEGER NOT NULL, more INTEGER NOT NULL,
    restarted INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS mqtt_session (
    client TEXT NOT NULL, broker TEXT NOT NULL, filters TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (client, broker)) WITHOUT ROWID;
"""

# Owned by `quarantine.py` and `clock_keeping.py`.
_IDENTITY = """
CREATE TABLE IF NOT EXISTS quarantine (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, feed TEXT NOT NULL, gateway TEXT NOT NULL, name TEXT NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL, dropped INTEGER NOT NULL, channels TEXT NOT NULL,
    UNIQUE (kind, feed, gateway, name));
CREATE TABLE IF NOT EXISTS quarantine_message (
    id INTEGER PRIMARY KEY AUTOINCREMENT, sender TEXT NOT NULL, received INTEGER NOT NULL, topic TEXT NOT NULL, body BLOB NOT NULL,
    digest BLOB NOT NULL, UNIQUE (sender, digest));
CREATE TABLE IF NOT EXISTS quarantine_link (
    entry INTEGER NOT NULL, message INTEGER NOT NULL, PRIMARY KEY (entry, message)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS quarantine_by_message ON quarantine_link (message);
CREATE TABLE IF NOT EXISTS clock_proposal (
    id INTEGER PRIMARY KEY, gateway TEXT NOT NULL, device TEXT NOT NULL, correction_ms INTEGER NOT NULL, first INTEGER NOT NULL,
    last INTEGER NOT NULL, messages INTEGER NOT NULL, spread_ms INTEGER NOT NULL, state TEXT NOT NULL, decided_by TEXT NOT NULL,
    decided INTEGER, revoked_by TEXT NOT NULL, revoked INTEGER);
"""

# Owned by `identities.py`.
_FEEDS = """
CREATE TABLE IF NOT EXISTS feed_identity (
    id INTEGER PRIMARY KEY AUTOINCREMENT, feed TEXT NOT NULL, identity BLOB NOT NULL, UNIQUE (feed, identity));
CREATE INDEX IF NOT EXISTS feed_identity_by_age ON feed_identity (feed, id);
"""

# Owned by `quality/keeping.py`, `quality/normals.py` and `quality/changes.py`.
_QUALITY = """
CREATE TABLE IF NOT EXISTS device_place (
    device TEXT PRIMARY KEY, kind TEXT NOT NULL, lat REAL NOT NULL, lon REAL NOT NULL);
CREATE TABLE IF NOT EXISTS month_normal (
    sid INTEGER NOT NULL, year INTEGER NOT NULL, month INTEGER NOT NULL, days INTEGER NOT NULL, mean REAL NOT NULL, sd REAL NOT NULL,
    made INTEGER NOT NULL, PRIMARY KEY (sid, year, month)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reflagged (
    sid INTEGER NOT NULL, day INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (sid, day)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS month_built (year INTEGER NOT NULL, month INTEGER NOT NULL, made INTEGER NOT NULL, PRIMARY KEY (year, month));
"""

# Owned by `pictures.py`.
_STATIONS = """
CREATE TABLE IF NOT EXISTS station_picture (
    gateway TEXT NOT NULL, station TEXT NOT NULL, t INTEGER NOT NULL, received INTEGER NOT NULL, sha256 TEXT NOT NULL,
    size INTEGER NOT NULL, PRIMARY KEY (gateway, t, sha256)) WITHOUT ROWID;
"""

# Owned by `links.py`.
_LINKS = """
CREATE TABLE IF NOT EXISTS gateway_link (
    gateway TEXT PRIMARY KEY, online INTEGER NOT NULL, since INTEGER NOT NULL, heard INTEGER NOT NULL, told INTEGER NOT NULL,
    spool INTEGER NOT NULL, oldest_s INTEGER NOT NULL, offset_ms INTEGER, given_up INTEGER NOT NULL) WITHOUT ROWID;
"""

# Owned by `edge_state`.
_SPARKPLUG = """
CREATE TABLE IF NOT EXISTS edge_state (
    gateway TEXT NOT NULL, name TEXT NOT NULL, online INTEGER NOT NULL, at INTEGER NOT NULL, births INTEGER NOT NULL,
    PRIMARY KEY (gateway, name)) WITHOUT ROWID;
"""

_PARTS = (
    _READINGS,
    _STORE,
    _LEDGER,
    _IDENTITY,
    _FEEDS,
    _QUALITY,
    _STATIONS,
    _LINKS,
    _SPARKPLUG,
)
STATEMENTS: tuple[str, ...] = tuple(s.strip() for part in _PARTS for s in part.split(";") if s.strip())
TABLES = frozenset(re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", ";".join(STATEMENTS)))
