"""Bytes kept by their SHA-256 in a folder."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from foundation.errors import NotFound
from foundation.files import sync_folder, write_durably

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class BlobFolder:
    """A content-addressed folder; the same bytes are stored once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes) -> str:
        """Store `content` durably and return its SHA-256 in hex."""
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            sync_folder(self._folder)
            write_durably(path, content)
        return digest

    def put_parts(self, parts: Iterable[bytes]) -> str:
        """Store bytes that come in parts, as `put` does, without ever holding them all; return their SHA-256 in hex."""
        self._folder.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        aside = self._folder / f"{os.getpid()}-{secrets.token_hex(4)}.tmp"
        try:
            with aside.open("xb") as out:
                for part in parts:
                    digest.update(part)
                    out.write(part)
                out.flush()
                os.fsync(out.fileno())
            path = self._path(digest.hexdigest())
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                aside.replace(path)
                sync_folder(path.parent)
                sync_folder(self._folder)
        finally:
            aside.unlink(missing_ok=True)
        return digest.hexdigest()

    def get(self, digest: str) -> bytes:
        """Return the bytes stored under `digest`; raise NotFound if there are none."""
        if not _DIGEST.match(digest):
            raise NotFound("no such blob", expected="64 hex digits", got=repr(digest[:64]))
        try:
            return self._path(digest).read_bytes()
        except FileNotFoundError as error:
            raise NotFound("no such blob", got=digest[:64]) from error

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest
