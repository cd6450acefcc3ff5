"""What every request meets before any route: a bound on its body, and HEAD wherever there is GET."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from dashboards.requests import LARGEST_BODY
from tests.dashboards.fakes import Installation, build_installation

WRITES = ("/api/v1/events", "/api/v1/events/batch", "/api/v1/counties", "/api/v1/readings", "/sign-out", "/nowhere")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return a demo nobody changes."""
    return build_installation(tmp_path_factory.mktemp("requests"))


@pytest.fixture(scope="module")
def web(whole: Installation) -> Iterator[TestClient]:
    """Yield a client of the whole application."""
    with TestClient(whole.app(), raise_server_exceptions=False) as client:
        yield client


def chunks(read: list[int]) -> Iterator[bytes]:
    """Yield ten times the largest body without saying its length beforehand, noting what was taken."""
    for k in range(10 * LARGEST_BODY // 65_536):
        read.append(k)
        yield b"x" * 65_536


@pytest.mark.parametrize("path", WRITES)
def test_a_body_announced_as_too_long_is_not_read(web: TestClient, path: str) -> None:
    """Whoever announces more than anyone needs is refused before a byte of it is kept, signed in or not."""
    answer = web.post(path, content=b"x", headers={"content-length": str(LARGEST_BODY + 1), "content-type": "application/json"})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["type"] == "urn:suhe:problem:too-large" and told["title"] and told["status"] == 413
    assert str(LARGEST_BODY) in told["expected"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/counties"])
def test_a_body_without_a_length_is_read_no_further_than_the_bound(web: TestClient, path: str) -> None:
    """A body that only turns out to be too long is refused as well, in the same shape."""
    answer = web.post(path, content=chunks([]), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:suhe:problem:too-large")


@pytest.mark.parametrize("length", ["-1", "abc", "1e9", "9" * 400])
def test_a_length_that_is_no_number_is_refused(web: TestClient, length: str) -> None:
    """A content-length that cannot be read is a refusal, never an error of ours."""
    answer = web.post("/api/v1/events", content=b"x", headers={"content-length": length})
    assert answer.status_code in (400, 413)


def test_an_ordinary_body_passes(web: TestClient) -> None:
    """What is within the bound reaches its route."""
    assert web.post("/api/v1/events", json={"body": "{}", "key": "x", "signature": ""}).status_code in (401, 403)


@pytest.mark.parametrize("path", ["/", "/healthz", "/c/321023", "/c/321023/field", "/api/v1/counties", "/nowhere"])
def test_head_answers_as_get_without_a_body(web: TestClient, path: str) -> None:
    """A monitor's HEAD gets the status and headers that GET would get, and nothing else."""
    got, head = web.get(path, headers={"accept-encoding": "identity"}), web.head(path, headers={"accept-encoding": "identity"})
    assert head.status_code == got.status_code
    assert head.content == b""
    assert head.headers["content-type"] == got.headers["content-type"]


def test_head_never_waits_for_a_stream(web: TestClient) -> None:
    """HEAD on the stream of live figures ends at once."""
    answer = web.head("/c/321023/events")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")
