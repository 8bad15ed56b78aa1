"""The send pool with one more actor, that does nothing but say when it ran.

`dramatiq bench.speed.noop:send --queues send`: the same process, broker and threads as `workers.main:send`.
"""

import time

import dramatiq
from dramatiq import Message

from bench.speed import product
from shared.messaging.broker import FetchingBroker
from shared.messaging.queues import SEND
from workers import main

ACTOR = "noop"
PLAN = product.with_sender(__name__)


def send() -> None:
    main.send()
    broker = dramatiq.get_broker()
    assert isinstance(broker, FetchingBroker), "the pool made it"

    @dramatiq.actor(actor_name=ACTOR, queue_name=SEND, broker=broker)
    def noop(key: str) -> None:
        broker.client.rpush(key, time.time())


def message(key: str) -> "Message[None]":
    """Its moment, in seconds since the epoch, comes to the list of this name."""
    return Message(queue_name=SEND, actor_name=ACTOR, args=(key,), kwargs={}, options={})
