"""Take addresses that an operator lifted off the provider's list as well: it would go on refusing them."""

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from shared.domain.errors import KeyMaterialError, ProviderError
from shared.messaging.messages import LiftSuppressions
from shared.ports.doorbell import Doorbell
from shared.ports.key_material import TokenCipher
from shared.ports.lifts import Lift
from shared.ports.mail import LIFT_MAX, SuppressionList
from shared.ports.store import Store
from shared.telemetry.callbacks import record_lifts
from workers.projection.policy import CatchUpPolicy


@dataclass(frozen=True, slots=True)
class LiftDeps:
    store: Store
    suppression_list: SuppressionList
    cipher: TokenCipher
    doorbell: Doorbell
    policy: CatchUpPolicy


def lift_suppressions(configuration_id: UUID, deps: LiftDeps) -> None:
    """One call's worth; rings for more. Off the list twice is off the list, so whatever is uncertain is repeated."""
    with deps.store.begin() as tx:
        lifts = tx.lifts.take(configuration_id, limit=LIFT_MAX, lease_seconds=deps.policy.lease_seconds)
        configuration = tx.configurations.get(configuration_id)
    if not lifts or configuration is None:
        return
    addresses = [lift.address for lift in lifts]
    envelope = configuration.provisioned.server_token
    if envelope is None:
        # The server is gone, and its list with it.
        _settle(configuration_id, dict.fromkeys(addresses), deps)
        return
    try:
        token = deps.cipher.decrypt(
            envelope, tenant_id=configuration.tenant_id, configuration_id=configuration.e_id
        )
        answers = deps.suppression_list.lift(token, addresses)
    except (ProviderError, KeyMaterialError):
        _put_off(configuration_id, lifts, deps)
        return
    _settle(configuration_id, {address: answers.get(address) for address in addresses}, deps)
    if len(lifts) == LIFT_MAX:
        deps.doorbell.ring(LiftSuppressions(configuration_id))


def _settle(configuration_id: UUID, answers: dict[str, str | None], deps: LiftDeps) -> None:
    refused = {address: words for address, words in answers.items() if words is not None}
    with deps.store.begin() as tx:
        tx.lifts.done(configuration_id, answers.keys() - refused.keys())
        for address, words in sorted(refused.items()):
            tx.lifts.refused(configuration_id, address, words)
    record_lifts(configuration_id, Counter(lifted=len(answers) - len(refused), refused=len(refused)))


def _put_off(configuration_id: UUID, lifts: list[Lift], deps: LiftDeps) -> None:
    """Each try waits twice as long as the one before, for a day at the most."""
    seconds = min(86_400.0, deps.policy.retry_seconds * 2.0 ** min(max(lift.tries for lift in lifts), 20))
    with deps.store.begin() as tx:
        tx.lifts.put_off(configuration_id, [lift.address for lift in lifts], seconds=seconds)
    record_lifts(configuration_id, Counter(put_off=len(lifts)))
