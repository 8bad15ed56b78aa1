"""Events: kept once, projected in their order of arrival, tried again or parked, never lost."""

from uuid import UUID, uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.event import EmailEvent, EventFacts, EventKind
from shared.domain.job import JobStatus
from shared.domain.suppression import SuppressionReason
from shared.persistence.faults import DatabaseFault
from shared.ports.events import EventHeaders
from shared.ports.store import Store
from tests.factories import (
    CREATED,
    LONG_AGO,
    OTHER_TENANT,
    TENANT,
    configuration,
    event,
    facts,
    later,
    new_job,
    sendable,
)

NONE = EventHeaders()


def add(store: Store, *events: EmailEvent) -> list[bool]:
    with store.begin() as tx:
        return [tx.events.add(one, NONE) for one in events]


def unprojected(store: Store, one: EmailConfiguration, limit: int = 10) -> list[UUID]:
    with store.begin() as tx:
        return [found.e_id for found in tx.events.unprojected(one.e_id, limit=limit)]


def waiting(store: Store) -> list[UUID]:
    with store.begin() as tx:
        return tx.events.configurations_with_due_events(10)


EVERY_FACT = EventFacts(
    kind=EventKind.SUBSCRIPTION_CHANGE,
    content_key=b"\x07" * 32,
    occurred_at=later(seconds=1),
    message_id="message-1",
    job_id=uuid4(),
    recipient="person@example.com",
    hard_bounce=True,
    suppresses=False,
    suppression_reason=SuppressionReason.SPAM_COMPLAINT,
)
NO_FACT = EventFacts(kind=EventKind.OTHER, content_key=b"\x08" * 32)


@pytest.mark.parametrize("told", [EVERY_FACT, NO_FACT], ids=["every fact", "no fact"])
def test_an_event_is_read_as_it_was_received(
    store: Store, acme: EmailConfiguration, told: EventFacts
) -> None:
    received = event(acme, told, raw='{"RecordType":"Ünknown", "a": "\\u0000 100 % {}"}\n')
    with store.begin() as tx:
        assert tx.events.add(received, EventHeaders("trace-1", "event-1", "9"))
    with store.begin() as tx:
        assert tx.events.unprojected(acme.e_id, limit=10) == [received]


def test_the_same_content_is_kept_once_in_a_configuration(store: Store, acme: EmailConfiguration) -> None:
    first = event(acme, facts(content_key=b"\x01" * 32))
    second = event(acme, facts(content_key=b"\x01" * 32))
    assert add(store, first) == [True]
    assert add(store, second) == [False]
    assert unprojected(store, acme) == [first.e_id]


def test_the_same_content_may_come_to_two_configurations(store: Store, acme: EmailConfiguration) -> None:
    other = configuration()
    with store.begin() as tx:
        tx.configurations.add(other, CREATED)
    told = facts(content_key=b"\x01" * 32)
    assert add(store, event(acme, told), event(other, told)) == [True, True]


def test_a_projected_event_is_still_a_duplicate_of_what_comes_again(
    store: Store, acme: EmailConfiguration
) -> None:
    told = facts()
    first = event(acme, told)
    add(store, first)
    with store.begin() as tx:
        tx.events.mark_projected({first.e_id: None})
    assert add(store, event(acme, told)) == [False]
    assert unprojected(store, acme) == []


def test_an_event_of_a_configuration_that_does_not_exist_is_refused(store: Store) -> None:
    with pytest.raises(DatabaseFault, match="fk_email_event_configuration_id"):
        add(store, event())


def test_events_come_in_their_order_of_arrival_and_no_more_than_asked_for(
    store: Store, acme: EmailConfiguration
) -> None:
    third, first, second = (event(acme, received_at=later(minutes=minutes)) for minutes in (3, 1, 2))
    add(store, third, first, second)
    assert unprojected(store, acme, limit=2) == [first.e_id, second.e_id]
    assert unprojected(store, acme) == [first.e_id, second.e_id, third.e_id]


def test_a_bounce_without_an_address_is_found_by_its_job_once_it_is_joined(
    store: Store, acme: EmailConfiguration
) -> None:
    new = new_job(acme)
    bounce = event(acme, facts=facts(kind=EventKind.BOUNCE, hard_bounce=True, recipient=None))
    add(store, bounce)
    with store.begin() as tx:
        tx.jobs.accept([new])
        tx.events.mark_projected({bounce.e_id: new.job.e_id})
    with store.begin() as tx:
        assert [one.e_id for one in tx.events.about(TENANT, {new.job.recipient})] == [bounce.e_id]


def test_a_projected_event_is_done_and_joined_to_its_job(store: Store, acme: EmailConfiguration) -> None:
    joined, alone = event(acme), event(acme)
    add(store, joined, alone)
    job_id = uuid4()
    with store.begin() as tx:
        tx.events.mark_projected({joined.e_id: job_id, alone.e_id: None})
    assert unprojected(store, acme) == []
    assert waiting(store) == []
    with store.begin() as tx:
        (found,) = tx.events.for_job(TENANT, job_id)
        assert (found.e_id, found.job_id, found.raw) == (joined.e_id, job_id, joined.raw)
        assert found.projected_at is not None


def test_marking_nothing_is_no_error(store: Store) -> None:
    with store.begin() as tx:
        tx.events.mark_projected({})
        tx.events.put_off([], seconds=1)
        tx.events.park([])


def test_an_event_put_off_is_not_due_until_then(store: Store, acme: EmailConfiguration) -> None:
    one, other = event(acme), event(acme)
    add(store, one, other)
    with store.begin() as tx:
        tx.events.put_off([one.e_id], seconds=3600)
    assert unprojected(store, acme) == [other.e_id]
    with store.begin() as tx:
        tx.events.put_off([one.e_id], seconds=0)
    assert unprojected(store, acme) == sorted([one.e_id, other.e_id])


def test_an_event_put_off_keeps_its_place_in_the_order(store: Store, acme: EmailConfiguration) -> None:
    early, late = event(acme), event(acme, received_at=later(minutes=1))
    add(store, early, late)
    with store.begin() as tx:
        tx.events.put_off([early.e_id], seconds=0)
    assert unprojected(store, acme) == [early.e_id, late.e_id]


def test_a_parked_event_is_tried_no_longer_and_stays_a_duplicate_of_what_comes_again(
    store: Store, acme: EmailConfiguration
) -> None:
    told = facts()
    one = event(acme, told)
    add(store, one)
    with store.begin() as tx:
        tx.events.park([one.e_id])
        tx.events.put_off([one.e_id], seconds=0)
    assert unprojected(store, acme) == []
    assert waiting(store) == []
    assert add(store, event(acme, told)) == [False]


def test_parking_does_not_undo_a_projection(store: Store, acme: EmailConfiguration) -> None:
    one, job_id = event(acme), uuid4()
    add(store, one)
    with store.begin() as tx:
        tx.events.mark_projected({one.e_id: job_id})
        tx.events.park([one.e_id])
        (found,) = tx.events.for_job(TENANT, job_id)
        assert found.projected_at is not None


def test_a_jobs_events_come_oldest_first_and_never_to_another_tenant(
    store: Store, acme: EmailConfiguration
) -> None:
    second, first = (event(acme, received_at=later(minutes=minutes)) for minutes in (2, 1))
    add(store, second, first)
    job_id = uuid4()
    with store.begin() as tx:
        tx.events.mark_projected({second.e_id: job_id, first.e_id: job_id})
        assert [found.e_id for found in tx.events.for_job(TENANT, job_id)] == [first.e_id, second.e_id]
        assert tx.events.for_job(OTHER_TENANT, job_id) == []


BEARING = {
    "a hard bounce": facts(EventKind.BOUNCE, hard_bounce=True),
    "a complaint": facts(EventKind.SPAM_COMPLAINT),
    "a change of subscription": facts(EventKind.SUBSCRIPTION_CHANGE, suppresses=False),
}
NOT_BEARING = {
    "a soft bounce": facts(EventKind.BOUNCE),
    "a delivery": facts(EventKind.DELIVERY),
    "an open": facts(EventKind.OPEN),
    "a test": facts(EventKind.TEST),
    "a complaint about nobody": facts(EventKind.SPAM_COMPLAINT, recipient=None),
    "a complaint about somebody else": facts(EventKind.SPAM_COMPLAINT, recipient="other@example.com"),
}


@pytest.mark.parametrize("told", BEARING.values(), ids=BEARING)
@pytest.mark.parametrize("projected", [False, True])
def test_what_bears_on_a_suppression_is_told_whether_projected_or_not(
    store: Store, acme: EmailConfiguration, told: EventFacts, projected: bool
) -> None:
    one = event(acme, told)
    add(store, one)
    with store.begin() as tx:
        if projected:
            tx.events.mark_projected({one.e_id: None})
        assert [found.e_id for found in tx.events.about(TENANT, ["person@example.com"])] == [one.e_id]
        assert tx.events.about(OTHER_TENANT, ["person@example.com"]) == []
        assert tx.events.about(TENANT, []) == []


@pytest.mark.parametrize("told", NOT_BEARING.values(), ids=NOT_BEARING)
def test_what_does_not_bear_on_a_suppression_is_left_out(
    store: Store, acme: EmailConfiguration, told: EventFacts
) -> None:
    add(store, event(acme, told))
    with store.begin() as tx:
        assert tx.events.about(TENANT, ["person@example.com"]) == []


def test_configurations_with_due_events_come_longest_waiting_first_also_when_retired(store: Store) -> None:
    quiet, retired, busy = (
        sendable(tenant_id=uuid4()),
        configuration(retired_at=LONG_AGO),
        sendable(tenant_id=uuid4()),
    )
    with store.begin() as tx:
        for one in (quiet, retired, busy):
            tx.configurations.add(one, CREATED)
    put_off, first, second = event(quiet), event(retired), event(busy)
    add(store, put_off, event(busy), first, second)
    with store.begin() as tx:
        tx.events.put_off([put_off.e_id], seconds=3600)
        tx.events.put_off([first.e_id], seconds=-60)
        assert tx.events.configurations_with_due_events(10) == [retired.e_id, busy.e_id]
        assert tx.events.configurations_with_due_events(1) == [retired.e_id]


def test_one_projection_of_a_configuration_may_hold_it_twice(store: Store, acme: EmailConfiguration) -> None:
    with store.begin() as tx:
        tx.events.serialise(acme.e_id)
        tx.events.serialise(acme.e_id)


def test_jobs_are_found_for_events_by_either_id_within_the_configuration_in_the_order_of_ids(
    store: Store, acme: EmailConfiguration
) -> None:
    other = configuration()
    by_id, by_message, neither = (
        new_job(acme),
        new_job(acme, status=JobStatus.SENT, provider_message_id="message-1"),
        new_job(acme, status=JobStatus.SENT, provider_message_id="message-2"),
    )
    strangers = new_job(other, status=JobStatus.SENT, provider_message_id="message-1")
    with store.begin() as tx:
        tx.configurations.add(other, CREATED)
        tx.jobs.accept([by_id, by_message, neither, strangers])
    with store.begin() as tx:
        found = tx.jobs.for_events(
            acme.e_id,
            job_ids=[by_id.job.e_id, strangers.job.e_id, uuid4()],
            message_ids=["message-1", "unknown"],
        )
        assert found == sorted([by_id.job, by_message.job], key=lambda job: job.e_id)
        assert tx.jobs.for_events(acme.e_id, job_ids=[], message_ids=[]) == []


def test_a_status_from_an_event_ends_the_claim_and_keeps_the_message_id_that_was_known(
    store: Store, acme: EmailConfiguration
) -> None:
    known, unknown = new_job(acme, provider_message_id="first"), new_job(acme)
    with store.begin() as tx:
        tx.jobs.accept([known, unknown])
        tx.jobs.claim(acme.e_id, claim_id=uuid4(), limit=2, lease_seconds=60)
    with store.begin() as tx:
        wanted = [known.job.e_id, unknown.job.e_id]
        for job in tx.jobs.for_events(acme.e_id, job_ids=wanted, message_ids=[]):
            tx.jobs.set_status(job, JobStatus.BOUNCED, provider_message_id="second")
    with store.begin() as tx:
        jobs = tx.jobs.for_events(acme.e_id, job_ids=wanted, message_ids=[])
    assert [job.provider_message_id for job in jobs] == ["first", "second"]
    for job in jobs:
        assert (job.status, job.lease_until, job.due_at) == (JobStatus.BOUNCED, None, None)
        assert job.version == 2
