"""Settings: arguments, then the environment, then the file, then the default; secrets are never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from foundation.settings import Settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder with an empty environment."""
    import os

    for name in [n for n in os.environ if n.startswith("SUHE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_each_source_overrides_the_one_below(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Default, file, environment, argument: each is stronger than the one before."""
    assert Settings().http_port == 8460
    (elsewhere / "suhe.toml").write_text("http_port = 9001\nlog_level = 'DEBUG'\n")
    assert Settings().http_port == 9001
    monkeypatch.setenv("SUHE_HTTP_PORT", "9002")
    assert Settings().http_port == 9002
    assert Settings(http_port=9003).http_port == 9003
    assert Settings().log_level == "DEBUG"


def test_secrets_are_masked_wherever_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the shown table nor repr, str or JSON holds a database's or a broker's password."""
    monkeypatch.setenv("SUHE_DATABASE_URL", "postgresql://suhe:hunter2@db/suhe")
    monkeypatch.setenv("SUHE_MQTT_URL", "mqtt://ingest:hunter2@broker")
    settings = Settings()
    for text in (repr(settings), str(settings), settings.model_dump_json(), str(settings.shown())):
        assert "hunter2" not in text
    assert settings.shown()["database_url"] == "********"
    assert settings.records_url.endswith("hunter2@db/suhe")


def test_what_is_unset_is_shown_empty_not_masked() -> None:
    """An empty secret is told apart from a set one."""
    assert Settings().shown()["database_url"] == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SUHE_HTTP_PORT", "70000"),
        ("SUHE_HTTP_PORT", "http"),
        ("SUHE_INGEST_WORKERS", "0"),
        ("SUHE_LOG_LEVEL", "loud"),
        ("SUHE_CHECKPOINT_SECONDS", "0"),
    ],
)
def test_nonsense_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A value out of range is refused, and the message names the setting."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name.removeprefix("SUHE_").lower()):
        Settings()


def test_all_state_lies_in_the_data_folder(tmp_path: Path) -> None:
    """Records, readings and keys follow SUHE_DATA; the records may lie on a server instead."""
    settings = Settings(data=tmp_path / "here")
    assert settings.records_url == f"sqlite:///{tmp_path / 'here' / 'records.db'}"
    assert settings.readings_folder.parent == settings.keys_folder.parent == tmp_path / "here"


def test_settings_cannot_be_changed_afterwards() -> None:
    """What a process was started with stays."""
    with pytest.raises(ValidationError):
        Settings().http_port = 1  # type: ignore[misc]


def test_every_setting_says_what_it_is() -> None:
    """Each field has a description that an operator reads."""
    assert all(field.description for field in Settings.model_fields.values())
