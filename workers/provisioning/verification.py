"""One check of a domain: has the provider found our records, and are they those it wants?

What was found is kept for operators, who want to see why a configuration waits.
"""

from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

from shared.domain.configuration import EmailConfiguration, Step
from shared.domain.dns import MailDns, checked_in_zone, records_for
from shared.domain.errors import InvalidValue, OutOfTurn, ProviderError
from shared.domain.lifecycle import Operational, Trigger
from shared.domain.verification import Check
from shared.ports.configurations import Change
from shared.ports.mail import Domain
from shared.ports.rows import Lock
from shared.steering import Steered, steer
from shared.telemetry.metrics import (
    record_dns_changed,
    record_verification_check,
    record_verification_unavailable,
)
from workers.provisioning.deps import AUTHOR, ProvisioningDeps
from workers.provisioning.progress import Saver, leased
from workers.provisioning.steps import write_records

# The provider wants a record under a name that is not ours to write.
OUTSIDE_ZONE = "outside_zone"


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
    try:
        look = _look(configuration, deps)
    except OutOfTurn as busy:
        _put_back(configuration_id, busy, deps)
        return
    steered = _decide(configuration_id, look, deps)
    if steered is not None:
        deps.doorbell.ring(*steered.rings)


@dataclass(frozen=True, slots=True)
class Look:
    """`domain` is None when the provider did not answer: that says nothing about the domain."""

    domain: Domain | None
    check: Check


def _put_back(configuration_id: UUID, busy: OutOfTurn, deps: ProvisioningDeps) -> None:
    with deps.store.begin() as tx:
        tx.configurations.put_back_verification(
            configuration_id, due_in_seconds=busy.retry_after_seconds or deps.policy.polling_interval_seconds
        )


def _look(configuration: EmailConfiguration, deps: ProvisioningDeps) -> Look:
    domain_id = configuration.provisioned.domain_id
    assert domain_id is not None, "provisioning keeps it"
    try:
        domain = deps.mail.check_domain(domain_id)
    except OutOfTurn:
        raise
    except ProviderError as error:
        record_verification_unavailable(configuration.e_id, code=error.code)
        return Look(None, _with_zone(Check(provider_fault=error.code), configuration.dns, deps))
    record_verification_check(
        configuration.e_id, dkim=domain.dkim_verified, return_path=domain.return_path_verified
    )
    check = Check(dkim_verified=domain.dkim_verified, return_path_verified=domain.return_path_verified)
    return Look(domain, _with_records(check, configuration, domain, deps))


def _with_records(
    check: Check, configuration: EmailConfiguration, domain: Domain, deps: ProvisioningDeps
) -> Check:
    """The zone gets what the provider wants by now; it is looked at while something is not found."""
    if domain.dns != configuration.dns or not configuration.provisioned.records_written:
        try:
            for record in records_for(domain.dns):
                checked_in_zone(record, deps.zone.name)
            leased(configuration.e_id, deps, partial(_publish, dns=domain.dns))
        except InvalidValue:
            return replace(check, zone_fault=OUTSIDE_ZONE)
        except ProviderError as error:
            return replace(check, zone_fault=error.code)
    return check if domain.verified else _with_zone(check, domain.dns, deps)


def _publish(
    configuration: EmailConfiguration, deps: ProvisioningDeps, saver: Saver, *, dns: MailDns
) -> None:
    """A key was rotated, or revoked, or writing its record was broken off. Undoing finds every pair in the history."""
    if configuration.retired or configuration.operational is not Operational.AWAITING_VERIFICATION:
        return
    if dns != configuration.dns:
        record_dns_changed(configuration.e_id)
        there = replace(configuration.provisioned, records_written=False, intent=Step.WRITE_RECORDS)
        configuration = saver.save(
            replace(configuration, dns=dns, provisioned=there), "dns: the provider wants other records"
        )
    if not configuration.provisioned.records_written:
        write_records(configuration, deps, saver)


def _with_zone(check: Check, dns: MailDns | None, deps: ProvisioningDeps) -> Check:
    """What the zone holds is worth knowing, not worth failing for."""
    if dns is None:
        return check
    try:
        dkim, return_path = (deps.zone.find(record.name, record.type) for record in records_for(dns))
    except InvalidValue:
        return replace(check, zone_fault=OUTSIDE_ZONE)
    except ProviderError as error:
        return replace(check, zone_fault=error.code)
    return replace(
        check,
        dkim_seen=dkim.value if dkim else "",
        return_path_seen=return_path.value if return_path else "",
    )


def _decide(configuration_id: UUID, look: Look, deps: ProvisioningDeps) -> Steered | None:
    """By the row as it is now: an operator may have been quicker than the provider."""
    with deps.store.begin() as tx:
        configuration = tx.configurations.get(configuration_id, lock=Lock.UPDATE)
        assert configuration is not None, "configurations are never deleted"
        tx.checks.record(configuration_id, look.check)
        if configuration.operational is not Operational.AWAITING_VERIFICATION:
            return None
        if look.domain is not None and look.domain.verified and not _owes_records(configuration, look):
            return steer(tx, configuration, Trigger.VERIFIED, Change(AUTHOR, "verified"))
        started_at = configuration.verification_started_at
        assert started_at is not None, "set on entering the state"
        if tx.now() >= started_at + deps.policy.polling_window:
            change = Change(AUTHOR, "window-exceeded", "the records were not found in time")
            return steer(tx, configuration, Trigger.WINDOW_EXCEEDED, change)
    return None


def _owes_records(configuration: EmailConfiguration, look: Look) -> bool:
    """Verified by the old key while the new one is not in the zone yet: afterwards nobody would come to write it."""
    assert look.domain is not None, "asked when the provider answered"
    written = configuration.provisioned.records_written and configuration.dns == look.domain.dns
    return not written and look.check.zone_fault != OUTSIDE_ZONE
