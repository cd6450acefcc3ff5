"""Which sentences the pages say: collected from templates and code, so that a catalogue can be shown to be complete."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract

HERE = Path(__file__).parent
_PYTHON = {"t": None, "_": None, "translate": None}
_HAN = ("一", "鿿")


def sentences() -> set[str]:
    """Return every Chinese sentence in the templates and the code of the pages."""
    return {text for text in (*_of_templates(), *_of_code()) if any(_HAN[0] <= c <= _HAN[1] for c in text)}


def _of_templates() -> Iterator[str]:
    for path in sorted((HERE / "templates").glob("*.html")):
        with path.open("rb") as source:
            found = extract("jinja2.ext:babel_extract", source, keywords={"_": None}, options={"encoding": "utf-8", "silent": "false"})
            for _, message, _, _ in found:
                yield message if isinstance(message, str) else message[0]


def _of_code() -> Iterator[str]:
    for path in sorted(HERE.rglob("*.py")):
        with path.open("rb") as source:
            for _, message, _, _ in extract("python", source, keywords=_PYTHON, options={"encoding": "utf-8"}):
                yield message if isinstance(message, str) else message[0]
