"""One check of a domain: has the provider found our records?"""

from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import ProviderError
from shared.domain.lifecycle import Operational, Trigger
from shared.ports.configurations import Change
from shared.ports.mail import Domain
from shared.ports.rows import Lock
from shared.steering import Steered, steer
from shared.telemetry.metrics import record_verification_check, record_verification_unavailable
from workers.provisioning.deps import AUTHOR, ProvisioningDeps


def verify(configuration_id: UUID, deps: ProvisioningDeps) -> None:
    """A ring that comes too early, or twice, finds that nothing is due."""
    with deps.store.begin() as tx:
        configuration = tx.configurations.take_verification(
            configuration_id,
            next_due_seconds=deps.policy.polling_interval_seconds,
            window_seconds=deps.policy.polling_window.total_seconds(),
        )
    if configuration is None:
        return
    domain = _check(configuration, deps)
    steered = _decide(configuration_id, domain, deps)
    if steered is not None:
        deps.doorbell.ring(*steered.rings)


def _check(configuration: EmailConfiguration, deps: ProvisioningDeps) -> Domain | None:
    """None when the provider did not answer: that says nothing about the domain."""
    domain_id = configuration.provisioned.domain_id
    assert domain_id is not None, "provisioning keeps it"
    try:
        domain = deps.mail.check_domain(domain_id)
    except ProviderError as error:
        record_verification_unavailable(configuration.e_id, code=error.code)
        return None
    record_verification_check(
        configuration.e_id, dkim=domain.dkim_verified, return_path=domain.return_path_verified
    )
    return domain


def _decide(configuration_id: UUID, domain: Domain | None, deps: ProvisioningDeps) -> Steered | None:
    """By the row as it is now: an operator may have been quicker than the provider."""
    with deps.store.begin() as tx:
        configuration = tx.configurations.get(configuration_id, lock=Lock.UPDATE)
        assert configuration is not None, "configurations are never deleted"
        if configuration.operational is not Operational.AWAITING_VERIFICATION:
            return None
        if domain is not None and domain.verified:
            return steer(tx, configuration, Trigger.VERIFIED, Change(AUTHOR, "verified"))
        started_at = configuration.verification_started_at
        assert started_at is not None, "set on entering the state"
        if tx.now() >= started_at + deps.policy.polling_window:
            change = Change(AUTHOR, "window-exceeded", "the records were not found in time")
            return steer(tx, configuration, Trigger.WINDOW_EXCEEDED, change)
    return None
