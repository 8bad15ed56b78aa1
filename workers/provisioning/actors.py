"""The provisioning pool's actors: one call each."""

from functools import partial

import dramatiq

from shared.messaging.actors import declare
from shared.messaging.messages import (
    CheckWebhook,
    ProvisionConfiguration,
    RemoveConfiguration,
    ResealToken,
    RunReplay,
    VerifyConfiguration,
)
from workers.provisioning.deps import ProvisioningDeps
from workers.provisioning.handler import provision, remove
from workers.provisioning.replaying import run_replay
from workers.provisioning.resealing import reseal_token
from workers.provisioning.verification import verify
from workers.provisioning.webhook_health import check_webhook


def register(broker: dramatiq.Broker, deps: ProvisioningDeps) -> None:
    declare(broker, ProvisionConfiguration, partial(provision, deps=deps))
    declare(broker, RemoveConfiguration, partial(remove, deps=deps))
    declare(broker, VerifyConfiguration, partial(verify, deps=deps))
    declare(broker, CheckWebhook, partial(check_webhook, deps=deps))
    declare(broker, ResealToken, partial(reseal_token, deps=deps))
    declare(broker, RunReplay, partial(run_replay, deps=deps))
