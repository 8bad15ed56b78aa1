"""What lies in the queues, and what the broker says of itself. Reads only."""

from collections.abc import Mapping
from typing import Any

import redis

from shared.messaging import queues
from shared.ports.broker import BrokerSeen, QueueDepth


class RedisLook:
    """Implements `ports.broker.QueueDepths` and `ports.broker.BrokerLook`."""

    def __init__(self, client: "redis.Redis", namespace: str) -> None:
        self._client = client
        self._namespace = namespace

    def depths(self) -> Mapping[str, QueueDepth] | None:
        """As Dramatiq keeps them: a list of ids nobody took, and beside it every message that is not done."""
        asked = self._client.pipeline(transaction=False)
        for queue in queues.ALL:
            asked.llen(f"{self._namespace}:{queue}")
            asked.hlen(f"{self._namespace}:{queue}.msgs")
        try:
            found = asked.execute()
        except redis.RedisError:
            return None
        pairs = zip(queues.ALL, found[::2], found[1::2], strict=True)
        return {queue: QueueDepth(waiting, max(kept - waiting, 0)) for queue, waiting, kept in pairs}

    def look(self) -> BrokerSeen | str:
        try:
            self._client.ping()
            return _seen(self._client.info())
        except redis.exceptions.NoPermissionError:
            # It answers, and does not let us ask for more.
            return BrokerSeen()
        except redis.RedisError as error:
            return type(error).__name__


def build_look(url: str, *, namespace: str, timeout_seconds: float) -> RedisLook:
    """Connects when it is first asked."""
    client = redis.Redis.from_url(
        url, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds, decode_responses=True
    )
    return RedisLook(client, namespace)


def _seen(told: Mapping[str, Any]) -> BrokerSeen:
    append_only = told.get("aof_enabled")
    return BrokerSeen(
        version=told.get("valkey_version") or told.get("redis_version"),
        eviction=told.get("maxmemory_policy"),
        append_only=None if append_only is None else bool(append_only),
        used_bytes=told.get("used_memory"),
        max_bytes=told.get("maxmemory"),
    )
