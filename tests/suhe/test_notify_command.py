"""`suhe notify`: channels in a private file, secrets never on the command line, and what became of the messages."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from foundation.clock import SystemClock, to_ms
from foundation.database import open_engine
from foundation.errors import BadInput, NotFound
from foundation.notify import Message, SendFailed
from foundation.notify_outbox import Outbox, put
from foundation.settings import Settings
from suhe.cli import app
from suhe.commands.doctor import _notifications
from suhe.migrate import migrate

SECRET = "SEC0123456789abcdef"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the data folder the commands use."""
    monkeypatch.setenv("SUHE_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str, told: str = "") -> str:
    """Run a command as the program would and return what it printed."""
    done = CliRunner().invoke(app, ["notify", *words], input=told)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


class Refusing:
    """A channel that takes nothing."""

    kind, per_minute = "test", 20

    def send(self, _message: Message) -> None:
        """Refuse for good."""
        raise SendFailed("refused", permanent=True)


def put_dead(engine: Engine) -> None:
    """Write a message that is refused for good."""
    with engine.begin() as connection:
        put(connection, Message("b", "t", ""), ["refusing"], "s", to_ms(SystemClock().now()))
    Outbox(engine, SystemClock()).deliver({"refusing": Refusing()}, only="refusing")


def test_a_channel_comes_and_goes_and_its_secret_is_seen_nowhere(folder: Path) -> None:
    """Secrets are read line by line from standard input; the list shows name, kind and county; removal forgets them."""
    said = run("add", "office", "--kind", "dingtalk", "--county", "371522", told=f"0123456789abcdef\n{SECRET}\n")
    path = folder / "keys" / "channels.toml"
    assert SECRET in path.read_text() and stat.S_IMODE(path.stat().st_mode) == 0o600
    listed = run("list", "--json")
    assert json.loads(listed) == [{"name": "office", "kind": "dingtalk", "county": "371522", "lang": "zh-Hans"}]
    assert SECRET not in said + listed + run("list")
    run("remove", "office")
    assert SECRET not in path.read_text()


def test_a_secret_on_the_command_line_is_refused(folder: Path) -> None:
    """Whoever can list processes would read it; nothing is kept."""
    with pytest.raises(BadInput, match="command line"):
        run("add", "hook", "--kind", "webhook", "--set", "url=https://a.example/", "--set", "secret=0123456789abcdef")
    assert not (folder / "keys" / "channels.toml").exists()


def test_a_channel_is_tried_and_the_spool_says_so(folder: Path) -> None:
    """A test goes through the channel itself; an unknown one is an error that says what to do."""
    run("add", "texts", "--kind", "sms", "--set", "to=13800000000")
    assert "texts took it" in run("test", "texts")
    (file,) = (folder / "spool" / "sms").iterdir()
    assert json.loads(file.read_text())["sent"] is False
    with pytest.raises(NotFound, match="no such channel"):
        run("test", "nothing")


def test_the_outbox_is_shown_and_a_dead_message_revived(folder: Path) -> None:
    """The operator sees why a message was given up, and lets it be tried again."""
    engine = open_engine(f"sqlite:///{folder / 'records.db'}")
    migrate(engine)
    with engine.begin() as connection:
        put(connection, Message("a", "番茄", ""), ["gone"], "s", to_ms(SystemClock().now()))
    box = Outbox(engine, SystemClock())
    box.deliver({})
    assert "no channel of this name" in run("outbox")
    (entry,) = json.loads(run("outbox", "--json", "--state", "waiting"))
    assert (entry["title"], entry["tries"]) == ("番茄", 1)
    with pytest.raises(NotFound):
        run("again", str(entry["id"]))
    assert [f.seen for f in _notifications(Settings(data=folder))] == ["1 waiting, 0 not delivered"]
    put_dead(engine)
    (found,) = _notifications(Settings(data=folder))
    assert (found.fine, found.seen) == (False, "1 waiting, 1 not delivered") and "dead" in found.todo
    engine.dispose()
    assert list(_notifications(Settings(data=folder / "nothing"))) == []
