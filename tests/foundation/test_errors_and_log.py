"""Errors say what to do; logs are lines a machine reads."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from foundation import errors
from foundation.log import get_logger, set_up_logging


def test_an_error_explains_itself_in_one_line() -> None:
    """Message, expected, got and what to do stand in one line; what is not given is not mentioned."""
    assert errors.BadInput("no plot", expected="a pond", got="'sea'", todo="look again").explain() == (
        "no plot; expected: a pond; got: 'sea'; do: look again"
    )
    assert str(errors.NotFound("no plot")) == "no plot"


def test_every_error_has_a_code_and_a_status_of_its_own() -> None:
    """Codes are stable names, each once; statuses are HTTP's for errors."""
    kinds = errors.SuheError.__subclasses__()
    assert len({k.code for k in kinds}) == len(kinds) >= 6
    assert all(400 <= k.status < 600 for k in kinds)


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Yield where this test's log goes, and put logging back as it was."""
    import structlog

    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    root.handlers.clear()
    out = io.StringIO()
    set_up_logging("INFO", stream=out, as_json=True)
    yield out
    structlog.reset_defaults()
    root.setLevel(before[0])
    root.handlers[:] = before[1]


def test_a_log_line_is_json_with_its_time_and_place(lines: io.StringIO) -> None:
    """Each line is one JSON object with level, time in UTC, logger and what was said, Chinese unescaped."""
    get_logger("ingest.worker").info("收到", readings=3)
    get_logger("ingest.worker").debug("too fine")
    (line,) = lines.getvalue().splitlines()
    told = json.loads(line)
    assert (told["event"], told["readings"], told["level"], told["logger"]) == ("收到", 3, "info", "ingest.worker")
    assert told["timestamp"].endswith("Z")
    assert "收到" in line


def test_an_exception_is_logged_in_one_line(lines: io.StringIO) -> None:
    """A traceback does not break the line."""
    try:
        raise ValueError("broken")
    except ValueError as error:
        get_logger("x").error("failed", exc_info=error)
    (line,) = lines.getvalue().splitlines()
    assert "ValueError: broken" in json.loads(line)["exception"]


def test_nothing_happens_on_import() -> None:
    """Importing the floor and the registry's nouns loads no database, no web framework and no data library."""
    program = (
        "import sys, foundation.ids, foundation.money, foundation.files, foundation.passwords, foundation.clock, foundation.log\n"
        "import registry.devices, registry.parties, registry.plots, registry.products, registry.people, registry.keys\n"
        "print([m for m in ('sqlalchemy','fastapi','pydantic','pandas','polars','duckdb','numpy','structlog') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"
