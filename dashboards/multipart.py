"""Forms with a file in them (RFC 7578): the fields as text, the files with their names. Small bodies only: the whole is in memory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from foundation.errors import BadInput

_BOUNDARY = re.compile(r'boundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))')
_NAME = re.compile(r'(?:^|[;\s])name="([^"\r\n]*)"')
_FILE = re.compile(r'filename="([^"\r\n]*)"')
MOST_PARTS = 100


@dataclass(frozen=True, slots=True)
class FilePart:
    """One file of a form; a field left empty has no name and no bytes."""

    name: str
    body: bytes


def read_form(content_type: str, body: bytes) -> tuple[Mapping[str, str], Mapping[str, FilePart]]:
    """Return the fields and the files of a form; the first of each name.

    Raises:
        BadInput: the body is no such form, or is cut off.

    """
    found = _BOUNDARY.search(content_type)
    if not content_type.startswith("multipart/form-data") or found is None:
        raise BadInput("this form cannot be read", expected="multipart/form-data", got=content_type[:60])
    line = b"--" + (found[1] or found[2]).encode()
    parts = (b"\r\n" + body).split(b"\r\n" + line)
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise BadInput("this form is cut off", todo="send it again")
    if len(parts) > MOST_PARTS:
        raise BadInput("this form has too many parts", expected=f"at most {MOST_PARTS}", got=str(len(parts)))
    fields: dict[str, str] = {}
    files: dict[str, FilePart] = {}
    for part in parts[1:-1]:
        head, gap, content = part.partition(b"\r\n\r\n")
        told = head.decode("utf-8", "replace")
        name = _NAME.search(told)
        if not gap or name is None:
            raise BadInput("a part of this form has no name")
        file = _FILE.search(told)
        if file is not None:
            files.setdefault(name[1], FilePart(file[1], content))
        else:
            fields.setdefault(name[1], content.decode("utf-8", "replace"))
    return fields, files
