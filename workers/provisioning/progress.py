"""Work on one configuration, under a lease, with everything that is done committed as it is done.

A lease keeps two workers from the same configuration. What has to wait keeps the lease for a while and leaves; the
scheduler rings again when it has run out. A crash does the same, without the words.
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from uuid import UUID

from shared.domain.configuration import EmailConfiguration, Step
from shared.domain.errors import Conflict, ProviderError
from shared.domain.webhook import ROUTING_TOKEN_BYTES, fingerprint
from shared.ports.configurations import Change
from shared.ports.lease import looked_after
from shared.ports.store import Transaction
from shared.steering import Steered
from shared.telemetry.fault_points import fault_point
from shared.telemetry.metrics import record_provisioning_step
from workers.provisioning.deps import AUTHOR, ProvisioningDeps


class Later(Exception):
    """Something that may pass stands in the way: try again in `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds:.0f} s")
        self.seconds = seconds


class Lease:
    """On one configuration. Its age is told by the worker's own clock, which goes on while the worker is stopped."""

    def __init__(self, configuration_id: UUID, deps: ProvisioningDeps) -> None:
        self._token = deps.new_id()
        self._configuration_id = configuration_id
        self._deps = deps
        self._renewed_at = 0.0

    def take(self, tx: Transaction) -> bool:
        """False when another worker has it."""
        began = self._deps.monotonic()
        taken = tx.configurations.take_lease(
            self._configuration_id, token=self._token, lease_seconds=self._deps.policy.lease_seconds
        )
        self._renewed_at = began
        return taken

    def renew(self, tx: Transaction, *, seconds: float | None = None) -> None:
        """Raises `Conflict` when another worker has had it since."""
        began = self._deps.monotonic()
        lease_seconds = self._deps.policy.lease_seconds if seconds is None else seconds
        if not tx.configurations.renew_lease(
            self._configuration_id, token=self._token, lease_seconds=lease_seconds
        ):
            raise Conflict("the lease ran out, and another worker has had it since")
        self._renewed_at = began

    def look(self) -> None:
        """Before a call: a lease that could run out during it is renewed first. Raises `Conflict` when it is lost."""
        if self._deps.monotonic() - self._renewed_at > self._deps.policy.call_within_seconds:
            with self._deps.store.begin() as tx:
                self.renew(tx)

    def drop(self) -> None:
        with self._deps.store.begin() as tx:
            tx.configurations.drop_lease(self._configuration_id, token=self._token)


@dataclass(frozen=True, slots=True)
class Saver:
    """Commits progress; renews the lease with it, so that only a silent worker loses it. Then it raises `Conflict`."""

    deps: ProvisioningDeps
    lease: Lease
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
            self.lease.renew(tx)
            if shown_key is not None:
                tx.webhook_keys.set(configuration.e_id, fingerprint(shown_key))
            moved = replace(configuration, updated_at=tx.now())
            return tx.configurations.save(moved, Change(AUTHOR, cause))


Work = Callable[[EmailConfiguration, ProvisioningDeps, Saver], Steered | None]


def leased(configuration_id: UUID, deps: ProvisioningDeps, work: Work) -> None:
    """Runs `work` under a lease, if nobody else is at it; rings for what comes next after letting go.

    While a recovery is open it is not begun: a restored row may not know what was made or removed since.
    """
    lease = Lease(configuration_id, deps)
    saver = Saver(deps, lease, routing_token=secrets.token_urlsafe(ROUTING_TOKEN_BYTES))
    with deps.store.begin() as tx:
        if tx.recovering() or not lease.take(tx):
            return
        configuration = tx.configurations.get(configuration_id)
    assert configuration is not None, "a lease is on a row"
    try:
        with looked_after(lease.look):
            steered = work(configuration, deps, saver)
    except Later as later:
        # Whoever has it by now waits, or works, by himself.
        with suppress(Conflict), deps.store.begin() as tx:
            lease.renew(tx, seconds=later.seconds)
        return
    except ProviderError:
        lease.drop()
        raise
    lease.drop()
    if steered is not None:
        deps.doorbell.ring(*steered.rings)
