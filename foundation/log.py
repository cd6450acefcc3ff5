"""Structured logs: JSON lines in a file or pipe, short coloured lines on a terminal. Never a secret, never a payload."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO


def set_up_logging(level: str = "INFO", *, stream: TextIO | None = None, as_json: bool | None = None) -> None:
    """Configure structlog and the standard library's logging for this process. Called once by a process's entry point."""
    import structlog

    out = stream or sys.stderr
    json_lines = not out.isatty() if as_json is None else as_json
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # The terminal's default would print the local variables of every frame, and with them passwords and payloads.
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    last: Any = structlog.processors.JSONRenderer(ensure_ascii=False) if json_lines else console
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, last] if json_lines else [*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=level, stream=out, format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True)
    for noisy in ("httpx", "httpcore", "apscheduler", "amqtt", "transitions", "uvicorn.access", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def get_logger(name: str) -> Any:
    """Return a structured logger bound to the module's name."""
    import structlog

    return structlog.get_logger().bind(logger=name)
