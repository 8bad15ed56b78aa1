"""A tenant's whole log: every job that events speak of, with all that was said of it, and every address."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from shared.domain.configuration import EmailConfiguration
from shared.domain.event import EmailEvent, EventFacts, EventKind
from shared.domain.job import EmailJob, JobStatus, Settlement
from shared.domain.suppression import SuppressionReason
from shared.persistence.ids import first_id_at
from shared.ports.events import EventHeaders
from shared.ports.rebuild import LoggedJob
from shared.ports.store import Store
from tests.contract.store.retention_rows import old_job
from tests.factories import (
    CREATED,
    LONG_AGO,
    OTHER_TENANT,
    TENANT,
    action,
    configuration,
    event,
    facts,
    later,
    new_job,
    sendable,
    suppression,
)


def add(store: Store, *configurations: EmailConfiguration) -> None:
    with store.begin() as tx:
        for one in configurations:
            tx.configurations.add(one, CREATED)


def accept(store: Store, one: EmailConfiguration, **given: Any) -> EmailJob:
    new = new_job(one, **{"status": JobStatus.SENT, "due_at": None, **given})
    with store.begin() as tx:
        tx.jobs.accept([new])
    return new.job


def tell(
    store: Store,
    one: EmailConfiguration,
    job: EmailJob | None = None,
    told: EventFacts | None = None,
    **given: Any,
) -> EmailEvent:
    """An event of `job`, projected."""
    told_of = event(one, told, **given)
    with store.begin() as tx:
        assert tx.events.add(told_of, EventHeaders())
        tx.events.mark_projected({told_of.e_id: job.e_id if job is not None else None})
    return told_of


def jobs(
    store: Store, *, after: UUID | None = None, limit: int = 10, tenant_id: UUID = TENANT
) -> list[LoggedJob]:
    with store.begin() as tx:
        return tx.tenant_log.jobs_with_events(tenant_id, after=after, limit=limit)


def ids(found: list[LoggedJob]) -> list[UUID]:
    return [one.job.e_id for one in found]


def addresses(store: Store, *, after: str | None = None, limit: int = 10) -> list[str]:
    with store.begin() as tx:
        return tx.tenant_log.addresses(TENANT, after=after, limit=limit)


def test_a_log_goes_on_behind_a_job_that_was_removed_meanwhile(
    store: Store, acme: EmailConfiguration
) -> None:
    mine = [old_job(store, acme, JobStatus.SENT, accepted_at=later(hours=hour)) for hour in range(3)]
    gone = first_id_at(later(hours=1, minutes=30))
    for job in mine:
        tell(store, acme, job)
    assert ids(jobs(store, after=gone)) == [mine[2].e_id]


def test_a_tenant_of_whom_nothing_was_said_has_no_log(store: Store, acme: EmailConfiguration) -> None:
    accept(store, acme)
    assert jobs(store) == []
    assert jobs(store, tenant_id=uuid4()) == []
    assert addresses(store) == []


def test_jobs_come_with_their_events_in_the_order_of_arrival(store: Store, acme: EmailConfiguration) -> None:
    first, second = accept(store, acme), accept(store, acme)
    late = tell(store, acme, first, received_at=later(seconds=2))
    early = tell(store, acme, first, received_at=later(seconds=1))
    other = tell(store, acme, second)
    found = jobs(store)
    assert ids(found) == [first.e_id, second.e_id]
    assert [[one.e_id for one in each.events] for each in found] == [[early.e_id, late.e_id], [other.e_id]]
    assert found[1].job == second
    (whole,) = found[1].events
    assert whole == replace(other, job_id=second.e_id, projected_at=whole.projected_at)
    assert whole.projected_at is not None


def test_events_without_a_job_and_those_not_projected_yet_are_of_no_job(
    store: Store, acme: EmailConfiguration
) -> None:
    job = accept(store, acme)
    tell(store, acme)
    with store.begin() as tx:
        tx.events.add(event(acme, facts(job_id=job.e_id)), EventHeaders())
    assert jobs(store) == []


def test_jobs_come_in_slices(store: Store, acme: EmailConfiguration) -> None:
    told = [accept(store, acme, accepted_at=later(seconds=number)) for number in range(5)]
    for job in (*told, told[0]):
        tell(store, acme, job)
    accept(store, acme)
    expected = [job.e_id for job in told]
    assert ids(jobs(store, limit=2)) == expected[:2]
    assert ids(jobs(store, after=expected[1], limit=2)) == expected[2:4]
    assert ids(jobs(store, after=expected[3], limit=2)) == expected[4:]
    assert jobs(store, after=expected[4], limit=2) == []


def test_jobs_accepted_in_one_moment_are_each_in_one_slice(store: Store, acme: EmailConfiguration) -> None:
    told = sorted(accept(store, acme).e_id for _ in range(5))
    with store.begin() as tx:
        for job in tx.jobs.for_events(acme.e_id, job_ids=told, message_ids=[]):
            mark = event(acme)
            tx.events.add(mark, EventHeaders())
            tx.events.mark_projected({mark.e_id: job.e_id})
    found: list[UUID] = []
    while some := jobs(store, after=found[-1] if found else None, limit=2):
        found += ids(some)
    assert found == told


def test_jobs_of_all_the_tenants_configurations_and_of_nobody_else(
    store: Store, acme: EmailConfiguration
) -> None:
    sibling, other = configuration(), sendable(tenant_id=OTHER_TENANT)
    add(store, sibling, other)
    mine = [accept(store, one) for one in (acme, sibling)]
    others = accept(store, other)
    for one, job in ((acme, mine[0]), (sibling, mine[1]), (other, others)):
        tell(store, one, job)
    assert ids(jobs(store)) == [job.e_id for job in mine]
    assert ids(jobs(store, tenant_id=OTHER_TENANT)) == [others.e_id]


def test_another_tenants_event_is_not_told_of_a_job(store: Store, acme: EmailConfiguration) -> None:
    other = sendable(tenant_id=OTHER_TENANT)
    add(store, other)
    job = accept(store, acme)
    mine = tell(store, acme, job)
    tell(store, other, job)
    (found,) = jobs(store)
    assert [one.e_id for one in found.events] == [mine.e_id]


def test_attempts_and_what_operators_did_come_with_the_job(store: Store, acme: EmailConfiguration) -> None:
    job = accept(store, acme, status=JobStatus.QUEUED, due_at=later())
    other = accept(store, acme)
    first, second = uuid4(), uuid4()
    for claim_id in (first, second):
        with store.begin() as tx:
            tx.jobs.claim(acme.e_id, claim_id=claim_id, limit=1, lease_seconds=60)
        again = Settlement(job.e_id, JobStatus.QUEUED, due_at=LONG_AGO)
        doubtful = Settlement(job.e_id, JobStatus.IN_DOUBT, due_at=LONG_AGO)
        with store.begin() as tx:
            assert tx.jobs.record(claim_id, [again if claim_id == first else doubtful]) == {job.e_id}
    decided = action(job.e_id, at=later(seconds=1))
    with store.begin() as tx:
        held = tx.jobs.get(TENANT, job.e_id)
        assert held is not None
        assert tx.jobs.decide(held, Settlement(job.e_id, JobStatus.SENT), decided)
    tell(store, acme, job)
    tell(store, acme, other)
    found = {one.job.e_id: one for one in jobs(store)}
    assert [attempt.claim_id for attempt in found[job.e_id].attempts] == [first, second]
    assert [attempt.number for attempt in found[job.e_id].attempts] == [1, 2]
    assert found[job.e_id].actions == (decided,)
    assert found[job.e_id].job.status is JobStatus.SENT
    assert (found[other.e_id].attempts, found[other.e_id].actions) == ((), ())


def test_addresses_are_those_of_events_of_operators_and_of_entries_each_once(
    store: Store, acme: EmailConfiguration
) -> None:
    bounced = facts(EventKind.BOUNCE, hard_bounce=True, recipient="b@example.com")
    tell(store, acme, told=bounced)
    tell(store, acme, told=replace(bounced, content_key=b"\x02" * 32))
    tell(store, acme, told=facts(EventKind.SPAM_COMPLAINT, recipient="d@example.com"))
    tell(store, acme, told=facts(EventKind.SUBSCRIPTION_CHANGE, recipient="Ä@example.com", suppresses=False))
    with store.begin() as tx:
        tx.suppressions.add(suppression(address="a@example.com"))
        tx.suppressions.lift(
            tx.suppressions.add(suppression(address="c@example.com")), author="operator", note=None
        )
        tx.suppressions.add(suppression(address="e@example.com", tenant_id=OTHER_TENANT))
    assert addresses(store) == [f"{letter}@example.com" for letter in "abcdÄ"]


def test_an_event_that_bears_on_no_suppression_speaks_of_no_address(
    store: Store, acme: EmailConfiguration
) -> None:
    tell(store, acme)
    tell(store, acme, told=facts(EventKind.BOUNCE, recipient="soft@example.com"))
    tell(store, acme, told=facts(EventKind.SPAM_COMPLAINT, recipient=None))
    assert addresses(store) == []


def test_addresses_come_in_slices(store: Store, acme: EmailConfiguration) -> None:
    everyone = [f"person{number}@example.com" for number in range(6)]
    for number, address in enumerate(everyone):
        if number % 2:
            tell(store, acme, told=facts(EventKind.SPAM_COMPLAINT, recipient=address))
        else:
            with store.begin() as tx:
                tx.suppressions.add(suppression(address=address))
    assert addresses(store, limit=4) == everyone[:4]
    assert addresses(store, after=everyone[3], limit=4) == everyone[4:]
    assert addresses(store, after=everyone[5]) == []


def test_active_states_are_the_reasons_of_what_holds_now(store: Store) -> None:
    with store.begin() as tx:
        tx.suppressions.add(suppression(address="a@example.com", reason=SuppressionReason.HARD_BOUNCE))
        lifted = tx.suppressions.add(suppression(address="b@example.com"))
        tx.suppressions.lift(lifted, author="operator", note=None)
        tx.suppressions.add(suppression(address="c@example.com", tenant_id=OTHER_TENANT))
        tx.suppressions.add(suppression(address="d@example.com"))
        asked = ["a@example.com", "b@example.com", "c@example.com", "nobody@example.com"]
        assert tx.tenant_log.active_states(TENANT, asked) == {"a@example.com": "HARD_BOUNCE"}
        assert tx.tenant_log.active_states(TENANT, []) == {}
