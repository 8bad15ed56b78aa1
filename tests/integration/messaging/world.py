"""A doorbell with rows behind it: what is committed, what was rung for, what a handler has seen."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import redis
from dramatiq import MessageProxy, Worker

from shared.messaging.actors import declare
from shared.messaging.broker import BrokerSettings, FetchingBroker, build_broker
from shared.messaging.messages import SendJobs
from shared.messaging.publisher import RedisDoorbell
from shared.messaging.rings import Rings, RingSettings

PATIENT = 60.0


class Bell:
    def __init__(
        self, url: str, *, namespace: str, flag_seconds: float = 60.0, patience_seconds: float = PATIENT
    ) -> None:
        self.namespace = namespace
        # Of the doorbell's silence after a failed ring; a test need not wait for it.
        self.now = 0.0
        self.settings = BrokerSettings(
            url=url,
            namespace=namespace,
            heartbeat_timeout_seconds=15,
            maintenance_chance=1_000_000,
            socket_timeout_seconds=2,
            ring_flag_seconds=flag_seconds,
            ring_patience_seconds=patience_seconds,
        )
        self.client = redis.Redis.from_url(url)
        ring_settings = RingSettings(
            namespace=namespace, flag_seconds=flag_seconds, patience_seconds=patience_seconds
        )
        self.rings = Rings(self.client, ring_settings)
        self.doorbell = RedisDoorbell(self.rings, monotonic=lambda: self.now)
        self.broker = self.new_broker()

    def new_broker(self) -> FetchingBroker:
        """Of another worker."""
        broker = build_broker(self.settings)
        broker.declare_queue("send")
        return broker

    def waiting(self) -> int:
        """Messages in the queue that no worker has taken."""
        return int(self.client.llen(f"{self.namespace}:send"))

    def take(self, broker: FetchingBroker | None = None) -> MessageProxy:
        """As a worker takes it; nobody has begun with it yet."""
        message = next(iter((broker or self.broker).consume("send", prefetch=1, timeout=10)))
        assert message is not None
        return message

    def begin(self, message: MessageProxy) -> None:
        """As a worker does before it calls the handler."""
        self.broker.emit_before("process_message", message)

    def flag(self, row_id: UUID, actor: str = "SendJobs") -> str:
        return f"{self.namespace}:ring:{actor}:{row_id}"

    def close(self) -> None:
        self.client.close()
        self.broker.client.close()


class Rows:
    """Rows by configuration, and a handler that takes all of one configuration that it sees."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._committed: Counter[UUID] = Counter()
        self.seen: Counter[UUID] = Counter()
        self.calls = 0

    def commit(self, configuration_id: UUID) -> None:
        with self._lock:
            self._committed[configuration_id] += 1

    def handle(self, configuration_id: UUID) -> None:
        with self._lock:
            self.calls += 1
            self.seen[configuration_id] += self._committed.pop(configuration_id, 0)

    def unseen(self) -> list[UUID]:
        with self._lock:
            return list(self._committed)


@contextmanager
def working(bell: Bell, handle: Callable[[UUID], None], threads: int = 4) -> Iterator[Worker]:
    broker = bell.new_broker()
    declare(broker, SendJobs, handle)
    worker = Worker(broker, queues={"send"}, worker_timeout=10, worker_threads=threads)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()
        broker.client.close()
