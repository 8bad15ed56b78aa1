"""For how long things have waited: the longest of each kind, and only of what waits; and how much stands."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.dead_letter import DeadLetterFilter, Subject
from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative, Operational
from shared.ports.events import EventHeaders
from shared.ports.store import Store
from shared.ports.waits import Standing, Waiting
from tests.factories import (
    CREATED,
    LONG_AGO,
    action,
    configuration,
    event,
    handler_fault,
    later,
    new_job,
    provisioned,
    sendable,
)

# After the end of every test, by any clock.
FAR_AHEAD = later(days=100_000)
SENDING = {"status": JobStatus.SENDING, "claim_id": uuid4(), "due_at": None}
IN_DOUBT = {"status": JobStatus.IN_DOUBT, "claim_id": uuid4()}


def oldest(store: Store) -> Mapping[Waiting, datetime]:
    with store.begin() as tx:
        return tx.waits.oldest()


def add(store: Store, *configurations: EmailConfiguration) -> None:
    with store.begin() as tx:
        for one in configurations:
            tx.configurations.add(one, CREATED)


def accept(store: Store, one: EmailConfiguration, **given: Any) -> None:
    with store.begin() as tx:
        tx.jobs.accept([new_job(one, **given)])


def another(**given: Any) -> EmailConfiguration:
    """Of another tenant, and may send unless it is said otherwise."""
    return sendable(**{"tenant_id": uuid4(), **given})


def test_where_nothing_is_stored_nothing_waits(store: Store) -> None:
    assert oldest(store) == {}


def test_where_all_is_well_nothing_waits(store: Store, acme: EmailConfiguration) -> None:
    add(store, configuration(), configuration(retired_at=LONG_AGO, cleaned_up_at=LONG_AGO))
    accept(store, acme, status=JobStatus.SENT, due_at=None)
    assert oldest(store) == {}


@pytest.mark.parametrize(
    ("operational", "waiting"),
    [
        (Operational.PROVISIONING, Waiting.PROVISIONING),
        (Operational.AWAITING_VERIFICATION, Waiting.AWAITING_VERIFICATION),
        (Operational.MISSING, Waiting.MISSING),
        (Operational.UNVERIFIED, Waiting.UNVERIFIED),
        (Operational.FAILURE, Waiting.FAILURE),
    ],
)
def test_configurations_wait_since_they_entered_their_operational_state(
    store: Store, operational: Operational, waiting: Waiting
) -> None:
    add(
        store,
        configuration(operational=operational, operational_since=later(minutes=2)),
        configuration(
            operational=operational, operational_since=later(minutes=1), administrative_since=later(days=1)
        ),
        configuration(operational=operational, retired_at=LONG_AGO, cleaned_up_at=LONG_AGO),
    )
    assert oldest(store) == {waiting: later(minutes=1)}


def test_a_drain_waits_since_the_lock_whatever_else_changed(store: Store) -> None:
    draining = {"administrative": Administrative.LOCKING, "updated_at": later(days=1)}
    add(store, *(another(administrative_since=later(minutes=minute), **draining) for minute in (2, 1, 3)))
    assert oldest(store) == {Waiting.LOCKING: later(minutes=1)}


def test_a_drain_that_also_fails_waits_for_both(store: Store) -> None:
    add(
        store,
        another(
            operational=Operational.FAILURE,
            operational_since=later(minutes=1),
            administrative=Administrative.LOCKING,
            administrative_since=later(minutes=2),
        ),
    )
    assert oldest(store) == {Waiting.FAILURE: later(minutes=1), Waiting.LOCKING: later(minutes=2)}


def test_a_removal_waits_since_the_retirement_until_it_is_done(store: Store) -> None:
    add(
        store,
        configuration(retired_at=later(minutes=2)),
        configuration(retired_at=later(minutes=1), operational=Operational.MISSING),
        configuration(retired_at=LONG_AGO, cleaned_up_at=later(minutes=3)),
    )
    assert oldest(store) == {Waiting.REMOVAL: later(minutes=1)}


def test_jobs_wait_since_they_were_due(store: Store, acme: EmailConfiguration) -> None:
    draining = another(administrative=Administrative.LOCKING, administrative_since=later(days=1))
    add(store, draining)
    accept(store, acme, due_at=FAR_AHEAD)
    assert oldest(store) == {Waiting.LOCKING: later(days=1)}
    accept(store, acme, due_at=later(minutes=2))
    accept(store, acme, due_at=later(minutes=3))
    accept(store, draining, due_at=later(minutes=1))
    assert oldest(store)[Waiting.JOB_DUE] == later(minutes=1)


@pytest.mark.parametrize(
    "barred",
    [
        another(administrative=Administrative.LOCKED),
        another(operational=Operational.FAILURE),
        another(operational=Operational.AWAITING_VERIFICATION),
        another(retired_at=LONG_AGO),
    ],
    ids=["locked", "failure", "awaiting verification", "retired"],
)
def test_jobs_that_wait_for_an_operator_are_their_configurations_wait(
    store: Store, acme: EmailConfiguration, barred: EmailConfiguration
) -> None:
    add(store, barred)
    accept(store, barred)
    accept(store, acme, due_at=later(minutes=1))
    assert oldest(store)[Waiting.JOB_DUE] == later(minutes=1)


def test_jobs_are_being_sent_since_they_were_claimed(store: Store, acme: EmailConfiguration) -> None:
    for minutes in (2, 1, 3):
        moment = later(minutes=minutes)
        accept(store, acme, updated_at=moment, lease_until=moment + timedelta(minutes=5), **SENDING)
    assert oldest(store) == {Waiting.JOB_SENDING: later(minutes=1)}


def test_a_claim_begins_that_wait_and_its_result_ends_it(store: Store, acme: EmailConfiguration) -> None:
    accept(store, acme)
    with store.begin() as tx:
        tx.jobs.claim(acme.e_id, claim_id=uuid4(), limit=1, lease_seconds=60)
        claimed_at = tx.now()
    assert oldest(store) == {Waiting.JOB_SENDING: claimed_at}


def test_doubts_wait_since_the_doubt_and_not_since_the_last_look(
    store: Store, acme: EmailConfiguration
) -> None:
    accept(store, acme, in_doubt_since=later(minutes=2), due_at=LONG_AGO, **IN_DOUBT)
    accept(store, acme, in_doubt_since=later(minutes=1), due_at=FAR_AHEAD, **IN_DOUBT)
    assert oldest(store) == {Waiting.JOB_IN_DOUBT: later(minutes=1)}


def test_events_wait_since_they_were_due_until_they_are_projected(
    store: Store, acme: EmailConfiguration
) -> None:
    first, second = event(acme), event(another(e_id=acme.e_id))
    with store.begin() as tx:
        tx.events.add(first, EventHeaders())
        tx.events.add(second, EventHeaders())
        added_at = tx.now()
    assert oldest(store) == {Waiting.EVENT_DUE: added_at}
    with store.begin() as tx:
        tx.events.put_off([first.e_id], seconds=3600)
        tx.events.mark_projected({second.e_id: None})
    assert oldest(store) == {}


def test_each_kind_of_wait_has_its_own_oldest(store: Store, acme: EmailConfiguration) -> None:
    retired = another(retired_at=later(minutes=7))
    add(
        store,
        retired,
        another(operational=Operational.PROVISIONING, operational_since=later(minutes=1)),
        another(administrative=Administrative.LOCKING, administrative_since=later(minutes=2)),
    )
    accept(store, acme, due_at=later(minutes=3))
    accept(store, acme, updated_at=later(minutes=4), lease_until=LONG_AGO, **SENDING)
    accept(store, acme, in_doubt_since=later(minutes=5), **IN_DOUBT)
    with store.begin() as tx:
        tx.events.add(event(retired), EventHeaders())
        added_at = tx.now()
    assert oldest(store) == {
        Waiting.PROVISIONING: later(minutes=1),
        Waiting.LOCKING: later(minutes=2),
        Waiting.JOB_DUE: later(minutes=3),
        Waiting.JOB_SENDING: later(minutes=4),
        Waiting.JOB_IN_DOUBT: later(minutes=5),
        Waiting.REMOVAL: later(minutes=7),
        # What happened to mail of a configuration that is retired still has to be told.
        Waiting.EVENT_DUE: added_at,
    }


def standing(store: Store) -> Standing:
    with store.begin() as tx:
        return tx.waits.standing()


def test_where_nothing_is_wrong_nothing_stands(store: Store, acme: EmailConfiguration) -> None:
    accept(store, acme, due_at=LONG_AGO)
    accept(store, acme, status=JobStatus.SENT, due_at=None)
    assert standing(store) == Standing()


def test_jobs_in_doubt_are_counted_whenever_they_are_looked_at_next(
    store: Store, acme: EmailConfiguration
) -> None:
    accept(store, acme, lease_until=LONG_AGO, **SENDING)
    for due_at in (LONG_AGO, FAR_AHEAD):
        accept(store, acme, in_doubt_since=LONG_AGO, due_at=due_at, **IN_DOUBT)
    assert standing(store) == Standing(jobs_in_doubt=2)


def test_jobs_whose_events_contradict_one_another_are_counted(store: Store, acme: EmailConfiguration) -> None:
    for status in (JobStatus.INCONSISTENT, JobStatus.BOUNCED):
        accept(store, acme, status=status, due_at=None)
    assert standing(store) == Standing(jobs_inconsistent=1)


def test_gaps_are_counted_until_they_are_closed(store: Store) -> None:
    add(store, *(another(provisioned=provisioned(webhook_id=number)) for number in (1, 2)))
    with store.begin() as tx:
        assert tx.gaps.open(LONG_AGO, LONG_AGO, cause="away", author="test") == 2
        (first, _) = tx.gaps.due(2)
        gap = tx.gaps.take(first, lease_seconds=60)
        assert gap is not None
    assert standing(store) == Standing(gaps_open=2)
    with store.begin() as tx:
        tx.gaps.save(replace(gap, finished_at=LONG_AGO))
    assert standing(store) == Standing(gaps_open=1)


def test_dead_letters_are_counted_by_subject_while_they_are_open(
    store: Store, acme: EmailConfiguration
) -> None:
    told = event(acme)
    with store.begin() as tx:
        tx.events.add(told, EventHeaders())
        tx.events.park([told.e_id])
        for row_id in (acme.e_id, uuid4()):
            tx.dead_letters.count_fault(handler_fault(row_id), dead_after=1, forget_after_seconds=60)
    assert standing(store) == Standing(dead_letters={Subject.EVENT: 1, Subject.MESSAGE: 2})
    with store.begin() as tx:
        (letter,) = tx.dead_letters.find(DeadLetterFilter(subject=Subject.EVENT), limit=9)
        assert tx.dead_letters.discard(letter, action(told.e_id))
    assert standing(store) == Standing(dead_letters={Subject.MESSAGE: 2})
