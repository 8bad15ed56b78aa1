"""The steps, backward: used when one fails for good, by re-provision for what is left, and by remove.

What is gone already counts as done. What could not be undone stays in the row, by id.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from shared.domain.configuration import EmailConfiguration, Provisioned, Step
from shared.domain.dns import MailDns, records_for
from shared.domain.errors import KeyMaterialError, ProviderRefused
from shared.ports.mail import ServerCreated
from workers.provisioning.deps import ProvisioningDeps

# Postmark deletes servers through its API only for accounts it has enabled for that.
DELETION_NOT_ENABLED = "604"

Undo = Callable[[EmailConfiguration, ProvisioningDeps], Provisioned]


@dataclass(frozen=True, slots=True)
class Undone:
    """`left`: what the provider refuses to delete, for an operator to see to."""

    provisioned: Provisioned
    left: ProviderRefused | None = None


def undo_next(configuration: EmailConfiguration, deps: ProvisioningDeps) -> Undone | None:
    """Undoes the last thing that is there; None when all is done. Raises `ProviderError` when it cannot be now."""
    configuration = replace(configuration, provisioned=_with_lost_answer(configuration, deps))
    there = configuration.provisioned
    if there.records_written:
        return Undone(_delete_records(configuration, deps))
    if there.webhook_id is not None:
        return Undone(_delete_webhook(configuration, deps, there.webhook_id))
    if there.signature_id is not None:
        deps.mail.delete_signature(there.signature_id)
        return Undone(replace(there, signature_id=None))
    if there.domain_id is not None:
        deps.mail.delete_domain(there.domain_id)
        return Undone(replace(there, domain_id=None))
    if there.server_id is not None:
        return _delete_server(there, deps, there.server_id)
    return None


def step_to_undo(there: Provisioned) -> Step:
    """The last one that has a result, or may have one."""
    if there.records_written:
        return Step.WRITE_RECORDS
    if there.webhook_id is not None:
        return Step.INSTALL_WEBHOOK
    sender = (there.signature_id, there.domain_id)
    if sender != (None, None) or there.intent is Step.CREATE_SIGNATURE:
        return Step.CREATE_SIGNATURE
    return Step.CREATE_SERVER


def _with_lost_answer(configuration: EmailConfiguration, deps: ProvisioningDeps) -> Provisioned:
    """An intent without a result: perhaps there is something to undo that we never got the id of."""
    there = configuration.provisioned
    names = deps.names(configuration)
    match there.intent:
        case Step.CREATE_SERVER:
            server = deps.mail.find_server(names.server_name)
            return _with_server(configuration, deps, server)
        case Step.CREATE_SIGNATURE:
            signature = deps.mail.find_signature(names.from_address)
            domain = deps.mail.find_domain(names.sending_domain)
            return replace(
                there,
                intent=None,
                signature_id=signature.signature_id if signature else None,
                domain_id=domain.domain_id if domain else None,
            )
        case Step.INSTALL_WEBHOOK:
            # Goes with its server, or is found and taken over by the next attempt.
            return replace(there, intent=None)
        case Step.WRITE_RECORDS:
            return replace(there, intent=None, records_written=True)
    return there


def _with_server(
    configuration: EmailConfiguration, deps: ProvisioningDeps, server: ServerCreated | None
) -> Provisioned:
    """With its token: should the provider refuse to delete it, the next attempt goes on with it.

    While the token cannot be encrypted the intent stays, so that the next attempt finds the server again.
    """
    there = replace(configuration.provisioned, intent=None)
    if server is None:
        return there
    try:
        envelope = deps.cipher.encrypt(
            server.token, tenant_id=configuration.tenant_id, configuration_id=configuration.e_id
        )
    except KeyMaterialError:
        return replace(configuration.provisioned, server_id=server.server_id)
    return replace(there, server_id=server.server_id, server_token=envelope)


def _delete_records(configuration: EmailConfiguration, deps: ProvisioningDeps) -> Provisioned:
    deps.zone.delete(
        [(record.name, record.type) for pair in _pairs(configuration, deps) for record in records_for(pair)]
    )
    return replace(configuration.provisioned, records_written=False)


def _pairs(configuration: EmailConfiguration, deps: ProvisioningDeps) -> list[MailDns]:
    """Every pair that may have been written: a rotated key leaves the one before it in the zone."""
    with deps.store.begin() as tx:
        history = tx.configurations.history(configuration.e_id)
    found = dict.fromkeys(record.configuration.dns for record in history)
    return [dns for dns in found if dns is not None]


def _delete_webhook(
    configuration: EmailConfiguration, deps: ProvisioningDeps, webhook_id: int
) -> Provisioned:
    # Without a usable token it cannot be deleted by itself; it goes with its server.
    with contextlib.suppress(KeyMaterialError, ProviderRefused):
        deps.mail.delete_webhook(deps.server_token(configuration), webhook_id)
    return replace(configuration.provisioned, webhook_id=None)


def _delete_server(there: Provisioned, deps: ProvisioningDeps, server_id: int) -> Undone:
    """A server that may not be deleted stays ours, with its token: the next attempt goes on with it."""
    try:
        deps.mail.delete_server(server_id)
    except ProviderRefused as refused:
        if refused.code != DELETION_NOT_ENABLED:
            raise
        return Undone(there, left=refused)
    return Undone(replace(there, server_id=None, server_token=None))
