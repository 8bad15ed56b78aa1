"""A real worker, for `dramatiq tests.integration.messaging.worker_process:boot`, with a handler that does as told.

A row's id is the order: 0 returns, 1 raises, 2 hangs. What was handled is counted in the list `handled`.
"""

import json
import os
import sys
import threading
from pathlib import Path
from uuid import UUID

import dramatiq
from dramatiq import Broker
from dramatiq.middleware import Middleware
from dramatiq.worker import ConsumerThread

from shared.messaging.actors import declare
from shared.messaging.broker import BrokerSettings, build_broker
from shared.messaging.messages import SendJobs
from shared.messaging.watch import WatchSettings
from shared.ports.dead_letters import HandlerFault

DONE, RAISE, HANG = (UUID(int=number) for number in range(3))


class ConsumersThatDie(Middleware):
    """As after an error that Dramatiq does not survive."""

    def after_consumer_thread_boot(self, broker: Broker, thread: ConsumerThread) -> None:
        sys.exit()


def boot() -> None:
    given = json.loads(os.environ["TEST_WORKER"])
    settings = BrokerSettings(
        url=given["url"],
        namespace=given["namespace"],
        heartbeat_timeout_seconds=15,
        maintenance_chance=1_000_000,
        socket_timeout_seconds=0.5,
        ring_flag_seconds=60,
        ring_patience_seconds=10,
    )
    watch = WatchSettings(
        give_up_after_seconds=given["give_up_after_seconds"],
        stuck_after_seconds=given["stuck_after_seconds"],
        drain_seconds=given["drain_seconds"],
        liveness_file=Path(given["file"]),
        look_seconds=0.05,
    )

    def keep(fault: HandlerFault) -> None:
        broker.client.rpush("faults", f"{fault.actor} {fault.row_id} {fault.error_class}")

    def handle(row_id: UUID) -> None:
        broker.client.rpush("handled", str(row_id))
        if row_id == RAISE:
            raise ValueError("as told")
        if row_id == HANG:
            threading.Event().wait()

    broker = build_broker(settings, watch, keep)
    if given["consumers_die"]:
        broker.add_middleware(ConsumersThatDie())
    dramatiq.set_broker(broker)
    declare(broker, SendJobs, handle)
