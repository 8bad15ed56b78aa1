"""The drift pool's actors."""

from functools import partial

import dramatiq

from shared.messaging.actors import declare
from shared.messaging.messages import CheckDrift, RemoveOldRows
from workers.drift.deps import DriftDeps
from workers.drift.handler import check_drift
from workers.drift.retention import RetentionDeps, remove_old_rows


def register(broker: dramatiq.Broker, deps: DriftDeps, keeping: RetentionDeps) -> None:
    declare(broker, CheckDrift, partial(check_drift, deps=deps))
    declare(broker, RemoveOldRows, partial(remove_old_rows, deps=keeping))
