"""What each unit of work says to the database and to the broker. Counted, so the same on every machine.

tests/integration/persistence/test_round_trips.py holds the numbers.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import redis
from redis.connection import Connection

from bench.speed.figures import Figure, Target, alone
from bench.speed.registry import Size, Tell, bench
from bench.speed.scenes import Scene, defaults, delivered
from bench.speed.stage import CONFIGURATION, Stage
from shared.messaging import queues
from shared.messaging.broker import FetchingBroker
from shared.messaging.messages import SendJobs
from shared.messaging.middleware import HearRing
from shared.messaging.publisher import RedisDoorbell
from shared.messaging.rings import Rings, RingSettings

NAMESPACE: Final = "bench-statements"
# After so many runs psycopg has asked the server to prepare the statement, which takes a round trip of its own.
WARM = 6


class _Counted(Connection):
    """Each command, or pipeline of some, is written in one go and waited for."""

    round_trips = 0

    def send_packed_command(self, *given: Any, **named: Any) -> None:
        _Counted.round_trips += 1
        super().send_packed_command(*given, **named)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Act:
    """`units`: how many jobs, mails or events it is of. What `prepare` makes is what `act` gets, and is not counted."""

    name: str
    unit: str
    units: int
    act: Callable[[Any], object]
    prepare: Callable[[], object] = bool
    # Of statements a unit; where there is none, it is as many as it takes.
    at_most: float | None = None


@bench(
    "statements",
    "statements, and round trips to database and broker, of each unit of work: counted",
    long=Size(work=500),
    short=Size(work=500, rounds=2),
)
def statements(stage: Stage, size: Size, tell: Tell) -> Iterable[Figure]:
    with _counted_broker(stage) as (client, rings):
        scene = Scene(stage.database_url, RedisDoorbell(rings))
        for act in _acts(scene, size.work):
            tell(f"counting {act.name}")
            yield from _figures(scene, act, size.rounds)
        scene.close()
        yield _of_a_message(client, rings, size.rounds)


def _acts(scene: Scene, batch: int) -> Iterator[Act]:
    mails, told = defaults().send.batch_size, defaults().projection.batch_size
    yield Act("accept", "job", 1, lambda _: scene.accept(1), at_most=1)
    yield Act("accept-batch", "job", batch, lambda _: scene.accept(batch), at_most=3 / batch)
    yield Act("send", "mail", mails, lambda _: scene.send(), lambda: scene.queue(mails))
    yield Act("webhook", "event", 1, scene.called_back, lambda: delivered(scene.accept(1)[0]), at_most=1)
    yield Act("projection", "event", told, lambda _: scene.project(), lambda: scene.tell_of(told))
    yield Act(
        "projection-bounce", "event", told, lambda _: scene.project(), lambda: scene.tell_of(told, bounces=1)
    )


def _figures(scene: Scene, act: Act, rounds: int) -> Iterator[Figure]:
    """Statements beside the round trips they took, and round trips to the broker; all of one unit."""
    for _ in range(WARM):
        act.act(act.prepare())
    statements, trips, rings = zip(*(_heard(scene, act) for _ in range(rounds)), strict=True)
    yield Figure(
        f"statements-{act.name}",
        median(statements),
        f"statements/{act.unit}",
        f"database round trips/{act.unit}",
        median(trips),
        target=Target(act.at_most, of="value", at_most=True) if act.at_most else None,
        rounds=statements,
    )
    if any(rings):
        yield alone(f"rings-{act.name}", rings, unit=f"broker round trips/{act.unit}")


def _heard(scene: Scene, act: Act) -> tuple[float, float, float]:
    prepared, rung = act.prepare(), _Counted.round_trips
    heard = scene.wire.heard(lambda: act.act(prepared))
    rings = _Counted.round_trips - rung
    return len(heard) / act.units, heard.round_trips / act.units, rings / act.units


def _of_a_message(client: "redis.Redis", rings: Rings, rounds: int) -> Figure:
    """What a worker says to the broker of each message, beside what its handler does: fetch, hear, acknowledge."""
    broker = FetchingBroker(
        client=client, namespace=NAMESPACE, maintenance_chance=0, middleware=[HearRing(rings)]
    )
    broker.declare_queue(queues.SEND)
    consumer = broker.consume(queues.SEND, prefetch=1)

    def hear() -> float:
        rings.put(queues.SEND, [SendJobs(CONFIGURATION)], by_sweep=False)
        begun = _Counted.round_trips
        message = next(consumer)
        assert message is not None, "it was rung"
        broker.emit_before("process_message", message)
        consumer.ack(message)
        return _Counted.round_trips - begun

    client.flushdb()
    hear()  # scripts stand
    return alone("rings-message", [hear() for _ in range(rounds)], unit="broker round trips/message")


@contextmanager
def _counted_broker(stage: Stage) -> Iterator[tuple["redis.Redis", Rings]]:
    pool = redis.ConnectionPool.from_url(stage.redis_url, connection_class=_Counted)
    with redis.Redis(connection_pool=pool) as client:
        yield client, Rings(client, RingSettings(namespace=NAMESPACE, flag_seconds=600, patience_seconds=60))
    pool.disconnect()
