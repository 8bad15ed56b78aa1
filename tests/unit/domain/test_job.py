from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidValue
from shared.domain.job import (
    ClaimedJob,
    JobStatus,
    Settlement,
    canonical_hash,
    checked_idempotency_key,
    settle,
)
from shared.domain.mail import (
    Accepted,
    AccountFault,
    Attachment,
    ConfigurationFault,
    Deferred,
    Outcome,
    Refused,
    Unknown,
)
from tests import factories

RETRY_AT = factories.later(seconds=5)
LOOK_AT = factories.later(seconds=15)
EXPIRES_AT = factories.later(hours=24)
WAITING = [Deferred("timeout", "x"), ConfigurationFault("10", "x"), AccountFault("405", "x")]


def settled(outcome: Outcome, *, late: bool = False) -> Settlement:
    job = ClaimedJob(
        factories.job().e_id,
        "person@example.com",
        factories.content(),
        attempts=1,
        accepted_at=factories.LONG_AGO,
    )
    retry_at = EXPIRES_AT if late else RETRY_AT
    settlement = settle(job, outcome, retry_at=retry_at, look_at=LOOK_AT, expires_at=EXPIRES_AT)
    assert settlement.job_id == job.e_id
    return settlement


def test_an_accepted_message_is_sent_under_its_message_id() -> None:
    settlement = settled(Accepted("m-1"))
    assert (settlement.status, settlement.provider_message_id) == (JobStatus.SENT, "m-1")
    assert (settlement.due_at, settlement.error_code) == (None, None)


def test_a_refused_message_fails_with_code_and_text() -> None:
    settlement = settled(Refused("300", "Invalid email request"))
    assert (settlement.status, settlement.due_at) == (JobStatus.FAILED, None)
    assert (settlement.error_code, settlement.error_text) == ("300", "Invalid email request")


def test_an_inactive_recipient_is_suppressed() -> None:
    settlement = settled(Refused("406", "inactive", inactive_recipient=True))
    assert (settlement.status, settlement.due_at, settlement.error_code) == (
        JobStatus.SUPPRESSED,
        None,
        "406",
    )


def test_an_unknown_outcome_is_in_doubt_and_looked_at_not_sent_again() -> None:
    settlement = settled(Unknown("read_timeout", "x"))
    assert (settlement.status, settlement.due_at) == (JobStatus.IN_DOUBT, LOOK_AT)


def test_an_unknown_outcome_is_in_doubt_even_at_the_maximum_age() -> None:
    assert settled(Unknown("read_timeout", "x"), late=True).status is JobStatus.IN_DOUBT


@pytest.mark.parametrize("outcome", WAITING, ids=lambda outcome: type(outcome).__name__)
def test_what_was_certainly_not_taken_waits_for_its_next_try(
    outcome: Deferred | ConfigurationFault | AccountFault,
) -> None:
    settlement = settled(outcome)
    assert (settlement.status, settlement.due_at) == (JobStatus.QUEUED, RETRY_AT)
    assert settlement.error_code == outcome.code


@pytest.mark.parametrize("outcome", WAITING, ids=lambda outcome: type(outcome).__name__)
def test_a_next_try_at_the_maximum_age_or_after_fails_and_tells_the_last_answer(
    outcome: Deferred | ConfigurationFault | AccountFault,
) -> None:
    settlement = settled(outcome, late=True)
    assert (settlement.status, settlement.due_at, settlement.error_code) == (
        JobStatus.FAILED,
        None,
        "expired",
    )
    assert outcome.code in (settlement.error_text or "")


@pytest.mark.parametrize("key", ["k", "x" * 255, "order 17/eu", "~"])
def test_a_printable_ascii_key_is_taken(key: str) -> None:
    assert checked_idempotency_key(key) == key


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\n", "a\x00", "\x7f", "\t"])
def test_any_other_key_is_refused(key: str) -> None:
    with pytest.raises(InvalidValue):
        checked_idempotency_key(key)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_the_order_of_a_bodys_keys_does_not_change_its_hash(body: dict[str, object]) -> None:
    assert canonical_hash(body) == canonical_hash(dict(reversed(body.items())))


@pytest.mark.parametrize(
    ("one", "other"),
    [({"a": 1}, {"a": "1"}), ({"a": [1, 2]}, {"a": [2, 1]}), ({"a": None}, {}), ({"a": "b"}, {"a": "b "})],
)
def test_bodies_that_say_something_else_have_another_hash(
    one: dict[str, object], other: dict[str, object]
) -> None:
    assert canonical_hash(one) != canonical_hash(other)


def test_a_body_with_half_a_surrogate_pair_has_a_hash_too() -> None:
    assert len(canonical_hash({"subject": "\ud800"})) == 32


def test_no_recipient_and_no_content_is_in_a_repr() -> None:
    content = factories.content(
        subject="Secret subject",
        html_body="<p>secret",
        attachments=(Attachment("a.txt", "text/plain", "c2VjcmV0"),),
    )
    job = factories.job(recipient="secret@example.com", provider_message_id=None)
    claimed = ClaimedJob(job.e_id, job.recipient, content, attempts=1, accepted_at=job.accepted_at)
    assert "ecret" not in repr((content, job, claimed)).replace("c2VjcmV0", "secret")


def test_the_size_of_a_content_is_what_travels() -> None:
    content = factories.content(
        subject="é", text_body="abc", html_body=None, attachments=(Attachment("a", "b", "QUJD"),)
    )
    assert content.size_bytes == 2 + 3 + 4


def test_a_retry_is_before_the_end_by_any_margin() -> None:
    job = ClaimedJob(factories.job().e_id, "a@b", factories.content(), 1, factories.LONG_AGO)
    just_before = EXPIRES_AT - timedelta(microseconds=1)
    outcome = Deferred("429", "x")
    settlement = settle(job, outcome, retry_at=just_before, look_at=LOOK_AT, expires_at=EXPIRES_AT)
    assert settlement.status is JobStatus.QUEUED
