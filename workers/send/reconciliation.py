"""Jobs in doubt: ask the provider what became of them, and only then decide.

    found by its claim                                  -> SENT
    not found, index-lag grace not over                 -> look again later
    not found after the grace, twice                    -> QUEUED again (CANCELLED when the configuration is locked;
                                                           FAILED, poison, when too many workers died of it alone)
    the search itself fails, for longer than the limit  -> an operator decides; it is looked for less often
    the server is gone, there is nobody left to ask     -> FAILED

As true as the provider's search is once the grace is over.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import ProviderError
from shared.domain.job import JobStatus, Settlement
from shared.messaging.messages import SendJobs
from shared.ports.jobs import Doubt
from shared.ports.rows import Lock
from shared.steering import finish_drain
from shared.telemetry.fault_points import fault_point
from shared.telemetry.metrics import record_doubts, record_search_failed
from workers.send import consequences
from workers.send.deps import AUTHOR, SendDeps
from workers.send.policy import SendPolicy

LOOKS_AFTER_GRACE = 2
# Taken at once: mostly a few claims, one search each.
_DOUBTS_MAX = 500

Resolution = tuple[int, Settlement, int]


def resolve_doubts(configuration_id: UUID, deps: SendDeps) -> None:
    configuration, doubts, asked_at = _take(configuration_id, deps)
    if configuration is None or not doubts:
        return
    if configuration.provisioned.server_token is None:
        _give_up(doubts, deps)
        return
    fault_point("doubt.taken")
    found = _search(configuration, doubts, deps)
    fault_point("doubt.searched")
    requeued = _resolve(configuration_id, doubts, found, asked_at, deps)
    fault_point("doubt.resolved")
    finish_drain(deps.store, configuration_id, author=AUTHOR)
    if requeued:
        deps.doorbell.ring(SendJobs(configuration_id))


def _take(configuration_id: UUID, deps: SendDeps) -> tuple[EmailConfiguration | None, list[Doubt], datetime]:
    """With the moment before the search: what it does not find was absent then, not later."""
    with deps.store.begin() as tx:
        configuration = tx.configurations.get(configuration_id)
        doubts = tx.jobs.take_doubts(
            configuration_id, limit=_DOUBTS_MAX, lease_seconds=deps.policy.lease_seconds
        )
        return configuration, doubts, tx.now()


def _give_up(doubts: Sequence[Doubt], deps: SendDeps) -> None:
    """The server was removed, and with it whatever it knew: not to be sent again, and not to be found out."""
    text = "the provider's server was removed before it could be asked whether it took this message"
    resolutions = {
        doubt.job_id: (
            doubt.version,
            Settlement(doubt.job_id, JobStatus.FAILED, error_code="unresolved", error_text=text),
            doubt.late_looks,
        )
        for doubt in doubts
    }
    with deps.store.begin() as tx:
        written = tx.jobs.resolve_doubts(resolutions)
    record_doubts("unresolved", len(written))


def _search(
    configuration: EmailConfiguration, doubts: Sequence[Doubt], deps: SendDeps
) -> Mapping[UUID, Mapping[UUID, str]]:
    """Claim id to what was found of it. A claim whose search failed is left out: its jobs stay as they are."""
    token = deps.server_token(configuration)
    found: dict[UUID, Mapping[UUID, str]] = {}
    for claim_id in {doubt.claim_id for doubt in doubts}:
        try:
            found[claim_id] = deps.sent_messages.find_by_claim(token, claim_id)
        except ProviderError as error:
            record_search_failed(claim_id, code=error.code)
    return found


def _resolve(
    configuration_id: UUID,
    doubts: Sequence[Doubt],
    found: Mapping[UUID, Mapping[UUID, str]],
    asked_at: datetime,
    deps: SendDeps,
) -> bool:
    looks = [(doubt, found.get(doubt.claim_id)) for doubt in doubts]
    with deps.store.begin() as tx:
        configuration = tx.configurations.get(configuration_id, lock=Lock.SHARE)
        assert configuration is not None, "configurations are never deleted"
        cancels = consequences.cancels_waiting(configuration)
        resolutions = {
            doubt.job_id: _after_look(doubt, seen, asked_at, deps.policy, cancels=cancels)
            for doubt, seen in looks
        }
        written = tx.jobs.resolve_doubts(resolutions)
    statuses = Counter(resolutions[job_id][1].status for job_id in written)
    for status, count in statuses.items():
        record_doubts(status.value, count)
    return statuses[JobStatus.QUEUED] > 0


def _after_look(
    doubt: Doubt, found: Mapping[UUID, str] | None, asked_at: datetime, policy: SendPolicy, *, cancels: bool
) -> Resolution:
    message_id = (found or {}).get(doubt.job_id)
    if message_id is not None:
        return doubt.version, Settlement(doubt.job_id, JobStatus.SENT, provider_message_id=message_id), 0
    looked_after_grace = found is not None and asked_at >= doubt.in_doubt_since + policy.index_lag_grace
    late_looks = doubt.late_looks + (1 if looked_after_grace else 0)
    if late_looks < LOOKS_AFTER_GRACE:
        due_at = policy.look_again_at(asked_at, doubt.in_doubt_since)
        return doubt.version, Settlement(doubt.job_id, JobStatus.IN_DOUBT, due_at=due_at), late_looks
    settlement = _never_taken(doubt, asked_at, policy)
    return doubt.version, consequences.without_requeue(settlement) if cancels else settlement, 0


def _never_taken(doubt: Doubt, now: datetime, policy: SendPolicy) -> Settlement:
    if doubt.deaths_alone < policy.poison_after:
        return Settlement(doubt.job_id, JobStatus.QUEUED, due_at=now)
    text = f"{doubt.deaths_alone} workers died with it alone, and the provider never got it"
    return Settlement(doubt.job_id, JobStatus.FAILED, error_code="poison", error_text=text)
