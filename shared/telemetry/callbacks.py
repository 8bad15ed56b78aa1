"""What is worth telling of callbacks, beside the events themselves, and of keys: as in `metrics`."""

from collections.abc import Mapping
from uuid import UUID

import structlog
from prometheus_client import Counter

from shared.domain.webhook import WebhookState

_log = structlog.get_logger("email")

_CAUGHT_UP = Counter("email_webhook_caught_up", "Events that callbacks had not told, by asking afterwards")
_HOOKS = Counter("email_webhook_check", "Looks at webhooks, by what was found", ("state",))
_LIFTS = Counter(
    "email_suppression_provider_lift", "Addresses the provider was asked to release", ("outcome",)
)
_RESEALED = Counter(
    "email_material_registry_reseal", "Server tokens sealed anew by the current key version", ("outcome",)
)


def record_gap_opened(cause: str, *, configurations: int, seconds: float) -> None:
    """Events of this time may have been lost: they are asked for."""
    _log.warning(
        "email.webhook.gap_opened", cause=cause, configurations=configurations, seconds=round(seconds)
    )


def record_gap_caught_up(configuration_id: UUID, *, found: int, fault: str | None) -> None:
    _CAUGHT_UP.inc(found)
    _log.info("email.webhook.caught_up", configuration=str(configuration_id), found=found, fault=fault)


def record_gap_put_off(configuration_id: UUID, *, code: str, tries: int) -> None:
    _log.warning(
        "email.webhook.catch_up_put_off", configuration=str(configuration_id), code=code, tries=tries
    )


def record_webhook_health(configuration_id: UUID, *, state: str, failures: int) -> None:
    _HOOKS.labels(state).inc()
    if state != WebhookState.OK:
        _log.warning(
            "email.webhook.ailing", configuration=str(configuration_id), state=state, failures=failures
        )


def record_lifts(configuration_id: UUID, counts: Mapping[str, int]) -> None:
    for outcome, count in counts.items():
        _LIFTS.labels(outcome).inc(count)
    _log.info("email.suppression.provider_lifted", configuration=str(configuration_id), **counts)


def record_resealed(configuration_id: UUID, *, outcome: str, error: str | None = None) -> None:
    _RESEALED.labels(outcome).inc()
    if error is not None:
        _log.error(
            "email.material_registry.token_unreadable", configuration=str(configuration_id), error=error
        )
