"""Everything that Valkey holds: every key of every database, with its value."""

from collections.abc import Iterator
from typing import Any, cast

import redis

from tests.acceptance.canary.search import Haystack


class Valkey:
    def __init__(self, url: str) -> None:
        self._url = url

    def connected(self) -> "redis.Redis":
        return redis.Redis.from_url(self._url, socket_timeout=10)

    def haystacks(self, when: str) -> list[Haystack]:
        with self.connected() as client:
            count = int(cast("dict[str, str]", client.config_get("databases"))["databases"])
        return [haystack for number in range(count) for haystack in self._of_database(number, when)]

    def _of_database(self, number: int, when: str) -> Iterator[Haystack]:
        with redis.Redis.from_url(f"{self._url.rpartition('/')[0]}/{number}", socket_timeout=10) as client:
            for key in client.scan_iter(count=1000):
                kept = b"\n".join([key, *_flat(_value(client, key))])
                yield Haystack(f"Valkey {when}: {number}/{key.decode(errors='replace')}", kept)


def _value(client: "redis.Redis", key: bytes) -> Any:
    kind = cast("bytes", client.type(key)).decode()
    match kind:
        case "string":
            return client.get(key)
        case "list":
            return client.lrange(key, 0, -1)
        case "set":
            return client.smembers(key)
        case "zset":
            return client.zrange(key, 0, -1, withscores=True)
        case "hash":
            return client.hgetall(key)
        case "stream":
            return client.xrange(key)
        case "none":  # gone since it was listed
            return None
    raise NotImplementedError(f"a value of type {kind}")


def _flat(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from (*_flat(name), *_flat(inner))
    elif isinstance(value, list | tuple | set):
        for inner in value:
            yield from _flat(inner)
    elif value is not None:
        yield str(value).encode()
