"""The log as a witness reaches it: over HTTP with the standard library alone, so that a witness needs no county's installation."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, Protocol
from urllib.parse import urlsplit

from foundation.errors import BadInput, Unavailable
from traceability.merkle import HASH_BYTES
from traceability.tile_paths import tile_count, tile_path, unpack_entries
from traceability.tiles import TILE_WIDTH, Tiles

_MOST_BYTES = 32 << 20
_SECONDS = 20.0


class LogSource(Protocol):
    """What a witness asks of a log. Every call raises Unavailable where there is no usable answer."""

    def checkpoint(self) -> str:
        """Return the latest checkpoint's note."""
        ...

    def key(self) -> str:
        """Return the log's public key as it tells it itself."""
        ...

    def tiles(self, size: int) -> Tiles:
        """Return the tree at a size, its tiles fetched when they are needed."""
        ...

    def leaves(self, start: int, end: int) -> Iterator[bytes]:
        """Yield whole records."""
        ...

    def post(self, what: str, text: str) -> None:
        """Hand in `cosignatures` or `alarms`."""
        ...


class HttpLog:
    """A log behind an address such as https://trace.example.org; `api_key` of role witness is for whole records only."""

    def __init__(self, url: str, api_key: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise BadInput("this is no address of a log", expected="http:// or https://", got=url[:120])
        self._base, self._api_key = url.rstrip("/") + "/api/v1/log/", api_key

    def checkpoint(self) -> str:
        """Return the latest checkpoint's note."""
        return self._text("checkpoint")

    def key(self) -> str:
        """Return the log's public key as it tells it itself."""
        return self._text("key").strip()

    def tiles(self, size: int) -> Tiles:
        """Return the tree at a size."""

        def load(level: int, number: int) -> bytes:
            width = min(TILE_WIDTH, tile_count(size, level) - number * TILE_WIDTH)
            found = self._get(f"tile/{level}/{tile_path(number, width)}")
            if len(found) != width * HASH_BYTES:
                raise Unavailable("the log gave a tile of another width", got=f"{level}/{number}")
            return found

        return Tiles(size, load)

    def leaves(self, start: int, end: int) -> Iterator[bytes]:
        """Yield whole records from `start` to before `end`."""
        at = start
        while at < end:
            number = at // TILE_WIDTH
            width = min(TILE_WIDTH, end - number * TILE_WIDTH)
            found = list(unpack_entries(self._get(f"tile/entries/{tile_path(number, width)}", self._api_key)))
            if len(found) != width:
                raise Unavailable("the log gave an entry bundle of another width", got=str(len(found)))
            yield from found[at - number * TILE_WIDTH :]
            at = number * TILE_WIDTH + width

    def post(self, what: str, text: str) -> None:
        """Hand in `cosignatures` or `alarms`."""
        self._ask(urllib.request.Request(self._base + what, text.encode(), {"content-type": "text/plain; charset=utf-8"}))  # noqa: S310

    def _text(self, path: str) -> str:
        try:
            return self._get(path).decode()
        except UnicodeDecodeError as error:
            raise Unavailable("the log's answer is no text", got=path) from error

    def _get(self, path: str, api_key: str = "") -> bytes:
        headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        return self._ask(urllib.request.Request(self._base + path, headers=headers))  # noqa: S310 - the scheme was checked

    def _ask(self, request: urllib.request.Request) -> bytes:
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
                found: bytes = answer.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            raise Unavailable(f"the log answered {error.code}", got=request.full_url, todo=_told(error)) from error
        except (OSError, ValueError) as error:
            raise Unavailable("the log cannot be reached", got=f"{request.full_url}: {error}") from error
        if len(found) > _MOST_BYTES:
            raise Unavailable("the log's answer is too long", got=request.full_url)
        return found


def _told(error: urllib.error.HTTPError) -> str:
    try:
        told: dict[str, Any] = json.loads(error.read(4000))
        return str(told.get("title", ""))[:200]
    except (OSError, ValueError, AttributeError):
        return ""
