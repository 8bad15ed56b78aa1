"""How soon a mail goes out when there is nothing else to do."""

import random
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from secrets import token_hex
from statistics import median

import redis

from bench.speed import noop
from bench.speed import product as products
from bench.speed.figures import Figure, Target, compared
from bench.speed.product import Product, broker_settings
from bench.speed.registry import Size, Tell, bench
from bench.speed.singles import IDLE_SECONDS, Singles, at_wall_clock, percentile
from bench.speed.stage import Stage
from shared.messaging.broker import FetchingBroker, build_broker

WAIT_SECONDS = 30
REFERENCE = "Dramatiq no-op"
_PLAN = f"{noop.__name__}:PLAN"


@bench(
    "idle-latency",
    "a single mail from its acceptance to the provider's call, beside a no-op from enqueue to run",
    long=Size(work=40),
    short=Size(work=6, rounds=2),
)
def idle_latency(stage: Stage, size: Size, tell: Tell) -> Iterable[Figure]:
    """Both come to one queue of one process in the same moment, so that the same look at the queue finds them: how long
    a consumer that has nothing to do waits between two looks is chance, up to a second, and no difference of theirs."""
    with products.running(stage.folder / "world", 1, tell, plan=_PLAN) as product, _pairs(product) as pairs:
        # The other sender knows no no-op.
        product.world.processes.dress({products.SENDERS[1]: products.HELD})
        pairs.take(2)
        rounds = [pairs.take(size.work) for _ in range(size.rounds)]
    yield from _figures(rounds)


@dataclass(frozen=True)
class Pair:
    """Milliseconds."""

    own: float
    noop: float


def _figures(rounds: list[list[Pair]]) -> Iterator[Figure]:
    for name, share in (("p50", 0.5), ("p95", 0.95)):
        own = [percentile([pair.own for pair in pairs], share) for pairs in rounds]
        bare = [percentile([pair.noop for pair in pairs], share) for pairs in rounds]
        if name == "p50":
            yield _more(own, bare)
        yield compared(f"idle-latency-{name}", own, unit="ms", reference=f"{REFERENCE}, {name}", others=bare)


def _more(own: list[float], bare: list[float]) -> Figure:
    differences = [one - other for one, other in zip(own, bare, strict=True)]
    return Figure(
        "idle-latency",
        round(median(differences), 3),
        "ms more at p50",
        f"ms of a {REFERENCE}",
        round(median(bare), 3),
        target=Target(10.0, of="value", at_most=True),
        rounds=tuple(round(difference, 3) for difference in differences),
    )


@dataclass
class Pairs:
    singles: Singles
    broker: FetchingBroker = field(repr=False)
    client: "redis.Redis" = field(repr=False)
    # Not in step with anybody's looks.
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def take(self, count: int) -> list[Pair]:
        return [self._one() for _ in range(count)]

    def _one(self) -> Pair:
        time.sleep(self.chance.uniform(*IDLE_SECONDS))
        key = f"noop-{token_hex(8)}"
        job_id = self.singles.send()
        enqueued_at = time.time()
        self.broker.enqueue(noop.message(key))
        ran = self.client.blpop([key], timeout=WAIT_SECONDS)
        if not ran:
            raise TimeoutError(f"the no-op did not run in {WAIT_SECONDS} s")
        return Pair(self.singles.seconds(job_id) * 1000, (float(ran[1]) - enqueued_at) * 1000)


@contextmanager
def _pairs(product: Product) -> Iterator[Pairs]:
    """The provider answers at once: its ledger then says when it was called."""
    url = product.world.places["redis_url"]
    broker = build_broker(broker_settings(url))
    with (
        at_wall_clock(product),
        Singles(product, product.tenants[0]) as singles,
        redis.Redis.from_url(url) as client,
    ):
        yield Pairs(singles, broker, client)
    broker.close()
