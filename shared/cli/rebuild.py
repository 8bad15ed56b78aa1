"""Make a tenant's jobs and suppressions anew from its whole log, and say where the rows differ.

A slice is one transaction, in which nothing of the tenant is projected. Whatever dies in the middle is begun again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from shared.domain.audit import OperatorAction
from shared.domain.errors import Conflict
from shared.domain.job import IN_FLIGHT, JobStatus, Settlement
from shared.domain.rebuild import (
    AddressDifference,
    JobDifference,
    address_difference,
    job_difference,
    message_id_told,
)
from shared.domain.suppression import SuppressionState
from shared.ports.clock import NewId
from shared.ports.rebuild import LoggedJob
from shared.ports.store import Store, Transaction

SLICE = 200
ACTION = "job.rebuild"
ACTION_ON_LIST = "suppressions.rebuild"


@dataclass(frozen=True, slots=True)
class Operator:
    author: str
    reason: str


@dataclass(frozen=True, slots=True)
class RebuildDeps:
    """`operator` is None for a dry run."""

    store: Store
    new_id: NewId
    operator: Operator | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """What was found in one slice; it is mended already unless this is a dry run."""

    looked_at: int
    jobs: tuple[JobDifference, ...] = ()
    addresses: tuple[AddressDifference, ...] = ()


def rebuild_jobs(tenant_id: UUID, deps: RebuildDeps) -> Iterator[Slice]:
    """Jobs that an event was joined to: of the others there is nothing to make them from."""
    after: UUID | None = None
    while True:
        with deps.store.begin() as tx:
            logged = tx.tenant_log.jobs_with_events(tenant_id, after=after, limit=SLICE)
            found = [(one, difference) for one in logged if (difference := _of_job(one)) is not None]
            if deps.operator is not None:
                for one, difference in found:
                    _mend_job(tx, one, difference, deps.operator, deps.new_id())
        if not logged:
            return
        yield Slice(len(logged), jobs=tuple(difference for _, difference in found))
        after = logged[-1].job.e_id


def rebuild_suppressions(tenant_id: UUID, deps: RebuildDeps) -> Iterator[Slice]:
    after: str | None = None
    while True:
        with deps.store.begin() as tx:
            addresses = tx.tenant_log.addresses(tenant_id, after=after, limit=SLICE)
            found = _of_addresses(tx, tenant_id, addresses)
            if deps.operator is not None:
                _mend_addresses(tx, tenant_id, found, deps.operator, deps.new_id())
        if not addresses:
            return
        yield Slice(len(addresses), addresses=tuple(found))
        after = addresses[-1]


def _of_job(logged: LoggedJob) -> JobDifference | None:
    return job_difference(logged.job, logged.events, logged.attempts, logged.actions)


def _mend_job(
    tx: Transaction, logged: LoggedJob, difference: JobDifference, operator: Operator, action_id: UUID
) -> None:
    """As a resolution: the row contradicts its log, and an operator settles it. Both are one transaction."""
    job = difference.job
    message_id = job.provider_message_id or message_id_told(logged.events)
    tx.jobs.set_status(job, JobStatus.INCONSISTENT, provider_message_id=message_id)
    held = tx.jobs.get(job.tenant_id, job.e_id)
    assert held is not None, "it is locked"
    settlement = Settlement(
        job.e_id,
        difference.should_be,
        provider_message_id=message_id,
        error_code=held.error_code,
        error_text=held.error_text,
    )
    action = OperatorAction(
        e_id=action_id,
        tenant_id=job.tenant_id,
        action=ACTION,
        subject_id=job.e_id,
        author=operator.author,
        reason=operator.reason,
        at=tx.now(),
    )
    if difference.should_be in IN_FLIGHT or not tx.jobs.decide(held, settlement, action):
        raise Conflict("a job moved while it was held")


def _of_addresses(tx: Transaction, tenant_id: UUID, addresses: list[str]) -> list[AddressDifference]:
    if not addresses:
        return []
    # First, since it holds the addresses: what is read after it stays so.
    by_hand = tx.suppressions.operator_facts(tenant_id, addresses)
    events = tx.events.about(tenant_id, addresses)
    held = tx.tenant_log.active_states(tenant_id, addresses)
    compared = (
        address_difference(address, held.get(address), events, by_hand.get(address, []))
        for address in addresses
    )
    return [difference for difference in compared if difference is not None]


def _mend_addresses(
    tx: Transaction,
    tenant_id: UUID,
    found: list[AddressDifference],
    operator: Operator,
    action_id: UUID,
) -> None:
    """An active entry that nothing tells of is lifted: that is kept, and says by whom."""
    if not found:
        return
    tx.audit.keep(
        OperatorAction(
            e_id=action_id,
            tenant_id=tenant_id,
            action=ACTION_ON_LIST,
            subject_id=tenant_id,
            author=operator.author,
            reason=operator.reason,
            at=tx.now(),
        )
    )
    states: dict[str, SuppressionState] = {}
    unfounded = []
    for difference in found:
        if difference.should_be is None:
            unfounded.append(difference.address)
        else:
            states[difference.address] = difference.should_be
    if states:
        tx.suppressions.apply(tenant_id, states)
    for entry in tx.suppressions.active_among(tenant_id, unfounded).values() if unfounded else ():
        tx.suppressions.lift(entry, author=operator.author, note=f"rebuild: {operator.reason}")
