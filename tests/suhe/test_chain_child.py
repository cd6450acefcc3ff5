"""The demo's own chain: started where anvil is found, at an address that stays, broken and healed; and what the command line says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from foundation.errors import BadInput, NotFound
from foundation.settings import Settings
from suhe import breaking, chain_child
from suhe.cli import app
from suhe.installation import open_installation
from suhe.stack import control_folder
from tests import servers


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return the settings of a demo's folder."""
    made = Settings(data=tmp_path / "data")
    open_installation(made.data, demo=True)
    return made


def test_a_demo_gets_a_chain_whose_address_stays(settings: Settings) -> None:
    """The native program, no accounts of its own, its state kept in the data folder, the same port at the next start."""
    servers.require(lambda: chain_child.anvil_path() or servers.program("anvil"))
    first = chain_child.prepare_chain(settings, demo=True)
    assert first is not None and not first[0].endswith((".mjs", ".js"))
    assert first[first.index("--accounts") + 1] == "0" and first[first.index("--host") + 1] == "127.0.0.1"
    assert str(settings.data.absolute()) in first[first.index("--state") + 1]
    assert chain_child.prepare_chain(settings, demo=True) == first
    assert chain_child.chain_url(settings) == f"http://127.0.0.1:{first[first.index('--port') + 1]}"


def test_no_chain_is_started_where_none_is_wanted_or_found(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in a real installation, not beside a configured one, not without anvil; and then no address is left behind."""
    chain_child.prepare_chain(settings, demo=True)
    assert chain_child.prepare_chain(settings, demo=False) is None
    assert chain_child.chain_url(settings) == ""
    outside = Settings(data=settings.data, chain_url="https://node.example/secret-token")  # type: ignore[arg-type]
    assert chain_child.prepare_chain(outside, demo=True) is None
    assert chain_child.chain_url(outside) == "https://node.example/secret-token"
    assert "secret-token" not in json.dumps(outside.shown())
    monkeypatch.setenv("SUHE_HIDE_PROGRAMS", "anvil")
    assert chain_child.prepare_chain(settings, demo=True) is None


def test_breaking_holds_the_chain_down_and_healing_lets_it_go(settings: Settings) -> None:
    """As for the broker: a file that the supervisor obeys. A demo without a chain says so; a third way to break it does not exist."""
    with pytest.raises(NotFound):
        breaking.break_it(settings, "chain", "")
    (settings.data / "chain").mkdir()
    (settings.data / "chain" / "chain.json").write_text('{"port": 1}')
    with pytest.raises(BadInput):
        breaking.break_it(settings, "chain", "sideways")
    hold = control_folder(settings) / "hold-chain"
    assert "held down" in breaking.break_it(settings, "chain", "")
    assert hold.exists()
    assert any("chain" in line for line in breaking.heal_all(settings))
    assert not hold.exists()
    (settings.data / "chain" / "state.json").write_text("{}")
    assert "empty" in breaking.break_it(settings, "chain", "empty")
    assert not hold.exists() and not (settings.data / "chain" / "state.json").exists()


def test_the_command_line_tells_status_and_refuses_to_deploy_nowhere(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a chain: status in words and as JSON with exit code 0; deploy and --check say which setting is missing."""
    monkeypatch.setenv("SUHE_DATA", str(settings.data))
    run = CliRunner()
    told = run.invoke(app, ["trace", "anchor", "status"])
    assert told.exit_code == 0 and "no chain is configured" in told.output
    plain = json.loads(run.invoke(app, ["trace", "anchor", "status", "--json"]).output)
    assert (plain["condition"], plain["anchored"], plain["waiting_records"], plain["account"]) == ("none", None, 0, "")
    for words in (["deploy"], ["status", "--check"]):
        failed = run.invoke(app, ["trace", "anchor", *words])
        assert failed.exit_code == 1 and "SUHE_CHAIN_URL" in str(failed.exception)


def test_the_command_line_anchors_outside_only_when_asked(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deploy by hand on a chain that was configured; a real one, the account without money first."""
    server = servers.require(lambda: servers.start_anvil(tmp_path / "anvil"))
    assert isinstance(server, servers.Server)
    with servers.running(server):
        monkeypatch.setenv("SUHE_DATA", str(settings.data))
        monkeypatch.setenv("SUHE_CHAIN_URL", server.url)
        run = CliRunner()
        poor = run.invoke(app, ["trace", "anchor", "deploy"])
        assert poor.exit_code == 1 and "holds too little" in str(poor.exception)
        account = json.loads(run.invoke(app, ["trace", "anchor", "status", "--json"]).output)["account"]
        _fund(server.url, account)
        made = run.invoke(app, ["trace", "anchor", "deploy"])
        assert made.exit_code == 0 and "contract 0x" in made.output
        checked = json.loads(run.invoke(app, ["trace", "anchor", "status", "--check", "--json"]).output)
        assert checked["check"]["ok"] is True and checked["check"]["contract"].lower() in made.output.lower()


def _fund(url: str, account: str) -> None:
    import urllib.request

    body = {"jsonrpc": "2.0", "id": 1, "method": "anvil_setBalance", "params": [account, hex(10**20)]}
    asked = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    assert "error" not in json.loads(urllib.request.urlopen(asked, timeout=10).read())
