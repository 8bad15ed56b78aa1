"""The steps of a day of work, each one transaction through the repositories, as intakes and handlers make them.

They write every table that the code writes, and send the statements that run most often.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from shared.domain.configuration import Provisioned, Step
from shared.domain.dead_letter import DeadLetterFilter
from shared.domain.job import JobStatus, Settlement
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.query import Query
from shared.domain.suppression import SuppressionReason, SuppressionState
from shared.domain.verification import Check
from shared.ports.configurations import Change
from shared.ports.events import EventHeaders
from shared.ports.jobs import NewJob, OfferedJob
from shared.ports.rows import Lock
from shared.ports.store import Transaction
from tests import factories as make
from tests.integration.persistence.upgrades.day import BOUNCED, COMPLAINED, Day

BY = Change(author="operator@example.com", cause="test")
Deed = Callable[[Day, Transaction], object]


def configurations_are_made(day: Day, tx: Transaction) -> None:
    for one in (day.acme, day.young):
        tx.configurations.add(one, BY)


def one_is_provisioned(day: Day, tx: Transaction) -> None:
    assert tx.configurations.take_lease(day.acme.e_id, token=day.lease, lease_seconds=60)
    begun = replace(
        day.acme,
        operational=Operational.PROVISIONING,
        provisioned=Provisioned(intent=Step.CREATE_SERVER, tries=1),
    )
    day.acme = tx.configurations.save(begun, BY)


def it_may_send(day: Day, tx: Transaction) -> None:
    done = replace(
        day.acme,
        operational=Operational.OK,
        administrative=Administrative.UNLOCKED,
        provisioned=make.provisioned(),
        dns=make.mail_dns(),
        routing_token_hash=make.sendable().routing_token_hash,
    )
    day.acme = tx.configurations.save(done, BY)
    tx.configurations.drop_lease(day.acme.e_id, token=day.lease)


def another_is_being_verified(day: Day, tx: Transaction) -> None:
    waiting = replace(
        day.young,
        operational=Operational.AWAITING_VERIFICATION,
        provisioned=make.provisioned(),
        dns=make.mail_dns(),
        verification_started_at=tx.now(),
        verification_due_at=make.LONG_AGO,
    )
    day.young = tx.configurations.save(waiting, BY)


def it_is_checked(day: Day, tx: Transaction) -> None:
    assert tx.configurations.take_verification(day.young.e_id, next_due_seconds=60, window_seconds=600)
    for check in (Check(dkim_verified=False, dkim_seen=""), Check(dkim_verified=False, dkim_seen="")):
        tx.checks.record(day.young.e_id, check)
    tx.checks.latest(day.young.e_id)


def jobs_are_accepted(day: Day, tx: Transaction) -> None:
    """The last by one statement, as most are, and so due last; the others gate by gate."""
    assert len(tx.jobs.offer(day.tenant, [_offered(day.jobs[-1])])) == 1
    tx.configurations.get(day.acme.e_id, tenant_id=day.tenant, lock=Lock.SHARE)
    tx.jobs.find_by_keys(day.tenant, [new.job.idempotency_key for new in day.jobs])
    tx.suppressions.active_among(day.tenant, [new.job.recipient for new in day.jobs])
    assert len(tx.jobs.accept(day.jobs)) == len(day.jobs) - 1


def _offered(new: NewJob) -> OfferedJob:
    job = new.job
    return OfferedJob(
        e_id=job.e_id,
        configuration_id=job.configuration_id,
        recipient=job.recipient,
        idempotency_key=job.idempotency_key,
        body_hash=job.body_hash,
        author=job.author,
        trace=job.trace,
        content=new.content,
    )


def some_are_claimed(day: Day, tx: Transaction) -> None:
    tx.configurations.get(day.acme.e_id, lock=Lock.SHARE)
    claim = tx.jobs.claim(day.acme.e_id, claim_id=day.claim_id, limit=5, lease_seconds=60)
    assert len(claim.jobs) == 5


def their_results_are_recorded(day: Day, tx: Transaction) -> None:
    retry_at = tx.now() + timedelta(hours=1)
    told = [
        Settlement(day.job_id(0), JobStatus.SENT, provider_message_id="message"),
        Settlement(day.job_id(1), JobStatus.FAILED, error_code="300", error_text="refused"),
        Settlement(day.job_id(2), JobStatus.SENT, provider_message_id=day.message_id),
        Settlement(day.job_id(3), JobStatus.IN_DOUBT, due_at=make.LONG_AGO, error_code="timeout"),
        Settlement(day.job_id(4), JobStatus.QUEUED, due_at=retry_at, error_code="503"),
    ]
    assert len(tx.jobs.record(day.claim_id, told)) == 5


def send_faults_are_counted(day: Day, tx: Transaction) -> None:
    tx.configurations.count_send_fault(day.acme.e_id)
    tx.configurations.clear_send_faults(day.acme.e_id)


def a_doubt_is_resolved(day: Day, tx: Transaction) -> None:
    (doubt,) = tx.jobs.take_doubts(day.acme.e_id, limit=10, lease_seconds=60)
    found = Settlement(doubt.job_id, JobStatus.SENT, provider_message_id="found")
    assert tx.jobs.resolve_doubts({doubt.job_id: (doubt.version, found, 0)})


def callbacks_arrive(day: Day, tx: Transaction) -> None:
    assert day.acme.routing_token_hash is not None
    tx.configurations.id_by_routing_hash(day.acme.routing_token_hash)
    headers = EventHeaders(trace_id="trace", event_id="event", retries_remaining="9")
    # The second one is the first once more.
    assert [tx.events.add(one, headers) for one in (day.bounce, day.bounce, day.orphan)] == [
        True,
        False,
        True,
    ]


def one_is_projected(day: Day, tx: Transaction) -> None:
    tx.events.serialise(day.acme.e_id)
    assert len(tx.events.unprojected(day.acme.e_id, limit=100)) == 2
    (job,) = tx.jobs.for_events(day.acme.e_id, job_ids=[], message_ids=[day.message_id])
    tx.jobs.set_status(job, JobStatus.BOUNCED, provider_message_id=None)
    tx.events.mark_projected({day.bounce.e_id: job.e_id})
    tx.events.about(day.tenant, [BOUNCED])
    tx.suppressions.operator_facts(day.tenant, [BOUNCED])
    bounced = SuppressionState(True, SuppressionReason.HARD_BOUNCE, make.LONG_AGO, day.bounce.e_id)
    assert tx.suppressions.apply(day.tenant, {BOUNCED: bounced}) == 1


def another_is_parked(day: Day, tx: Transaction) -> None:
    tx.events.put_off([day.orphan.e_id], seconds=0)
    tx.events.park([day.orphan.e_id])


def addresses_are_suppressed_and_lifted(day: Day, tx: Transaction) -> None:
    for address in (COMPLAINED, "lifted@example.com"):
        entry = tx.suppressions.add(make.suppression(tenant_id=day.tenant, address=address))
    tx.suppressions.lift(entry, author="operator@example.com", note="asked for")


def dead_letters_are_put_back_or_discarded(day: Day, tx: Transaction) -> None:
    wanted = DeadLetterFilter(configuration_id=day.acme.e_id)
    failed, parked = tx.dead_letters.find(wanted, limit=10)
    assert tx.dead_letters.replay(failed, day.action(failed.subject_id))
    assert tx.dead_letters.discard(parked, day.action(parked.subject_id))


def a_handler_raises(day: Day, tx: Transaction) -> None:
    tx.dead_letters.count_fault(make.handler_fault(day.acme.e_id), dead_after=1, forget_after_seconds=60)


def the_rest_is_cancelled(day: Day, tx: Transaction) -> None:
    assert tx.jobs.in_flight(day.acme.e_id) == 3
    assert tx.jobs.cancel_queued(day.acme.e_id) == 3


def the_tenant_looks(day: Day, tx: Transaction) -> None:
    tx.configurations.query(day.tenant, Query(size=100))
    tx.configurations.history(day.acme.e_id)
    tx.jobs.query(day.tenant, Query(size=100))
    tx.jobs.attempts(day.tenant, day.job_id(0))
    tx.jobs.actions(day.tenant, day.job_id(1))
    tx.events.for_job(day.tenant, day.job_id(2))
    tx.suppressions.query(day.tenant, Query(size=100))


def one_is_removed(day: Day, tx: Transaction) -> None:
    retired = replace(day.young, retired_at=tx.now(), administrative=Administrative.LOCKED)
    tx.configurations.save(retired, BY)


STEPS: tuple[Deed, ...] = (
    configurations_are_made,
    one_is_provisioned,
    it_may_send,
    another_is_being_verified,
    it_is_checked,
    jobs_are_accepted,
    some_are_claimed,
    their_results_are_recorded,
    send_faults_are_counted,
    a_doubt_is_resolved,
    callbacks_arrive,
    one_is_projected,
    another_is_parked,
    addresses_are_suppressed_and_lifted,
    dead_letters_are_put_back_or_discarded,
    a_handler_raises,
    the_rest_is_cancelled,
    the_tenant_looks,
    one_is_removed,
)
