"""A job is accepted, and what became of it is told. One transaction for one request, be it one job or five hundred.

Most jobs pass every gate: that is found out and written in one statement. Of the others `gates` says why not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.domain.attempt import SendAttempt
from shared.domain.audit import OperatorAction
from shared.domain.errors import Recovering, StoreUnavailable
from shared.domain.event import EmailEvent
from shared.domain.job import EmailJob
from shared.domain.query import Query
from shared.messaging.messages import SendJobs
from shared.ports.arrivals import Arrivals
from shared.ports.clock import NewId
from shared.ports.doorbell import Doorbell
from shared.ports.jobs import OfferedJob
from shared.ports.rows import Page
from shared.ports.store import Store, Transaction
from shared.telemetry.fault_points import fault_point
from web.intake.gates import Accepted, Gates, Result, Submission, offered


@dataclass(frozen=True, slots=True)
class JobPorts:
    store: Store
    arrivals: Arrivals
    doorbell: Doorbell
    new_id: NewId


@dataclass(frozen=True, slots=True)
class Story:
    """A job and what happened to it, each list oldest first."""

    job: EmailJob
    attempts: list[SendAttempt]
    actions: list[OperatorAction]
    events: list[EmailEvent]


def submit(ports: JobPorts, tenant_id: UUID, author: str, submissions: Sequence[Submission]) -> list[Result]:
    """One result for each submission, in their order. Refused ones leave no row. Raises `Recovering`."""
    offers: dict[str, OfferedJob] = {}
    for each in submissions:
        if each.idempotency_key not in offers:
            offers[each.idempotency_key] = offered(each, ports.new_id(), author)
    decide = _decide_one if len(submissions) == 1 else _decide_many
    try:
        results = decide(ports, tenant_id, author, submissions, offers)
    except (StoreUnavailable, Recovering):
        raise
    except Exception:  # noqa: BLE001 - a row that is refused, a list that nobody may read: gate by gate it shows which
        results = _gate_by_gate(ports, tenant_id, author, submissions)
    fault_point("accept.committed")
    accepted = {result.job.configuration_id for result in results if isinstance(result, Accepted)}
    if accepted:
        ports.doorbell.ring(*(SendJobs(configuration_id) for configuration_id in sorted(accepted)))
        fault_point("accept.rung")
    return results


# By idempotency key. Of two with one key the first: the second is a replay of it.
_Offers = Mapping[str, OfferedJob]


def _decide_one(
    ports: JobPorts, tenant_id: UUID, author: str, submissions: Sequence[Submission], offers: _Offers
) -> list[Result]:
    """What passes every gate is accepted in one round trip. What does not is looked at gate by gate."""
    (offer,) = offers.values()
    fault_point("accept.before_commit")
    accepted_at = ports.arrivals.job(tenant_id, offer)
    if accepted_at is not None:
        return [Accepted(offer.accepted(tenant_id, accepted_at))]
    return _gate_by_gate(ports, tenant_id, author, submissions)


def _decide_many(
    ports: JobPorts, tenant_id: UUID, author: str, submissions: Sequence[Submission], offers: _Offers
) -> list[Result]:
    """The same in one transaction: all of what is accepted is kept, or nothing."""
    with ports.store.begin() as tx:
        accepted_at = tx.jobs.offer(tenant_id, list(offers.values()))
        taken = {
            key: Accepted(offer.accepted(tenant_id, accepted_at[offer.e_id]))
            for key, offer in offers.items()
            if offer.e_id in accepted_at
        }
        # The first with a key is the one that was offered.
        results: list[Result | None] = [taken.pop(each.idempotency_key, None) for each in submissions]
        left = [each for each, result in zip(submissions, results, strict=True) if result is None]
        decided = iter(Gates(tx, ports.new_id, tenant_id, author).decide(left) if left else [])
        fault_point("accept.before_commit")
        return [result or next(decided) for result in results]


def _gate_by_gate(
    ports: JobPorts, tenant_id: UUID, author: str, submissions: Sequence[Submission]
) -> list[Result]:
    with ports.store.begin() as tx:
        results = Gates(tx, ports.new_id, tenant_id, author).decide(submissions)
        fault_point("accept.before_commit")
    return results


def get(ports: JobPorts, tenant_id: UUID, e_id: UUID) -> EmailJob | None:
    """None when the tenant has no such job. Raises `Recovering` when nobody can say so yet."""
    with ports.store.begin() as tx:
        return _job_of(tx, tenant_id, e_id)


def events(ports: JobPorts, tenant_id: UUID, e_id: UUID) -> list[EmailEvent] | None:
    """None when the tenant has no such job."""
    with ports.store.begin() as tx:
        return tx.events.for_job(tenant_id, e_id) if _job_of(tx, tenant_id, e_id) else None


def story(ports: JobPorts, tenant_id: UUID, e_id: UUID) -> Story | None:
    """None when the tenant has no such job."""
    with ports.store.begin() as tx:
        job = _job_of(tx, tenant_id, e_id)
        if job is None:
            return None
        return Story(
            job=job,
            attempts=tx.jobs.attempts(tenant_id, e_id),
            actions=tx.jobs.actions(tenant_id, e_id),
            events=tx.events.for_job(tenant_id, e_id),
        )


def _job_of(tx: Transaction, tenant_id: UUID, e_id: UUID) -> EmailJob | None:
    """A caller sends again what is not there: while the gap is being closed, it may only not be there yet."""
    job = tx.jobs.get(tenant_id, e_id)
    if job is None and tx.recovering():
        raise Recovering
    return job


def query(ports: JobPorts, tenant_id: UUID, question: Query) -> Page[EmailJob]:
    """Raises `Recovering`: a caller that finds nothing sends again."""
    with ports.store.begin() as tx:
        if tx.recovering():
            raise Recovering
        return tx.jobs.query(tenant_id, question)
