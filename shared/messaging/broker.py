"""The broker, with the settings that measured behaviour of Dramatiq 2.2 calls for.

- No Retries middleware: it loses a retry when Redis is away while a job fails. A fault is logged, the message is done,
  and the row that still waits is rung for again by the sweep.
- No TimeLimit: it raises inside whatever line runs, in the middle of a provider call too. Calls have time-outs of their
  own and leases end what hangs.
- No delays: a delayed message strands in a live worker when Redis is away for a moment. Due times are in rows.
- Maintenance often: the messages of a killed worker otherwise wait for minutes on a quiet queue.
"""

from dataclasses import dataclass, field

import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import ShutdownNotifications
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from shared.messaging.middleware import FaultReport, LogContext


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """`namespace` begins every key. What each number is for stands in `reference.conf`."""

    url: str = field(repr=False)
    namespace: str
    heartbeat_timeout_seconds: float
    maintenance_chance: int
    socket_timeout_seconds: float


def build_broker(settings: BrokerSettings) -> RedisBroker:
    return RedisBroker(
        client=_client(settings),
        namespace=settings.namespace,
        heartbeat_timeout=int(settings.heartbeat_timeout_seconds * 1000),
        maintenance_chance=settings.maintenance_chance,
        middleware=[LogContext(), FaultReport(), ShutdownNotifications()],
    )


def _client(settings: BrokerSettings) -> "redis.Redis":
    """One quick second try for a connection that went stale; more would hold up the request that rings."""
    return redis.Redis.from_url(
        settings.url,
        socket_timeout=settings.socket_timeout_seconds,
        socket_connect_timeout=settings.socket_timeout_seconds,
        retry=Retry(ExponentialBackoff(cap=0.1, base=0.02), retries=1),
        health_check_interval=30,
    )
