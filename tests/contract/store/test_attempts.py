"""The ledger of attempts: an intent before each call, what came of it after, and nothing that was known ever lost."""

from uuid import UUID, uuid4

import pytest

from shared.domain.attempt import SendAttempt
from shared.domain.configuration import EmailConfiguration
from shared.domain.job import JobStatus, Settlement
from shared.ports.store import Store
from tests.factories import LONG_AGO, OTHER_TENANT, TENANT, new_job, suppression


def accept(store: Store, one: EmailConfiguration, **given: object) -> UUID:
    new = new_job(one, **given)
    with store.begin() as tx:
        tx.jobs.accept([new])
    return new.job.e_id


def claim(store: Store, one: EmailConfiguration, *, lease_seconds: float = 60) -> UUID:
    claim_id = uuid4()
    with store.begin() as tx:
        tx.jobs.claim(one.e_id, claim_id=claim_id, limit=50, lease_seconds=lease_seconds)
    return claim_id


def record(store: Store, claim_id: UUID, *settlements: Settlement) -> set[UUID]:
    with store.begin() as tx:
        return tx.jobs.record(claim_id, settlements)


def attempts(store: Store, job_id: UUID) -> list[SendAttempt]:
    with store.begin() as tx:
        return tx.jobs.attempts(TENANT, job_id)


def result(attempt: SendAttempt) -> tuple[str | None, str | None, str | None, str | None, bool]:
    return attempt.outcome, attempt.code, attempt.text, attempt.provider_message_id, attempt.fenced


def sent(job_id: UUID, message_id: str = "message-1") -> Settlement:
    return Settlement(job_id, JobStatus.SENT, provider_message_id=message_id)


def requeue(job_id: UUID) -> Settlement:
    return Settlement(job_id, JobStatus.QUEUED, due_at=LONG_AGO, error_code="429", error_text="slow down")


def doubt(store: Store) -> None:
    with store.begin() as tx:
        tx.jobs.doubt_expired_leases(look_in_seconds=0, limit=10)


def resolve(store: Store, one: EmailConfiguration, settlement: Settlement) -> None:
    with store.begin() as tx:
        (found,) = tx.jobs.take_doubts(one.e_id, limit=10, lease_seconds=60)
        assert tx.jobs.resolve_doubts({found.job_id: (found.version, settlement, 0)})


def test_a_claim_leaves_an_intent_that_has_no_result_yet(store: Store, acme: EmailConfiguration) -> None:
    e_id = accept(store, acme, attempts=2)
    claim_id = claim(store, acme)
    (attempt,) = attempts(store, e_id)
    assert (attempt.job_id, attempt.claim_id, attempt.number) == (e_id, claim_id, 3)
    assert attempt.finished_at is None
    assert result(attempt) == (None, None, None, None, False)


def test_a_suppressed_job_was_never_attempted(store: Store, acme: EmailConfiguration) -> None:
    e_id = accept(store, acme, recipient="gone@example.com")
    with store.begin() as tx:
        tx.suppressions.add(suppression(address="gone@example.com"))
    claim(store, acme)
    assert attempts(store, e_id) == []


@pytest.mark.parametrize(
    ("status", "due"),
    [
        (JobStatus.SENT, False),
        (JobStatus.FAILED, False),
        (JobStatus.QUEUED, True),
        (JobStatus.IN_DOUBT, True),
    ],
)
def test_a_result_completes_its_attempt(
    store: Store, acme: EmailConfiguration, status: JobStatus, due: bool
) -> None:
    e_id = accept(store, acme)
    claim_id = claim(store, acme)
    told = Settlement(
        e_id,
        status,
        due_at=LONG_AGO if due else None,
        provider_message_id="message-1",
        error_code="300",
        error_text="words",
    )
    record(store, claim_id, told)
    (attempt,) = attempts(store, e_id)
    assert result(attempt) == (status.value, "300", "words", "message-1", False)
    assert attempt.finished_at is not None
    assert attempt.finished_at >= attempt.claimed_at


def test_each_job_of_a_batch_has_its_own_attempt(store: Store, acme: EmailConfiguration) -> None:
    a, b = accept(store, acme), accept(store, acme)
    claim_id = claim(store, acme)
    record(store, claim_id, sent(a, "a"), requeue(b))
    assert [result(one) for one in attempts(store, a)] == [("SENT", None, None, "a", False)]
    assert [result(one) for one in attempts(store, b)] == [("QUEUED", "429", "slow down", None, False)]


def test_attempts_come_oldest_first(store: Store, acme: EmailConfiguration) -> None:
    e_id = accept(store, acme)
    claims = []
    for _ in range(3):
        claims.append(claim(store, acme))
        record(store, claims[-1], requeue(e_id))
    assert [(one.number, one.claim_id) for one in attempts(store, e_id)] == list(enumerate(claims, start=1))


def test_another_tenants_attempts_are_none(store: Store, acme: EmailConfiguration) -> None:
    e_id = accept(store, acme)
    claim(store, acme)
    with store.begin() as tx:
        assert tx.jobs.attempts(OTHER_TENANT, e_id) == []


def test_a_zombies_result_is_kept_as_evidence_beside_the_attempt_that_counted(
    store: Store, acme: EmailConfiguration
) -> None:
    e_id = accept(store, acme)
    zombie = claim(store, acme, lease_seconds=0)
    doubt(store)
    resolve(store, acme, Settlement(e_id, JobStatus.QUEUED, due_at=LONG_AGO))
    second = claim(store, acme)
    record(store, second, sent(e_id, "second"))
    assert record(store, zombie, sent(e_id, "first")) == set()
    first_attempt, second_attempt = attempts(store, e_id)
    assert result(first_attempt) == ("SENT", None, None, "first", True)
    assert result(second_attempt) == ("SENT", None, None, "second", False)
    assert first_attempt.finished_at is not None


def test_of_a_batch_only_the_jobs_that_were_lost_are_fenced(store: Store, acme: EmailConfiguration) -> None:
    mine, lost = accept(store, acme), accept(store, acme)
    claim_id = claim(store, acme)
    with store.begin() as tx:
        (job,) = tx.jobs.for_events(acme.e_id, job_ids=[lost], message_ids=[])
        tx.jobs.set_status(job, JobStatus.DELIVERED, provider_message_id="from the event")
    record(store, claim_id, sent(mine), sent(lost))
    assert [one.fenced for one in attempts(store, mine)] == [False]
    assert [one.fenced for one in attempts(store, lost)] == [True]


def test_an_event_that_settles_a_job_says_nothing_of_its_attempt(
    store: Store, acme: EmailConfiguration
) -> None:
    e_id = accept(store, acme)
    claim(store, acme)
    before = attempts(store, e_id)
    with store.begin() as tx:
        (job,) = tx.jobs.for_events(acme.e_id, job_ids=[e_id], message_ids=[])
        tx.jobs.set_status(job, JobStatus.DELIVERED, provider_message_id="message-1")
    assert attempts(store, e_id) == before


def test_a_result_for_a_claim_that_never_was_is_nobodys_attempt(
    store: Store, acme: EmailConfiguration
) -> None:
    e_id = accept(store, acme)
    assert record(store, uuid4(), sent(e_id)) == set()
    assert attempts(store, e_id) == []


def test_the_same_result_once_more_changes_nothing_of_its_attempt(
    store: Store, acme: EmailConfiguration
) -> None:
    """A commit whose answer was lost is repeated."""
    e_id = accept(store, acme)
    claim_id = claim(store, acme)
    record(store, claim_id, sent(e_id))
    before = attempts(store, e_id)
    assert record(store, claim_id, sent(e_id)) == set()
    assert attempts(store, e_id) == before


def test_a_message_that_was_found_completes_the_attempt_that_sent_it(
    store: Store, acme: EmailConfiguration
) -> None:
    e_id = accept(store, acme)
    claim(store, acme, lease_seconds=0)
    doubt(store)
    resolve(store, acme, sent(e_id, "found"))
    (attempt,) = attempts(store, e_id)
    assert result(attempt) == ("SENT", None, None, "found", False)
    assert attempt.finished_at is not None


def test_a_message_that_was_found_after_an_unknown_outcome_keeps_why_it_was_unknown(
    store: Store, acme: EmailConfiguration
) -> None:
    e_id = accept(store, acme)
    claim_id = claim(store, acme)
    unknown = Settlement(
        e_id, JobStatus.IN_DOUBT, due_at=LONG_AGO, error_code="timeout", error_text="no answer in 60 s"
    )
    record(store, claim_id, unknown)
    finished_at = attempts(store, e_id)[0].finished_at
    resolve(store, acme, sent(e_id, "found"))
    (attempt,) = attempts(store, e_id)
    assert result(attempt) == ("SENT", "timeout", "no answer in 60 s", "found", False)
    assert attempt.finished_at == finished_at


def test_only_the_last_claims_attempt_is_completed_by_what_was_found(
    store: Store, acme: EmailConfiguration
) -> None:
    e_id = accept(store, acme)
    for settlement in (Settlement(e_id, JobStatus.QUEUED, due_at=LONG_AGO), sent(e_id, "found")):
        claim(store, acme, lease_seconds=0)
        doubt(store)
        resolve(store, acme, settlement)
    first, second = attempts(store, e_id)
    assert (first.outcome, second.outcome) == (None, "SENT")


def test_a_zombie_that_says_what_was_found_adds_nothing(store: Store, acme: EmailConfiguration) -> None:
    e_id = accept(store, acme)
    zombie = claim(store, acme, lease_seconds=0)
    doubt(store)
    resolve(store, acme, sent(e_id, "found"))
    before = attempts(store, e_id)
    record(store, zombie, sent(e_id, "found"))
    assert attempts(store, e_id) == before


def test_a_zombie_that_says_otherwise_than_what_was_found_is_heard_as_well(
    store: Store, acme: EmailConfiguration
) -> None:
    e_id = accept(store, acme)
    zombie = claim(store, acme, lease_seconds=0)
    doubt(store)
    resolve(store, acme, sent(e_id, "found"))
    record(store, zombie, Settlement(e_id, JobStatus.FAILED, error_code="300", error_text="invalid 'to'"))
    (attempt,) = attempts(store, e_id)
    assert result(attempt) == ("SENT", None, "later: FAILED 300 invalid 'to'", "found", True)


def test_a_second_message_id_of_one_attempt_is_never_lost(store: Store, acme: EmailConfiguration) -> None:
    e_id = accept(store, acme)
    zombie = claim(store, acme, lease_seconds=0)
    doubt(store)
    resolve(store, acme, sent(e_id, "found"))
    record(store, zombie, sent(e_id, "another"))
    (attempt,) = attempts(store, e_id)
    assert result(attempt) == ("SENT", None, "later: SENT another", "found", True)
