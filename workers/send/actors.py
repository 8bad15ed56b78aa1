"""The send pool's actors: one call each."""

from functools import partial

import dramatiq

from shared.messaging.actors import declare
from shared.messaging.messages import ResolveDoubts, SendJobs
from workers.send.deps import SendDeps
from workers.send.handler import send_jobs
from workers.send.reconciliation import resolve_doubts


def register(broker: dramatiq.Broker, deps: SendDeps) -> None:
    declare(broker, SendJobs, partial(send_jobs, deps=deps))
    declare(broker, ResolveDoubts, partial(resolve_doubts, deps=deps))
