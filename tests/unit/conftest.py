"""What makes two thousand tests take seconds, for all of them."""

import gc

import pytest
import structlog
from hypothesis import settings

# No deadline, since a busy machine is no fault of the code.
settings.register_profile("unit", max_examples=60, deadline=None)
settings.load_profile("unit")

# Log lines are still there when a test fails, one each: the default draws tracebacks with every local, in colour.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.KeyValueRenderer(key_order=["level", "event"]),
    ]
)


@pytest.fixture(scope="session", autouse=True)
def _collect_no_modules() -> None:
    """What was imported stays: the collector need not look through it again and again."""
    gc.collect()
    gc.freeze()
