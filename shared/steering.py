"""A trigger, carried out: decide, save and do what the decision asks for in the same transaction.

The one path on which a configuration changes its state, for an operator's signal as for a worker's report. What has to
happen outside (rings) is returned for after the commit.
"""

from dataclasses import dataclass, replace
from uuid import UUID

from shared.domain.configuration import (
    Decision,
    Effect,
    EmailConfiguration,
    Facts,
    StepFailure,
    Verdict,
    advance,
)
from shared.domain.lifecycle import Administrative, Trigger
from shared.messaging.messages import (
    Message,
    ProvisionConfiguration,
    RemoveConfiguration,
    SendJobs,
    VerifyConfiguration,
)
from shared.ports.configurations import Change
from shared.ports.rows import Lock
from shared.ports.store import Store, Transaction
from shared.telemetry.metrics import record_signal

_RINGS: dict[Effect, type[Message]] = {
    Effect.RING_PROVISIONING: ProvisionConfiguration,
    Effect.RING_VERIFICATION: VerifyConfiguration,
    Effect.RING_REMOVAL: RemoveConfiguration,
    Effect.RING_SENDING: SendJobs,
}


@dataclass(frozen=True, slots=True)
class Steered:
    """The decision with the configuration as saved, and what to ring for once the transaction is committed."""

    decision: Decision
    rings: tuple[Message, ...]
    cancelled_jobs: int = 0

    @property
    def changed(self) -> bool:
        return self.decision.verdict is Verdict.CHANGED


def steer(
    tx: Transaction,
    configuration: EmailConfiguration,
    trigger: Trigger,
    change: Change,
    *,
    failure: StepFailure | None = None,
) -> Steered:
    """`configuration` was read in `tx` with `Lock.UPDATE`. Raises `Conflict` when it moved all the same."""
    facts = facts_of(tx, configuration, failure=failure)
    decision = advance(configuration, trigger, now=tx.now(), facts=facts)
    cancelled = 0
    if decision.verdict is Verdict.CHANGED:
        decision = replace(decision, configuration=tx.configurations.save(decision.configuration, change))
        if Effect.CANCEL_QUEUED_JOBS in decision.effects:
            cancelled = tx.jobs.cancel_queued(configuration.e_id)
    _tell(decision, trigger)
    rings = tuple(_RINGS[effect](configuration.e_id) for effect in decision.effects if effect in _RINGS)
    return Steered(decision, rings, cancelled)


def facts_of(
    tx: Transaction, configuration: EmailConfiguration, *, failure: StepFailure | None = None
) -> Facts:
    return Facts(
        in_flight=tx.jobs.in_flight(configuration.e_id),
        tenant_has_other_sendable=tx.configurations.tenant_has_other_sendable(configuration),
        failure=failure,
    )


def _tell(decision: Decision, trigger: Trigger) -> None:
    state = {
        "operational": decision.configuration.operational.value,
        "administrative": decision.configuration.administrative.value,
    }
    record_signal(
        decision.configuration.e_id,
        trigger=trigger.value,
        verdict=decision.verdict.value,
        reason=decision.reason,
        state=state,
    )


def finish_drain(store: Store, configuration_id: UUID, *, author: str) -> bool:
    """LOCKING with nothing in flight becomes LOCKED. Called where the last job of a drain may have ended."""
    with store.begin() as tx:
        configuration = tx.configurations.get(configuration_id)
        if configuration is None or configuration.administrative is not Administrative.LOCKING:
            return False
    with store.begin() as tx:
        configuration = tx.configurations.get(configuration_id, lock=Lock.UPDATE)
        if configuration is None or tx.jobs.in_flight(configuration_id) > 0:
            return False
        change = Change(author, "drained", "nothing is in flight any more")
        return steer(tx, configuration, Trigger.DRAINED, change).changed
