"""The projection pool's actor."""

from functools import partial

import dramatiq

from shared.messaging.actors import declare
from shared.messaging.messages import ProjectEvents
from workers.projection.handler import ProjectionDeps, project_events


def register(broker: dramatiq.Broker, deps: ProjectionDeps) -> None:
    declare(broker, ProjectEvents, partial(project_events, deps=deps))
