"""Rings as they lie in Redis. docs/adr/0005-coalesced-rings.md says why they look like this.

A ring is a message in Dramatiq's own shape, and a flag beside it for as long as nobody has begun with that message:

    <namespace>:ring:<actor>:<row id>  =  "<message's id in Redis> <when it was put there, ms>"

While the flag stands, further rings for the row change nothing: what they ring for was committed before, so the handler
that is still to begin sees it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dramatiq
import redis

from shared.ports.doorbell import Message
from shared.telemetry.tracing import carried

# Atomic: a death at any moment leaves a message with its flag, or neither. Writes what Dramatiq's `dispatch.lua` writes
# for "enqueue" and reads its sets of fetched messages; tests/integration/messaging holds the two together.
# KEYS: namespace. ARGV: queue, "1" for a ring by a sweep, lifetime of a flag in ms, patience in ms, and for each ring
# the flag's name, the message's id and the message. Returns how many were put in the queue.
_RING = """
local queue = KEYS[1] .. ':' .. ARGV[1]
local messages = queue .. '.msgs'
local by_sweep, lifetime, patience = ARGV[2] == '1', ARGV[3], tonumber(ARGV[4])
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function is_fetched(id)
    for _, worker in ipairs(redis.call('zrange', KEYS[1] .. ':__heartbeats__', 0, -1)) do
        local fetched = KEYS[1] .. ':__acks__.' .. worker .. '.' .. ARGV[1]
        if redis.call('sismember', fetched, id) == 1 then return true end
    end
    return false
end

local function waits(flag)
    local value = redis.call('get', flag)
    if not value then return false end
    local id, since = string.match(value, '^(%S+) (%d+)$')
    -- Gone without having been begun: dropped, or its actor is unknown to the worker that got it.
    if not id or redis.call('hexists', messages, id) == 0 then return false end
    return not by_sweep or now - since < patience or not is_fetched(id)
end

local rung = 0
for i = 5, #ARGV, 3 do
    local flag = KEYS[1] .. ':ring:' .. ARGV[i]
    if not waits(flag) then
        redis.call('hset', messages, ARGV[i + 1], ARGV[i + 2])
        redis.call('rpush', queue, ARGV[i + 1])
        redis.call('set', flag, ARGV[i + 1] .. ' ' .. string.format('%.0f', now), 'px', lifetime)
        rung = rung + 1
    end
end
return rung
"""

# Only the message that the flag speaks of takes it down: another one may still wait behind it.
_HEAR = """
local value = redis.call('get', KEYS[1])
if value and string.match(value, '^%S+') == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0
"""

# Options that a message carries for the trace of whoever rang, where it is rung for by somebody else.
Traces = Mapping[Message, Mapping[str, Any]]
HERE: Traces = {}

# Rings of one call: Redis serves nobody else meanwhile.
_RINGS_A_CALL = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RingSettings:
    namespace: str
    # A flag that nobody takes down is gone after this.
    flag_seconds: float
    # How long a message may be in a worker's hands unbegun before a sweep rings past it.
    patience_seconds: float


class Rings:
    """Raises `redis.RedisError`."""

    def __init__(self, client: "redis.Redis", settings: RingSettings) -> None:
        self._settings = settings
        self._ring = client.register_script(_RING)
        self._hear = client.register_script(_HEAR)

    def put(self, queue: str, messages: Sequence[Message], *, by_sweep: bool, traces: Traces = HERE) -> int:
        """One round trip for up to 200. Returns how many were new; the others coalesced with one that waits."""
        rings = [_parts(message, traces.get(message)) for message in messages]
        chunks = [rings[at : at + _RINGS_A_CALL] for at in range(0, len(rings), _RINGS_A_CALL)]
        return sum(self._put(queue, chunk, by_sweep=by_sweep) for chunk in chunks)

    def hear(self, actor: str, row_id: str, redis_message_id: str) -> None:
        """Before the handler looks at any row: a ring from now on is for another message."""
        key = f"{self._settings.namespace}:ring:{_flag(actor, row_id)}"
        self._hear(keys=[key], args=[redis_message_id])

    def _put(self, queue: str, rings: Sequence[tuple[str, str, bytes]], *, by_sweep: bool) -> int:
        times = (self._settings.flag_seconds, self._settings.patience_seconds)
        head: list[str | int] = [queue, int(by_sweep), *(int(seconds * 1000) for seconds in times)]
        parts = [part for ring in rings for part in ring]
        return int(self._ring(keys=[self._settings.namespace], args=[*head, *parts]))


def envelope(message: Message, trace: Mapping[str, Any] | None = None) -> "dramatiq.Message[None]":
    """With the `trace` of whoever rings, or of here. Of rings that coalesce, only the first one's is seen."""
    return dramatiq.Message(
        queue_name=message.queue,
        actor_name=type(message).__name__,
        args=(str(message.id),),
        kwargs={},
        options=dict(carried() if trace is None else trace),
    )


def _parts(message: Message, trace: Mapping[str, Any] | None) -> tuple[str, str, bytes]:
    wrapped = envelope(message, trace)
    # Dramatiq makes another one, for its retries; nothing of ours is put in the queue twice.
    wrapped.options["redis_message_id"] = wrapped.message_id
    return _flag(wrapped.actor_name, str(message.id)), wrapped.message_id, wrapped.encode()


def _flag(actor: str, row_id: str) -> str:
    return f"{actor}:{row_id}"
