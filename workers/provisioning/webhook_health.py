"""Does the provider still post? It tells nobody when it gives up on a type of events: it has to be asked."""

from dataclasses import replace
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import KeyMaterialError, ProviderError
from shared.domain.webhook import WebhookHealth, WebhookSeen, WebhookState, health_of
from shared.ports.mail import STREAM
from shared.telemetry.callbacks import record_webhook_health
from workers.provisioning.deps import ProvisioningDeps


def check_webhook(configuration_id: UUID, deps: ProvisioningDeps) -> None:
    """One look. What was paused is verified again at once; what is missing or doubled is for an operator."""
    with deps.store.begin() as tx:
        if not tx.webhook_looks.take(
            configuration_id, next_due_seconds=deps.policy.webhook_check.total_seconds()
        ):
            return
        configuration = tx.configurations.get(configuration_id)
    if configuration is None or configuration.retired or configuration.provisioned.webhook_id is None:
        return
    try:
        health = _look(configuration, deps)
    except ProviderError as fault:
        health = WebhookHealth(state=WebhookState.UNKNOWN, fault=fault.code)
    except KeyMaterialError:
        health = WebhookHealth(state=WebhookState.UNKNOWN, fault="key_material")
    with deps.store.begin() as tx:
        tx.webhook_looks.record(configuration_id, health)
    record_webhook_health(configuration_id, state=health.state.value, failures=health.failures)


def _look(configuration: EmailConfiguration, deps: ProvisioningDeps) -> WebhookHealth:
    token = deps.server_token(configuration)
    ours = deps.mail.webhooks(token, url=deps.webhook_url, stream=STREAM)
    known = _known(configuration, ours)
    if known is None:
        return health_of(ours, None)
    health = health_of(ours, deps.mail.webhook_statistics(token, known))
    if health.state is not WebhookState.PAUSED:
        return health
    return replace(health, reverified=deps.mail.verify_webhook(token, known))


def _known(configuration: EmailConfiguration, ours: list[WebhookSeen]) -> int | None:
    """The one we made; should somebody have made it anew, that one."""
    ids = [seen.webhook_id for seen in ours]
    held = configuration.provisioned.webhook_id
    return held if held in ids else next(iter(ids), None)
