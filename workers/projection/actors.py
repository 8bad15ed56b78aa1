"""The projection pool's actors: one call each."""

from functools import partial

import dramatiq

from shared.messaging.actors import declare
from shared.messaging.messages import CatchUpEvents, LiftSuppressions, ProjectEvents
from workers.projection.catch_up import CatchUpDeps, catch_up
from workers.projection.handler import ProjectionDeps, project_events
from workers.projection.lifts import LiftDeps, lift_suppressions


def register(
    broker: dramatiq.Broker, deps: ProjectionDeps, catching_up: CatchUpDeps, lifting: LiftDeps
) -> None:
    declare(broker, ProjectEvents, partial(project_events, deps=deps))
    declare(broker, CatchUpEvents, partial(catch_up, deps=catching_up))
    declare(broker, LiftSuppressions, partial(lift_suppressions, deps=lifting))
