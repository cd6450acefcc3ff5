"""One POST to an address somebody configured: vetted, pinned to the vetted address, bounded in time and size, never redirected."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from foundation.errors import BadInput
from foundation.notify import SendFailed
from foundation.outgoing import NotReachable, Resolve, vetted

TIMEOUT_S = 10.0
LARGEST_ANSWER = 64 * 1024
RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `retry_after_s` is 0 where nothing was said."""

    status: int
    body: bytes
    retry_after_s: float = 0.0


Post = Callable[[str, bytes, Mapping[str, str]], Answer]


def poster(*, near: bool = False, resolve: Resolve | None = None) -> Post:
    """Return a function that posts. `near` lets it reach the operator's own network; see `foundation.outgoing`."""
    # Reading the authorities' certificates takes longer than a request: once is enough.
    kept: list[ssl.SSLContext] = []

    def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        import httpx

        try:
            to = vetted(url, near=near, resolve=resolve)
        except NotReachable as error:
            raise SendFailed(error.message, got=error.got) from error
        except BadInput as error:
            raise SendFailed(error.message, got=error.got, todo=error.todo, permanent=True) from error
        parts = urlsplit(url)
        address = f"[{to.address}]" if ":" in to.address else to.address
        pinned = urlunsplit((parts.scheme, f"{address}:{to.port}", parts.path or "/", parts.query, ""))
        if not kept:
            kept.append(ssl.create_default_context())
        told = {"host": parts.netloc, "user-agent": "suhe-notify", **headers}
        try:
            with (
                httpx.Client(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False, verify=kept[0]) as client,
                # The certificate is checked against the name, not the address.
                client.stream("POST", pinned, content=body, headers=told, extensions={"sni_hostname": to.host}) as answer,
            ):
                got = b""
                for chunk in answer.iter_bytes(8192):
                    got += chunk
                    if len(got) > LARGEST_ANSWER:
                        break
                return Answer(answer.status_code, got, _seconds(answer.headers.get("retry-after", "")))
        except httpx.HTTPError as error:
            # The library's own text may hold the whole address, and with it a key.
            raise SendFailed("the receiver does not answer", got=f"{type(error).__name__} at {to.host}") from None

    return post


def check_status(answer: Answer) -> None:
    """Return for a 2xx; raise SendFailed otherwise, permanent where trying again would not help."""
    if 200 <= answer.status < 300:
        return
    passing = answer.status in RETRIED_STATUS
    raise SendFailed(
        "the receiver did not take it", got=f"HTTP status {answer.status}", permanent=not passing,
        wait_s=answer.retry_after_s if passing else 0.0, todo="" if passing else "look at the address and the secret",
    )  # fmt: skip


def _seconds(text: str) -> float:
    return min(float(text), 3600.0) if text.strip().isascii() and text.strip().isdigit() else 0.0
