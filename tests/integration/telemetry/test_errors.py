"""Findings and faults as they leave a process."""

import threading
from uuid import UUID

import pytest
import sentry_sdk

from sandbox.ports import free_port
from sandbox.sentry import KEY
from shared.domain.errors import (
    Conflict,
    EmailModuleError,
    InvalidValue,
    KeyVersionMissing,
    NotFound,
    OutOfTurn,
    ProviderRefused,
    ProviderUnavailable,
    StoreUnavailable,
)
from shared.telemetry.errors import configure_errors, flush, report_fault, report_finding
from tests.integration.telemetry.collecting import ENVIRONMENT, RELEASE, Collector, kinds

TAG = "email.drift.dns_dkim_mismatch"
SUBJECT = "019b0000-0000-7000-8000-000000000001"
CANARY = "canary-of-this-test"


def find() -> None:
    report_finding(TAG, {"eId": UUID(SUBJECT), "postmarkServerId": 11}, fingerprint=[TAG, SUBJECT])


def test_a_finding_is_one_event_named_as_its_tag(collector: Collector) -> None:
    collector.collect(role="drift")
    find()
    (event,) = collector.events()
    assert (event["message"], event["level"]) == (TAG, "warning")
    assert event["tags"] == {"role": "drift", "drift": TAG}
    assert event["contexts"]["drift"] == {"eId": SUBJECT, "postmarkServerId": 11}
    assert event["fingerprint"] == [TAG, SUBJECT]
    assert (event["environment"], event["release"]) == (ENVIRONMENT, RELEASE)
    assert "exception" not in event


def test_a_finding_is_told_though_errors_are_not(collector: Collector) -> None:
    collector.collect(sample_rate=0.0)
    report_fault(ValueError())
    find()
    (event,) = collector.events()
    assert event["message"] == TAG


def test_two_findings_of_one_kind_are_two_events(collector: Collector) -> None:
    collector.collect()
    find()
    report_finding(TAG, {"eId": "other"}, fingerprint=[TAG, "other"])
    assert [event["fingerprint"] for event in collector.events()] == [[TAG, SUBJECT], [TAG, "other"]]


def test_a_flush_says_whether_what_was_reported_has_arrived(collector: Collector) -> None:
    collector.collect()
    collector.receiver.status = 503
    find()
    assert not flush(10)
    collector.receiver.status = 200
    find()
    assert flush(10)
    assert len(collector.receiver.payloads("event")) == 1


def test_a_flush_to_a_collector_that_is_away_says_so(collector: Collector) -> None:
    collector.collect(dsn=f"http://{KEY}@127.0.0.1:{free_port()}/1")
    find()
    assert not flush(10)


def test_where_nobody_collects_nothing_is_installed_and_nothing_fails(collector: Collector) -> None:
    collector.collect(dsn=None)
    assert not sentry_sdk.is_initialized()
    find()
    report_fault(ValueError())
    assert flush(10)
    assert collector.receiver.envelopes() == []


@pytest.mark.parametrize(
    "expected",
    [
        InvalidValue("recipient", "send an address"),
        Conflict("moved"),
        NotFound("none"),
        ProviderUnavailable("503", "away"),
        OutOfTurn("postmark", retry_after_seconds=1),
    ],
)
def test_what_is_expected_is_never_reported(collector: Collector, expected: EmailModuleError) -> None:
    collector.collect()
    report_fault(expected)
    report_fault(KeyVersionMissing("k9"))
    assert [kinds(event) for event in collector.events()] == [["KeyVersionMissing"]]


def test_an_error_of_ours_is_told_in_its_words_and_its_cause_by_its_kind(collector: Collector) -> None:
    collector.collect()
    try:
        try:
            raise ValueError(CANARY)
        except ValueError as cause:
            raise ProviderRefused("610", "no such server") from cause
    except ProviderRefused as error:
        report_fault(error)
    (event,) = collector.events()
    assert kinds(event) == ["ValueError", "ProviderRefused"]
    first, ours = event["exception"]["values"]
    assert first["value"] == ""
    assert "no such server" in ours["value"]
    assert ours["stacktrace"]["frames"][-1]["function"] == (
        "test_an_error_of_ours_is_told_in_its_words_and_its_cause_by_its_kind"
    )
    assert CANARY not in collector.text()


def test_variables_and_lines_of_code_stay_here(collector: Collector) -> None:
    collector.collect()
    token = "a-" + CANARY
    try:
        raise RuntimeError("a-line-of-code", token)
    except RuntimeError as error:
        report_fault(error)
    assert [kinds(event) for event in collector.events()] == [["RuntimeError"]]
    assert CANARY not in collector.text()
    assert "a-line-of-code" not in collector.text()


def test_the_same_error_is_reported_once_however_often_it_is_caught(collector: Collector) -> None:
    collector.collect()
    error = KeyVersionMissing("k9")
    report_fault(error)
    report_fault(error)
    assert len(collector.events()) == 1


def test_an_outage_of_the_database_is_reported_once_and_not_by_every_request(collector: Collector) -> None:
    collector.collect()
    for _ in range(5):
        report_fault(StoreUnavailable("no connection"))
    report_fault(KeyVersionMissing("k9"))
    assert [kinds(event) for event in collector.events()] == [["StoreUnavailable"], ["KeyVersionMissing"]]


# pytest tells of threads that die as well.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_is_reported(collector: Collector) -> None:
    collector.collect()

    def die() -> None:
        raise RuntimeError(CANARY)

    thread = threading.Thread(target=die)
    thread.start()
    thread.join()
    assert [kinds(event) for event in collector.events()] == [["RuntimeError"]]
    assert CANARY not in collector.text()


def test_neither_the_machine_nor_the_command_line_is_told(collector: Collector) -> None:
    collector.collect()
    report_fault(ValueError())
    (event,) = collector.events()
    assert event.keys() & {"server_name", "extra", "modules", "user", "request"} == set()


def test_the_environment_of_the_process_decides_nothing(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTRY_DSN", collector.receiver.dsn)
    configure_errors(
        dsn=None, environment="e", release=None, sample_rate=1.0, traces_sample_rate=1.0, role="test"
    )
    report_fault(ValueError())
    assert collector.receiver.envelopes() == []
    monkeypatch.setenv("SENTRY_RELEASE", "another")
    monkeypatch.setenv("SENTRY_SPOTLIGHT", "1")
    collector.collect(release=None)
    assert sentry_sdk.get_client().spotlight is None
    report_fault(ValueError())
    (event,) = collector.events()
    assert not event.get("release")
