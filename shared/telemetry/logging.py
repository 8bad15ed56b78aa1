"""Logs as one JSON object a line, on standard error. Recipients appear only as a keyed hash."""

import hashlib
import hmac
import logging
import secrets
import sys
from typing import Any

import structlog

# Dependencies that would log payloads or urls with tokens at DEBUG.
_QUIET = ("postmarker", "Postmarker", "urllib3", "botocore", "boto3", "apscheduler", "werkzeug", "_granian")

_recipient_key = secrets.token_bytes(32)


def configure_logging(*, level: str, format: str, recipient_hash_key: str | None, role: str) -> None:
    """Once a process. Standard-library records go the same way, so that a dependency's warning is not lost."""
    global _recipient_key
    if recipient_hash_key:
        _recipient_key = recipient_hash_key.encode()
    shared = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: Any = structlog.processors.JSONRenderer()
    if format == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
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
    structlog.contextvars.bind_contextvars(role=role)


def recipient_hash(recipient: str) -> str:
    """16 hex digits of an HMAC-SHA256: enough to follow one address through the logs, of no use without the key."""
    return hmac.new(_recipient_key, recipient.encode(), hashlib.sha256).hexdigest()[:16]
