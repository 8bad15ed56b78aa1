"""The provisioning pool's actors: one call each."""

from functools import partial

import dramatiq

from shared.messaging.actors import declare
from shared.messaging.messages import ProvisionConfiguration, RemoveConfiguration, VerifyConfiguration
from workers.provisioning.deps import ProvisioningDeps
from workers.provisioning.handler import provision, remove
from workers.provisioning.verification import verify


def register(broker: dramatiq.Broker, deps: ProvisioningDeps) -> None:
    declare(broker, ProvisionConfiguration, partial(provision, deps=deps))
    declare(broker, RemoveConfiguration, partial(remove, deps=deps))
    declare(broker, VerifyConfiguration, partial(verify, deps=deps))
