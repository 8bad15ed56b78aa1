"""The drift pool's actor."""

from functools import partial

import dramatiq

from shared.messaging.actors import declare
from shared.messaging.messages import CheckDrift
from workers.drift.deps import DriftDeps
from workers.drift.handler import check_drift


def register(broker: dramatiq.Broker, deps: DriftDeps) -> None:
    declare(broker, CheckDrift, partial(check_drift, deps=deps))
