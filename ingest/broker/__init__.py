"""A broker as ingest relies on it: every promise tried on any URL, and what a broker tells of itself."""
