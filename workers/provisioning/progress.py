"""Work on one configuration, under a lease, with everything that is done committed as it is done.

A lease keeps two workers from the same configuration. What has to wait keeps the lease for a while and leaves; the
scheduler rings again when it has run out. A crash does the same, without the words.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from uuid import UUID

from shared.domain.configuration import EmailConfiguration, Step
from shared.domain.errors import Conflict, ProviderError
from shared.domain.webhook import fingerprint
from shared.ports.configurations import Change
from shared.steering import Steered
from shared.telemetry.fault_points import fault_point
from shared.telemetry.metrics import record_provisioning_step
from workers.provisioning.deps import AUTHOR, ProvisioningDeps

# 256 random bits.
ROUTING_TOKEN_BYTES = 32


class Later(Exception):
    """Something that may pass stands in the way: try again in `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds:.0f} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Saver:
    """Commits progress; renews the lease with it, so that only a silent worker loses it. Then it raises `Conflict`."""

    deps: ProvisioningDeps
    lease: UUID
    routing_token: str = field(repr=False)

    def intend(self, configuration: EmailConfiguration, step: Step) -> EmailConfiguration:
        if configuration.provisioned.intent is step:
            return configuration
        intended = replace(configuration.provisioned, intent=step)
        saved = self.save(replace(configuration, provisioned=intended), f"{step}: intended")
        fault_point("provision.intended")
        return saved

    def withdraw(self, configuration: EmailConfiguration, step: Step) -> EmailConfiguration:
        plain = replace(configuration.provisioned, intent=None)
        return self.save(replace(configuration, provisioned=plain), f"{step}: nothing was made")

    def done(self, configuration: EmailConfiguration, step: Step) -> EmailConfiguration:
        fault_point("provision.called")
        record_provisioning_step(configuration.e_id, step=step, outcome="done")
        settled = replace(configuration.provisioned, intent=None, tries=0)
        shown = self.deps.webhook_bearer if step is Step.INSTALL_WEBHOOK else None
        saved = self.save(replace(configuration, provisioned=settled), f"{step}: done", shown_key=shown)
        fault_point("provision.done")
        return saved

    def save(
        self, configuration: EmailConfiguration, cause: str, *, shown_key: str | None = None
    ) -> EmailConfiguration:
        """`shown_key`: the one that the webhook shows us from now on, for a later rotation to know."""
        with self.deps.store.begin() as tx:
            if not tx.configurations.take_lease(
                configuration.e_id, token=self.lease, lease_seconds=self.deps.policy.lease_seconds
            ):
                raise Conflict("the lease ran out, and another worker has it")
            if shown_key is not None:
                tx.webhook_keys.set(configuration.e_id, fingerprint(shown_key))
            moved = replace(configuration, updated_at=tx.now())
            return tx.configurations.save(moved, Change(AUTHOR, cause))


Work = Callable[[EmailConfiguration, ProvisioningDeps, Saver], Steered | None]


def leased(configuration_id: UUID, deps: ProvisioningDeps, work: Work) -> None:
    """Runs `work` under a lease, if nobody else is at it; rings for what comes next after letting go."""
    saver = Saver(deps, lease=deps.new_id(), routing_token=secrets.token_urlsafe(ROUTING_TOKEN_BYTES))
    with deps.store.begin() as tx:
        lease_seconds = deps.policy.lease_seconds
        if not tx.configurations.take_lease(configuration_id, token=saver.lease, lease_seconds=lease_seconds):
            return
        configuration = tx.configurations.get(configuration_id)
    assert configuration is not None, "a lease is on a row"
    try:
        steered = work(configuration, deps, saver)
    except Later as later:
        _hold_lease(configuration_id, deps, saver, later.seconds)
        return
    except ProviderError:
        _drop_lease(configuration_id, deps, saver)
        raise
    _drop_lease(configuration_id, deps, saver)
    if steered is not None:
        deps.doorbell.ring(*steered.rings)


def _drop_lease(configuration_id: UUID, deps: ProvisioningDeps, saver: Saver) -> None:
    with deps.store.begin() as tx:
        tx.configurations.drop_lease(configuration_id, token=saver.lease)


def _hold_lease(configuration_id: UUID, deps: ProvisioningDeps, saver: Saver, seconds: float) -> None:
    with deps.store.begin() as tx:
        tx.configurations.take_lease(configuration_id, token=saver.lease, lease_seconds=seconds)
