"""A worker has no more messages in its hands than it has threads, and takes the next as soon as one of them is free."""

import threading
from uuid import uuid4

from shared.messaging.broker import PromptConsumer
from shared.messaging.messages import SendJobs
from tests.integration.messaging.world import Bell, working
from tests.waiting import eventually


def test_what_a_busy_worker_cannot_begin_with_is_left_to_others(bell: Bell) -> None:
    free = threading.Event()
    begun = threading.Semaphore(0)

    def wait(_: object) -> None:
        begun.release()
        free.wait(30)

    for _ in range(5):
        bell.doorbell.ring(SendJobs(uuid4()))
    with working(bell, wait, threads=2):
        assert all(begun.acquire(timeout=10) for _ in range(2))
        assert bell.waiting() == 3
        with working(bell, lambda _: None, threads=1):
            assert eventually(lambda: bell.waiting() == 0)
        free.set()


def consumer_of(bell: Bell) -> PromptConsumer:
    consumer = bell.broker.consume("send", prefetch=1, timeout=1000)
    assert isinstance(consumer, PromptConsumer)
    return consumer


def test_a_consumer_without_room_does_not_look_for_it_more_and_more_rarely(bell: Bell) -> None:
    bell.doorbell.ring(SendJobs(uuid4()))
    consumer = consumer_of(bell)
    assert next(consumer) is not None
    assert [next(consumer) for _ in range(4)] == [None] * 4
    assert consumer.misses == 1


def test_a_consumer_with_nothing_to_take_leaves_the_broker_in_peace(bell: Bell) -> None:
    consumer = consumer_of(bell)
    assert [next(consumer) for _ in range(4)] == [None] * 4
    assert consumer.misses == 4
