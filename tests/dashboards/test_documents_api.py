"""EPCIS documents over HTTP and on the command line: a lot out, the same lot in, a foreign document answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from dashboards.api import documents, trace
from suhe.commands.trace import app as trace_command
from tests.dashboards.fakes_house import COUNTY, House, build_house
from traceability.epcis_check import check_document


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a house with a season in it."""
    return build_house(tmp_path_factory.mktemp("house"), readings_every_minutes=1440)


@pytest.fixture(scope="module")
def writer(house: House) -> dict[str, str]:
    """Return the headers of a program that may hand in events."""
    return {"authorization": f"Bearer {house.services.registry.make_api_key('documents', 'county', COUNTY)}"}


@pytest.fixture
def web(house: House) -> Iterator[TestClient]:
    """Yield a client of the house's routes for lots and documents."""
    with TestClient(house.app(trace, documents)) as client:
        yield client


def test_a_lot_comes_out_and_goes_in_again(web: TestClient, writer: dict[str, str]) -> None:
    """GET gives a valid document as a file; POST of the same one knows every event already and records nothing."""
    answer = web.get(f"/api/v1/lots/{COUNTY}:P1/epcis", headers=writer)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("application/ld+json")
    assert f"{COUNTY}-P1.jsonld" in answer.headers["content-disposition"]
    document = answer.json()
    assert check_document(document) == []
    report = web.post("/api/v1/epcis/documents", content=answer.content, headers=writer).json()
    assert (report["valid"], report["grade"], report["recorded"]) == (True, "signed", 0)
    assert report["known"] == len(document["epcisBody"]["eventList"]) == len(report["events"])
    shown = web.get(f"/api/v1/lots/{COUNTY}:P1", headers=writer).json()["events"]
    hashes = {e["event_id"]: e["event_hash"] for e in report["events"]}
    assert shown and all(e["event_hash"] == hashes[e["event_id"]] for e in shown)


def test_a_foreign_document_is_answered_with_what_is_wrong(web: TestClient, writer: dict[str, str]) -> None:
    """Without signatures it is an answer and no error: unsigned, each fault with place, expected and got; nothing recorded."""
    document = {"@context": "https://ref.gs1.org/standards/epcis/epcis-context.jsonld", "type": "EPCISDocument", "schemaVersion": "2.0",
                "creationDate": "2025-11-20T04:00:00Z", "epcisBody": {"eventList": [{"type": "ObjectEvent"}]}}  # fmt: skip
    answer = web.post("/api/v1/epcis/documents", json=document, headers=writer)
    assert answer.status_code == 200
    report = answer.json()
    assert (report["valid"], report["grade"], report["recorded"]) == (False, "unsigned", 0)
    assert {"$.epcisBody.eventList[0].eventTime"} < {f["path"] for f in report["faults"]}
    assert web.post("/api/v1/epcis/documents", content=b'{"a":1,"a":2}', headers=writer).status_code == 422


def test_who_may(web: TestClient, writer: dict[str, str]) -> None:
    """Nobody hands a document in without a key; a lot that is not there has none."""
    assert web.post("/api/v1/epcis/documents", content=b"{}").status_code == 401
    assert web.get(f"/api/v1/lots/{COUNTY}:none/epcis", headers=writer).status_code == 404


def _run(*words: str) -> Any:
    done = CliRunner().invoke(trace_command, list(words))
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_the_command_writes_and_reads(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`suhe trace export` by code or id, `suhe trace import` of its file; an invalid one ends with 1 and says where it is wrong."""
    monkeypatch.setattr("suhe.commands.trace._services", lambda: house.services)
    file = tmp_path / "lot.jsonld"
    assert "events" in _run("export", house.code("P1"), "-o", str(file)).output
    assert json.loads(_run("export", f"{COUNTY}:P1", "--format", "epcis").output)["epcisBody"] == json.loads(file.read_text())["epcisBody"]
    assert "signed, 0 events recorded" in _run("import", str(file)).output
    document = json.loads(file.read_text())
    del document["suhe:signatures"]
    file.write_text(json.dumps(document))
    assert "unsigned" in _run("import", str(file)).output
    document["epcisBody"]["eventList"][0]["action"] = "CREATE"
    file.write_text(json.dumps(document))
    done = _run("import", str(file))
    assert done.exit_code == 1 and "FAIL  $.epcisBody.eventList[0].action" in done.output
