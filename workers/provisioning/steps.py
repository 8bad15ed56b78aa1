"""The four steps, forward. Each looks up, then commits its intent, then creates.

A name that is found while our intent stands is ours: an earlier answer was lost. Found without one it is an orphan,
which is never adopted. A step gets a `Progress` that commits; it never opens a transaction itself.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

from shared.domain.configuration import EmailConfiguration, Step
from shared.domain.dns import checked_in_zone, records_for
from shared.domain.errors import ProviderRefused, ProviderUnavailable
from shared.ports.mail import ServerCreated, Signature, WebhookSpec
from workers.provisioning.deps import ProvisioningDeps

ORPHAN_SERVER = "postmark_orphan_server"
ORPHAN_SIGNATURE = "postmark_orphan_signature"
ORPHAN_DOMAIN = "postmark_orphan_domain"
SERVER_NAME_TAKEN = "603"


class Progress(Protocol):
    """Commits what changed of a configuration and returns it as saved."""

    @property
    def routing_token(self) -> str:
        """Names the tenant in the webhook's headers; ours to know during this run only."""
        ...

    def intend(self, configuration: EmailConfiguration, step: Step) -> EmailConfiguration: ...

    def withdraw(self, configuration: EmailConfiguration, step: Step) -> EmailConfiguration: ...

    def done(self, configuration: EmailConfiguration, step: Step) -> EmailConfiguration: ...


RunStep = Callable[[EmailConfiguration, ProvisioningDeps, Progress], EmailConfiguration]


def create_server(
    configuration: EmailConfiguration, deps: ProvisioningDeps, progress: Progress
) -> EmailConfiguration:
    name = deps.names(configuration).server_name
    found = deps.mail.find_server(name)
    if found is not None and not _intended(configuration, Step.CREATE_SERVER):
        raise _orphan(ORPHAN_SERVER, "server", name)
    with _intending(configuration, Step.CREATE_SERVER, progress) as intending:
        server = found or _create_server(deps, name)
    envelope = deps.cipher.encrypt(
        server.token, tenant_id=configuration.tenant_id, configuration_id=configuration.e_id
    )
    made = replace(intending.provisioned, server_id=server.server_id, server_token=envelope)
    return progress.done(replace(intending, provisioned=made), Step.CREATE_SERVER)


def create_signature(
    configuration: EmailConfiguration, deps: ProvisioningDeps, progress: Progress
) -> EmailConfiguration:
    """The provider makes the domain, or reuses its key, together with the signature."""
    names = deps.names(configuration)
    intended = _intended(configuration, Step.CREATE_SIGNATURE)
    found = deps.mail.find_signature(names.from_address)
    if found is not None and not intended:
        raise _orphan(ORPHAN_SIGNATURE, "sender signature", names.from_address)
    if not intended and deps.mail.find_domain(names.sending_domain) is not None:
        raise _orphan(ORPHAN_DOMAIN, "domain", names.sending_domain)
    with _intending(configuration, Step.CREATE_SIGNATURE, progress) as intending:
        signature = found or deps.mail.create_signature(
            address=names.from_address,
            name=configuration.from_name,
            reply_to=configuration.reply_to_email,
            return_path_domain=names.return_path_domain,
        )
    return progress.done(_with_domain(intending, deps, signature), Step.CREATE_SIGNATURE)


def install_webhook(
    configuration: EmailConfiguration, deps: ProvisioningDeps, progress: Progress
) -> EmailConfiguration:
    """The hash of the routing token is committed already: the provider's test posts arrive during this call."""
    server_token = deps.server_token(configuration)
    spec = WebhookSpec(url=deps.webhook_url, bearer=deps.webhook_bearer, routing_token=progress.routing_token)
    webhook_id = deps.mail.find_webhook(server_token, url=spec.url, stream=spec.stream)
    configuration = progress.intend(configuration, Step.INSTALL_WEBHOOK)
    if webhook_id is None:
        webhook_id = deps.mail.create_webhook(server_token, spec)
    else:
        # On our own server it is ours, from an attempt whose answer was lost; its routing token is not known any more.
        deps.mail.update_webhook(server_token, webhook_id, spec)
    made = replace(configuration.provisioned, webhook_id=webhook_id)
    return progress.done(replace(configuration, provisioned=made), Step.INSTALL_WEBHOOK)


def write_records(
    configuration: EmailConfiguration, deps: ProvisioningDeps, progress: Progress
) -> EmailConfiguration:
    """Upserts are idempotent, so they need no look-up before; the intent is for undoing."""
    assert configuration.dns is not None, "kept with the signature"
    # Before the intent: what may not be written must not be deleted either.
    records = [checked_in_zone(record, deps.zone.name) for record in records_for(configuration.dns)]
    configuration = progress.intend(configuration, Step.WRITE_RECORDS)
    deps.zone.upsert(records)
    made = replace(configuration.provisioned, records_written=True)
    return progress.done(replace(configuration, provisioned=made), Step.WRITE_RECORDS)


STEPS: dict[Step, RunStep] = {
    Step.CREATE_SERVER: create_server,
    Step.CREATE_SIGNATURE: create_signature,
    Step.INSTALL_WEBHOOK: install_webhook,
    Step.WRITE_RECORDS: write_records,
}


def _intended(configuration: EmailConfiguration, step: Step) -> bool:
    return configuration.provisioned.intent is step


@contextmanager
def _intending(
    configuration: EmailConfiguration, step: Step, progress: Progress
) -> Iterator[EmailConfiguration]:
    """Around a create. A first one that had no effect made nothing: whatever has the name by now is not ours."""
    first = not _intended(configuration, step)
    configuration = progress.intend(configuration, step)
    try:
        yield configuration
    except (ProviderRefused, ProviderUnavailable):
        if first:
            progress.withdraw(configuration, step)
        raise


def _orphan(code: str, what: str, name: str) -> ProviderRefused:
    advice = (
        f"a {what} named {name} exists that this module did not make; remove or rename it, then re-provision"
    )
    return ProviderRefused(code, advice)


def _create_server(deps: ProvisioningDeps, name: str) -> ServerCreated:
    try:
        return deps.mail.create_server(name)
    except ProviderRefused as refused:
        if refused.code == SERVER_NAME_TAKEN:
            raise _orphan(ORPHAN_SERVER, "server", name) from refused
        raise


def _with_domain(
    configuration: EmailConfiguration, deps: ProvisioningDeps, signature: Signature
) -> EmailConfiguration:
    """The signature's id is not the domain's; checks need the latter."""
    sending_domain = deps.names(configuration).sending_domain
    domain = deps.mail.find_domain(sending_domain)
    if domain is None:
        raise ProviderRefused(
            "domain_missing", f"the provider made no domain {sending_domain} with the signature"
        )
    made = replace(configuration.provisioned, signature_id=signature.signature_id, domain_id=domain.domain_id)
    return replace(configuration, provisioned=made, dns=signature.dns or domain.dns)
