"""Settings, read in one place: defaults, then `suhe.toml`, then the environment (`SUHE_...`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource


class Settings(BaseSettings):
    """Everything an operator may set. Every field is documented in `docs/operations.md`."""

    model_config = SettingsConfigDict(env_prefix="SUHE_", toml_file="suhe.toml", extra="ignore", frozen=True)

    data: Path = Field(default=Path("data"), description="Folder that holds all state")
    http_host: str = Field(default="127.0.0.1", description="Address the pages and the API listen on")
    http_port: int = Field(default=8460, ge=0, le=65535, description="Port of the pages and the API")
    public_url: str = Field(default="", description="Address printed into QR codes; empty means this machine's own")
    database_url: SecretStr = Field(
        default=SecretStr(""), description="SQLAlchemy URL of the records; empty means SQLite in the data folder"
    )
    mqtt_url: SecretStr = Field(
        default=SecretStr(""),
        description="An MQTT broker to use instead of our own child, mqtt://user:password@host:port or mqtts://",
    )
    mqtt_ca: str = Field(default="", description="File of certificates to trust for that broker; empty means the system's")
    mqtt_port: int = Field(default=0, ge=0, le=65535, description="Port of our own broker; 0 picks a free one and keeps it")
    ingest_workers: int = Field(default=1, ge=1, le=16, description="Ingest processes, each with its own shards")
    sl651_port: int = Field(default=0, ge=0, le=65535, description="TCP port for water stations of SL 651; 0 means none")
    hj212_port: int = Field(default=0, ge=0, le=65535, description="TCP port for stations of HJ 212; 0 means none")
    stations_host: str = Field(default="127.0.0.1", min_length=1, description="Address the ports for stations listen on")
    web_processes: int = Field(default=1, ge=1, le=16, description="Processes that serve the pages and the API on one port")
    checkpoint_seconds: float = Field(default=10.0, gt=0, description="Interval between signed log checkpoints")
    seal_after_minutes: float = Field(
        default=0.0, ge=0, description="How long after its end a plot-day is sealed; 0 means 2 minutes in a demo, else 6 hours"
    )
    chain_url: SecretStr = Field(
        default=SecretStr(""), description="JSON-RPC address of an EVM chain to anchor the log on; empty means none, or a demo's own child"
    )
    anchor_seconds: float = Field(default=0.0, ge=0, description="Least time between anchors; 0 means 30 in a demo, else 600")
    chain_confirmations: int = Field(default=12, ge=1, description="Blocks after which an anchor is no longer asked for one by one")
    compact_seconds: float = Field(default=3600.0, gt=0, description="Interval between compactions of the segments")
    use_pyvrp: bool = Field(default=True, description="Plan freight with PyVRP; without it our own search plans, and says so")
    # No user or password in it: it is shown, and the token is the place for a secret.
    sink_url: str = Field(
        default="",
        pattern=r"^(https?://[^@\s]+)?$",
        description="A server store that takes InfluxDB v2 writes; empty means our own VictoriaMetrics where it is found",
    )
    sink_token: SecretStr = Field(default=SecretStr(""), description="Token of the server store")
    sink_org: str = Field(default="suhe", min_length=1, description="Organisation at the server store")
    sink_bucket: str = Field(default="readings", min_length=1, description="Bucket at the server store")
    sink_lag_seconds: float = Field(
        default=60.0, ge=60, description="How long after a write was answered it is trusted; before that it is written again after a crash"
    )
    keep_readings_months: int = Field(
        default=13, ge=0, le=1200, description="Months for which single readings are kept, by time of observation; 0 means for ever"
    )
    keep_5min_months: int = Field(
        default=36, ge=0, le=1200, description="Months for which windows of five minutes are kept; 0 means for ever; 1 h and 1 d always are"
    )
    grafana_url: str = Field(default="", description="Address of a Grafana that `suhe grafana push` sends boards to")
    grafana_token: SecretStr = Field(default=SecretStr(""), description="Token of a service account of that Grafana")
    grafana_readings_url: str = Field(default="", description="VictoriaMetrics as Grafana reaches it, such as http://127.0.0.1:8428")
    grafana_records_host: str = Field(default="", description="PostgreSQL as Grafana reaches it, host:port")
    grafana_records_database: str = Field(default="", description="Name of the database that holds the records")
    grafana_records_user: str = Field(default="", description="Role that may read the records and nothing else")
    grafana_records_password: SecretStr = Field(default=SecretStr(""), description="Its password")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least severe log line kept")
    contact: str = Field(default="", description="Contact printed in the user agent of the price collector")

    price_sources: str = Field(
        default="",
        description="Price sources to read, separated by commas: id, or id=address; `all`: every one that needs no leave; empty: none",
    )
    price_private_hosts: str = Field(
        default="", description="Hosts of price sources that may stand in a private network, separated by commas; all others must be public"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def records_url(self) -> str:
        """SQLAlchemy URL of the records, the SQLite default included."""
        return self.database_url.get_secret_value() or f"sqlite:///{self.data.absolute() / 'records.db'}"

    @property
    def private_price_hosts(self) -> list[str]:
        """The hosts of price sources that may stand in a private network."""
        return [host.strip().lower() for host in self.price_private_hosts.split(",") if host.strip()]

    @property
    def readings_folder(self) -> Path:
        """Folder of the receive log and time-series store."""
        return self.data / "readings"

    @property
    def keys_folder(self) -> Path:
        """Folder (0700) of the server's and the demo's private keys."""
        return self.data / "keys"

    def shown(self) -> dict[str, Any]:
        """Return every setting as text for printing, secrets masked."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: ("********" if v.get_secret_value() else "") if isinstance(v, SecretStr) else str(v) for name, v in values.items()}
