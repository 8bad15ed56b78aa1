"""A trigger, carried out in one transaction."""

from typing import Any

import pytest

from shared.domain.configuration import EmailConfiguration, Facts, Step, StepFailure, Verdict
from shared.domain.errors import Conflict
from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative, Operational, Trigger
from shared.messaging.messages import (
    ProvisionConfiguration,
    RemoveConfiguration,
    SendJobs,
    VerifyConfiguration,
)
from shared.steering import Steered, facts_of, finish_drain, steer
from tests import factories
from tests.fakes.store import MemoryStore

FAILURE = StepFailure(Step.CREATE_SERVER, "405", "no credits left")


def stored(store: MemoryStore, *jobs: JobStatus, **given: Any) -> EmailConfiguration:
    configuration = factories.configuration(**given)
    with store.begin() as tx:
        tx.configurations.add(configuration, factories.CREATED)
        tx.jobs.accept([factories.new_job(configuration, **_held(status)) for status in jobs])
    return configuration


def _held(status: JobStatus) -> dict[str, Any]:
    claim = {
        "claim_id": factories.TENANT,
        "lease_until": factories.LONG_AGO,
        "in_doubt_since": factories.LONG_AGO,
    }
    return {"status": status, **({} if status is JobStatus.QUEUED else claim)}


def carried_out(
    store: MemoryStore, configuration: EmailConfiguration, trigger: Trigger, **given: Any
) -> Steered:
    with store.begin() as tx:
        return steer(tx, configuration, trigger, factories.CREATED, **given)


def now(store: MemoryStore, configuration: EmailConfiguration) -> EmailConfiguration:
    with store.begin() as tx:
        found = tx.configurations.get(configuration.e_id)
    assert found is not None
    return found


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def test_a_change_is_saved_recorded_and_returned_with_its_new_version(store: MemoryStore) -> None:
    before = stored(store)
    steered = carried_out(store, before, Trigger.PROVISION)
    assert steered.changed
    assert steered.decision.configuration == now(store, before)
    assert steered.decision.configuration.version == before.version + 1
    with store.begin() as tx:
        assert len(tx.configurations.history(before.e_id)) == 2


@pytest.mark.parametrize("trigger", [Trigger.LOCK, Trigger.RE_PROVISION])
def test_what_changes_nothing_writes_nothing(store: MemoryStore, trigger: Trigger) -> None:
    before = stored(store)
    steered = carried_out(store, before, trigger)
    assert not steered.changed
    assert steered.rings == ()
    assert now(store, before) == before
    with store.begin() as tx:
        assert len(tx.configurations.history(before.e_id)) == 1


def test_a_change_of_a_row_that_has_moved_is_a_conflict(store: MemoryStore) -> None:
    before = stored(store)
    carried_out(store, before, Trigger.PROVISION)
    with pytest.raises(Conflict):
        carried_out(store, before, Trigger.PROVISION)


@pytest.mark.parametrize(
    ("trigger", "operational", "ring"),
    [
        (Trigger.PROVISION, Operational.PENDING, ProvisionConfiguration),
        (Trigger.RE_PROVISION, Operational.MISSING, ProvisionConfiguration),
        (Trigger.PROVISIONED, Operational.PROVISIONING, VerifyConfiguration),
        (Trigger.RE_VERIFY, Operational.UNVERIFIED, VerifyConfiguration),
        (Trigger.VERIFIED, Operational.AWAITING_VERIFICATION, SendJobs),
        (Trigger.REMOVE, Operational.PENDING, RemoveConfiguration),
    ],
)
def test_work_that_follows_is_returned_to_be_rung_for(
    store: MemoryStore, trigger: Trigger, operational: Operational, ring: Any
) -> None:
    before = stored(store, operational=operational)
    assert carried_out(store, before, trigger).rings == (ring(before.e_id),)


def test_a_failure_is_kept_with_the_state(store: MemoryStore) -> None:
    before = stored(store, operational=Operational.PROVISIONING)
    carried_out(store, before, Trigger.PROVISIONING_FAILED, failure=FAILURE)
    assert now(store, before).failure == FAILURE


def test_force_lock_cancels_what_is_queued_and_leaves_what_the_provider_has(store: MemoryStore) -> None:
    statuses = [JobStatus.QUEUED, JobStatus.QUEUED, JobStatus.SENDING, JobStatus.IN_DOUBT]
    before = stored(store, *statuses, operational=Operational.OK, administrative=Administrative.UNLOCKED)
    assert carried_out(store, before, Trigger.FORCE_LOCK).cancelled_jobs == 2
    left = sorted(job.status.value for job in store._state.jobs.values())
    assert left == ["CANCELLED", "CANCELLED", "IN_DOUBT", "SENDING"]


def test_a_refused_force_lock_cancels_nothing(store: MemoryStore) -> None:
    before = stored(store, JobStatus.QUEUED, retired_at=factories.LONG_AGO)
    assert carried_out(store, before, Trigger.FORCE_LOCK).decision.verdict is Verdict.REFUSED
    assert [job.status for job in store._state.jobs.values()] == [JobStatus.QUEUED]


def test_facts_are_those_of_the_rows(store: MemoryStore) -> None:
    mine = stored(store, JobStatus.QUEUED, JobStatus.SENDING, JobStatus.SENT)
    stored(store, JobStatus.QUEUED, operational=Operational.OK, administrative=Administrative.LOCKING)
    with store.begin() as tx:
        assert facts_of(tx, mine) == Facts(in_flight=2, tenant_has_other_sendable=True)


def test_of_two_configurations_of_a_tenant_only_one_is_unlocked(store: MemoryStore) -> None:
    first = stored(store, operational=Operational.OK)
    second = stored(store, operational=Operational.OK)
    assert carried_out(store, first, Trigger.UNLOCK).changed
    refused = carried_out(store, second, Trigger.UNLOCK)
    assert refused.decision.reason == "tenant_has_another_sendable"


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.SENDING, JobStatus.IN_DOUBT])
def test_a_drain_is_not_finished_while_anything_is_in_flight(store: MemoryStore, status: JobStatus) -> None:
    draining = stored(store, status, operational=Operational.OK, administrative=Administrative.LOCKING)
    assert not finish_drain(store, draining.e_id, author="test")
    assert now(store, draining) == draining


def test_a_drain_is_finished_once(store: MemoryStore) -> None:
    draining = stored(
        store, JobStatus.SENT, operational=Operational.OK, administrative=Administrative.LOCKING
    )
    assert finish_drain(store, draining.e_id, author="test")
    assert not finish_drain(store, draining.e_id, author="test")
    assert now(store, draining).administrative is Administrative.LOCKED


@pytest.mark.parametrize("administrative", [Administrative.UNLOCKED, Administrative.LOCKED])
def test_only_a_drain_is_finished(store: MemoryStore, administrative: Administrative) -> None:
    other = stored(store, operational=Operational.OK, administrative=administrative)
    assert not finish_drain(store, other.e_id, author="test")
    assert now(store, other) == other


def test_a_configuration_that_does_not_exist_has_no_drain(store: MemoryStore) -> None:
    assert not finish_drain(store, factories.TENANT, author="test")
