"""Lines as they are written."""

import errno
import io
import json
import logging
from collections.abc import Iterator
from uuid import UUID

import pytest
import structlog
from prometheus_client import REGISTRY

from shared.domain.errors import StoreUnavailable
from shared.telemetry import metrics
from shared.telemetry.logging import configure_logging

SOME = UUID("019b0000-0000-7000-8000-000000000001")


@pytest.fixture
def logging_as_configured() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    yield
    structlog.configure(**config)
    root.handlers, root.level = handlers, level


@pytest.mark.usefixtures("logging_as_configured")
def test_a_line_is_one_json_object_with_role_level_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="INFO", format="json", role="send")
    logging.getLogger("some.library").warning("odd: %s", "thing")
    structlog.get_logger("email").info("email.send.accepted", configuration=str(SOME), count=3)
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["event"], first["level"], first["role"]) == ("odd: thing", "warning", "send")
    assert (second["event"], second["count"], second["role"]) == ("email.send.accepted", 3, "send")
    assert second["timestamp"].endswith("Z")


@pytest.mark.usefixtures("logging_as_configured")
def test_libraries_that_would_log_payloads_are_quiet_even_at_debug(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(level="DEBUG", format="json", role="send")
    for name in ("postmarker", "urllib3.connectionpool", "botocore.auth"):
        logging.getLogger(name).debug("X-Postmark-Server-Token: secret")
    assert "secret" not in capsys.readouterr().err


@pytest.mark.usefixtures("logging_as_configured")
@pytest.mark.parametrize("format", ["json", "console"])
def test_an_error_is_told_with_its_place_and_without_what_it_quotes(
    format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As Dramatiq and APScheduler log what our handlers raise, and as we do."""
    configure_logging(level="DEBUG", format=format, role="send")
    try:
        try:
            raise ValueError("person@example.com hunter2")
        except ValueError as quoting:
            raise StoreUnavailable("the list cannot be read") from quoting
    except StoreUnavailable as raised:
        logging.getLogger("some.library").exception("it failed")
        structlog.get_logger("email").error("email.worker.fault", exc_info=raised)
    told = capsys.readouterr().err
    assert "hunter2" not in told
    assert told.count("shared.domain.errors.StoreUnavailable: the list cannot be read") == 2
    assert told.count("from builtins.ValueError") == 2
    assert told.count("unit/telemetry/test_logging.py:") == 4


def value_of(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_record_moves_its_metric_by_its_count() -> None:
    before = value_of("email_send_outcome_total", outcome="SENT", code="")
    metrics.record_outcomes(SOME, SOME, {("SENT", ""): 7, ("FAILED", "300"): 1})
    assert value_of("email_send_outcome_total", outcome="SENT", code="") == before + 7


def test_the_metric_of_rejected_callbacks_has_the_name_that_alerts_use() -> None:
    before = value_of("email_webhook_rejected_total", reason="auth_mismatch")
    metrics.record_webhook_rejected("auth_mismatch")
    assert value_of("email_webhook_rejected_total", reason="auth_mismatch") == before + 1


def test_nothing_done_is_nothing_told() -> None:
    before = value_of("email_send_sweep_total", sweep="due_sends")
    metrics.record_sweep("due_sends", 0)
    assert value_of("email_send_sweep_total", sweep="due_sends") == before


class Full(io.StringIO):
    """A file on a disk without room."""

    def write(self, _text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.usefixtures("logging_as_configured")
@pytest.mark.parametrize("level", ["info", "warning", "error"])
def test_a_line_that_cannot_be_written_fails_nothing(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", Full())
    configure_logging(level="INFO", format="json", role="web")
    getattr(structlog.get_logger("email"), level)("email.http.request")
