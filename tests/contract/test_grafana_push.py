"""Pushing to Grafana: grafana-api's real client against a stub written from Grafana's public API reference, not against a live Grafana."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from dashboards.grafana.client import connect
from dashboards.grafana.datasources import datasources
from dashboards.grafana.marks import MARK, content_mark, told_mark
from dashboards.grafana.push import Outcome, push, shipped
from foundation.errors import BadInput, Conflict, NotAllowed, NotSignedIn, SuheError, Unavailable
from foundation.settings import Settings
from suhe.cli import app
from tests.contract.grafana_stub import GrafanaStub
from tests.servers import free_port

TOKEN = "glsa_only_in_tests_1f2e3d"
SETTINGS = Settings(
    grafana_readings_url="http://readings.example:8428",
    grafana_records_host="records.example:5432",
    grafana_records_database="suhe",
    grafana_records_user="suhe_reader",
    grafana_records_password="kept-apart",
)
Boards = dict[str, list[dict[str, Any]]]
BOARDS = shipped(("zh", "en"))
EVERYTHING = 2 + 2 + sum(len(several) for several in BOARDS.values())


@pytest.fixture
def stub() -> Iterator[GrafanaStub]:
    """Return an empty Grafana."""
    made = GrafanaStub(TOKEN)
    yield made
    made.stop()


def pushed(stub: GrafanaStub, boards: Boards = BOARDS, settings: Settings = SETTINGS, **how: bool) -> dict[str, Outcome]:
    """Push and return the outcomes by uid."""
    return {o.uid: o for o in push(connect(stub.url, TOKEN, timeout_s=5), boards, datasources(settings), **how)}


def changed(uid: str = "suhe-field-en") -> Boards:
    """Return our boards as a next release might ship them: one has another title."""
    boards = copy.deepcopy(BOARDS)
    for board in (b for several in boards.values() for b in several if b["uid"] == uid):
        board["title"] += " 2"
        board["tags"] = [t for t in board["tags"] if not t.startswith(MARK)]
        board["tags"].append(MARK + content_mark(board))
    return boards


def test_every_shipped_board_carries_the_mark_of_its_own_content() -> None:
    """The mark is recomputed from the content, and any change of the content is another mark."""
    for board in (b for several in BOARDS.values() for b in several):
        assert told_mark(board) == content_mark(board) == content_mark({**board, "id": 7, "version": 3})
        assert content_mark({**board, "title": "other"}) != told_mark(board)
    assert len(BOARDS["zh"]) == len(BOARDS["en"]) >= 4


def test_the_first_push_makes_everything_in_its_folder(stub: GrafanaStub) -> None:
    """Folders by uid with their titles, datasources by uid with the password kept secret, every board in the folder of its language."""
    outcomes = pushed(stub)
    assert len(outcomes) == EVERYTHING and {o.state for o in outcomes.values()} == {"created"}
    assert {uid: f["title"] for uid, f in stub.folders.items()} == {"suhe-zh": "溯禾", "suhe-en": "Suhe"}
    assert stub.secrets["suhe-records"] == {"password": "kept-apart"}
    for lang, several in BOARDS.items():
        for board in several:
            kept = {k: v for k, v in stub.boards[board["uid"]].items() if k not in ("id", "version")}
            assert kept == board and stub.metas[board["uid"]]["folderUid"] == f"suhe-{lang}"


def test_the_second_push_sends_nothing(stub: GrafanaStub) -> None:
    """What is there with the same content is only looked at: no request that writes."""
    pushed(stub)
    assert len(stub.sent()) == EVERYTHING
    outcomes = pushed(stub)
    assert {o.state for o in outcomes.values()} == {"unchanged"}
    assert len(stub.requests) > EVERYTHING and stub.sent() == []


def test_a_changed_board_is_updated_and_no_other(stub: GrafanaStub) -> None:
    """One request, without overwrite and with the version that was seen; Grafana counts it as the next version, our mark in its message."""
    pushed(stub)
    stub.sent()
    outcomes = pushed(stub, changed())
    assert [o.uid for o in outcomes.values() if o.state == "updated"] == ["suhe-field-en"]
    ((method, route, body),) = stub.sent()
    assert (method, route, body["overwrite"], body["dashboard"]["version"]) == ("POST", "/dashboards/db", False, 1)
    assert stub.boards["suhe-field-en"]["title"].endswith(" 2") and stub.boards["suhe-field-en"]["version"] == 2
    assert told_mark(stub.boards["suhe-field-en"]) in stub.messages["suhe-field-en"][-1]


@pytest.mark.parametrize("next_release", [False, True])
def test_a_board_edited_by_hand_is_kept_and_named(stub: GrafanaStub, next_release: bool) -> None:
    """Whether we have something newer or not, somebody's work is left alone and told by name; the others go on."""
    pushed(stub)
    stub.edit("suhe-field-en", title="Ours, with the chief's wishes")
    stub.sent()
    outcomes = pushed(stub, changed() if next_release else BOARDS)
    field = outcomes.pop("suhe-field-en")
    assert (field.state, field.left, field.detail) == ("edited there", True, "Ours, with the chief's wishes")
    assert {o.state for o in outcomes.values()} == {"unchanged"} and stub.sent() == []


def test_force_overwrites_what_was_edited(stub: GrafanaStub) -> None:
    """With force our content is back; a push after it finds nothing to do."""
    pushed(stub)
    stub.edit("suhe-lots-zh", description="x", tags=["mine"])
    outcomes = pushed(stub, force=True)
    assert outcomes["suhe-lots-zh"].state == "overwritten" and outcomes["suhe-lots-en"].state == "unchanged"
    assert content_mark(stub.boards["suhe-lots-zh"]) == told_mark(stub.boards["suhe-lots-zh"])
    stub.sent()
    assert {o.state for o in pushed(stub).values()} == {"unchanged"} and stub.sent() == []


@pytest.mark.parametrize("versions_in_object", [True, False])
def test_a_grafana_that_rewrites_json_as_it_saves_is_not_taken_for_a_hand(stub: GrafanaStub, versions_in_object: bool) -> None:
    """Where content no longer fits its mark, the newest version's message tells our push from an edit, in both shapes of the list."""
    stub.versions_in_object = versions_in_object
    stub.rewrite = lambda board: {**board, "schemaVersion": 99, "preload": False}
    pushed(stub)
    stub.sent()
    assert {o.state for o in pushed(stub).values()} == {"unchanged"} and stub.sent() == []
    assert pushed(stub, changed())["suhe-field-en"].state == "updated"
    stub.edit("suhe-field-en", title="by hand")
    stub.messages["suhe-field-en"].pop()  # a list that lacks the newest version proves nothing
    assert pushed(stub, changed())["suhe-field-en"].state == "edited there"
    stub.messages["suhe-field-en"].append("")
    assert pushed(stub, changed())["suhe-field-en"].state == "edited there"


def test_a_board_saved_in_a_newer_form_is_somebody_s_work(stub: GrafanaStub) -> None:
    """Grafana 13 answers 406 where a board was saved in its second schema, or tells that schema: kept and named, the others go on."""
    pushed(stub)
    stub.fail = {("GET", "/dashboards/uid/suhe-field-zh"): (406, {"message": "dashboard api version not supported"})}
    second = {"title": "second schema", "elements": {}, "tags": ["suhe", MARK + told_mark(BOARDS["en"][0])]}
    stub.fail["GET", f"/dashboards/uid/{BOARDS['en'][0]['uid']}"] = (200, {"dashboard": second, "meta": {"version": 2}})
    stub.messages[BOARDS["en"][0]["uid"]].append("")
    stub.sent()
    outcomes = pushed(stub)
    assert [o.uid for o in outcomes.values() if o.state == "edited there"] == ["suhe-field-zh", BOARDS["en"][0]["uid"]]
    assert sum(o.state == "unchanged" for o in outcomes.values()) == EVERYTHING - 2 and stub.sent() == []
    assert pushed(stub, force=True)["suhe-field-zh"].state == "overwritten"


def test_edited_while_we_push_is_a_conflict_by_name(stub: GrafanaStub) -> None:
    """Somebody saves between our look and our write: Grafana says 412, nothing is lost, and the next push keeps the edit."""
    pushed(stub)
    stub.before_save = lambda: stub.edit("suhe-field-en", title="a moment before")
    with pytest.raises(Conflict) as caught:
        pushed(stub, changed())
    assert "suhe-field-en" in caught.value.message and "412" in caught.value.got and "again" in caught.value.todo
    assert stub.boards["suhe-field-en"]["title"] == "a moment before"
    assert pushed(stub, changed())["suhe-field-en"].state == "edited there"


def test_a_folder_that_exists_is_used_whatever_its_title(stub: GrafanaStub) -> None:
    """A folder of our uid is not made again and keeps its title; one of our title under another uid is a named conflict."""
    stub.folders["suhe-zh"] = {"id": 1, "uid": "suhe-zh", "title": "莘县农情", "version": 3}
    assert pushed(stub)["suhe-zh"].state == "unchanged" and stub.folders["suhe-zh"]["title"] == "莘县农情"
    stub.folders = {"their-own": {"id": 9, "uid": "their-own", "title": "Suhe", "version": 1}}
    with pytest.raises(Conflict, match="suhe-en"):
        pushed(stub)


def test_two_pushes_at_once_make_one_folder(stub: GrafanaStub) -> None:
    """The other push made the folder after we looked: 409, looked at again, fine."""
    looked = stub.answer

    def race(method: str, path: str, authorization: str, body: Any) -> tuple[int, Any]:
        if method == "POST" and path.endswith("/folders"):
            stub.folders[body["uid"]] = {"id": 1, **body, "version": 1}
        return looked(method, path, authorization, body)

    stub.answer = race  # type: ignore[method-assign]
    assert pushed(stub)["suhe-en"].state == "unchanged"


def test_a_board_that_was_moved_stays_where_it_was_put(stub: GrafanaStub) -> None:
    """An update goes into the folder the board is in now."""
    pushed(stub)
    stub.folders["wall"] = {"id": 5, "uid": "wall", "title": "Wall", "version": 1}
    stub.metas["suhe-field-en"]["folderUid"] = "wall"
    pushed(stub, changed())
    assert stub.metas["suhe-field-en"]["folderUid"] == "wall" and stub.boards["suhe-field-en"]["title"].endswith(" 2")


def test_a_board_from_files_is_told_and_left(stub: GrafanaStub) -> None:
    """A Grafana that reads our files refuses pushes of them: said before trying, and only where the files are not what we ship."""
    pushed(stub)
    for meta in stub.metas.values():
        meta["provisioned"] = True
    stub.sent()
    outcomes = pushed(stub, changed(), force=True)
    assert outcomes["suhe-field-en"].state == "from files there" and outcomes["suhe-field-en"].left
    assert outcomes["suhe-field-zh"].state == "unchanged" and not [r for r in stub.sent() if r[1] == "/dashboards/db"]


def test_datasources_follow_the_settings_by_uid(stub: GrafanaStub) -> None:
    """Another address is one PUT by uid that keeps the operator's own options; a password alone is sent again only when forced."""
    pushed(stub)
    stub.datasources["suhe-readings"]["jsonData"]["manageAlerts"] = False
    stub.datasources["suhe-readings"]["isDefault"] = True
    stub.sent()
    moved = SETTINGS.model_copy(update={"grafana_readings_url": "http://elsewhere.example:8428"})
    outcome = pushed(stub, settings=moved)["suhe-readings"]
    assert (outcome.state, outcome.detail) == ("updated", "url")
    assert [r[:2] for r in stub.sent()] == [("PUT", "/datasources/uid/suhe-readings")]
    there = stub.datasources["suhe-readings"]
    assert there["url"] == "http://elsewhere.example:8428" and there["isDefault"] and there["jsonData"]["manageAlerts"] is False
    rotated = Settings(**{**moved.model_dump(), "grafana_records_password": "rotated"})
    assert pushed(stub, settings=rotated)["suhe-records"].state == "unchanged"
    assert pushed(stub, settings=rotated, force=True)["suhe-records"].state == "overwritten"
    assert stub.secrets["suhe-records"] == {"password": "rotated"}


def test_a_datasource_without_an_address_is_said_not_made(stub: GrafanaStub) -> None:
    """Boards still go; the missing settings are named. A read-only datasource that differs is left and told."""
    outcomes = pushed(stub, settings=Settings())
    assert (outcomes["suhe-readings"].state, outcomes["suhe-readings"].detail) == ("not set up", "empty here: SUHE_GRAFANA_READINGS_URL")
    assert "SUHE_GRAFANA_RECORDS_HOST" in outcomes["suhe-records"].detail and stub.datasources == {}
    assert outcomes["suhe-field-zh"].state == "created"
    pushed(stub)
    stub.datasources["suhe-readings"].update(readOnly=True, url="http://from.files:8428")
    assert pushed(stub)["suhe-readings"] == Outcome("datasource", "suhe-readings", "from files there", "differs in url")


def test_a_dry_run_only_looks(stub: GrafanaStub) -> None:
    """It says what would be done, to an empty Grafana and to one with an edit, and sends nothing."""
    assert {o.state for o in pushed(stub, dry_run=True).values()} == {"created"} and stub.sent() == []
    pushed(stub)
    stub.edit("suhe-lots-en", title="x")
    stub.sent()
    told = pushed(stub, changed(), dry_run=True, force=True)
    assert (told["suhe-field-en"].state, told["suhe-lots-en"].state) == ("updated", "overwritten") and stub.sent() == []


@pytest.mark.parametrize(
    ("fail", "kind", "said"),
    [
        ({("GET", "/folders/suhe-zh"): (401, {"message": "Expired token"})}, NotSignedIn, "SUHE_GRAFANA_TOKEN"),
        ({("POST", "/datasources"): (403, {"message": "Permissions needed: datasources:create"})}, NotAllowed, "datasources:create"),
        ({("POST", "/dashboards/db"): (400, {"message": "bad panel"})}, BadInput, "bad panel"),
        ({("POST", "/dashboards/db"): (404, {"message": "Not found"})}, SuheError, "save the board"),
        ({("POST", "/folders"): (412, {"message": "changed", "status": "version-mismatch"})}, Conflict, "suhe-zh"),
        ({("GET", "/folders/suhe-zh"): (500, {"message": f"panic: header Bearer {TOKEN}"})}, Unavailable, "panic"),
        ({("GET", "/folders/suhe-zh"): (503, "<html>gateway</html>")}, Unavailable, "503"),
        ({("GET", "/folders/suhe-zh"): (200, "<html>please sign in</html>")}, BadInput, "not Grafana"),
        ({("GET", "/folders/suhe-zh"): (302, "")}, BadInput, "another address"),
        ({("GET", "/health"): (200, {"version": "9.5.2"})}, BadInput, "10.2 or newer"),
    ],
)  # fmt: skip
def test_refusals_become_errors_that_say_what_to_do(stub: GrafanaStub, fail: dict[Any, Any], kind: type[SuheError], said: str) -> None:
    """Each kind of refusal is the error it means, and the token is in none of them, not even where the server sends it back."""
    stub.fail = fail
    with pytest.raises(kind) as caught:
        pushed(stub)
    assert said in caught.value.explain() and (caught.value.todo or caught.value.got)
    assert TOKEN not in caught.value.explain() and TOKEN not in repr(caught.value.__cause__)


def test_a_wrong_token_a_closed_port_and_a_slow_server(stub: GrafanaStub) -> None:
    """401 asks for another token; nobody there, and nobody answering in time, is unavailable."""
    with pytest.raises(NotSignedIn, match="SUHE_GRAFANA_TOKEN"):
        list(push(connect(stub.url, "another"), BOARDS, datasources(SETTINGS)))
    assert stub.sent() == []
    with pytest.raises(Unavailable, match="does not answer"):
        list(push(connect(f"http://127.0.0.1:{free_port()}", TOKEN), BOARDS, ()))
    answer, late = stub.answer, threading.Event()
    stub.answer = lambda *told: (late.wait(30), answer(*told))[1]  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match="Timeout"):
        list(push(connect(stub.url, TOKEN, timeout_s=0.2), BOARDS, ()))
    late.set()


@pytest.mark.parametrize(
    "url", ["", "grafana.example", "ftp://grafana.example", "http://", "http://a:b@grafana.example", "http://h:99999", "http://h/?x=1"]
)
def test_an_address_that_is_none_is_refused_before_anything_is_sent(url: str) -> None:
    """A password typed into the address is refused, and not shown again."""
    with pytest.raises(BadInput, match="no address of a Grafana") as caught:
        connect(url, TOKEN)
    assert "a:b" not in caught.value.explain()
    for token in ("two words", "new\nline", "溯禾"):
        with pytest.raises(BadInput, match="cannot be a token") as caught:
            connect("http://grafana.example", token)
        assert token not in caught.value.explain()


def test_a_grafana_behind_a_prefix_and_a_page_that_is_none() -> None:
    """`https://host/grafana` works with and without a slash at its end; forgetting the prefix is told as such."""
    stub = GrafanaStub(TOKEN, prefix="/grafana")
    try:
        for url in (stub.url, stub.url + "/"):
            assert len(list(push(connect(url, TOKEN), BOARDS, datasources(SETTINGS)))) == EVERYTHING
        with pytest.raises(BadInput, match="not Grafana's API"):
            list(push(connect(stub.url.removesuffix("/grafana"), TOKEN), BOARDS, ()))
    finally:
        stub.stop()


def test_the_command_prints_what_it_did_and_never_the_token(stub: GrafanaStub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 0 where all is as shipped, 1 with the names where something was left alone; the token comes from the environment."""
    run = CliRunner()
    for name in ("URL", "READINGS_URL", "RECORDS_HOST", "RECORDS_DATABASE", "RECORDS_USER", "RECORDS_PASSWORD"):
        monkeypatch.delenv(f"SUHE_GRAFANA_{name}", raising=False)
    monkeypatch.delenv("SUHE_GRAFANA_TOKEN", raising=False)
    assert isinstance(run.invoke(app, ["grafana", "push", "--url", stub.url]).exception, NotSignedIn)
    monkeypatch.setenv("SUHE_GRAFANA_TOKEN", TOKEN)
    assert "no address" in str(run.invoke(app, ["grafana", "push"]).exception)
    monkeypatch.setenv("SUHE_GRAFANA_URL", stub.url)
    first = run.invoke(app, ["grafana", "push", "--lang", "en"])
    assert first.exit_code == 0 and "suhe-field-en    created" in first.output and "zh" not in first.output
    stub.edit("suhe-field-en", title="x")
    second = run.invoke(app, ["grafana", "push"])
    assert second.exit_code == 1 and "left alone: suhe-field-en" in second.output and "suhe-field-zh    created" in second.output
    third = run.invoke(app, ["grafana", "push", "--force", "--json"])
    told = {outcome["uid"]: outcome["state"] for outcome in json.loads(third.stdout)}
    assert third.exit_code == 0 and told["suhe-field-en"] == "overwritten" and told["suhe-field-zh"] == "unchanged"
    assert "nothing was sent" in run.invoke(app, ["grafana", "push", "--dry-run"]).output
    assert "no boards in this language" in str(run.invoke(app, ["grafana", "push", "--lang", "de"]).exception)
    assert TOKEN not in first.output + second.output + third.output + run.invoke(app, ["config"]).output
