"""The API's manners: who may do what, problems in one shape, cursors, health; and readings over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from foundation.clock import to_ms
from ingest.payloads import ReadingIn, decode_ack, encode_up
from tests.dashboards.fakes import BAOYING, Installation, build_installation
from tests.dashboards.fakes_house import NOW

DEVICE, CHANNEL = "by-01-p1-level", "water_level"
MINUTE = 60_000


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return an installation that is no demo: nobody is a guest."""
    return build_installation(tmp_path_factory.mktemp("api"), demo=False)


@pytest.fixture(scope="module")
def reader(whole: Installation) -> Iterator[TestClient]:
    """Yield a client with a county office's key."""
    with whole.machine(whole.key("county", BAOYING)) as client:
        yield client


def operations(whole: Installation) -> list[tuple[str, str]]:
    """Return every operation of the API as (method, address with made-up names)."""
    schema = whole.app().openapi()
    filled = {
        "code": "X",
        "product": "x",
        "plot": "x",
        "device": "x",
        "gateway": "x",
        "key": "x",
        "party": "x",
        "lot": "x:1",
        "recall": "x",
        "path": "000",
        "rule": "x",
        "alarm": "x",
        "channel": "x",
        "feed": "x",
        "token": "x",
        "entry": "0",
        "proposal": "0",
        "run_id": "0",
    }
    return [
        (
            method,
            path.format(
                **{**filled, "level": "0", "number": "0", "source": "x", "market": "x", "county": BAOYING, "base": "x", "leg": "x"}
            ),
        )
        for path, item in schema["paths"].items()
        for method in item
    ]


@pytest.mark.parametrize("demo", [True, False])
def test_every_write_refuses_who_did_not_sign_in(whole: Installation, demo: bool) -> None:
    """No operation that writes is open to an anonymous caller, and the demo's guest only reads."""
    # What these two take proves itself: a known witness's signature, or two signed notes of our own log that contradict each other.
    proven = {("post", "/api/v1/log/cosignatures"), ("post", "/api/v1/log/alarms")}
    assert proven <= set(operations(whole))
    writes = [(m, p) for m, p in operations(whole) if m != "get" and (m, p) not in proven]
    assert len(writes) >= 8
    whole.services.demo = demo
    with whole.machine() as nobody:
        answers = {(m, p): nobody.request(m, p, json={}).status_code for m, p in writes}
    whole.services.demo = False
    assert {k: v for k, v in answers.items() if v != 401} == {}


@pytest.mark.parametrize("role", ["carrier", "retailer", "witness"])
def test_a_role_that_does_not_keep_the_registry_cannot_write_it(whole: Installation, role: str) -> None:
    """A key of a role without that right is refused with 403, whatever the body says."""
    with whole.machine(whole.key(role)) as client:
        for path in ("counties", "products", "parties", "bases", "plots", "devices", "gateways"):
            assert client.post(f"/api/v1/{path}", json={}).status_code == 403, path


@pytest.mark.parametrize(
    ("role", "expected"), [("county", 200), ("grower", 200), ("inspector", 200), ("service", 200), ("witness", 403), (None, 401)]
)
def test_readings_are_for_those_who_work_with_them(whole: Installation, role: str | None, expected: int) -> None:
    """Working roles read the readings; a machine of another purpose does not, and nobody else does."""
    with whole.machine(whole.key(role, BAOYING if role == "county" else None) if role else "") as client:
        assert client.get("/api/v1/readings/latest").status_code == expected


def test_a_revoked_or_made_up_key_opens_nothing(whole: Installation) -> None:
    """A key that is not known is refused, even where a guest could read."""
    key = whole.key("county", BAOYING)
    with whole.machine(key) as client:
        assert client.get("/api/v1/readings/latest").status_code == 200
        whole.services.registry.revoke_api_key(key.split("_")[1])
        assert client.get("/api/v1/readings/latest").status_code == 401
    with whole.machine("suhe_nothing_atall") as client:
        assert client.get("/api/v1/readings/latest").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("get", "/api/v1/nothing", 404, "not-found"),
        ("delete", "/api/v1/readings", 405, "method-not-allowed"),
        ("get", "/api/v1/readings", 422, "bad-input"),
        ("get", "/api/v1/counties/999999", 404, "not-found"),
    ],
)
def test_problems_have_one_shape(reader: TestClient, method: str, path: str, status: int, code: str) -> None:
    """Every error is RFC 9457: type, title, status, detail, as application/problem+json, in the caller's language."""
    answer = reader.request(method, path, headers={"accept-language": "en"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["type"] == f"urn:suhe:problem:{code}"
    assert told["status"] == status
    assert told["detail"]
    assert told["title"].isascii()
    assert not reader.request(method, path, headers={"accept-language": "zh"}).json()["title"].isascii()


def test_readings_come_in_pages_without_loss_or_repeat(reader: TestClient, whole: Installation) -> None:
    """Following `next` gives every reading of a half-open range once, in order; the Link header says the same."""
    start = to_ms(NOW) - 90 * MINUTE
    rows = [ReadingIn(DEVICE, CHANNEL, start + k * MINUTE, 10.0 + k) for k in range(25)]
    assert not whole.services.readings.accept("by-01-gw", encode_up(20_000, rows)).refused
    query: dict[str, Any] = {"device": DEVICE, "channel": CHANNEL, "start": start, "end": start + 24 * MINUTE, "limit": 7}
    got, pages = [], 0
    while True:
        answer = reader.get("/api/v1/readings", params=query)
        got += [(p["t_ms"], p["value"]) for p in answer.json()["items"]]
        pages += 1
        if answer.json()["next"] is None:
            assert "link" not in answer.headers
            break
        assert 'rel="next"' in answer.headers["link"]
        query["after"] = answer.json()["next"]
    assert got == [(r.t, r.x) for r in rows[:24]]
    assert pages == 4


def test_windows_and_gaps_agree_with_the_readings(reader: TestClient, whole: Installation) -> None:
    """A window's count, mean and extremes are those of its readings; a silence longer than the interval is a gap."""
    start = to_ms(NOW) - 300 * MINUTE
    minutes = [*range(10), *range(40, 50)]
    rows = [ReadingIn("by-01-p2-level", CHANNEL, start + k * MINUTE, 20 + k / 10) for k in minutes]
    assert not whole.services.readings.accept("by-01-gw", encode_up(20_001, rows)).refused
    query = {"device": "by-01-p2-level", "channel": CHANNEL, "start": start, "end": start + 60 * MINUTE}
    found = [w for w in reader.get("/api/v1/readings/windows", params={**query, "window_ms": 10 * MINUTE}).json()["items"] if w["n"]]
    told = [(w["n"], round(w["mean"], 9), w["min"], w["max"]) for w in found]
    assert told == [(10, 20.45, 20.0, 20.9), (10, 24.45, 24.0, 24.9)]
    gaps = reader.get("/api/v1/readings/gaps", params={**query, "interval_ms": MINUTE}).json()["items"]
    assert {"start_ms": start + 9 * MINUTE, "end_ms": start + 40 * MINUTE} in gaps


@pytest.mark.parametrize(
    "wrong",
    [{"start": 5, "end": 5}, {"start": 9, "end": 5}, {"start": -1}, {"end": 10**15}, {"limit": 0}, {"limit": 501}, {"after": "x"}],
)
def test_a_nonsense_range_is_refused_in_words(reader: TestClient, wrong: dict[str, Any]) -> None:
    """An empty, backward or endless range and an unreadable cursor are 422 or 400, never an error of ours."""
    answer = reader.get("/api/v1/readings", params={"device": DEVICE, "channel": CHANNEL, "start": 1, "end": 9, **wrong})
    assert answer.status_code in (400, 422)
    assert answer.json()["type"] == "urn:suhe:problem:bad-input"


def test_a_gateway_hands_in_readings_with_its_own_password(whole: Installation) -> None:
    """The answer over HTTP is the acknowledgement of the readings on disk; another password or another gateway's is refused."""
    row = ReadingIn(DEVICE, CHANNEL, to_ms(NOW) - 1000, 15.5)
    with whole.machine() as client:
        good = client.post("/api/v1/readings", content=encode_up(30_000, [row]), auth=("by-01-gw", whole.passwords["by-01-gw"]))
        assert good.status_code == 200
        assert decode_ack(good.content).acked == [(30_000, 30_000)]
        for name, password in (("by-01-gw", "wrong"), ("by-01-gw", whole.passwords["by-02-gw"]), ("no-such-gw", "x")):
            assert client.post("/api/v1/readings", content=encode_up(1, [row]), auth=(name, password)).status_code == 401
    newest = {r.device: r.value for r in whole.services.readings.latest(devices=[DEVICE])}
    assert newest == {DEVICE: 15.5}


def test_a_message_too_long_or_unreadable_is_refused_without_harm(whole: Installation) -> None:
    """A body over the limit is refused whole; a body that is not a message is answered with the reason."""
    auth = ("by-01-gw", whole.passwords["by-01-gw"])
    with whole.machine() as client:
        assert client.post("/api/v1/readings", content=b" " * 300_000, auth=auth).status_code == 422
        refused = client.post("/api/v1/readings", content=b"{broken", auth=auth)
        assert decode_ack(refused.content).refused[0].why


def test_health_readiness_and_figures(whole: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Health asks nothing, readiness names what does not hold, and the figures are Prometheus' text."""
    with whole.machine() as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").status_code == 200
        monkeypatch.setattr(whole.services, "readiness", lambda: {"history": (False, "5 of 10"), "disk": (True, "50% free")})
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["checks"]["history"] == {"ok": False, "detail": "5 of 10"}
        figures = client.get("/metrics")
        assert figures.headers["content-type"].startswith("text/plain")
        for name in ("suhe_readings_stored_total", "suhe_dead_letters_total", 'suhe_gateway_open_gaps{gateway="by-02-gw"} 1.0'):
            assert name in figures.text
        for name in ("suhe_ledger_missing", "suhe_ledger_gaps_seen_total", "suhe_county_freshness_seconds"):
            assert f'{name}{{county="321023"}}' in figures.text


def test_the_ledger_over_the_api(whole: Installation, reader: TestClient) -> None:
    """Streams with what is missing, the gaps of one gateway, and the broker's drops; nobody without an account reads them."""
    rows = reader.get("/api/v1/readings/ledger", params={"county": "321023"}).json()["items"]
    (row,) = [r for r in rows if r["stream"] == "by-02-gw"]
    assert row["missing"] > 0 and row["expected"] == row["received"] + row["refused"] + row["missing"] + row["lost"]
    gaps = reader.get("/api/v1/readings/ledger/gaps", params={"gateway": "by-02-gw", "open_only": True}).json()["items"]
    assert sum(g["missing"] for g in gaps) == row["missing"] and {g["state"] for g in gaps} <= {"open", "fresh"}
    assert reader.get("/api/v1/readings/ledger", params={"county": "371522"}).status_code == 200
    assert reader.get("/api/v1/readings/ledger/drops").json() == {"items": [], "next": None}


def test_the_description_names_every_operation_and_no_page(whole: Installation, reader: TestClient) -> None:
    """OpenAPI lists the API, not the pages, and the page about it lists the same."""
    paths = reader.get("/api/v1/openapi.json").json()["paths"]
    assert all(p.startswith(("/api/", "/healthz", "/readyz", "/metrics")) for p in paths)
    page = reader.get("/api/v1/docs").text
    assert [p for p in paths if p not in page] == []


def test_importing_the_application_opens_nothing(tmp_path: Path) -> None:
    """The modules of pages and API import no heavy library; those are imported where they are used."""
    import subprocess
    import sys

    asked = "import dashboards.app, sys; print([m for m in ('polars', 'pandas', 'duckdb', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout.strip() == "[]"


def test_quantiles_and_files_over_http(reader: TestClient, whole: Installation) -> None:
    """Exact quantiles of named devices; readings as CSV, Parquet and lines; an unknown format is refused."""
    start = to_ms(NOW) - 900 * MINUTE
    rows = [ReadingIn("by-01-p2-level", CHANNEL, start + k * MINUTE, 20.0 + k / 10) for k in range(5)]
    assert not whole.services.readings.accept("by-01-gw", encode_up(20_002, rows)).refused
    query = {"device": "by-01-p2-level", "channel": CHANNEL, "start": start, "end": start + 5 * MINUTE}
    told = reader.get("/api/v1/readings/quantiles", params={**query, "share": [0, 0.5]}).json()["items"]
    assert [(q["share"], round(q["value"], 9)) for q in told] == [(0.0, 20.0), (0.5, 20.2)]
    files = {form: reader.get("/api/v1/readings/export", params={**query, "format": form}) for form in ("csv", "parquet", "lines")}
    assert files["csv"].text.splitlines()[0] == "device,channel,unit,time,value,flag" and len(files["csv"].text.splitlines()) == 6
    assert files["parquet"].content[:4] == b"PAR1" and len(files["lines"].text.splitlines()) == 5
    assert reader.get("/api/v1/readings/export", params={**query, "format": "xlsx"}).status_code == 422
