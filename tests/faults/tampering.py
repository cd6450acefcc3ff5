"""A line to a market site on which somebody alters what the site says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import httpx

Alter = Callable[[bytes], bytes]
_HAN = re.compile("[\u3400-\u9fff]+")


class Tampered(httpx.BaseTransport):
    """Passes requests on and alters the answers; with no alteration it is a plain line."""

    def __init__(self) -> None:
        self.alter: Alter | None = None
        self._line = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the site's answer, altered."""
        answer = self._line.handle_request(request)
        body = answer.read()
        kind = {"content-type": answer.headers.get("content-type", "")}
        return httpx.Response(answer.status_code, headers=kind, content=self.alter(body) if self.alter else body, request=request)

    def close(self) -> None:
        """Close the line."""
        self._line.close()


def in_english(body: bytes) -> bytes:
    """Return an answer whose Chinese words became words of another language, names and units alike."""
    return _texts(body, lambda text: _HAN.sub(lambda m: f"word{sum(map(ord, m.group())) % 9973}", text))


def names_in_english(body: bytes) -> bytes:
    """Return an answer in which only words of two signs and more were translated: units of one sign are still read."""
    return _texts(body, lambda text: re.sub("[\u3400-\u9fff]{2,}", lambda m: f"word{sum(map(ord, m.group())) % 9973}", text))


def block_page(_body: bytes) -> bytes:
    """Return a page that asks to prove one is human."""
    return "<!DOCTYPE html><html><head><title>请验证</title></head><body>访问过于频繁</body></html>".encode()


def block_json(_body: bytes) -> bytes:
    """Return a refusal in the shape of data."""
    return json.dumps({"code": 403, "msg": "请先登录", "data": None}, ensure_ascii=False).encode()


def half(body: bytes) -> bytes:
    """Return the first half of an answer, cut where it falls."""
    return body[: len(body) // 2]


def columns_renamed(body: bytes) -> bytes:
    """Return an answer whose prices stand under another name."""
    for name in (b"lowPrice", b"min", b"values", "最低价".encode()):
        body = body.replace(name, b"x" + name)
    return body


def doubled(body: bytes) -> bytes:
    """Return an answer in which every price is twice what it was: per kilogram, still called per half."""

    def twice(match: re.Match[str]) -> str:
        return f"{float(match.group()) * 2:.4f}"

    # As quoted text or as plain decimals; dates, counts and identifiers look otherwise.
    return re.sub(r'(?<=")\d{1,3}(\.\d{1,4})?(?=")|(?<![\d."\-/年月])\d{1,3}\.\d{1,2}(?![\d."])', twice, body.decode()).encode()


ALTERATIONS: dict[str, Alter] = {
    "language": in_english, "names": names_in_english, "block page": block_page, "block json": block_json, "half": half,
    "columns": columns_renamed, "units": doubled,
}  # fmt: skip


def _texts(body: bytes, change: Callable[[str], str]) -> bytes:
    try:
        told = json.loads(body)
    except ValueError:
        return change(body.decode()).encode()
    return json.dumps(_deep(told, change), ensure_ascii=False).encode()


def _deep(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_deep(v, change) for v in value]
    return {k: _deep(v, change) for k, v in value.items()} if isinstance(value, dict) else value
