"""The registry over HTTP: what is public, who may write, what a county sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import nacl.signing
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboards.api.registry import router
from dashboards.problems import install
from foundation.clock import Clock, FixedClock
from foundation.database import metadata, open_engine
from registry.parties import Party
from registry.plots import Base
from registry.service import Registry
from tests.registry.examples import BAOYING, BASE, COOP, LEVEL, LOTUS, POND, SHENXIAN

SX_COOP = Party("sx-coop", "371522", ("cooperative",), "莘县示例合作社", "Shenxian Example Cooperative")
SX_BASE = Base("sx-01", "371522", "sx-coop", "燕店基地", "Yandian base", 36.3, 115.5)


@dataclass
class OnlyTheRegistry:
    """As much of the services as these routes use."""

    registry: Registry
    clock: Clock
    demo: bool = False


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Return a registry with two counties."""
    engine = open_engine(f"sqlite:///{tmp_path / 'records.db'}")
    metadata.create_all(engine)
    made = Registry(engine, FixedClock(datetime(2026, 5, 1, tzinfo=UTC)))
    made.add_all([BAOYING, SHENXIAN, COOP, SX_COOP, BASE, SX_BASE, POND, LOTUS])
    made.register_gateway("by-01-gw", "321023", "by-01", "网关", "Gateway")
    made.add_device(LEVEL)
    return made


@pytest.fixture
def web(registry: Registry) -> Iterator[TestClient]:
    """Return a client of an application with the registry's routes alone."""
    services = OnlyTheRegistry(registry, FixedClock(datetime(2026, 5, 1, tzinfo=UTC)))
    app = FastAPI()
    app.state.services = services
    install(app)
    app.include_router(router(services))  # type: ignore[arg-type]
    with TestClient(app) as client:
        yield client


@pytest.fixture
def baoying(registry: Registry) -> dict[str, str]:
    """Return the headers of a key of Baoying's county office."""
    return {"authorization": f"Bearer {registry.make_api_key('office', 'county', '321023')}"}


@pytest.fixture
def administrator(registry: Registry) -> dict[str, str]:
    """Return the headers of an administrator's key."""
    return {"authorization": f"Bearer {registry.make_api_key('root', 'administrator')}"}


def test_counties_products_and_keys_are_public(web: TestClient, registry: Registry) -> None:
    """A verifier without an account reads what it needs, and nothing else."""
    key = registry.add_key("coop-1", bytes(nacl.signing.SigningKey.generate().verify_key), 5)
    assert [c["code"] for c in web.get("/api/v1/counties").json()["items"]] == ["321023", "371522"]
    assert web.get("/api/v1/counties/321023").json()["name_zh"] == "宝应县"
    assert web.get("/api/v1/products/lotus_root").json()["varieties"][0]["id"] == "lotus_root_early"
    assert web.get(f"/api/v1/keys/{key.id}").json()["public_key"] == key.public_key.hex()
    for closed in ("parties", "bases", "plots", "plots/by-01-p1", "devices", "devices/by-01-p1-level", "gateways"):
        answer = web.get(f"/api/v1/{closed}")
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_list_is_paged_by_cursor(web: TestClient) -> None:
    """Each page says where the next begins, in the body and in the Link header; the last says null."""
    first = web.get("/api/v1/counties", params={"limit": 1})
    assert first.json()["next"] == "321023"
    assert 'rel="next"' in first.headers["link"]
    second = web.get("/api/v1/counties", params={"limit": 1, "after": first.json()["next"]})
    assert [c["code"] for c in second.json()["items"]] == ["371522"]
    assert second.json()["next"] is None
    assert "link" not in second.headers


def test_a_caller_of_one_county_sees_that_county(web: TestClient, baoying: dict[str, str], administrator: dict[str, str]) -> None:
    """Lists are narrowed to the caller's county, and asking for another is refused."""
    assert [b["id"] for b in web.get("/api/v1/bases", headers=baoying).json()["items"]] == ["by-01"]
    assert web.get("/api/v1/bases", params={"county": "371522"}, headers=baoying).status_code == 403
    assert [b["id"] for b in web.get("/api/v1/bases", headers=administrator).json()["items"]] == ["by-01", "sx-01"]


def test_a_plot_is_written_and_read_in_both_measures(web: TestClient, baoying: dict[str, str]) -> None:
    """A pond with an outline comes back as GeoJSON, in mu and in hectares."""
    ring = [[119.4, 33.2], [119.401, 33.2], [119.401, 33.201], [119.4, 33.2]]
    body = {"id": "by-01-p2", "base": "by-01", "kind": "pond", "name_zh": "二号塘", "name_en": "Pond 2", "area_mu": 30, "lat": 33.2,
            "lon": 119.4, "outline": {"type": "Polygon", "coordinates": [ring]}}  # fmt: skip
    assert web.post("/api/v1/plots", json=body, headers=baoying).status_code == 201
    plot = web.get("/api/v1/plots/by-01-p2", headers=baoying).json()
    assert (plot["area_mu"], plot["area_hectares"], plot["outline"]["coordinates"][0]) == (30.0, 2.0, ring)
    assert web.post("/api/v1/plots", json={**body, "area_mu": 31}, headers=baoying).status_code == 409
    crossed = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
    refused = web.post("/api/v1/plots", json={**body, "id": "by-01-p3", "outline": crossed}, headers=baoying)
    assert refused.status_code == 422
    assert "crosses" in refused.json()["got"]


WRITES = [
    ("/api/v1/counties", {"code": "371523", "name_zh": "县", "name_en": "County", "lat": 36.0, "lon": 115.0}),
    ("/api/v1/products", {"id": "tomato", "name_zh": "番茄", "name_en": "Tomato", "unit": "kg", "shelf_life_class": "short"}),
    ("/api/v1/parties", {"id": "p", "county": "371522", "roles": ["carrier"], "name_zh": "车队", "name_en": "Fleet"}),
    ("/api/v1/bases", {"id": "b", "county": "371522", "party": "sx-coop", "name_zh": "地", "name_en": "B", "lat": 36.0, "lon": 115.0}),
    (
        "/api/v1/plots",
        {"id": "q", "base": "sx-01", "kind": "field", "name_zh": "地", "name_en": "F", "area_mu": 2, "lat": 36.0, "lon": 115.0},
    ),
    ("/api/v1/gateways", {"id": "sx-01-gw", "county": "371522", "base": "sx-01", "name_zh": "网关", "name_en": "Gateway"}),
    (
        "/api/v1/devices",
        {"id": "d", "county": "371522", "gateway": "sx-01-gw", "base": "sx-01", "kind": "soil", "name_zh": "仪", "name_en": "Probe",
         "channels": [{"code": "soil_moisture", "unit": "%", "interval_s": 600}]},
    ),
    ("/api/v1/parties/sx-coop/keys", {"public_key": bytes(nacl.signing.SigningKey(b"k" * 32).verify_key).hex()}),
]  # fmt: skip


def test_every_write_needs_a_role_and_the_right_county(
    web: TestClient, registry: Registry, baoying: dict[str, str], administrator: dict[str, str]
) -> None:
    """Nobody, a grower and another county's office are refused; the administrator may; a second time changes nothing."""
    grower = {"authorization": f"Bearer {registry.make_api_key('grower', 'grower', '371522')}"}
    for path, body in WRITES:
        assert web.post(path, json=body).status_code == 401, path
        assert web.post(path, json=body, headers=grower).status_code == 403, path
        assert web.post(path, json=body, headers=baoying).status_code == 403, path
        answer = web.post(path, json=body, headers=administrator)
        assert answer.status_code == 201, answer.text
        again = web.post(path, json=body, headers=administrator)
        assert again.status_code == (409 if path.endswith("gateways") else 201), path


def test_a_gateway_password_is_in_one_answer_only(web: TestClient, registry: Registry, baoying: dict[str, str]) -> None:
    """Registering and rotating answer with a password that works; no list holds it; a revoked gateway is shut out."""
    body = {"id": "by-02-gw", "county": "321023", "base": "by-01", "name_zh": "网关二", "name_en": "Gateway 2"}
    first = web.post("/api/v1/gateways", json=body, headers=baoying).json()["password"]
    assert registry.check_gateway("by-02-gw", first)
    second = web.post("/api/v1/gateways/by-02-gw/rotate", headers=baoying).json()["password"]
    assert not registry.check_gateway("by-02-gw", first)
    assert registry.check_gateway("by-02-gw", second)
    listed = web.get("/api/v1/gateways", headers=baoying).text
    assert first not in listed and second not in listed and "$7$" not in listed
    assert web.post("/api/v1/gateways/by-02-gw/revoke", headers=baoying).status_code == 204
    assert not registry.check_gateway("by-02-gw", second)


def test_a_key_is_revoked_by_its_county(web: TestClient, registry: Registry, baoying: dict[str, str]) -> None:
    """A revocation is public at once."""
    key = registry.add_key("coop-1", bytes(nacl.signing.SigningKey.generate().verify_key), 5)
    assert web.post(f"/api/v1/keys/{key.id}/revoke", json={"at_ms": 77}, headers=baoying).json()["revoked_ms"] == 77
    assert web.get(f"/api/v1/keys/{key.id}").json()["revoked_ms"] == 77


@pytest.mark.parametrize("odd", ["a%00b", "%ff", "..%2f..", "x" * 3000, "%F0%9F%8D%85", "' OR 1=1"])
def test_odd_ids_are_not_found(web: TestClient, administrator: dict[str, str], odd: str) -> None:
    """An id nobody can have is answered as not found, never with a server's error."""
    for kind in ("counties", "products", "keys", "plots", "devices"):
        assert web.get(f"/api/v1/{kind}/{odd}", headers=administrator).status_code == 404


def test_unknown_fields_and_numbers_that_are_none_are_refused(web: TestClient, administrator: dict[str, str]) -> None:
    """A misspelt field and an infinite latitude are refused with where they stand."""
    body = {"code": "371523", "name_zh": "县", "name_en": "County", "lat": 36.0, "lon": 115.0}
    answer = web.post("/api/v1/counties", json={**body, "latt": 1}, headers=administrator)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["where"] == "body.latt"
    endless = '{"code":"371523","name_zh":"县","name_en":"County","lat":1e999,"lon":115.0}'
    assert web.post("/api/v1/counties", content=endless, headers={**administrator, "content-type": "application/json"}).status_code == 422
