"""A worker's broker, with the settings that measured behaviour of Dramatiq 2.2 calls for.

- No Retries middleware: it loses a retry when Redis is away while a job fails. A fault is logged, the message is done,
  and the row that still waits is rung for again by the sweep.
- No TimeLimit: it raises inside whatever line runs, in the middle of a provider call too. Calls have time-outs of their
  own and leases end what hangs.
- No delays: a delayed message strands in a live worker when Redis is away for a moment. Due times are in rows.
- Maintenance often: the messages of a killed worker otherwise wait for minutes on a quiet queue.
- No messages ahead: Dramatiq takes twice as many as it has threads, and those it has not begun with wait for it, also
  when it is slow, stopped or dead.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import redis
from dramatiq import Broker
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.middleware import Middleware, ShutdownNotifications
from dramatiq.worker import Worker
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from shared.messaging.middleware import FaultReport, HearRing, LogContext, QueueTimes
from shared.messaging.publisher import RedisDoorbell
from shared.messaging.rings import Rings, RingSettings
from shared.messaging.tracing import FollowTrace
from shared.messaging.watch import WatchSettings, WorkerWatch
from shared.ports.dead_letters import HandlerFault


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """`namespace` begins every key. What each number is for stands in `reference.conf`."""

    url: str = field(repr=False)
    namespace: str
    heartbeat_timeout_seconds: float
    maintenance_chance: int
    socket_timeout_seconds: float
    ring_flag_seconds: float
    ring_patience_seconds: float


class OneEach(Middleware):
    """As many messages as threads. Dramatiq's environment variable is a number, which would have to follow theirs."""

    def before_worker_boot(self, broker: Broker, worker: Worker) -> None:
        worker.queue_prefetch = worker.worker_threads


class PromptConsumer(_RedisConsumer):
    """Sees within 10 ms that a thread is free.

    Dramatiq's own doubles its sleep, up to a second, as long as all are busy; by a third fewer messages get through.
    """

    def __next__(self) -> Any:
        if self.outstanding_message_count >= self.prefetch:
            self.misses = 0
        return super().__next__()  # type: ignore[no-untyped-call]


class FetchingBroker(RedisBroker):
    """Notes when each queue's consumer last got an answer, by `time.monotonic()`."""

    consumer_class = PromptConsumer

    def __init__(self, **settings: Any) -> None:
        self.fetched_at: dict[str, float] = {}
        super().__init__(**settings)  # type: ignore[no-untyped-call]

    def do_fetch(self, queue_name: str, *args: Any) -> Any:
        answer = self._dispatch("fetch")(queue_name, *args)  # type: ignore[no-untyped-call]
        self.fetched_at[queue_name] = time.monotonic()
        return answer


def build_doorbell(settings: BrokerSettings) -> RedisDoorbell:
    return RedisDoorbell(_rings(_client(settings), settings))


def build_broker(
    settings: BrokerSettings,
    watch: WatchSettings | None = None,
    sink: Callable[[HandlerFault], None] | None = None,
) -> FetchingBroker:
    """Without `watch` nobody ends the worker and no file shows that it lives."""
    client = _client(settings)
    broker = FetchingBroker(
        client=client,
        namespace=settings.namespace,
        heartbeat_timeout=int(settings.heartbeat_timeout_seconds * 1000),
        maintenance_chance=settings.maintenance_chance,
        middleware=[
            FollowTrace(),
            LogContext(),
            HearRing(_rings(client, settings)),
            FaultReport(sink),
            OneEach(),
            ShutdownNotifications(),
            QueueTimes(),
        ],
    )
    if watch is not None:
        broker.add_middleware(WorkerWatch(watch, broker.fetched_at))
    return broker


def _rings(client: "redis.Redis", settings: BrokerSettings) -> Rings:
    ring_settings = RingSettings(
        namespace=settings.namespace,
        flag_seconds=settings.ring_flag_seconds,
        patience_seconds=settings.ring_patience_seconds,
    )
    return Rings(client, ring_settings)


def _client(settings: BrokerSettings) -> "redis.Redis":
    """One quick second try for a connection that went stale; more would hold up the request that rings."""
    return redis.Redis.from_url(
        settings.url,
        socket_timeout=settings.socket_timeout_seconds,
        socket_connect_timeout=settings.socket_timeout_seconds,
        retry=Retry(ExponentialBackoff(cap=0.1, base=0.02), retries=1),
        health_check_interval=30,
    )
