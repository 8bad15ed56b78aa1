"""Logs as one JSON object a line, on standard error. Recipients never appear in them, nor does what an error quotes."""

import json
import logging
import sys
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import Any, TextIO

import structlog
from structlog.typing import ExcInfo

from shared.telemetry.places import described

# Dependencies that would log payloads or urls with tokens at DEBUG.
_QUIET = ("postmarker", "Postmarker", "urllib3", "botocore", "boto3", "apscheduler", "werkzeug", "_granian")


def configure_logging(*, level: str, format: str, role: str) -> None:
    """Once a process. Standard-library records go the same way, so that a dependency's warning is not lost."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _named(role),
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(_described),
    ]
    renderer: Any = _as_json
    if format == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    # Written at once: by way of the standard library's loggers a line takes twice as long.
    structlog.configure(
        processors=[*shared, renderer],
        logger_factory=_lines_to(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


class _Lines(structlog.WriteLogger):
    """A line that cannot be written, as when a disk is full, is no reason to fail what it tells of."""

    def msg(self, message: str) -> None:
        with suppress(OSError):
            super().msg(message)

    debug = info = warning = error = critical = msg


def _lines_to(stream: TextIO) -> Callable[..., _Lines]:
    return lambda *_: _Lines(stream)


# Made once: `json.dumps` with an option, as the library's own renderer calls it, makes one for each line.
_ENCODER = json.JSONEncoder(default=repr)


def _as_json(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    return _ENCODER.encode(event)


def _described(exc_info: ExcInfo) -> str:
    """Libraries log with their own words what our handlers raise: those must not quote either."""
    return described(exc_info[1])


def _named(role: str) -> Any:
    """Of every line, in every thread of the process."""

    def name(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["role"] = role
        return event

    return name
