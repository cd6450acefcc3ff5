"""The two datasources as the API takes them: what `provisioning/datasources/suhe.yaml` says, with this installation's addresses.

A test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from foundation.settings import Settings


@dataclass(frozen=True)
class Datasource:
    """A datasource as it should be; `unset` names the settings without which it cannot be made."""

    body: dict[str, Any]
    unset: tuple[str, ...]

    @property
    def uid(self) -> str:
        """The uid by which boards name it."""
        return str(self.body["uid"])


def datasources(settings: Settings) -> tuple[Datasource, Datasource]:
    """Return readings (VictoriaMetrics, by Prometheus' API) and records (PostgreSQL)."""
    readings = {
        "name": "Suhe readings", "uid": "suhe-readings", "type": "prometheus", "access": "proxy",
        "url": settings.grafana_readings_url,
        "jsonData": {"httpMethod": "POST", "timeInterval": "10s"},
    }  # fmt: skip
    password = settings.grafana_records_password.get_secret_value()
    records = {
        "name": "Suhe records", "uid": "suhe-records", "type": "grafana-postgresql-datasource", "access": "proxy",
        "url": settings.grafana_records_host, "user": settings.grafana_records_user,
        "jsonData": {"database": settings.grafana_records_database, "sslmode": "prefer", "postgresVersion": 1500},
        **({"secureJsonData": {"password": password}} if password else {}),
    }  # fmt: skip
    needed = ("grafana_records_host", "grafana_records_user", "grafana_records_database")
    return (
        Datasource(readings, () if settings.grafana_readings_url else ("SUHE_GRAFANA_READINGS_URL",)),
        Datasource(records, tuple(f"SUHE_{name.upper()}" for name in needed if not getattr(settings, name))),
    )
